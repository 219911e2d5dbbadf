"""Messages: what became of each within a week, said when the week is over, whenever it is heard of."""

from __future__ import annotations

import pytest

from streams.core.model import Grain, Touchpoint, Value
from streams.core.policy import DAY, MINUTE
from tests.core.steps import Step, tables
from tests.oracle.build import booked, moment, totals, touch

SETTLED = moment(days=7)
LONG_AFTER = moment(days=20)


def message(kind: str, at: int, **fields: Value) -> Touchpoint:
    return touch(f"message.{kind}", at, "", "message_id:1", channel="email", fields=fields)


def found(*steps: Step) -> dict[str, int]:
    return {name.removeprefix("messages_"): n for name, n in totals(tables(*steps, LONG_AFTER), "messages_").items()}


def test_a_message_counts_once_however_often_it_is_opened() -> None:
    steps = [message("sent", moment()), message("delivered", moment() + 1), *(message("opened", moment() + n) for n in (2, 3, 4))]
    for arrived in (steps, steps[::-1], [*steps[:2], LONG_AFTER - 1, *steps[2:]]):
        assert found(*arrived) == {"sent": 1, "delivered": 1, "opened": 1}


@pytest.mark.parametrize(("until", "sent"), [(SETTLED - 1, 0), (SETTLED, 1)])
def test_it_is_said_a_week_after_it_was_sent(until: int, sent: int) -> None:
    cells = tables(message("sent", moment()), message("delivered", moment() + 1), until)
    assert totals(cells, "messages_sent").get("messages_sent", 0) == sent
    assert booked(cells, "messages_sent") == ({SETTLED // MINUTE: 1} if sent else {})


@pytest.mark.parametrize(("off", "clicked"), [(0, 1), (1, 0)])
def test_a_click_in_time_counts_however_late_it_is_heard_of(off: int, clicked: int) -> None:
    click = message("clicked", SETTLED + off)
    for arrived in ([message("sent", moment()), click], [message("sent", moment()), moment(days=10), click]):
        assert found(*arrived) == {"sent": 1, **({"delivered": 1, "clicked": 1} if clicked else {})}


def test_what_a_machine_opened_was_delivered_and_not_opened() -> None:
    assert found(message("sent", moment()), message("opened", moment() + 1, machine=True)) == {"sent": 1, "delivered": 1}
    assert found(message("bounced", moment())) == {"sent": 1, "bounced": 1}


def test_a_message_that_was_sent_earlier_than_was_known_moves() -> None:
    steps: list[Step] = [message("delivered", moment(days=2)), moment(days=10), message("sent", moment())]
    cells = tables(*steps, moment(days=10) + 1)
    assert totals(cells, "messages_sent") == {"messages_sent": 1}
    assert booked(cells, "messages_sent", Grain.DAY) == {SETTLED // DAY: 1}


def test_each_of_many_is_said_in_its_time() -> None:
    many = [touch("message.sent", moment(days=day), "customer_id:me", f"message_id:{day}", channel="email") for day in range(6)]
    cells = tables(*many, *(moment(days=day, hours=1) for day in range(7, 13)))
    assert booked(cells, "messages_sent", Grain.DAY) == {moment(days=7 + day) // DAY: 1 for day in range(6)}
