"""What a mapping file says: the declarative description of a producer's payload, checked when it is loaded.

    source: shop-clicks                    # CloudEvents source of all its events
    id: position                           # or digest, or {columns: [event_id]}
    time: {column: ts, formats: [iso], zone: UTC}
    type: {column: event, values: {home: page.viewed, purchase: order.placed}, otherwise: ignore}
    identifiers: {user_id: user, visit_id: session.id}
    fields: {channel: {constant: web}, device: platform, market: {columns: [country, shop], default: us}}
    types:                                 # only for touchpoints of that type
      order.placed: {fields: {value: total, promised_at: {column: due, time: {formats: ["%d.%m.%Y"]}}}}

A value is a column (a path with dots into nested objects and lists), or {column | columns | constant | position, values,
default, time}. Of several columns the first that is not empty counts. `values` translates; what it does not list
stays as it is, unless there is a default.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, field_validator, model_validator

from schemas.formats.described import Strict
from schemas.identifiers import KINDS
from schemas.touchpoints import MODELS

OWN_WAYS = ("iso", "epoch_seconds", "epoch_milliseconds", "epoch_microseconds")


class Time(Strict):
    """How a time is written. formats: iso, epoch_seconds, epoch_milliseconds, epoch_microseconds, or as for strptime; the
    first that fits counts. zone: IANA name, for formats that say none; a format without hours is a date alone.
    """

    formats: tuple[str, ...] = ("iso",)
    zone: str | None = None

    @field_validator("formats")
    @classmethod
    def _known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in formats if name not in OWN_WAYS and "%" not in name]
        if wrong or not formats:
            raise ValueError(f"formats are {', '.join(OWN_WAYS)} or strptime's with %, not {wrong}")
        return formats

    @field_validator("zone")
    @classmethod
    def _exists(cls, zone: str | None) -> str | None:
        try:
            return zone and ZoneInfo(zone).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no IANA time zone") from None


def _columns(value: Any) -> Any:
    """A bare text is a column; `column` is a list of one."""
    if isinstance(value, str):
        return {"columns": [value]}
    if isinstance(value, bool):
        raise ValueError("is a column's name to be quoted: YAML reads yes, no, on and off as true and false")
    if isinstance(value, dict) and "column" in value:
        rest = {key: item for key, item in value.items() if key != "column"}
        return {**rest, "columns": [value["column"], *rest.get("columns", [])]}
    return value


class Value(Strict):
    """Where a value comes from: exactly one of columns, constant, position."""

    columns: tuple[str, ...] = ()
    constant: str | int | float | bool | None = None
    position: bool = False
    values: dict[str, str | int | float | bool] = Field(default_factory=dict)
    default: str | int | float | bool | None = None
    time: Time | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if bool(self.columns) + (self.constant is not None) + self.position != 1:
            raise ValueError("needs exactly one of column, columns, constant, position: true")
        return self


AnyValue = Annotated[Value, BeforeValidator(_columns)]


class When(Time):
    """The event time's column or columns."""

    columns: tuple[str, ...] = Field(min_length=1)


def _types(value: Any) -> Any:
    """A value may become one touchpoint or several."""
    return (value,) if isinstance(value, str) else value


Types = Annotated[tuple[str, ...], BeforeValidator(_types), Field(min_length=1, max_length=10)]


class TypeRule(Strict):
    """The touchpoint type: constant, or by the value of a column (compared without surrounding space)."""

    columns: tuple[str, ...] = ()
    values: dict[str, Types] = Field(default_factory=dict)
    constant: Types | None = None
    otherwise: Literal["ignore", "reject"] = "reject"

    @model_validator(mode="after")
    def _constant_or_column(self) -> Self:
        if (self.constant is None) != bool(self.columns and self.values):
            raise ValueError("needs a constant, or a column and its values")
        return self


class Columns(Strict):
    """Columns that together are an event's id."""

    columns: tuple[str, ...] = Field(min_length=1)


class Part(Strict):
    """Identifiers by kind and fields by name."""

    identifiers: dict[str, AnyValue] = Field(default_factory=dict)
    fields: dict[str, AnyValue] = Field(default_factory=dict)


class MappingFile(Part):
    """A whole mapping."""

    description: str = ""
    source: Annotated[str, Field(min_length=1, max_length=200)]
    id: Literal["position", "digest"] | Annotated[Columns, BeforeValidator(_columns)] = "position"
    time: Annotated[When, BeforeValidator(_columns)]
    type: Annotated[TypeRule, BeforeValidator(_columns)]
    types: dict[str, Part] = Field(default_factory=dict)

    @property
    def touchpoint_types(self) -> frozenset[str]:
        """Every type that the mapping can give."""
        rule = self.type
        return frozenset(rule.constant or ()).union(*rule.values.values())

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        unknown = sorted(self.touchpoint_types - set(MODELS))
        if unknown:
            raise ValueError(f"types that the contract does not have: {', '.join(unknown)}")
        unused = sorted(set(self.types) - self.touchpoint_types)
        if unused:
            raise ValueError(f"types: {', '.join(unused)} are never given by the type rule")
        parts: list[Part] = [self, *self.types.values()]
        for part in parts:
            kinds = sorted(set(part.identifiers).difference(KINDS))
            if kinds:
                raise ValueError(f"identifiers: unknown kinds {', '.join(kinds)}")
        for name in self.touchpoint_types:
            own = self.types.get(name, Part())
            data = MODELS[name].model_fields["data"].annotation
            known = set(getattr(data, "model_fields", {})) - {"identifiers"}
            wrong = sorted(set(own.fields) - known)
            if wrong:
                raise ValueError(f"types: {name} has no field {', '.join(wrong)}")
        return self

    def part(self, name: str) -> Part:
        """What holds for one type: the common part where the type has such a field, and its own on top."""
        own = self.types.get(name, Part())
        data = MODELS[name].model_fields["data"].annotation
        known = getattr(data, "model_fields", {})
        common = {field: value for field, value in self.fields.items() if field in known}
        return Part(identifiers={**self.identifiers, **own.identifiers}, fields={**common, **own.fields})
