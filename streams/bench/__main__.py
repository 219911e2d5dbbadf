"""`python -m streams.bench`."""

from __future__ import annotations

import sys

from streams.bench.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
