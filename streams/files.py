"""Files of a producer's payloads: JSON Lines, CSV or TSV, plain or gzip, `-` for standard input (JSON Lines).

A CSV row becomes a JSON object: column -> text. Nothing in a file's content raises, whatever it is, except a gzip stream
that ends or breaks in the middle: the rest of such a file is unknown, so `UnreadableFileError` says that and why.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import orjson

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longer lines are cut here, so that a file without line ends needs no memory; records are refused at far less."""

STDIN = "-"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


class UnreadableFileError(Exception):
    """A file that is not there, may not be read, or is broken; the message is one sentence that names it."""


class Line(NamedTuple):
    """One payload and where it stands: `number` counts from 1, for a row of several lines it is the first of them."""

    number: int
    payload: bytes


def file_name(path: str) -> str:
    """The name that a payload's position carries: without folders, so that it is the same wherever the file lies."""
    return "stdin" if path == STDIN else Path(path).name


def read_file(path: str) -> Iterator[Line]:
    """The payloads of a file in its order; empty lines are left out.

    Raises UnreadableFileError, when the file is opened or in the middle of it.
    """
    try:
        with ExitStack() as stack:
            raw = cast("io.BufferedReader", sys.stdin.buffer) if path == STDIN else stack.enter_context(Path(path).open("rb"))
            content: BinaryIO = raw
            if raw.peek(2)[:2] == b"\x1f\x8b":
                content = stack.enter_context(cast("BinaryIO", gzip.GzipFile(fileobj=raw)))
            suffixes = [suffix.lower() for suffix in Path(path).suffixes if suffix.lower() != ".gz"]
            delimiter = _DELIMITERS.get(suffixes[-1]) if suffixes else None
            yield from _json_lines(content) if delimiter is None else _rows(content, delimiter)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFileError(f"{path} is broken, and what stands behind the break is lost ({error})") from error
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read ({error.strerror or error})") from error


def _json_lines(content: BinaryIO) -> Iterator[Line]:
    number = 0
    while line := content.readline(MAX_LINE_BYTES):
        number += 1
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = content.readline(MAX_LINE_BYTES)
        # Only the line's end is no part of it: a line of tab-separated fields may end with empty ones.
        payload = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).rstrip(b"\r\n")
        if payload.strip():
            yield Line(number, payload)


def _rows(content: BinaryIO, delimiter: str) -> Iterator[Line]:
    texts = (line.decode("utf-8", "replace") for line in iter(lambda: content.readline(MAX_LINE_BYTES), b""))
    reader = csv.reader(texts, delimiter=delimiter)
    header: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            # A cell beyond csv's own limit, or a stray carriage return: an empty payload, which every format refuses.
            yield Line(number, b"")
            continue
        if cells is None:
            return
        if not any(cells):
            continue
        if header is None:
            header = [name.strip().removeprefix("\ufeff") for name in cells]
            continue
        row: dict[str, object] = dict(zip(header, cells, strict=False))
        if len(cells) > len(header):
            row[""] = cells[len(header) :]
        yield Line(number, orjson.dumps(row))
