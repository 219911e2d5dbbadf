"""The pure core: no I/O, no clock, no randomness."""

from importlib.util import find_spec


def is_compiled() -> bool:
    """Whether the fold runs as machine code (`make native`) instead of Python; what it computes is the same."""
    spec = find_spec("streams.core.batch")
    return spec is not None and not str(spec.origin).endswith(".py")
