"""Formats of single producers: one module each, which names its table PRODUCER. A new module here is a new format."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from schemas.formats.producer import Producer


@lru_cache(maxsize=1)
def producers() -> dict[str, Producer]:
    """Name -> format of every module of this package, in the order of their names."""
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    found: list[Producer] = [import_module(f"{__name__}.{name}").PRODUCER for name in names]
    return {producer.name: producer for producer in found}
