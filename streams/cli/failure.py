"""What a command raises when it cannot go on: one sentence for stderr, and an exit code."""

from __future__ import annotations


class Failure(Exception):  # noqa: N818 - an outcome of a command, caught in one place
    """The command failed (exit code 1); the sentence says what to do."""

    exit_code = 1


class Misuse(Failure):
    """The command was called with something that cannot be meant (exit code 2)."""

    exit_code = 2
