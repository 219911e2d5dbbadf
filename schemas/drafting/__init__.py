"""A first mapping for an unknown file, guessed from what stands in it: times, event names, identifiers, fields.

Every guess says what it stands on, as a comment, because a person goes over it afterwards. Nothing here is part of a namespace's
definitions: what counts is the mapping that the person keeps.
"""

from __future__ import annotations

from schemas.drafting.columns import Column, columns_of
from schemas.drafting.writing import draft

__all__ = ["Column", "columns_of", "draft"]
