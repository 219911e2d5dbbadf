"""YAML files that describe a format: read, checked against a model, and wrong in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.formats.payload import FormatError


class Strict(BaseModel):
    """A part of such a file: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Strict)


def read_described(path: Path, what: str, model: type[Model], hint: str = "") -> Model:
    """What the file says. what: the file, for people. Raises FormatError where it cannot be read or does not fit the model."""
    import yaml  # noqa: PLC0415 -- needed only by those who have such a file

    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FormatError(f"{what} cannot be read ({error}){hint}") from error
    try:
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise FormatError(f"{what}: {where}: {first['msg']}") from error
