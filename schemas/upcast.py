"""Old versions of the contract, made into the present one by pure functions.

A type may carry a version (`order.placed.v1`); without one it is the present version. When a type's fields change
incompatibly, PRESENT gets its new number and STEPS the function from the version before; producers and stored topics
need no change. Only documents whose type is otherwise unknown come here, so it costs the usual ones nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from schemas.identifiers import Document

Step = Callable[[Document], Document]

PRESENT: Mapping[str, int] = {}
"""Type -> its present version where that is not 1."""

STEPS: Mapping[tuple[str, int], Step] = {}
"""(type, version) -> the function that makes a document of the next version of it; it returns a new one."""

_VERSIONED = re.compile(r"(?P<name>[a-z_.]+)\.v(?P<version>[1-9][0-9]{0,2})")


def upcast(
    document: Document, present: Mapping[str, int] = PRESENT, steps: Mapping[tuple[str, int], Step] = STEPS
) -> Document | None:
    """The document in the present version, or None where its type names no version that is known."""
    kind = document.get("type")
    match = _VERSIONED.fullmatch(kind) if isinstance(kind, str) and len(kind) <= 100 else None
    if match is None:
        return None
    name, version = match["name"], int(match["version"])
    if version > present.get(name, 1):
        return None
    while version < present.get(name, 1):
        step = steps.get((name, version))
        if step is None:
            return None
        document, version = step(document), version + 1
    return {**document, "type": name}
