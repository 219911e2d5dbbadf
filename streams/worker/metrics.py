"""What a worker counts for Prometheus: plain counters and histograms, `journey_worker_*`, in an injected registry.

Every label set that a series can have is there from the start, at zero; no label is ever an id.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.outcomes import Silence
from schemas.rejections import Reason
from streams.core.model import Commit, Verdict
from streams.core.pipeline import Pipeline
from streams.serving import SECONDS

TOUCHPOINT_OUTCOMES = ("applied", "duplicate", "rejected", "quarantined")
TIME_REASONS = ("too_late", "from_future", "not_for_batch")
RECORDS = (1, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000)


class Halt(enum.StrEnum):
    """Why a worker gave up for good; somebody has to do something before one can go on."""

    DEFINITIONS = "definitions"  # the namespace was filled with other ones
    POSITION_MISSING = "position_missing"  # the store has lost the position of a partition
    RECORDS_LOST = "records_lost"  # Kafka does not have what comes next


class WorkerMetrics:
    """The series of one worker. `partitions` become labels when they are first owned."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter("journey_worker_records", "Records committed, by outcome", ["outcome"], registry=registry)
        self.touchpoints = Counter(
            "journey_worker_touchpoints", "Touchpoints committed, by outcome", ["outcome"], registry=registry
        )
        self.rejected = Counter(
            "journey_worker_rejected", "Records and touchpoints rejected, by reason", ["reason"], registry=registry
        )
        self.ignored = Counter("journey_worker_ignored", "Records that say nothing, by reason", ["reason"], registry=registry)
        self.late = Counter("journey_worker_late", "Touchpoints older than the allowance", registry=registry)
        self.history = Gauge(
            "journey_worker_history_timestamp_seconds",
            "When a batch topic last gave something older than a live topic may, 0 before any",
            registry=registry,
        )
        self.answers = Counter(
            "journey_worker_answers", "Answers of the store to chunks, by verdict", ["verdict"], registry=registry
        )
        self.rollbacks = Counter(
            "journey_worker_rollbacks", "Times that the store was found behind what it had acknowledged", registry=registry
        )
        self.lost = Counter("journey_worker_lost", "Records that Kafka removed before they were read", registry=registry)
        self.dead_letters = Counter(
            "journey_worker_dead_letters", "Records acknowledged by the dead-letter topic", registry=registry
        )
        self.failures = Counter("journey_worker_failures", "Chunks that a defect keeps from being committed", registry=registry)
        self.commit_seconds = Histogram(
            "journey_worker_commit_seconds", "Loading, folding and committing a chunk", buckets=SECONDS, registry=registry
        )
        self.decode_seconds = Histogram("journey_worker_decode_seconds", "Decoding a chunk", buckets=SECONDS, registry=registry)
        self.chunk_records = Histogram("journey_worker_chunk_records", "Records in a chunk", buckets=RECORDS, registry=registry)
        self.swept = Counter("journey_worker_swept", "Journeys whose deadlines were let in", registry=registry)
        self.lag = Gauge("journey_worker_lag_records", "Log end minus position", ["topic", "partition"], registry=registry)
        self.clock = Gauge(
            "journey_worker_clock_seconds", "Record clock of a partition", ["topic", "partition"], registry=registry
        )
        self.live_clock = Gauge(
            "journey_worker_live_clock", "1 in a live namespace, 0 in one of history, whose time is not ours", registry=registry
        )
        self.halted = Gauge("journey_worker_halted", "1 when the worker gave up, by reason", ["reason"], registry=registry)
        self.chunk_age = Gauge(
            "journey_worker_chunk_age_seconds", "For how long the chunk at hand has been tried, 0 without one", registry=registry
        )
        self.ready = Gauge("journey_worker_ready", "1 while partitions are positioned and servers answer", registry=registry)
        self._initialise()

    def _initialise(self) -> None:
        for outcome in ("decoded", "ignored", "rejected"):
            self.records.labels(outcome)
        for outcome in TOUCHPOINT_OUTCOMES:
            self.touchpoints.labels(outcome)
        for reason in {*Reason, *TIME_REASONS}:
            self.rejected.labels(str(reason))
        for silence in Silence:
            self.ignored.labels(str(silence))
        for verdict in Verdict:
            self.answers.labels(str(verdict))
        for halt in Halt:
            self.halted.labels(str(halt))

    def watch(self, ready: Callable[[], bool], chunk_seconds: Callable[[], float]) -> None:
        """Asks these at every scrape, in the scrape's thread: a worker that does not get on says so all the same."""
        self.ready.set_function(ready)
        self.chunk_age.set_function(chunk_seconds)

    def count(self, outcomes: Mapping[str, int]) -> None:
        """Adds what a committed chunk counted (`Commit.outcomes`)."""
        for name, n in outcomes.items():
            kind, *rest = name.split("|")
            if kind in {"decoded", "ignored", "rejected"} and not rest:
                self.records.labels(kind).inc(n)
            elif kind == "ignored":
                self.ignored.labels(rest[-1]).inc(n)
            elif kind == "touchpoints" and len(rest) == 1:
                self.touchpoints.labels(rest[0]).inc(n)
            elif kind == "rejected" or (kind == "touchpoints" and rest[:1] == ["rejected"]):
                self.rejected.labels(rest[-1]).inc(n)
                if rest[-1] == "too_late":
                    self.late.inc(n)

    def forget(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Drops the gauges of partitions that somebody else owns now."""
        for topic, number in partitions:
            for gauge in (self.lag, self.clock):
                gauge.remove(topic, str(number))


class CountedPipeline(Pipeline):
    """The pipeline, counting what was committed and nothing else."""

    metrics: WorkerMetrics

    def committed(self, commit: Commit) -> None:
        """Counts the commit's outcomes; a sweep's journeys are those that it read."""
        super().committed(commit)
        self.metrics.count(commit.outcomes)
        if "history" in commit.outcomes:
            self.metrics.history.set_to_current_time()
        if commit.advance is None:
            self.metrics.swept.inc(len(commit.read))
