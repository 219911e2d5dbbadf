"""The contract's models as dicts: the same checks and the same values, at half of what an instance costs.

Whoever reads millions of events looks at each once and lets it go. A dict holds only what was given, is made and read
faster than a model, and says by itself which fields there were.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, Union

from pydantic import BaseModel, Field, TypeAdapter
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from schemas.envelope import Data, Event, parse_instant
from schemas.identifiers import Document, Identifiers, IdValue
from schemas.touchpoints import DATA, AnyTouchpoint


def read_plain(document: Document) -> Document:
    """A validated event: its attributes, `time` in milliseconds, and in `data` the contract's fields that were given.

    Raises pydantic's ValidationError exactly as `AnyTouchpoint.validate_python` does: what the dicts do not take is left to
    the models, which accept it after all (with kinds of identifiers that are not listed) or say what is wrong.
    """
    try:
        event: Document = _PLAIN.validate_python(document)
        event["time"] = parse_instant(event["time"])
    except ValueError:
        return _as_dict(AnyTouchpoint.validator.validate_python(document))
    return event


def _as_dict(model: BaseModel) -> dict[str, Any]:
    """What was given; the data inside as a dict too, the rest as the model has it."""
    given = {name: value for name, value in model if name in model.model_fields_set}
    return {name: _as_dict(value) if isinstance(value, Data) else value for name, value in given.items()}


def _is_plain(model: type[BaseModel]) -> bool:
    """Whether a model is its fields and nothing else: a validator of its own runs on instances only."""
    own = model.__pydantic_decorators__
    return not (own.model_validators or own.root_validators or own.field_validators or own.validators)


def _typed(model: type[BaseModel], **fields: Any) -> Any:
    """The model as a TypedDict; `fields` are required and replace its own."""
    for name, field in model.model_fields.items():
        if name not in fields:
            annotation: Any = field.rebuild_annotation()
            fields[name] = annotation if field.is_required() else NotRequired[annotation]
    return TypedDict(model.__name__, fields)  # type: ignore[operator]


def _validator() -> Any:
    """One TypedDict for all types that share a data model, and their union.

    Two fields are cheaper than in the models. Of the identifiers few are given: going through those is faster than
    asking for each listed kind. The time is parsed by whoever called, since pydantic's way into Python costs as much.
    """
    kind: Any = Literal[tuple(Identifiers.__annotations__)]
    types: dict[type[Data], list[str]] = {}
    for name, data in DATA.items():
        types.setdefault(data, []).append(name)
    events = [
        _typed(Event, type=Literal[tuple(names)], data=_typed(data, identifiers=dict[kind, IdValue]), time=Any)
        for data, names in types.items()
        if _is_plain(data)
    ]
    union: Any = Union[tuple(events)]  # noqa: UP007 - a computed tuple
    return TypeAdapter(Annotated[union, Field(discriminator="type")]).validator


_PLAIN = _validator()
