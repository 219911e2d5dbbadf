"""Whether the contract still takes what it took: `python -m schemas.compatible`, a part of `make check`.

The contract as it was last released is kept in released.json. A change is incompatible if a document that was valid then is refused,
or loses a field, now: a type or a field that is gone, a field that is required now, a type, an enumeration or a bound that
became narrower. Such a change needs an upcaster (schemas.upcast) for its type and a higher first number of the contract's
version. `--release` writes what holds now, and refuses as the check does: so a change cannot be made compatible by
releasing it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.generate import DIRECTORY, VERSION, schema_of
from schemas.touchpoints import MODELS
from schemas.upcast import PRESENT, STEPS, Step

Schema = dict[str, Any]
RELEASED = DIRECTORY / "released.json"

_TEXTS = frozenset({"$schema", "$defs", "title", "description"})
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_WORDS = ("format", "pattern", "const")


def contract() -> dict[str, Any]:
    """The contract as it is now: {"version", "present": type -> its version, "shapes": schemas, "types": type -> index of one}.

    Types that differ in their name alone share a shape.
    """
    shapes: list[Schema] = []
    types: dict[str, int] = {}
    for name in MODELS:
        shape = shape_of(schema_of(name))
        if shape not in shapes:
            shapes.append(shape)
        types[name] = shapes.index(shape)
    return {"version": VERSION, "present": {name: PRESENT.get(name, 1) for name in MODELS}, "shapes": shapes, "types": types}


def shape_of(schema: Schema) -> Schema:
    """What a type's schema asks for, without names, texts and references."""
    shape = _resolved(schema, schema.get("$defs", {}))
    properties = {name: value for name, value in shape["properties"].items() if name != "type"}
    return {**shape, "properties": properties}


def breaks(old: Mapping[str, Any], new: Mapping[str, Any], steps: Mapping[tuple[str, int], Step] = STEPS) -> Iterator[str]:
    """What the new contract refuses of the old one, in a sentence each; nothing where an upcaster and a new major version say so."""
    major = _major(new["version"]) > _major(old["version"])
    for name, index in old["types"].items():
        if name not in new["types"]:
            yield f"{name}: is gone"
            continue
        found = list(narrower(old["shapes"][index], new["shapes"][new["types"][name]]))
        before = old["present"][name]
        if found and new["present"][name] > before and (name, before) in steps:
            if not major:
                yield f"{name}: has an upcaster, so the contract's version should begin with {_major(old['version']) + 1}"
            continue
        yield from (f"{name}: {what}" for what in found)


def narrower(old: Schema, new: Schema, path: str = "") -> Iterator[str]:
    """Where the new schema refuses, or drops, what the old one takes."""
    where = path or "the document"
    if "anyOf" in old or "anyOf" in new:
        choices = new.get("anyOf", [new])
        for one in old.get("anyOf", [old]):
            if not any(not list(narrower(one, choice, path)) for choice in choices):
                if len(choices) == 1:
                    yield from narrower(one, choices[0], path)
                else:
                    yield f"{where}: no longer takes {_brief(one)}"
        return
    lost = _types(old) - _types(new)
    if lost and not (lost == {"integer"} and "number" in _types(new)):
        yield f"{where}: no longer takes {', '.join(sorted(lost))}"
        return
    yield from _values(old, new, where)
    if "items" in old or "items" in new:
        yield from narrower(old.get("items", {}), new.get("items", {}), f"{path}[]")
    yield from _properties(old, new, path)


def _values(old: Schema, new: Schema, where: str) -> Iterator[str]:
    if "enum" in new:
        gone = [value for value in old.get("enum", []) if value not in new["enum"]]
        if gone or "enum" not in old:
            yield f"{where}: takes only {', '.join(map(str, new['enum']))}"
    for name in _WORDS:
        if name in new and new[name] != old.get(name):
            yield f"{where}: {name} is {new[name]!r} now"
    for name in _LOWER:
        if name in new and new[name] > old.get(name, float("-inf")):
            yield f"{where}: {name} is {new[name]} now"
    for name in _UPPER:
        if name in new and new[name] < old.get(name, float("inf")):
            yield f"{where}: {name} is {new[name]} now"


def _properties(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in new.get("required", []):
        if name not in old.get("required", []):
            yield f"{_joined(path, name)}: is required now"
    for name, schema in before.items():
        if name in after:
            yield from narrower(schema, after[name], _joined(path, name))
        elif new.get("additionalProperties") is not True:
            yield f"{_joined(path, name)}: is gone"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{path or 'the document'}: takes no further fields"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _types(schema: Schema) -> frozenset[str]:
    """The JSON types that a schema names; one that names none takes all of them."""
    named = schema.get("type", ["array", "boolean", "integer", "null", "number", "object", "string"])
    return frozenset([named] if isinstance(named, str) else named)


def _brief(schema: Schema) -> str:
    return json.dumps(schema, ensure_ascii=False)[:80]


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _resolved(schema: Any, definitions: Mapping[str, Schema]) -> Any:
    if isinstance(schema, list):
        return [_resolved(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    resolved = {}
    for key, value in schema.items():
        if key == "properties":  # a field may be called title
            resolved[key] = {name: _resolved(one, definitions) for name, one in value.items()}
        elif key not in _TEXTS:
            resolved[key] = _resolved(value, definitions)
    return resolved


def main(arguments: list[str], released: Path = RELEASED) -> int:
    """Returns the process's exit code: 1 where the contract became narrower."""
    present = contract()
    found = list(breaks(json.loads(released.read_text("utf-8")), present)) if released.exists() else []
    if found:
        sys.stderr.write("".join(f"contract: {what}\n" for what in found))
        sys.stderr.write("contract: take it back, or give the type a new version and an upcaster (schemas/upcast.py)\n")
        return 1
    if arguments == ["--release"]:
        released.write_text(json.dumps(present, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
