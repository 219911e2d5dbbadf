"""The examples of a page in deploy/howto, as one shell script: files as they stand there, commands in their order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGES = Path(__file__).parents[2] / "deploy" / "howto"
TRIES = 240
PAUSE_SECONDS = 0.25

_BLOCK = re.compile(
    r"(?:<!-- (file: (?P<file>[\w.-]+)|(?P<retried>retried)) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```\n", re.DOTALL
)


class Page(NamedTuple):
    """files: name -> content. script: of all commands; what is marked `retried` has a minute to succeed."""

    files: dict[str, str]
    script: str


def read_page(name: str) -> Page:
    """Every block is either a file or commands; anything else is a mistake in the page."""
    files: dict[str, str] = {}
    parts = ["set -eu"]
    for block in _BLOCK.finditer((PAGES / name).read_text("utf-8")):
        text = block["text"]
        if block["file"]:
            files[block["file"]] = text
        elif block["language"] != "sh":
            raise ValueError(f"{name}: a block of {block['language']} is neither a file nor commands")
        elif block["retried"]:
            parts.append(f"attempt() {{ set -e\n{text}}}")
            loop = f"for try in $(seq {TRIES}); do if ( attempt ) >attempt.log 2>&1; then break; fi; sleep {PAUSE_SECONDS}; done"
            parts.append(f"{loop}\ncat attempt.log\n( attempt ) >/dev/null")
        else:
            parts.append(text)
    return Page(files, "\n".join(parts))
