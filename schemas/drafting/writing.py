"""The guesses as a mapping file in YAML, with what they stand on in comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from schemas.drafting import guesses
from schemas.drafting.columns import Column, columns_of
from schemas.drafting.guesses import Guess, TimeGuess
from schemas.identifiers import PERSON_KINDS, REFERENCE_KINDS, Document

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORDS_OF_YAML = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def draft(payloads: Sequence[Document], name: str) -> str:
    """A mapping file for payloads like these. name: of the source that its events come from.

    It loads, unless no column can be a time: then it says so where the time belongs.
    """
    return "\n".join(_lines(payloads, name)) + "\n"


def _lines(payloads: Sequence[Document], name: str) -> Iterator[str]:
    columns = columns_of(payloads)
    time, names = guesses.event_time(columns), guesses.event_names(columns)
    yield f"# A first guess from {len(payloads):,} payloads. Go through it, then: journey validate FILE --format mapping:THIS"
    yield f"source: {_quoted(name)}"
    yield from _id(columns)
    yield from _time(time)
    yield from _type(names, columns)
    yield from _identifiers(columns)
    yield from _fields(columns)
    used = {guess.column.name for guess in (time, names) if guess is not None}
    used |= {guess.column.name for guess in (*guesses.identifiers(columns).values(), *guesses.fields(columns).values())}
    others = [_shown(column) for column in columns if column.name not in used]
    if others:
        yield f"# Not used: {', '.join(others[:40])}{' ..' if len(others) > 40 else ''}"


def _id(columns: Sequence[Column]) -> Iterator[str]:
    found = guesses.event_id(columns)
    if found is not None:
        yield f"# {_shown(found.column)}: {found.evidence}, so a payload that comes twice counts once"
        yield f"id: {{columns: [{_quoted(found.column.name)}]}}"
        return
    yield "# No column is an id of its own. By position, lines that are alike are different events (a file); by digest, they are one"
    yield "# (a webhook that is sent again): then write digest."
    yield "id: position"


def _time(found: TimeGuess | None) -> Iterator[str]:
    if found is None:
        yield "# No column looks like a time: name the one that says when it happened, and how it is written."
        yield "time: {column: TIME, formats: [iso], zone: UTC}"
        return
    yield f"# {_shown(found.column)}: {found.evidence}{'' if found.zoned else '; they say no zone: is UTC right?'}"
    form = found.format if PLAIN.match(found.format) else json.dumps(found.format)
    yield f"time: {{column: {_quoted(found.column.name)}, formats: [{form}]{'' if found.zoned else ', zone: UTC'}}}"


def _type(found: Guess | None, columns: Sequence[Column]) -> Iterator[str]:
    if found is None:
        ordered = "order_id" in guesses.identifiers(columns) or "value" in guesses.fields(columns)
        yield "# No column looks like a name of what happened, so every payload is the same; `journey schema` lists the types."
        yield f"type: {{constant: {'order.placed' if ordered else 'page.viewed'}}}"
        return
    yield f"# {_shown(found.column)}: {found.evidence}"
    yield "type:"
    yield f"  column: {_quoted(found.column.name)}"
    yield "  otherwise: ignore"
    yield "  values:"
    known = False
    for value, n in found.column.counts.most_common():
        kind = guesses.touchpoint_type(value)
        known = known or kind is not None
        yield (
            f"    {_quoted(value)}: {kind}  # {n:,}"
            if kind
            else f"    # {_quoted(value)}: ?  # {n:,}: no guess, so it is ignored"
        )
    if not known:
        value = found.column.counts.most_common(1)[0][0]
        yield f"    {_quoted(value)}: page.viewed  # the most frequent one, only so that there is one"


def _identifiers(columns: Sequence[Column]) -> Iterator[str]:
    found = guesses.identifiers(columns)
    if not found:
        yield "# No column looks like a person or a case. Without one every payload is rejected: name one here."
        yield f"identifiers: {{user_id: {_quoted(columns[0].name) if columns else 'user_id'}}}"
        return
    yield "identifiers:"
    for kind in (*PERSON_KINDS, *REFERENCE_KINDS, "account_id"):
        if kind in found:
            yield f"  {kind}: {_quoted(found[kind].column.name)}  # {found[kind].evidence}"


def _fields(columns: Sequence[Column]) -> Iterator[str]:
    found = guesses.fields(columns)
    yield "fields:"
    yield "  channel: {constant: web}  # or app, phone, email, store, system ..: where it happened"
    for field, guess in found.items():
        yield f"  {field}: {_quoted(guess.column.name)}  # {guess.evidence}"
    if "value" in found and "currency" not in found:
        yield "  currency: {constant: EUR}  # no column says it; a value without a currency is dropped"


def _shown(column: Column) -> str:
    return _escaped(column.name)


def _quoted(text: str) -> str:
    """A text as YAML reads it back."""
    if PLAIN.match(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    return _escaped(json.dumps(text, ensure_ascii=False))


def _escaped(text: str) -> str:
    """YAML takes no character that cannot be printed, not even in a comment."""
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in text)
