from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import files
from streams.files import Line, UnreadableFileError, file_name, read_file


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def test_json_lines_keep_their_numbers_over_empty_lines(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"b":2}\nnot json')
    assert list(read_file(path)) == [Line(1, b'{"a":1}'), Line(4, b'{"b":2}'), Line(5, b"not json")]


def test_gzip_is_seen_by_its_content(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", gzip.compress(b"{}\n{}\n"))
    assert list(read_file(path)) == [Line(1, b"{}"), Line(2, b"{}")]


def test_a_csv_row_is_an_object_and_its_number_is_its_first_line(tmp_path: Path) -> None:
    content = '\ufeffid, name\n1,"two\nlines"\n\n2,Bär\n3\n4,five,six\n'.encode()
    rows = [
        (line.number, orjson.loads(line.payload)) for line in read_file(written(tmp_path / "a.csv.gz", gzip.compress(content)))
    ]
    assert rows == [
        (2, {"id": "1", "name": "two\nlines"}),
        (5, {"id": "2", "name": "Bär"}),
        (6, {"id": "3"}),
        (7, {"id": "4", "name": "five", "": ["six"]}),
    ]


def test_tabs_separate_a_tsv(tmp_path: Path) -> None:
    assert list(read_file(written(tmp_path / "a.tsv", b"a\tb\n1\t2\n"))) == [Line(2, b'{"a":"1","b":"2"}')]


def test_a_cell_beyond_the_limit_is_an_empty_payload(tmp_path: Path) -> None:
    content = b"a\n" + b"x" * 200_000 + b"\nfine\n"
    assert list(read_file(written(tmp_path / "a.csv", content))) == [Line(2, b""), Line(3, b'{"a":"fine"}')]


def test_a_line_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 10)
    path = written(tmp_path / "a.jsonl", b"x" * 35 + b"\n{}\n" + b"y" * 12)
    assert list(read_file(path)) == [Line(1, b"x" * 10), Line(2, b"{}"), Line(3, b"y" * 10)]


def test_standard_input_is_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"{}\n[]\n"))))
    assert list(read_file("-")) == [Line(1, b"{}"), Line(2, b"[]")]
    assert file_name("-") == "stdin"


@pytest.mark.parametrize("content", [gzip.compress(b"{}\n" * 9)[:-9], gzip.compress(b"{}\n")[:12] + b"\xff" * 40])
def test_a_broken_gzip_stream_says_so(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFileError, match="is broken"):
        list(read_file(written(tmp_path / "a.jsonl.gz", content)))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"cannot be read \(No such file"):
        list(read_file(str(tmp_path / "none.jsonl")))


@given(
    st.binary(max_size=200).filter(lambda content: content[:2] != b"\x1f\x8b"), st.sampled_from([".csv", ".jsonl", ".tsv", ""])
)
def test_any_bytes_are_payloads(tmp_path: Path, content: bytes, suffix: str) -> None:
    lines = list(read_file(written(tmp_path / f"a{suffix}", content)))
    numbers = [line.number for line in lines]
    assert numbers == sorted(set(numbers))


def test_a_line_keeps_all_its_tab_separated_fields(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\xef\xbb\xbfa\t\t\r\n\t\n\tb\t\n")
    assert [line.payload for line in read_file(str(file))] == [b"a\t\t", b"\tb\t"]
