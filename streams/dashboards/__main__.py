"""`python -m streams.dashboards FOLDER` writes a JSON file for each dashboard, and removes those of dashboards that are gone."""

from __future__ import annotations

import sys
from pathlib import Path

from streams.dashboards.boards import files


def main(folder: Path) -> None:
    """Writes the files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = files()
    for old in folder.glob("*.json"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
