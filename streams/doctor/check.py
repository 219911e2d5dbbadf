"""One line of the doctor's: a state, what was looked at, and what was found there, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

State = Literal["ok", "warn", "fail"]
Role = Literal["worker", "exporter"]
"""Whom the surroundings are for: a worker needs everything, the exporter only reads Redis."""

NOT_PERMITTED = "not permitted to look"


class Check(msgspec.Struct, frozen=True):
    """`found` is one line for people: no secret, no stack trace."""

    state: State
    what: str
    found: str


def ok(what: str, found: str) -> Check:
    """As it should be."""
    return Check("ok", what, found)


def warn(what: str, found: str) -> Check:
    """It works, and somebody should know; or nobody knows."""
    return Check("warn", what, found)


def fail(what: str, found: str) -> Check:
    """It does not work, or figures would be wrong or lost."""
    return Check("fail", what, found)


def judged(what: str, facts: Iterable[str], wrong: Iterable[str] = (), doubtful: Iterable[str] = ()) -> Check:
    """One line of several facts: failed where something is wrong, a warning where something is doubtful."""
    wrong, doubtful = list(wrong), list(doubtful)
    state: State = "fail" if wrong else "warn" if doubtful else "ok"
    text = ", ".join(facts)
    return Check(state, what, "; ".join(part for part in (text, *wrong, *doubtful) if part))


def counted(number: int, name: str) -> str:
    """Such as "1 broker" or "3 brokers"."""
    return f"{number} {name}{'' if number == 1 else 's'}"
