"""A worker as `journey worker` runs it, with a short Kafka session and small chunks, so that a test can wait for both."""

from __future__ import annotations

import sys

import msgspec

from streams.settings import load_settings
from streams.worker import run
from streams.worker.app import WorkerSettings

_settings_of = run.worker_settings


def short(settings: object) -> WorkerSettings:
    return msgspec.structs.replace(_settings_of(settings), session_seconds=2.0, chunk_records=100)  # type: ignore[arg-type]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run.run_workers(load_settings(), int(sys.argv[1])))
    run.worker_settings = short
    sys.exit(run.run_worker(load_settings()))
