"""The format `mapping:FILE`: JSON Lines, or CSV rows as JSON objects, by a declarative YAML file (see mapping_file)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from schemas.envelope import EPOCH
from schemas.formats.described import read_described
from schemas.formats.mapping_file import Columns, MappingFile, Time, Value
from schemas.formats.payload import Headers, Mapped, Mapper, digest_id, header, later_touchpoint, parse_json
from schemas.identifiers import Document
from schemas.outcomes import JOURNEY_POSITION, Ignore, Silence
from schemas.rejections import Reason, Refusal

SHIPPED = Path(__file__).parent.parent / "mappings"
SEPARATOR = "\x1f"
_UNITS = {"epoch_seconds": 1.0, "epoch_milliseconds": 1e-3, "epoch_microseconds": 1e-6}

Path_ = tuple[str, tuple[str, ...]]
Reader = Callable[[Document, str], Any]


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_mapping(file: str) -> Mapper:
    """The mapper of a mapping file, or of a shipped mapping by its bare name.

    Raises FormatError where the file cannot be read or does not describe a mapping.
    """
    shipped = shipped_mappings()
    path = SHIPPED / f"{file}.yaml" if file in shipped else Path(file)
    return Mapping(read_described(path, f"mapping {file!r}", MappingFile, f"; shipped mappings are: {', '.join(shipped)}"))


class Mapping:
    """A compiled mapping; calling it maps one record."""

    def __init__(self, file: MappingFile) -> None:
        """Compiles columns and values, so that a record costs only look-ups."""
        self._file = file
        self.described = json.dumps(file.model_dump(mode="json", exclude={"description"}), sort_keys=True)
        self._event_columns = [_path(column) for column in file.type.columns]
        self._types = {str(value).strip(): types for value, types in file.type.values.items()}
        self._time_columns = [_path(column) for column in file.time.columns]
        self._id_columns = [_path(column) for column in file.id.columns] if isinstance(file.id, Columns) else []
        self._readers: dict[str, tuple[list[tuple[str, Reader]], list[tuple[str, Reader]]]] = {}
        for name in file.touchpoint_types:
            part = file.part(name)
            self._readers[name] = (
                [(kind, _reader(value)) for kind, value in part.identifiers.items()],
                [(field, _reader(value)) for field, value in part.fields.items()],
            )

    def __call__(self, value: bytes, headers: Headers) -> Mapped:
        """Native documents of one payload, one for each touchpoint type that its event value stands for."""
        payload = parse_json(value)
        if not isinstance(payload, dict):
            return payload if isinstance(payload, Refusal) else Refusal(Reason.NOT_AN_OBJECT)
        types = self._touchpoint_types(payload)
        if isinstance(types, Ignore | Refusal):
            return types
        position = (header(headers, JOURNEY_POSITION) or b"").decode("utf-8", "replace")
        event_id = self._event_id(payload, position)
        if isinstance(event_id, Refusal):
            return event_id
        raw = _first(payload, self._time_columns)
        if raw is None:
            return Refusal(Reason.MISSING_TIME, f"{self._file.time.columns[0]}: is empty")
        time = parse_time(raw, self._file.time)
        if time is None:
            return Refusal(Reason.INVALID_TIME, f"{self._file.time.columns[0]}: is none of the mapping's formats")
        if not isinstance(time, datetime):
            time = datetime(time.year, time.month, time.day, tzinfo=_zone(self._file.time))
        return [
            self._document(payload, name, later_touchpoint(event_id, index), time, position) for index, name in enumerate(types)
        ]

    def _touchpoint_types(self, payload: Document) -> tuple[str, ...] | Ignore | Refusal:
        rule = self._file.type
        if rule.constant is not None:
            return rule.constant
        types = self._types.get(_text(_first(payload, self._event_columns)).strip())
        if types is not None:
            return types
        if rule.otherwise == "ignore":
            return Ignore(Silence.UNMAPPED_EVENT)
        return Refusal(Reason.UNMAPPED_VALUE, f"{rule.columns[0]}: is none of the mapping's values")

    def _event_id(self, payload: Document, position: str) -> str | Refusal:
        if self._id_columns:
            parts = [_text(_first(payload, [column])) for column in self._id_columns]
            return SEPARATOR.join(parts) if any(parts) else Refusal(Reason.MISSING_ID, "the id columns are empty")
        if self._file.id == "digest":
            return digest_id(payload)
        return position or Refusal(Reason.MISSING_POSITION, f"header {JOURNEY_POSITION}: is missing")

    def _document(self, payload: Document, name: str, event_id: object, time: datetime, position: str) -> Document:
        identifiers, fields = self._readers[name]
        data: Document = {field: value for field, read in fields if (value := read(payload, position)) is not None}
        data["identifiers"] = {kind: value for kind, read in identifiers if (value := read(payload, position)) is not None}
        return {"id": event_id, "source": self._file.source, "type": name, "time": time, "data": data}


def _path(column: str) -> Path_:
    return column, tuple(column.split("."))


def _first(payload: Document, columns: list[Path_]) -> Any:
    """The first value that is not empty; a column's whole name counts before its parts."""
    for name, parts in columns:
        value = payload.get(name)
        if value is None and len(parts) > 1:
            value = _walk(payload, parts)
        if value is not None and value != "":
            return value
    return None


def _walk(value: Any, parts: tuple[str, ...]) -> Any:
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 6 and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _text(value: object) -> str:
    """A scalar as it would stand in a file; objects and lists as nothing."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _reader(value: Value) -> Reader:
    """A function of payload and position that gives one value, None where it is absent."""
    if value.constant is not None:
        return lambda _payload, _position: value.constant
    columns = [_path(column) for column in value.columns]

    def read(payload: Document, position: str) -> Any:
        found = position or None if value.position else _first(payload, columns)
        if found is None:
            return value.default
        if value.values:
            return value.values.get(_text(found).strip(), found if value.default is None else value.default)
        if value.time is not None:
            # What is no time goes on as it is, so that validation names the field.
            moment = parse_time(found, value.time)
            return found if moment is None else moment
        return found

    return read


def _zone(time: Time) -> tzinfo:
    return ZoneInfo(time.zone) if time.zone else UTC


def parse_time(value: object, time: Time) -> datetime | date | None:
    """A producer's time by the first format that fits, None if none does; a date where the format has no hours.

    A time without a zone is taken in the mapping's; without one there it is not a time.
    """
    for name in time.formats:
        moment = _parse(value, name)
        if moment is None or not isinstance(moment, datetime):
            if moment is not None:
                return moment
            continue
        if moment.tzinfo is None:
            if time.zone is None:
                continue
            moment = moment.replace(tzinfo=ZoneInfo(time.zone))
        return moment
    return None


def _parse(value: object, name: str) -> datetime | date | None:
    try:
        if name in _UNITS:
            number = float(_text(value))
            return EPOCH + timedelta(milliseconds=round(number * _UNITS[name] * 1000))
        text = _text(value).strip()
        if name == "iso":
            return date.fromisoformat(text) if len(text) == len("2024-05-01") else datetime.fromisoformat(text)
        moment = datetime.strptime(text, name)  # noqa: DTZ007 - the zone is the mapping's
    except (ValueError, OverflowError):
        return None
    dated = not any(part in name for part in ("%H", "%I", "%X", "%c", "%s", "%p"))
    return moment.date() if dated else moment
