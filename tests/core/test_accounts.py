"""Accounts by hand: several people, one customer, whenever it becomes known who belongs where."""

from __future__ import annotations

from itertools import permutations

import pytest

from streams.core.model import Grain, Touchpoint
from streams.core.policy import DAY, HOUR, Limits, Policy
from tests.core.steps import Step, tables, tell
from tests.oracle.book import Cells
from tests.oracle.build import booked, ever, moment, touch
from tests.oracle.oracle import oracle

MONDAY_DAY = moment() // DAY
LATER = moment(days=200)
A, B, C = "customer_id:a", "customer_id:b", "anonymous_id:c"


def order(days: int, who: str, account: str = "") -> Touchpoint:
    return touch("order.placed", moment(days=days), who, f"order_id:{who[-1]}{days}", channel="store", account=account)


def used(at: int, who: str, account: str = "") -> Touchpoint:
    return touch("product.used", at, who, channel="app", account=account)


def linked(days: int, who: str, account: str) -> Touchpoint:
    return touch("profile.linked", moment(days=days), who, account=account)


def customers(cells: Cells) -> dict[int, int]:
    """Days after Monday -> how many customers more or less."""
    return {day - MONDAY_DAY: n for day, n in booked(cells, "customers", Grain.DAY).items()}


def in_any_order(*steps: Touchpoint, until: int = LATER) -> Cells:
    """The cells of a story: the same for every order of arrival, in one commit or in many, and the oracle's."""
    policy = Policy(clock="history", allowance_ms=300 * DAY)
    expected = oracle(steps, policy, until, until)
    for number, arrived in enumerate(permutations(steps)):
        assert tables(*arrived, until, policy=policy, chunk=1 + number % 3) == expected, [step.type for step in arrived]
    return expected


def test_two_who_buy_are_one_customer_who_buys_twice() -> None:
    cells = in_any_order(order(0, A, "f"), order(10, B, "f"))
    assert customers(cells) == {0: 1, 100: -1}
    assert [ever(cells).get(name, 0) for name in ("new_customers", "customers_ordered", "customers_repeated")] == [1, 1, 1]
    assert customers(in_any_order(order(0, A, "f"), order(10, B, "g"))) == {0: 1, 10: 1, 90: -1, 100: -1}


def test_who_learns_of_the_account_later_counts_anew() -> None:
    story: list[Step] = [order(0, A), order(10, B), moment(days=20)]
    assert customers(tables(*story)) == {0: 1, 10: 1}
    assert customers(tables(*story, linked(20, A, "f"), linked(20, B, "f"), LATER)) == {0: 1, 100: -1}
    in_any_order(order(0, A), order(10, B), linked(20, A, "f"), linked(21, B, "f"))


def test_the_least_event_says_where_somebody_belongs() -> None:
    story = (order(0, A, "f"), order(10, B, "f"), linked(5, B, "g"))
    assert customers(in_any_order(*story)) == {0: 1, 10: 1, 90: -1, 100: -1}
    assert customers(in_any_order(*story[:2], linked(15, B, "g"))) == {0: 1, 100: -1}


def test_two_members_who_turn_out_to_be_one_person_stay_where_the_least_event_says() -> None:
    told = touch("profile.linked", moment(days=20), f"{B} {C}")
    cells = in_any_order(order(0, A, "f"), used(moment(days=40), B, "g"), used(moment(days=50), C, "f"), told)
    assert customers(cells) == {0: 1, 90: -1}  # B is in g since day 40
    cells = in_any_order(order(0, A, "f"), used(moment(days=50), B, "g"), used(moment(days=40), C, "f"), told)
    assert customers(cells) == {0: 1, 140: -1}  # and here in f


def test_an_account_is_as_silent_as_its_last_member() -> None:
    """The account knows of the day; it hears of the hour before it is found silent."""
    story = (order(0, A, "f"), used(moment(hours=1), B, "f"), used(moment(hours=20), B))
    assert customers(in_any_order(*story, until=moment(days=90, hours=20) - 1)) == {0: 1}
    assert customers(in_any_order(*story, until=moment(days=90, hours=20))) == {0: 1, 90: -1}


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_an_account_takes_only_so_many(chunk: int) -> None:
    policy = Policy(clock="history", limits=Limits(members_per_account=2))
    told = tell(order(0, A, "f"), order(1, B, "f"), order(2, C, "f"), LATER, policy=policy, chunk=chunk)
    assert customers(told.cells) == {0: 1, 2: 1, 91: -1, 92: -1}
    assert told.outcomes["limits|members_per_account"] == 1


@pytest.mark.parametrize(("account", "chained"), [("f", 1), ("", 0)])
def test_who_buys_and_who_calls_are_one_chain(account: str, chained: int) -> None:
    due = moment(days=3)
    placed = touch("order.placed", moment(), A, "order_id:1", account=account, fields={"promised_at": due})
    opened = touch("contact.opened", due + HOUR, B, "contact_id:1", account=account)
    ended = touch("contact.ended", due + 2 * HOUR, B, "contact_id:1", fields={"hold_ms": 60_000})
    found = ever(in_any_order(placed, opened, ended))
    assert (found.get("orders_broken"), found.get("orders_chained", 0)) == (1, chained)


def test_subscriptions_without_a_reference_are_each_members_own() -> None:
    mine, yours = (touch("subscription.started", moment(days=day), who, account="f") for day, who in ((0, A), (5, B)))
    cancelled = touch("subscription.cancelled", moment(days=8), A)
    ended = touch("subscription.ended", moment(days=10), A)
    cells = in_any_order(mine, yours, cancelled, ended)
    assert customers(cells) == {0: 1}
    assert ever(cells)["cancellation_requests"] == 1


def test_an_account_is_closed_by_whoever_says_so() -> None:
    closed = touch("account.closed", moment(days=20), B, account="f")
    assert customers(in_any_order(order(0, A, "f"), order(10, B), closed)) == {0: 1, 20: -1}
    again = touch("account.closed", moment(days=30), A, account="f")
    assert customers(in_any_order(order(0, A, "f"), closed, again)) == {0: 1, 20: -1}


def test_an_account_without_a_person_says_nothing() -> None:
    nobody = touch("order.placed", moment(days=10), "", "order_id:9", account="f")
    assert customers(in_any_order(order(0, A, "f"), nobody)) == {0: 1, 90: -1}


def test_people_stay_people() -> None:
    cells = in_any_order(used(moment(), A, "f"), used(moment(), B, "f"), used(moment(days=1), C))
    assert ever(cells).get("customers", 0) == 0
    users = booked(cells, "users_7d", Grain.DAY)
    assert {day - MONDAY_DAY: n for day, n in users.items()} == {0: 2, 1: 1, 7: -2, 8: -1}


def test_a_members_share_is_what_the_account_shows() -> None:
    told = tell(order(0, A, "f"), order(1, B, "f"), order(2, C), moment(days=3))
    (account,) = [journey for journey in told.journeys if journey.shares]
    assert sorted(share.who for share in account.shares.values()) == [A, B]
    assert [sorted(share.cases) for share in sorted(account.shares.values(), key=lambda share: share.who)] == [
        ["order_id:a0"],
        ["order_id:b1"],
    ]
    assert "account_id:f" not in told.journeys[0].persons
    assert '"account":[0,' in told.dump
    assert '"journey":"account_id:f"' not in told.dump
