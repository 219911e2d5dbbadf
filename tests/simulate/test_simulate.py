"""The simulator: its truth against the oracle's reading of its events, its bytes against themselves."""

from __future__ import annotations

import gzip
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import phonenumbers
import pytest

from streams.core.decode import Decoder
from streams.core.model import Record, Rejected, Touchpoint
from streams.core.policy import DAY, HOUR, Policy, TopicPolicy
from streams.simulate import Simulation, Spike, Wave, pairs, simulate, write, write_truth
from streams.simulate.options import DEFAULT_START_MS
from streams.simulate.truth import Truth
from tests.oracle.build import ever
from tests.oracle.native import touchpoint_of
from tests.oracle.oracle import oracle, people

FIELDS = {
    "visits": "visits",
    "visits_converted": "visits_converted",
    "visits_bounced": "visits_bounced",
    "visit_pages": "page_views",
    "visit_duration.sum": "visit_duration_ms",
    "orders": "orders",
    "orders_due": "orders_due",
    "orders_kept": "orders_kept",
    "orders_due_latest": "orders_due_latest",
    "orders_kept_latest": "orders_kept_latest",
    "orders_overdue": "orders_overdue",
    "delivery_delay.n": "deliveries",
    "delivery_delay.sum": "delivery_delay_ms",
    "delivery_delay_latest.sum": "delivery_delay_latest_ms",
    "contacts": "contacts",
    "queue_wait.n": "queue_waits",
    "queue_wait.sum": "queue_wait_ms",
    "hold.n": "holds",
    "hold.sum": "hold_ms",
    "csat": "csat",
    "csat_top": "csat_top",
    "nps": "nps",
    "nps_promoters": "nps_promoters",
    "nps_detractors": "nps_detractors",
    **{name: name for name in ("ces", "ces_sum", "ces_easy", "sus", "sus_points", "reviews", "review_points")},
    "customers": "customers",
    "new_customers": "new_customers",
    "reactivated_customers": "reactivated_customers",
    "cancellation_requests": "cancellation_requests",
}
"""Field of a cell -> the truth's name for it."""


def expected(truth: Truth) -> dict[str, int]:
    """The truth in the names and units of the cells over all time."""
    found = {field: getattr(truth, name) for field, name in FIELDS.items()}
    for name, task in truth.tasks.items():
        found[f"attempts|task={name}"] = task.attempts
        found[f"attempts_completed|task={name}"] = task.completed
        found[f"attempts_failed|task={name}"] = task.failed
        found[f"attempts_errored|task={name}"] = task.errored
        found[f"time_to_complete.sum|task={name}"] = task.time_to_complete_ms
    for currency, cents in truth.revenue.items():
        found[f"revenue|currency={currency}"] = cents * 100
    return found


def heard(simulation: Simulation) -> list[Touchpoint]:
    """The touchpoints of a simulation, duplicates included, in order of arrival."""
    return [touchpoint_of(one.payload) for one in simulation if one.payload is not None]


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_oracle_finds_what_the_simulator_decided(seed: int) -> None:
    simulation = simulate(200, 4_000, seed, duplicates=0.1, late=0.05, disorder=0.3, rubbish=0.02, reviews=0.05)
    touchpoints = heard(simulation)
    truth = simulation.truth
    found = ever(oracle(touchpoints, Policy(), truth.settled_ms, truth.settled_ms))
    assert {field: found.get(field, 0) for field in expected(truth)} == expected(truth)
    assert len(people(touchpoints)) == truth.people
    assert len({t.eid for t in touchpoints}) == truth.events
    assert sum(t.traffic == "bot" for t in {t.eid: t for t in touchpoints}.values()) == truth.bot_events


def test_truth_covers_every_kind_of_figure() -> None:
    document = simulate(300, 8_000, 5, duplicates=0.1, late=0.1, rubbish=0.05, reviews=0.1).truth.document()
    empty = [name for name, value in document.items() if not value]
    assert empty == []
    assert set(document["revenue"]) == {"EUR", "GBP", "USD"}
    assert all(document["tasks"][name]["completed"] for name in ("cart", "checkout", "other"))


def test_a_dense_simulation_stays_true() -> None:
    simulation = simulate(10, 3_000, 4, days=30)
    truth = simulation.truth
    found = ever(oracle(heard(simulation), Policy(), truth.settled_ms, truth.settled_ms))
    assert {field: found.get(field, 0) for field in expected(truth)} == expected(truth)


@pytest.mark.parametrize(("customers", "events"), [(1, 1), (5, 50), (1, 200), (100, 700)])
def test_the_number_of_events_is_exact(customers: int, events: int) -> None:
    simulation = simulate(customers, events, 1, duplicates=0.5)
    assert sum(not one.again for one in simulation) == events == simulation.truth.events
    assert sum(one.again for one in simulation) == simulation.truth.duplicates == len(simulation) - events


def test_the_same_options_give_the_same_bytes_every_time() -> None:
    one, other = (simulate(50, 1_000, 9, duplicates=0.1, late=0.1, disorder=0.1, rubbish=0.1) for _ in range(2))
    assert list(pairs(one)) == list(pairs(one)) == list(pairs(other))
    assert one.truth == other.truth
    assert list(pairs(one)) != list(pairs(simulate(50, 1_000, 10, duplicates=0.1, late=0.1, disorder=0.1, rubbish=0.1)))


def test_arrival_is_late_and_disordered_as_asked() -> None:
    calm = list(simulate(50, 1_000, 1))
    assert all(one.at_ms == one.arrival_ms for one in calm)
    wild = list(simulate(50, 1_000, 1, late=0.1, disorder=0.5))
    assert [one.arrival_ms for one in wild] == sorted(one.arrival_ms for one in wild)
    assert any(later.at_ms < one.at_ms for one, later in itertools.pairwise(wild))
    assert 60 < sum(one.arrival_ms - one.at_ms > 60_000 for one in wild) < 140
    assert max(one.arrival_ms - one.at_ms for one in wild) <= 2 * DAY


def test_every_payload_is_accepted_and_every_rubbish_is_refused_for_its_reason() -> None:
    simulation = simulate(300, 4_000, 6, rubbish=0.1)
    decoder = Decoder(TopicPolicy("any"), Policy())
    refused: Counter[str] = Counter()
    touchpoints: list[Touchpoint] = []
    for offset, one in enumerate(simulation):
        found = decoder.decode(Record(offset, one.arrival_ms, one.value, one.key))
        if one.payload is None:
            assert isinstance(found, Rejected), one.value
            refused[found.reason] += 1
        else:
            assert isinstance(found, tuple), (one.value, found)
            touchpoints.extend(found)
    assert refused == simulation.truth.rejected
    truth = simulation.truth
    cells = ever(oracle(touchpoints, Policy(), truth.settled_ms, truth.settled_ms))
    assert {field: cells.get(field, 0) for field in expected(truth)} == expected(truth)


def share_completed(simulation: Simulation, start: int, end: int) -> float:
    """Completed checkouts / checkouts, by the oracle, of the hours of a time range."""
    cells = oracle(heard(simulation), Policy(), simulation.truth.settled_ms, start)
    sums: Counter[str] = Counter()
    for (grain, index, field), amount in cells.items():
        if grain == "h" and start <= index * 3_600_000 < end:
            sums[field] += amount
    return sums["attempts_completed|task=checkout"] / sums["attempts|task=checkout"]


def test_a_spike_of_abandonment_is_where_it_was_asked_for() -> None:
    start, end = DEFAULT_START_MS + 5 * DAY, DEFAULT_START_MS + 8 * DAY
    simulation = simulate(250, 5_000, 1, spike=Spike(start, end, factor=6))
    assert share_completed(simulation, start, end) < 0.25
    assert share_completed(simulation, end, end + 6 * DAY) > 0.5


def test_a_wave_of_cancellations_comes_on_top_and_leaves_the_rest_alone() -> None:
    start, end = DEFAULT_START_MS + 9 * DAY, DEFAULT_START_MS + 10 * DAY
    calm, wild = (simulate(400, 6_000, 2, subscribers=0.5, wave=wave) for wave in (None, Wave(start, end, share=0.8)))
    asked = Counter(start <= touchpoint.at < end for touchpoint in heard(wild) if touchpoint.type == "subscription.cancelled")
    usual = Counter(start <= touchpoint.at < end for touchpoint in heard(calm) if touchpoint.type == "subscription.cancelled")
    assert asked[False] == usual[False]
    assert asked[True] > 5 * usual[True] > 0
    assert [one.value for one in calm if one.at_ms < start] == [one.value for one in wild if one.at_ms < start]
    assert wild.truth.events == 6_000 + 2 * (asked[True] - usual[True])
    truth = wild.truth
    found = ever(oracle(heard(wild), Policy(), truth.settled_ms, truth.settled_ms))
    assert {field: found.get(field, 0) for field in expected(truth)} == expected(truth)


def test_people_come_in_the_hours_that_were_asked_for() -> None:
    begun = {one.at_ms % DAY // HOUR for one in simulate(1, 80, 3, hours=(5, 22))}  # too few for more than passers-by
    assert begun == {5, 22}


def test_files_hold_a_payload_a_line_packed_or_not(tmp_path: Path) -> None:
    simulation = simulate(20, 300, 1, rubbish=0.2)
    plain, packed, again = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    assert write(simulation, plain) == write(simulation, packed) == write(simulation, again) == len(simulation)
    assert plain.read_bytes() == gzip.decompress(packed.read_bytes())
    assert packed.read_bytes() == again.read_bytes()
    assert len(plain.read_bytes().splitlines()) == len(simulation)
    write_truth(simulation, tmp_path / "truth.json")
    document: dict[str, Any] = orjson.loads((tmp_path / "truth.json").read_bytes())
    assert document["events"] == 300
    assert document["rejected"] == simulation.truth.rejected


def test_keys_and_phone_numbers_are_what_a_producer_would_send() -> None:
    assert all(one.key for one in simulate(50, 1_000, 1))
    numbers = {t for one in heard(simulate(300, 4_000, 1)) for t in one.persons if t.startswith("phone:")}
    assert numbers
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number.removeprefix("phone:"))) for number in numbers)


@pytest.mark.parametrize(
    "wrong",
    [
        {"customers": 0},
        {"events": 0},
        {"days": 36},
        {"late": 1.5},
        {"rubbish": -0.1},
        {"late_ms": 0},
        {"hours": ()},
        {"hours": (24,)},
    ],
)
def test_numbers_that_make_no_simulation_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"should be|needs"):
        simulate(**{"customers": 10, "events": 100, **wrong})
