"""The demo on a terminal: one table that lives, UX above CX, with the curve of the abandonment."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from streams.core.policy import HOUR
from streams.demo.content import END, START
from streams.demo.figures import ABANDONED, CX, RELATIONSHIP, UX, Row, Values, cells, share, spark
from streams.demo.state import MARK_MS, State, spoken

ALARMING, ALARM, FINE = 0.6, "bold red", "green"
NAMES = {"": "", "1h": "1 hour", "24h": "24 hours", "28d": "28 days"}
LABEL = 13
CURVE = 16
AXIS_STEP_MS = 6 * HOUR
MARKS = (END - START) // MARK_MS
AXIS, TALL = 24, 28
"""Lines of a terminal from which on there is room for the curve's hours, and for some air."""


class Screen:
    """A `View` on a terminal."""

    live = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._blocks = "▁▂▃▄▅▆▇█" if console.encoding.startswith("utf") else ".:-=+*#@"

    def note(self, label: str, text: str) -> None:
        """A label and what belongs to it, above what lives."""
        if not label:
            self._console.print(Text(text), soft_wrap=True)  # to be copied whole
            return
        grid = Table.grid()
        grid.add_column(min_width=LABEL, style="bold cyan")
        grid.add_column(overflow="fold")
        grid.add_row(label, Text(text))
        self._console.print(grid)

    def loading(self, done: int, total: int, doing: str) -> None:
        """A bar."""
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text(f"{'history':<{LABEL - 1}}", "bold cyan"),
            ProgressBar(total, done, width=30),
            Text(f"{doing}: {done:,} of {total:,}"),
        )
        self._update(grid)

    def show(self, state: State) -> None:
        """Everything at once."""
        air = [Text()] if self._console.height >= TALL else []
        head = (_status(state), Text(state.caption, "italic yellow"))
        self._update(Group(*head, *air, *self._curve(state), *air, _table(state.values)))

    def end(self) -> None:
        """Leaves the last table on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._console.print()

    def _update(self, what: RenderableType) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        self._live.update(what, refresh=True)

    def _curve(self, state: State) -> list[Text]:
        curve = Text(f"{'abandoned, 1 h':<{CURVE}}", "bold")
        for mark in state.marks[-MARKS:]:
            alarming = mark.abandoned is not None and mark.abandoned > ALARMING
            curve.append(spark([mark.abandoned], self._blocks), ALARM if alarming else FINE)
        curve.append("·" * (MARKS - len(state.marks)), "dim")
        if self._console.height < AXIS:
            return [curve]
        hours = range(START, END, AXIS_STEP_MS)
        axis = "".join(f"{spoken(at)[-5:]:<{AXIS_STEP_MS // MARK_MS}}" for at in hours)
        return [curve, Text(f"{'':<{CURVE}}{axis.rstrip()}", "dim")]


def _status(state: State) -> Text:
    parts = (
        f"{state.rate:,.0f} events/s",
        f"lag {state.lag:,}",
        f"duplicates {state.duplicates:,}",
        f"dead letters {state.dead_letters:,}",
    )
    return Text.assemble((spoken(state.moment), "bold"), *(f"  {part}" for part in parts))


def _table(values: Values) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(min_width=24, no_wrap=True)
    for width in (9, 6, 10, 6, 18):
        table.add_column(justify="right", min_width=width, no_wrap=True)
    sections: tuple[tuple[str, tuple[Row, ...], str, str], ...] = (
        ("UX: can they do it?", UX, "1h", "24h"),
        ("CX: the whole relation", CX, "1h", "24h"),
        ("Over a month", RELATIONSHIP, "", "28d"),
    )
    for title, rows, short, long in sections:
        heads = (NAMES[short], "n" if short else "", NAMES[long], "n", "95 %")
        table.add_row(Text(title, "bold cyan"), *(Text(head, "dim") for head in heads))
        for row in rows:
            hour, day = cells(values, row, short) if short else ("", "", ""), cells(values, row, long)
            style = _style(values, row)
            shown = (Text(hour[0], style), Text(hour[1], "dim"), Text(day[0], "bold"), Text(day[1], "dim"), Text(day[2], "dim"))
            table.add_row(f"  {row.label}", *shown)
    return table


def _style(values: Values, row: Row) -> str:
    if row is not ABANDONED:
        return ""
    rate, _ = share(values, row, "1h")
    return ALARM if rate is not None and rate > ALARMING else FINE
