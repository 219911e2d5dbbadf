"""A worker as `journey worker` runs it, with a short Kafka session and small chunks, so that a test can wait for both.

FAULT_AT_TOUCHPOINT=n raises in the fold of the n-th touchpoint, in the middle of its chunk, and again in the fold that is
tried after that: the first error ends in the driver, the second one in the agent.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import msgspec

from streams.core.pipeline import Pipeline
from streams.settings import load_settings
from streams.worker import run
from streams.worker.app import WorkerSettings

FAULT = "FAULT_AT_TOUCHPOINT"

_settings_of = run.worker_settings


def short(settings: object) -> WorkerSettings:
    return msgspec.structs.replace(_settings_of(settings), session_seconds=2.0, chunk_records=100)  # type: ignore[arg-type]


def raise_in_folds(at: int, times: int = 2) -> None:
    """The pipeline of this process fails `times` times, the first time at its `at`-th touchpoint."""
    apply, seen, raised = Pipeline._apply, 0, 0

    def failing(self: Pipeline, batch: Any, touchpoint: Any) -> None:
        nonlocal seen, raised
        seen += 1
        if seen >= at and raised < times and len(batch.opened) > 1:
            raised += 1
            logging.getLogger(__name__).warning("A fault in the fold of touchpoint %d", seen)
            raise ZeroDivisionError("a fault")
        apply(self, batch, touchpoint)

    Pipeline._apply = failing  # type: ignore[method-assign] # a defect is hard to have otherwise


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run.run_workers(load_settings(), int(sys.argv[1])))
    run.worker_settings = short
    if at := os.environ.get(FAULT):
        raise_in_folds(int(at))
    sys.exit(run.run_worker(load_settings()))
