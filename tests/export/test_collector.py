"""The samples of a snapshot, read back by the client library's own parser: which there are, and which there never are."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from streams.core.catalogue import METRICS, Kind, Metric
from streams.core.content import OTHER, dimension_values
from streams.core.metrics import compute
from streams.core.model import Bucket, Grain, Record
from streams.core.policy import DAY, DEFAULT_DIMENSIONS, HOUR, MINUTE, Policy, TopicPolicy
from streams.core.windows import EVER
from streams.export.collector import FOLLOWED, SERIES_BUDGET, RollingCollector, Snapshot, breakdown_windows
from streams.export.reader import Reading, read_values
from streams.fold import fold_records, in_event_time
from streams.simulate import simulate
from tests.export.scraping import Samples, get, parsed

POLICY = Policy()
NOW = 1_715_000_000_000
ALL_STATS = {"value", "numerator", "denominator", "n", "low", "high", "mean", "geometric_mean", "p50", "p90"}


def reading(fields: dict[str, int], policy: Policy = POLICY) -> Reading:
    """What these cells, all of the current minute, give."""
    buckets: list[Bucket] = [(Grain.MINUTE, NOW // MINUTE), (Grain.HOUR, NOW // HOUR), (Grain.DAY, NOW // DAY), EVER]
    return Reading(NOW, NOW, compute(NOW, dict.fromkeys(buckets, fields), policy))


def before_anything(policy: Policy = POLICY) -> Reading:
    return Reading(-1, None, compute(-1, {}, policy))


def hostile() -> list[Record]:
    """Simulated payloads, with an id of their own in each field that something is broken down by."""
    records = []
    for number, one in enumerate(simulate(60, 1_200, 3)):
        document = json.loads(one.value)
        own = f"customer-{number}@example.com"
        for field in ("market", "segment", "acquisition", "device", "page_group", "reason", "medium", "task", "campaign"):
            if field in document["data"] or field in {"market", "segment", "acquisition", "device"}:
                document["data"][field] = own
        if document["type"] == "contact.opened":
            document["data"] |= {"medium": own, "reason": own, "channel": own}
        records.append(Record(0, 0, json.dumps(document).encode()))
    return records


def scrape(
    found: Reading,
    policy: Policy = POLICY,
    *,
    taken: float | None = None,
    clock: Callable[[], float] = time.time,
    budget: int = SERIES_BUDGET,
) -> Samples:
    snapshot = Snapshot(found, time.time() if taken is None else taken)
    registry = CollectorRegistry()
    registry.register(RollingCollector(lambda: snapshot, policy, clock=clock, budget=budget))
    return parsed(generate_latest(registry).decode())


def test_totals_and_breakdowns() -> None:
    fields = {
        "visits": 8,
        "visits_converted": 2,
        "visits|device=mobile": 3,
        "attempts|task=cart": 4,
        "attempts|task=cart|device=mobile": 1,
        "revenue|currency=EUR": 50_000,
        "queue_wait.n": 1,
        "queue_wait.p120": 1,
        "queue_wait.sum": 120_000,
        "queue_wait.n|medium=phone": 1,
        "queue_wait.p120|medium=phone": 1,
    }
    samples = scrape(reading(fields))
    rate = {"metric": "conversion_rate", "window": "24h"}
    assert get(samples, "journey_rolling", **rate, stat="value") == 0.25
    assert get(samples, "journey_rolling", **rate, stat="numerator") == 2
    assert get(samples, "journey_rolling", **rate, stat="denominator") == 8
    assert get(samples, "journey_rolling", **rate, stat="n") == 8
    assert 0 < (get(samples, "journey_rolling", **rate, stat="low") or 0) < 0.25
    assert get(samples, "journey_rolling", metric="task_success_rate", window="5m", task="cart", stat="n") == 4
    assert get(samples, "journey_rolling", metric="revenue", window="all", currency="EUR", stat="value") == 5
    assert get(samples, "journey_rolling", metric="queue_wait_seconds", window="1h", stat="mean") == 120
    assert get(samples, "journey_rolling", metric="queue_wait_seconds", window="1h", stat="p90") == pytest.approx(120, rel=0.02)
    by = {"metric": "visits", "dimension": "device", "value": "mobile"}
    assert get(samples, "journey_rolling_by", **by, window="24h", stat="n") == 3
    assert get(samples, "journey_rolling_by", **by, window="5m", stat="n") is None
    assert get(samples, "journey_rolling_by", **by, window="1h", stat="low") is None
    task = {"metric": "task_success_rate", "task": "cart", "dimension": "device", "value": "mobile"}
    assert get(samples, "journey_rolling_by", **task, window="28d", stat="value") == 0
    wait = {"metric": "queue_wait_seconds", "dimension": "medium", "value": "phone", "window": "1h"}
    assert get(samples, "journey_rolling_by", **wait, stat="p50") == pytest.approx(120, rel=0.02)
    assert get(samples, "journey_watermark_timestamp_seconds") == NOW / 1000
    assert all(value == value for value in samples.values())  # noqa: PLR0124 - only NaN differs from itself


def test_every_declared_total_is_there_before_anything_happened() -> None:
    samples = scrape(before_anything())
    for metric in METRICS:
        definition = [
            labels for name, labels in samples if name == "journey_definitions_info" and ("metric", metric.name) in labels
        ]
        assert len(definition) == 1
        if metric.always == "currency":
            continue
        for value in {"task": ("cart", "checkout"), "week": ("1", "52")}.get(metric.always, ("",)):
            labels = {metric.always: value} if value else {}
            for window in metric.windows:
                assert totals(samples, metric.name, window, **labels) == nothing(metric)
    assert get(samples, "journey_watermark_timestamp_seconds") is None


def test_stale_values_are_withheld_and_their_age_is_not() -> None:
    found = reading({"visits": 1})
    fresh, stale = (scrape(found, taken=1_000.0, clock=lambda now=now: now) for now in (1_060.0, 1_060.5))  # type: ignore[misc]
    assert get(fresh, "journey_rolling", metric="visits", window="1h", stat="value") == 1
    assert not any(name.startswith("journey_rolling") for name, _ in stale)
    assert get(stale, "journey_snapshot_timestamp_seconds") == 1_000


def totals(samples: Samples, metric: str, window: str, **labels: str) -> dict[str, float]:
    """The stats of a total."""
    wanted = {"metric": metric, "window": window, **labels}.items()
    found = {}
    for (name, given), value in samples.items():
        stats = dict(given)
        stat = stats.pop("stat", "")
        if name == "journey_rolling" and stats.items() == wanted:
            found[stat] = value
    assert found.keys() <= ALL_STATS
    return found


def nothing(metric: Metric) -> dict[str, float]:
    """What a total says before anything happened: counts of zero, and no figure that would need some."""
    if metric.kind in {Kind.COUNT, Kind.STOCK, Kind.OLDEST}:
        return {"value": 0, "numerator": 0, "n": 0}
    return {"numerator": 0, "denominator": 0, "n": 0}


def rolling(samples: Samples) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    return {key for key in samples if key[0].startswith("journey_rolling")}


def test_the_first_event_of_a_listed_value_makes_no_new_series_of_counts() -> None:
    """Only figures that had no value before come with the first event, in a total and in a breakdown."""
    fields = {
        "visits": 3,
        "visits|device=mobile": 3,
        "visits|acquisition=paid": 3,
        "attempts|task=cart": 4,
        "attempts|task=cart|device=tablet": 4,
        "customers": 1,
        "customers|acquisition=paid": 1,
    }
    new = rolling(scrape(reading(fields))) - rolling(scrape(before_anything()))
    assert new
    assert {dict(labels)["stat"] for _, labels in new} <= {"value", "low", "high"}
    counted = {metric.name for metric in METRICS if metric.kind in {Kind.COUNT, Kind.STOCK, Kind.OLDEST}}
    assert {dict(labels)["metric"] for _, labels in new}.isdisjoint(counted)


def test_listed_values_are_there_at_zero_in_every_breakdown() -> None:
    policy = Policy(dimensions={**DEFAULT_DIMENSIONS, "market": frozenset({"de", "nl"})}, markets={"fr": "Europe/Paris"})
    samples = scrape(before_anything(policy), policy)
    values = dimension_values(policy)
    assert values["market"] == ("de", "nl", "fr")
    for metric in METRICS:
        if metric.always == "currency":
            continue
        labels = {"metric": metric.name} | ({"task": "cart"} if metric.always == "task" else {})
        for window in breakdown_windows(metric).intersection(metric.windows):
            for dimension in metric.dimensions:
                for value in () if dimension in FOLLOWED else values[dimension]:
                    by = {**labels, "window": window, "dimension": dimension, "value": value}
                    assert get(samples, "journey_rolling_by", **by, stat="n") == 0
                    counted = metric.kind in {Kind.COUNT, Kind.STOCK, Kind.OLDEST}
                    assert get(samples, "journey_rolling_by", **by, stat="value") == (0 if counted else None)
    assert len(rolling(samples)) < SERIES_BUDGET / 2


def test_a_value_that_was_there_once_stays_at_zero() -> None:
    """Also one that nobody lists, and in a currency: it was in `all`, and its shorter windows are empty by now."""
    fields = {"orders": 1, "orders|channel=store": 1, "revenue|currency=EUR": 70_000, "revenue|currency=EUR|market=other": 70_000}
    found = Reading(NOW, NOW, compute(NOW, {EVER: fields}, POLICY))
    samples = scrape(found)
    store = {"metric": "orders", "window": "1h", "dimension": "channel", "value": "store"}
    assert get(samples, "journey_rolling_by", **store, stat="value") == 0
    assert get(samples, "journey_rolling_by", **store, stat="n") == 0
    assert get(samples, "journey_rolling_by", **{**store, "value": "phone"}, stat="n") is None
    euro = {"metric": "revenue", "window": "24h", "currency": "EUR"}
    assert get(samples, "journey_rolling", **euro, stat="value") == 0
    assert get(samples, "journey_rolling_by", **euro, dimension="market", value="other", stat="value") == 0
    assert get(samples, "journey_rolling_by", **euro, dimension="device", value="mobile", stat="n") == 0


def test_a_rate_whose_denominator_is_the_totals_is_zero_and_not_unknown() -> None:
    """No contact for a reason, of so many orders, is a rate of zero; of a market without orders there is none."""
    policy = Policy(dimensions={**DEFAULT_DIMENSIONS, "market": frozenset({"de"}), "reason": frozenset({"refund", "size"})})
    fields = {"orders": 40, "contacts": 2, "contacts|reason=size": 2}
    samples = scrape(reading(fields, policy), policy)
    rate = {"metric": "contacts_per_100_orders", "window": "24h"}
    for value, figure in (("size", 5), ("refund", 0)):
        by = {**rate, "dimension": "reason", "value": value}
        assert get(samples, "journey_rolling_by", **by, stat="value") == figure
        assert get(samples, "journey_rolling_by", **by, stat="n") == 40
    market = {**rate, "dimension": "market", "value": "de"}
    assert get(samples, "journey_rolling_by", **market, stat="value") is None
    assert get(samples, "journey_rolling_by", **market, stat="n") == 0


def test_what_exceeds_the_budget_is_dropped_smallest_first_and_counted() -> None:
    fields = {f"visits|market=m{number}": number + 1 for number in range(6_000)} | {"visits": 1}
    samples = scrape(reading(fields))
    found = rolling(samples)
    assert SERIES_BUDGET - 2 < len(found) <= SERIES_BUDGET
    exported = len([name for name, _ in samples if name == "journey_rolling_by"])
    everything = 4 * 3 * 2 * 6_000  # visits and the three rates per visit, windows, stats
    assert get(samples, "journey_exporter_series_dropped") == everything - exported
    assert get(samples, "journey_rolling", metric="visits", window="5m", stat="value") == 1
    kept = [dict(labels) for name, labels in found if name == "journey_rolling_by"]
    sizes = {int(labels["value"][1:]) + 1 for labels in kept}
    assert sizes == set(range(min(sizes), 6_001))  # no smaller sample was kept where a larger one was dropped
    whole = {labels["value"] for labels in kept if labels["metric"] == "visits" and labels["window"] == "1h"}
    assert len(sizes) - len(whole) <= 1


def test_whatever_the_budget_all_totals_stay() -> None:
    fields = {"visits": 5, "visits|device=mobile": 5, "attempts|task=cart": 2}
    free, none = scrape(reading(fields)), scrape(reading(fields), budget=0)
    assert rolling(none) == {key for key in rolling(free) if key[0] == "journey_rolling"}
    assert get(none, "journey_exporter_series_dropped") == 4 * 3 * 2
    assert get(free, "journey_exporter_series_dropped") == 0


def test_zeros_go_before_anything_that_was_counted_and_are_not_missed() -> None:
    fields = {"visits": 5, "visits|device=mobile": 5}
    free = scrape(reading(fields))
    totals_only = len([name for name, _ in rolling(free) if name == "journey_rolling"])
    tight = scrape(reading(fields), budget=totals_only + 4 * 3 * 2)
    assert {dict(labels)["value"] for name, labels in rolling(tight) if name == "journey_rolling_by"} == {"mobile"}
    assert get(tight, "journey_exporter_series_dropped") == 0


def test_every_dimension_of_the_catalogue_has_a_closed_list_of_values() -> None:
    for policy in (POLICY, Policy(tasks=(), dimensions={})):
        values = dimension_values(policy)
        for metric in METRICS:
            for dimension in (*metric.dimensions, *filter(None, [metric.always])):
                assert dimension in values, f"{metric.name} is broken down by {dimension}, which is an open set"
                assert len(values[dimension]) < 200


async def test_no_id_becomes_a_label_whatever_a_producer_writes() -> None:
    """Touchpoints whose every field that could become a label holds an id: what is exported is from closed lists."""
    policy = Policy(clock="history")
    topic = TopicPolicy("web")
    records = in_event_time(hostile(), topic, policy)
    folded = await fold_records(records, topic, policy)
    assert folded.outcomes["touchpoints|applied"] > 500
    samples = scrape(await read_values(folded.store, policy), policy)
    values = {name: {*listed, OTHER} for name, listed in dimension_values(policy).items()}
    closed = {
        "metric": {metric.name for metric in METRICS},
        "window": {"5m", "1h", "24h", "7d", "28d", "all"},
        "stat": ALL_STATS,
        "task": values["task"],
        "currency": values["currency"],
        "week": values["week"],
        "dimension": values.keys(),
    }
    others = set()
    for _, given in rolling(samples):
        labels = dict(given)
        value = labels.pop("value", None)
        if value is not None:
            assert value in values[labels["dimension"]], labels
            others |= {labels["dimension"]} if value == OTHER and labels["metric"] != "visits" else set()
        for label, held in labels.items():
            assert held in closed[label], labels
    assert {"market", "segment", "acquisition", "device", "medium", "reason"} <= others


def test_registering_does_no_io_and_sees_clashes() -> None:
    def no_io() -> Snapshot | None:
        raise AssertionError("describe must not look at values")

    RollingCollector(no_io, POLICY).describe()
    registry = CollectorRegistry()
    Gauge("journey_watermark_timestamp_seconds", "taken", registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(RollingCollector(lambda: None, POLICY))
