"""`journey demo`: the whole pipeline at work, on servers of its own, in about a minute."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.failure import Failure

if TYPE_CHECKING:  # heavy, and only named here
    from streams.demo.run import Demo
    from streams.demo.state import View
    from streams.demo.surroundings import Place

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(
    seconds: Annotated[float, typer.Option(min=1, max=3_600, help="How long the thirty hours take.")] = 50,
    no_tty: Annotated[bool, typer.Option("--no-tty", help="Plain lines, also on a terminal.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Go on live, until Ctrl-C.")] = False,
) -> None:
    """A shop's thirty hours in a minute, on servers of its own: a live table, a journey, and proof that the figures are right."""
    from streams.demo.run import DemoError
    from streams.demo.surroundings import surroundings
    from streams.embedded import ServerError

    view = _view(plain=no_tty or not sys.stdout.isatty())
    view.note("", f"Thirty hours of a shop in {seconds:g} s, after two months of history. Ctrl-C ends it.")
    try:
        with surroundings(plain=no_tty) as place, _calm_end():
            for kind, where in place.servers.items():
                view.note(kind, where)
            asyncio.run(_walk(place, view, seconds, keep=keep))
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise Failure("stopped") from None
    except (ServerError, DemoError) as error:
        raise Failure(str(error)) from error


def _view(*, plain: bool) -> View:
    from streams.demo.lines import Lines

    if plain:
        return Lines()
    from rich.console import Console

    from streams.demo.screen import Screen

    return Screen(Console(highlight=False))


@contextmanager
def _calm_end() -> Iterator[None]:
    """A second Ctrl-C, while servers are being stopped, does not leave them behind."""
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)


async def _walk(place: Place, view: View, seconds: float, *, keep: bool) -> None:
    from streams.cli.state import show
    from streams.demo.content import STORY_PERSON
    from streams.demo.run import running
    from streams.demo.summary import summary

    task = asyncio.current_task()
    if task is not None:
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        async with running(place, view) as (walk, address):
            await walk.load()
            await walk.play(seconds)
            view.end()
            for label, text in summary(walk.state, place):
                view.note(label, text)
            checked = await walk.check()
            view.note(
                "checked",
                f"{checked.cells:,} cells and {checked.journeys:,} journeys equal the fold of the same events in memory",
            )
            view.note("", f"\nOne journey of them: journey show {STORY_PERSON}\n")
            await asyncio.to_thread(show, STORY_PERSON)
            if keep:
                await _keep(walk, view, address)
            else:
                view.note("", f"\nServed until now: {address}; `--keep` goes on live.")
    finally:
        view.end()


async def _keep(walk: Demo, view: View, address: str) -> None:
    from streams.demo.summary import exports

    view.note("", f"\nGoing on live until Ctrl-C; {address}. For other commands, in another terminal:\n")
    for line in exports():
        view.note("", line)
    view.note("", "")
    with suppress(asyncio.CancelledError):
        await walk.go_on()
