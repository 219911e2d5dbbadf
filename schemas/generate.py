"""Writes the JSON Schemas of the contract: `python -m schemas.generate`. A test fails when they lag behind the models."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from schemas.touchpoints import FAMILY_OF, MODELS

DIRECTORY = Path(__file__).parent / "json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of one touchpoint type, as a structured CloudEvent. Raises KeyError for an unknown type."""
    model = MODELS[name]
    schema = _lean(model.model_json_schema(mode="validation"))
    summary = (model.__doc__ or "").strip()
    attributes = {**schema["properties"]}
    # An event that a producer sends says which CloudEvents version it is; formats may leave it out.
    attributes["specversion"].pop("default", None)
    required = sorted({*schema["required"], "specversion"})
    return {
        "$schema": DIALECT,
        **schema,
        "title": name,
        "description": f"{summary} (family {FAMILY_OF[name]})",
        "properties": attributes,
        "required": required,
    }


def _lean(schema: Any) -> Any:
    """Leaves out what pydantic adds and nobody reads: titles that repeat names, and defaults that say `absent`."""
    if isinstance(schema, list):
        return [_lean(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    lean = {}
    for key, value in schema.items():
        if (key == "title" and isinstance(value, str)) or (key == "default" and value is None):
            continue
        lean[key] = _lean(value)
    return lean


def files() -> dict[str, str]:
    """File name -> content of every generated file, in the contract's order."""
    return {f"{name}.json": json.dumps(schema_of(name), indent=1, ensure_ascii=False) + "\n" for name in MODELS}


def main(directory: Path = DIRECTORY) -> int:
    """Writes the files and removes those of types that are gone. Returns the process's exit code."""
    directory.mkdir(exist_ok=True)
    generated = files()
    for old in directory.glob("*.json"):
        if old.name not in generated:
            old.unlink()
    for name, content in generated.items():
        (directory / name).write_text(content, encoding="utf-8")
    sys.stdout.write(f"{len(generated)} schemas\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
