"""A validated touchpoint's dimensions and fields in the pipeline's own terms: closed values, ms, 1/10,000 of money.

Absent values are left out. Whatever a producer may write freely is cut to limits.text_chars; what breaks a metric down
(task, reason, page group, market, ...) keeps configured values only, any other becomes `other`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.currencies import CURRENCIES
from schemas.envelope import CHANNELS, DEVICES, MEDIA, Data, milliseconds
from schemas.identifiers import REFERENCE_KINDS
from schemas.touchpoints import DATA
from schemas.touchpoints.survey import About
from streams.core.fields import COHORT_WEEKS
from streams.core.model import Dimensions, Value
from streams.core.policy import Policy

EARLIEST_MS = 631_152_000_000
"""1990-01-01. Anything before is a default or a broken clock."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01. Anything from here on is a placeholder for `never`."""

COMBINATIONS = 4_096
"""Combinations of dimensions as producers write them that are remembered."""

OTHER = "other"
MONEY_SCALE = 10_000

DEVICE_WORDS: Mapping[str, str] = {
    "pc": "desktop",
    "computer": "desktop",
    "laptop": "desktop",
    "web": "desktop",
    "mac": "desktop",
    "windows": "desktop",
    "phone": "mobile",
    "smartphone": "mobile",
    "iphone": "mobile",
    "ios": "mobile",
    "android": "mobile",
    "ipad": "tablet",
}
"""Other words for a device that producers use."""

NAMES = {f"{name}_seconds": f"{name}_ms" for name in ("queue", "hold", "talk", "wrap_up")}
"""Fields whose name changes with their unit; others keep the contract's name."""

EARLIEST_YEAR = 1990
LATEST_YEAR = 2099

_REFERENCES = frozenset(REFERENCE_KINDS)
_OWN = frozenset(name for data in DATA.values() for name in data.model_fields) - frozenset(Data.model_fields)

Table = Mapping[str, str]
Convert = Callable[[Any, Mapping[str, Any]], Value]


def closed(values: Iterable[str]) -> Table:
    """A table from the values, and from them in lower case, to the values."""
    listed = list(values)
    return {**{value.casefold(): value for value in listed}, **{value: value for value in listed}}


def look_up(table: Table, value: str | None) -> str:
    """The configured spelling, `other` for what is not configured, empty for nothing."""
    if not value:
        return ""
    return table.get(value) or table.get(value.strip().casefold(), OTHER)


def dimension_values(policy: Policy) -> dict[str, tuple[str, ...]]:
    """Every value that a dimension can have, beside `other`, which stands for all that are not here; sorted or as listed."""
    configured = {name: tuple(sorted(values)) for name, values in policy.dimensions.items()}
    return {
        **dict.fromkeys(("market", "segment", "acquisition", "page_group", "reason"), ()),
        **configured,
        "market": (*configured.get("market", ()), *sorted(policy.markets)),
        "channel": CHANNELS,
        "device": DEVICES,
        "medium": MEDIA,
        "task": tuple(task.name for task in policy.tasks),
        "currency": tuple(sorted(CURRENCIES)),
        "week": tuple(map(str, COHORT_WEEKS)),
    }


class Content:
    """Reads validated data by one policy. `notes` counts what was dropped or changed; it is the decoder's."""

    def __init__(self, policy: Policy, notes: Counter[str]) -> None:
        """Raises ZoneInfoNotFoundError for a time zone that does not exist."""
        self._notes = notes
        self._text_chars = policy.limits.text_chars
        values = dimension_values(policy)
        self._markets = closed(values["market"])
        self._segments = closed(values["segment"])
        self._acquisitions = closed(values["acquisition"])
        self._channels = closed(values["channel"])
        self._devices = {**closed(values["device"]), **DEVICE_WORDS}
        self._zone = ZoneInfo(policy.timezone)
        self._zones = {market.casefold(): ZoneInfo(zone) for market, zone in policy.markets.items()}
        tables = {name: closed(values[name]) for name in ("task", "page_group", "reason", "medium")}
        convert: dict[str, Convert] = {
            **{name: self._closed(table) for name, table in tables.items()},
            "value": self._money,
            "promised_at": self._deadline,
            "ends_at": self._deadline,
            **dict.fromkeys(NAMES, lambda value, _data: round(value * 1000)),
            "answers": lambda value, _data: ",".join(map(str, value)) or None,
            "about": lambda value, _data: self._text(f"{value.kind}:{value.id}"),
        }
        convert |= {name: self._id for name in _OWN if name.endswith("_id")}
        # Field -> its name here, and how it is read if not as it is. The common fields are not in it.
        self._own = {name: (NAMES.get(name, name), convert.get(name)) for name in _OWN}
        # Few combinations occur, and touchpoints of the same one share it in memory.
        self._closed_dimensions = lru_cache(maxsize=COMBINATIONS)(self._close)

    def dimensions(self, data: Mapping[str, Any]) -> Dimensions:
        """What the touchpoint can be broken down by."""
        get = data.get
        return self._closed_dimensions(data["channel"], get("device"), get("market"), get("segment"), get("acquisition"))

    def _close(
        self, channel: str, device: str | None, market: str | None, segment: str | None, acquisition: str | None
    ) -> Dimensions:
        return Dimensions(
            look_up(self._channels, channel),
            look_up(self._devices, device),
            look_up(self._markets, market),
            look_up(self._segments, segment),
            look_up(self._acquisitions, acquisition),
        )

    def read(self, data: Mapping[str, Any]) -> tuple[dict[str, Value], list[tuple[str, str | int]]]:
        """The family's fields, and the references (kind, value) that are given as fields, of data as `read_plain` gives it."""
        fields: dict[str, Value] = {}
        references: list[tuple[str, str | int]] = []
        for name, value in data.items():
            own = self._own.get(name)
            if own is None or value is None:
                continue
            if name in _REFERENCES:
                references.append((name, value))
                continue
            called, convert = own
            if convert is not None:
                content = convert(value, data)
            elif isinstance(value, str):
                content = value if len(value) <= self._text_chars else self._text(value)
            else:
                content = value
            if content is not None and content != "":
                fields[called] = content
        if "currency" in fields and "value" not in fields:
            del fields["currency"]
        about = data.get("about")
        if about is not None:
            references.extend(_subject(about))
        return fields, references

    def _id(self, value: str | int, _data: Mapping[str, Any]) -> Value:
        return self._text(value) if isinstance(value, str) else str(value)

    def _text(self, value: str) -> str:
        if len(value) <= self._text_chars:
            return value
        self._notes["text_cut"] += 1
        return value[: self._text_chars]

    def _closed(self, table: Table) -> Convert:
        return lambda value, _data: table.get(value) or look_up(table, value)

    def _money(self, value: Decimal, data: Mapping[str, Any]) -> Value:
        """In 1/10,000 of the currency's unit; money without a currency cannot be added to any."""
        if data.get("currency") is None:
            self._notes["value_without_currency"] += 1
            return None
        return int((value * MONEY_SCALE).to_integral_value())

    def _deadline(self, value: int | date, data: Mapping[str, Any]) -> Value:
        """ms; a date alone is the last millisecond of that day where the market is."""
        if isinstance(value, date):
            if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
                value = LATEST_MS
            else:
                zone = self._zones.get((data.get("market") or "").casefold(), self._zone)
                midnight = datetime.combine(value + timedelta(days=1), datetime.min.time(), zone)
                value = milliseconds(midnight) - 1
        if EARLIEST_MS <= value < LATEST_MS:
            return value
        # 9999-12-31 and the like say `never`; the event itself is fine.
        self._notes["deadline_out_of_range"] += 1
        return None


def _subject(about: About) -> list[tuple[str, str | int]]:
    """The case that a survey asks about, as a reference: kind `order_id`, or `order` for short."""
    kind = about.kind.strip().lower()
    names = [name for name in (kind, f"{kind}_id") if name in _REFERENCES]
    return [(name, about.id) for name in names]
