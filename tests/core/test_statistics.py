"""Intervals against published or exactly computed values; quantiles against sorted lists."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.cells import RELATIVE_ERROR, bucket_of
from streams.core.fields import part_of
from streams.core.statistics import Stats, describe, net_promoter, poisson, wilson

TEN_YEARS_MS = 10 * 366 * 86_400_000
durations = st.integers(-TEN_YEARS_MS, TEN_YEARS_MS) | st.integers(-5_000, 5_000)


def parts_of(values: list[int]) -> dict[str, int]:
    parts = Counter(part_of(bucket_of(value)) for value in values)
    logarithms = sum(round(1_000_000 * math.log(value / 1000)) for value in values if value > 0)
    return {**parts, "n": len(values), "sum": sum(values), "ln": logarithms}


def test_wilson_known_values() -> None:
    # Newcombe 1998, table I, method 3 (score without continuity correction).
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_wilson_at_the_ends() -> None:
    assert wilson(0, 0) is None
    low, high = wilson(7, 7) or (0, 0)
    assert (high, low > 0.6) == (1.0, True)
    assert (wilson(0, 7) or (1, 1))[0] == 0.0


@given(st.integers(-5, 10**9), st.integers(-5, 10**9))
def test_wilson_is_an_interval_around_the_share_whatever_comes(successes: int, trials: int) -> None:
    interval = wilson(successes, trials)
    if trials <= 0:
        assert interval is None
        return
    assert interval is not None
    share = min(max(successes / trials, 0), 1)
    assert 0 <= interval[0] <= share + 1e-12
    assert share - 1e-12 <= interval[1] <= 1


# Exact bounds (Garwood 1936), as tabulated for 95 %.
GARWOOD = [
    (0, 0, 3.689),
    (5, 1.623, 11.668),
    (10, 4.795, 18.390),
    (20, 12.217, 30.888),
    (50, 37.111, 65.919),
    (100, 81.364, 121.627),
]


@pytest.mark.parametrize(("count", "low", "high"), GARWOOD)
def test_poisson_is_within_one_percent_of_the_exact_bounds(count: int, low: float, high: float) -> None:
    assert poisson(count) == pytest.approx((low, high), rel=0.01)


def test_poisson_of_few_events_errs_to_the_wide_side_below() -> None:
    for count, low, high in ((1, 0.0253, 5.572), (2, 0.2422, 7.225), (3, 0.6187, 8.767)):
        assert 0 < poisson(count)[0] < low
        assert poisson(count)[1] == pytest.approx(high, rel=0.01)
    assert poisson(-3) == poisson(0)


def test_net_promoter_score_and_standard_error() -> None:
    # p = 0.5, d = 0.2: SE = sqrt((0.7 - 0.09) / 100) = 0.0781.
    answer = net_promoter(50, 20, 100)
    assert answer is not None
    score, (low, high) = answer
    assert score == pytest.approx(30)
    assert (high - low) / 2 == pytest.approx(1.96 * 7.81, rel=1e-3)


def test_net_promoter_score_at_the_ends() -> None:
    assert net_promoter(0, 0, 0) is None
    assert net_promoter(0, 1, 1) == (-100, (-100, -100))
    answer = net_promoter(9, 1, 10)
    assert answer is not None
    assert answer[1][1] == 100.0


@given(st.lists(durations, min_size=1, max_size=60))
def test_quantiles_are_within_the_stated_error(values: list[int]) -> None:
    n, total, stats = describe(parts_of(values))
    assert (n, total) == (len(values), sum(values) / 1000)
    ordered = sorted(values)
    for q, found in ((0.5, stats.p50), (0.9, stats.p90)):
        true = ordered[math.floor(q * (len(values) - 1))] / 1000
        assert found == pytest.approx(true, rel=RELATIVE_ERROR + 1e-9, abs=0)


@given(st.lists(st.integers(1, TEN_YEARS_MS), min_size=1, max_size=30))
def test_means(values: list[int]) -> None:
    _, _, stats = describe(parts_of(values), geometric=True)
    assert stats.mean == pytest.approx(sum(values) / len(values) / 1000)
    geometric = math.exp(math.fsum(math.log(value / 1000) for value in values) / len(values))
    assert stats.geometric_mean == pytest.approx(geometric, rel=1e-5)


def test_a_geometric_mean_of_one_second_needs_no_logarithm_cell() -> None:
    assert describe({"n": 2, "sum": 2000, "p0": 2}, geometric=True)[2].geometric_mean == 1.0


def test_zeros_do_not_enter_the_geometric_mean() -> None:
    assert describe({"n": 2, "sum": 4000, "z": 1, "p35": 1, "ln": 1_386_294}, geometric=True)[2].geometric_mean == pytest.approx(
        4
    )
    assert describe({"n": 1, "z": 1}, geometric=True) == (1, 0.0, Stats(0.0, None, 0.0, 0.0))


def test_a_distribution_without_values_says_nothing() -> None:
    assert describe({}) == (0, 0.0, Stats())


@pytest.mark.parametrize(("value", "bucket"), [(0, "z"), (1000, "p0"), (1001, "p1"), (-1000, "m0"), (1, "p-172"), (-1, "m-172")])
def test_buckets_at_the_boundaries(value: int, bucket: str) -> None:
    assert part_of(bucket_of(value)) == bucket


def test_counts_are_exact_up_to_where_they_are_many() -> None:
    n, total, stats = describe({"n": 4, "sum": 48_000, "c0": 1, "c3": 1, "c5": 1, "c31": 1})
    assert (n, total) == (4, 48.0)
    assert (stats.mean, stats.p50, stats.p90) == (12.0, 3.0, 5.0)
    assert describe({"n": 1, "sum": 0, "c0": 1})[2].p90 == 0.0
