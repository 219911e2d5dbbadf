"""`python -m streams.drill`: the full form; with `--fast` the replay of the clickstream."""

from __future__ import annotations

import sys

from streams.drill import replay, run

if __name__ == "__main__":
    given = sys.argv[1:]
    if "--fast" in given:
        sys.exit(replay.main([one for one in given if one != "--fast"]))
    sys.exit(run.main(given))
