"""Half a year of the clickstream on a real Prometheus: when the shipped sparse alerts fire in it."""

from __future__ import annotations

import asyncio

import pytest

from streams.drill.replay import BUG, BY, PAYMENT, QUIET, TOTAL, Replayed, lines, replay

SAMPLE = 30


@pytest.fixture(scope="module")
def replayed(monitoring: None) -> Replayed:
    assert monitoring is None
    return asyncio.run(replay(6))


def test_checkout_fires_within_the_payment_incident(replayed: Replayed) -> None:
    spans = replayed.within(PAYMENT, TOTAL, task="checkout")
    assert spans
    assert all(PAYMENT.start <= span.start * 1_000 and span.end * 1_000 < PAYMENT.end for span in spans)


def test_nothing_fires_in_the_quiet_times(replayed: Replayed) -> None:
    assert [replayed.within(quiet, alert) for quiet in QUIET for alert in (TOTAL, BY)] == [[], [], [], []]


def test_quiet_after_the_incident_is_no_lack_of_data(replayed: Replayed) -> None:
    """Before the incidents few windows hold the sample; after them all do, and the alert is silent on what they say."""
    before, after = (replayed.checkouts[quiet.name] for quiet in QUIET)
    assert after.enough == 1.0
    assert after.least >= SAMPLE
    assert 0 < before.enough < 0.2


def test_mobile_has_too_few_checkouts_within_the_bug(replayed: Replayed) -> None:
    """What the docs say about the breakdown by device; the bug is seen in the total."""
    mobile = replayed.mobile[BUG.name]
    assert 15 <= mobile.most <= 20 < SAMPLE
    assert mobile.enough == 0
    assert mobile.rise > 0.2
    assert replayed.within(BUG, BY, dimension="device", value="mobile", task="checkout") == []
    assert replayed.within(BUG, TOTAL, task="checkout")


def test_it_is_told_for_people(replayed: Replayed) -> None:
    assert replayed.failures() == []
    text = "\n".join(lines(replayed))
    for part in (TOTAL, BY, "2024-05-23", "checkouts on mobile", "payment incident"):
        assert part in text
