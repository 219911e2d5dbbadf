"""From cells to values: what each metric of the catalogue is at a moment, in total and by dimension.

`needed` says which buckets to read, `compute` makes values of what was read; between the two lies the store's one read
call. Who reads again and again keeps the sums in between (`summed`, `values_of`). All are pure. Order of values: catalogue, window, then dimensions (the total first), each exactly once.
A total is always there, without a value where its denominator is zero; a breakdown only where it has a cell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from streams.core.catalogue import METRICS, Kind, Metric
from streams.core.fields import CELLS, COHORT_WEEKS, Dims, parse_field
from streams.core.model import Bucket
from streams.core.policy import MINUTE, SECOND, Policy
from streams.core.statistics import Interval, Stats, describe, net_promoter, poisson, wilson
from streams.core.windows import Calendar, LocalDays, Plan, WindowName, day_count, gather

_MONEY = 10_000
"""Cells of money count 1/10,000 of the currency's unit."""

YEARLY_DISCOUNT = 0.1
_YEAR_DAYS = 365

Number = int | float


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over one window that ends at `moment` (ms), for one combination of dimensions.

    value: None where the denominator is zero and for a distribution, which has stats instead. numerator, denominator:
    what it was made of (seconds and values of a distribution; no denominator for counts). n: the size of the sample.
    low, high: the 95 % interval, where the kind of metric has one. definition: the metric's version.
    """

    metric: str
    window: WindowName
    moment: int
    dimensions: Dims
    value: Number | None
    numerator: Number
    denominator: int | None
    n: int
    low: float | None
    high: float | None
    stats: Stats | None
    unit: str
    definition: int


Table = Mapping[str, Mapping[Dims, Mapping[str, int]]]
"""Figures by cell, dimensions and part; a plain cell has the one part with the empty name."""

_Figure = tuple[Number | None, Number, int | None, int, Interval | None]
"""Value, numerator, denominator, n, interval."""


Span = tuple[Literal["flow", "day_flow"], WindowName] | tuple[Literal["stock"], None] | tuple[Literal["day_stock"], int]
"""A method of `Calendar` and its argument: metrics with the same span share a plan and a table."""


class Summed(msgspec.Struct, frozen=True):
    """What a span's table is the sum of: these cells, in the buckets of the plan."""

    plan: Plan
    cells: frozenset[str]


class _Source(msgspec.Struct, frozen=True):
    """What a metric is read from in one window; the denominator's span is another one only for churn, and there is a third one for
    customers at the window's start only where they are needed beside those at its end.
    """

    metric: Metric
    window: WindowName
    numerator: Span
    denominator: Span
    start: Span | None = None


def needed(
    watermark: int,
    policy: Policy,
    windows: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
    at: int | None = None,
) -> list[Bucket]:
    """The buckets that `compute` reads for the same arguments, each once; none where `at` is too far back."""
    plans = [one.plan for one in summed(watermark, policy, windows, metrics, at).values()]
    return list(dict.fromkeys(bucket for plan in plans for bucket in (*plan.add, *plan.subtract)))


def summed(
    watermark: int,
    policy: Policy,
    windows: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
    at: int | None = None,
) -> dict[Span, Summed]:
    """What `compute` adds up for the same arguments; spans whose buckets are gone are left out."""
    calendar = Calendar(LocalDays(policy.timezone), watermark, at)
    cells: dict[Span, set[str]] = {}
    for source in _sources(windows, metrics):
        cells.setdefault(source.numerator, set()).update(source.metric.cells())
        cells.setdefault(source.denominator, set()).update(source.metric.cells())
        if source.start is not None:
            cells.setdefault(source.start, set()).update(source.metric.cells())
    plans = {span: _plan(calendar, span) for span in cells}
    return {span: Summed(plan, frozenset(cells[span])) for span, plan in plans.items() if plan}


def compute(
    watermark: int,
    cells: Mapping[Bucket, Mapping[str, int]],
    policy: Policy,
    windows: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
    at: int | None = None,
) -> list[Value]:
    """The values of these metrics and windows (all of them unless said) at the watermark, or at an earlier time.

    cells: by bucket; more buckets than `needed` change nothing. at: ms; rounded up to what is still live, see
    `windows`. Windows whose buckets are gone at that time are left out, unknown names too.
    """
    moment = moment_of(watermark, policy, at)
    if moment is None:
        return []
    sums = summed(watermark, policy, windows, metrics, at)
    tables = {span: table_of(gather(one.plan, cells)) for span, one in sums.items()}
    return values_of(tables, moment, policy, windows, metrics)


def values_of(
    tables: Mapping[Span, Table],
    moment: int,
    policy: Policy,
    windows: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
) -> list[Value]:
    """The values at a moment, of the tables that `summed` says; windows without a table are left out."""
    always = {"task": [task.name for task in policy.tasks], "week": [str(week) for week in COHORT_WEEKS]}
    values: list[Value] = []
    for source in _sources(windows, metrics):
        if source.numerator in tables and source.denominator in tables:
            table, base = tables[source.numerator], tables[source.denominator]
            combinations = _combinations(source, table, base, always)
            start = tables.get(source.start, {}) if source.start is not None else {}
            values.extend(_value(source, (table, base, start), dims, moment) for dims in combinations)
    return values


def moment_of(watermark: int, policy: Policy, at: int | None = None) -> int | None:
    """The last ms that values read with these arguments stand for; None where `at` is too far back."""
    return Calendar(LocalDays(policy.timezone), watermark, at).moment


def as_json(values: Iterable[Value], as_of: int | None, namespace: str) -> dict[str, object]:
    """The document that `journey metrics --json` and `fold --json` print; times are RFC 3339, None before any watermark."""
    return {"as_of": None if as_of is None else timestamp(as_of), "namespace": namespace, "metrics": [*map(entry, values)]}


def timestamp(at: int) -> str:
    """A time in ms as RFC 3339 in UTC, with a fraction only where it has one."""
    moment = datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=at % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds" if at % 1000 else "seconds").replace("+00:00", "Z")


def entry(value: Value) -> dict[str, object]:
    """One value as JSON."""
    found: dict[str, object] = {
        "metric": value.metric,
        "window": value.window,
        "dimensions": dict(value.dimensions),
        "value": value.value,
    }
    if value.stats is not None:
        found["stats"] = msgspec.to_builtins(value.stats)
    found |= {
        "numerator": value.numerator,
        "denominator": value.denominator,
        "n": value.n,
        "low": value.low,
        "high": value.high,
        "unit": value.unit,
        "definition": value.definition,
    }
    return found


def _sources(windows: Collection[str] | None, metrics: Collection[str] | None) -> list[_Source]:
    return [
        _source(metric, window)
        for metric in METRICS
        if metrics is None or metric.name in metrics
        for window in metric.windows
        if windows is None or window in windows
    ]


def _source(metric: Metric, window: WindowName) -> _Source:
    daily = CELLS[metric.cells()[0]].daily
    if metric.kind in {Kind.CHURN, Kind.RETENTION}:
        return _Source(metric, window, ("day_stock", 0), ("day_stock", day_count(window)))
    if metric.kind is Kind.DENSITY:
        return _Source(metric, window, ("flow", window), ("day_stock", 0))
    if metric.kind is Kind.PREDICTED:
        return _Source(metric, window, ("flow", window), ("day_stock", 0), ("day_stock", day_count(window)))
    span: Span
    if metric.stock or metric.kind in {Kind.STOCK, Kind.STANDING, Kind.OLDEST}:
        span = ("day_stock", 0) if daily else ("stock", None)
    else:
        span = ("day_flow" if daily else "flow", window)
    return _Source(metric, window, span, span)


def _plan(calendar: Calendar, span: Span) -> Plan | None:
    match span:
        case ("flow", window):
            return calendar.flow(window)
        case ("day_flow", window):
            return calendar.day_flow(window)
        case ("day_stock", days):
            return calendar.day_stock(days)
        case _:
            return calendar.stock()


def table_of(figures: Mapping[str, int]) -> Table:
    """Figures by field, as `values_of` takes them."""
    table: dict[str, dict[Dims, dict[str, int]]] = {}
    for name, amount in figures.items():
        field = parse_field(name)
        if field is not None:
            table.setdefault(field.cell, {}).setdefault(field.dims, {})[field.part] = amount
    return table


def _combinations(source: _Source, table: Table, base: Table, always: Mapping[str, Sequence[str]]) -> list[Dims]:
    """What a metric has values for: the totals, then the breakdowns that have cells, in order."""
    metric = source.metric
    size = 2 if metric.always else 1
    seen = {dims for cell in _terms(source) for dims in table.get(cell, {})}
    seen.update(base.get(metric.base(source.window).partition(".")[0], {}))
    if metric.always:  # customers have no currency
        seen = {dims for dims in seen if dims and dims[0][0] == metric.always}
    totals = {dims for dims in seen if len(dims) == size - 1}
    if not metric.always:
        totals.add(())
    elif metric.always in always:
        totals.update(((metric.always, value),) for value in always[metric.always])
    parts = {dims for dims in seen if len(dims) == size and dims[-1][0] in metric.dimensions}
    return [*sorted(totals), *sorted(parts)]


def _terms(source: _Source) -> Iterator[str]:
    for term in source.metric.numerator:
        yield term.lstrip("-").format(window=source.window)


def _value(source: _Source, tables: tuple[Table, Table, Table], dims: Dims, moment: int) -> Value:
    metric = source.metric
    table, base, start = tables
    stats = None
    if metric.kind is Kind.DISTRIBUTION:
        n, total, stats = describe(table.get(metric.numerator[0], {}).get(dims, {}), metric.scale, geometric=metric.geometric)
        figure: _Figure = (None, total, n, n, None)
    elif metric.kind is Kind.OLDEST:
        figure = _oldest(table.get(metric.numerator[0], {}).get(dims, {}), moment)
    elif metric.kind is Kind.PREDICTED:
        churned = _count(base, f"churned_{source.window}", dims[1:])
        before = _count(start, "customers", dims[1:])
        revenue, customers = _count(table, "revenue", dims), _count(base, "customers", dims[1:])
        figure = predicted(revenue, customers, churned, before, day_count(source.window))
    else:
        numerator = sum(
            (-1 if term.startswith("-") else 1) * _count(table, cell, dims)
            for term, cell in zip(metric.numerator, _terms(source), strict=True)
        )
        shared = bool(dims) and dims[-1][0] in metric.whole
        denominator = _count(base, metric.base(source.window), () if shared else dims)
        figure = _figure(metric, table, dims, numerator, denominator)
    value, upper, lower, n, interval = figure
    return Value(
        metric=metric.name,
        window=source.window,
        moment=moment,
        dimensions=dims,
        value=value,
        numerator=upper,
        denominator=lower,
        n=n,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        stats=stats,
        unit=metric.unit,
        definition=metric.version,
    )


def _oldest(parts: Mapping[str, int], moment: int) -> _Figure:
    """Seconds since the first minute that anything is there since, and how many there are; parts: `t<minute>` -> how many."""
    minutes = [int(part[1:]) for part, n in parts.items() if n > 0]
    seconds = (moment - min(minutes) * MINUTE) // SECOND if minutes else 0
    return seconds, seconds, None, sum(parts.values()), None


def predicted(revenue: int, customers: int, churned: int, before: int, days: int) -> _Figure:
    """What a customer will bring in: m * r / (1 + i - r), where m is the window's revenue per customer, r its retention, i the
    discount of so many days.

    Gupta and Lehmann 2003, with a margin of 1: the result times a margin is the one of that margin. revenue: in 1/10,000.
    """
    if customers <= 0 or before <= 0:
        return None, revenue / _MONEY, customers, customers, None
    retained = 1 - churned / before
    discount = (1 + YEARLY_DISCOUNT) ** (days / _YEAR_DAYS) - 1
    value = revenue / _MONEY / customers * retained / (1 + discount - retained)
    return value, revenue / _MONEY, customers, customers, None


def _count(table: Table, name: str, dims: Dims) -> int:
    """A cell's figure, or that of a part of a distribution (`queue_wait.n`)."""
    cell, _, part = name.partition(".")
    return table.get(cell, {}).get(dims, {}).get(part, 0)


def _figure(metric: Metric, table: Table, dims: Dims, numerator: int, denominator: int) -> _Figure:
    if metric.kind in {Kind.COUNT, Kind.STOCK}:
        return numerator, numerator, None, numerator, None
    if metric.kind is Kind.MONEY:
        orders = _count(table, "orders_valued", dims)
        return numerator / _MONEY, numerator / _MONEY, None, orders, None
    if metric.kind is Kind.RETENTION:
        numerator = denominator - numerator
    share = numerator / denominator if denominator > 0 else None
    if metric.kind is Kind.RATIO:
        return None if share is None else metric.scale * share, numerator, denominator, denominator, None
    if metric.kind is Kind.AMOUNT:
        amount = None if share is None else share / _MONEY
        return amount, numerator / _MONEY, denominator, denominator, None
    if metric.kind in {Kind.RATE, Kind.DENSITY}:
        if share is None:
            return None, numerator, denominator, denominator, None
        per = 100 if metric.kind is Kind.RATE else 1_000
        low, high = poisson(numerator)
        return per * share, numerator, denominator, denominator, (per * low / denominator, per * high / denominator)
    if metric.kind is Kind.SCORE:
        plus, minus = (_count(table, term.lstrip("-"), dims) for term in metric.numerator)
        score = net_promoter(plus, minus, denominator)
        return None if score is None else score[0], numerator, denominator, denominator, None if score is None else score[1]
    return share, numerator, denominator, denominator, wilson(numerator, denominator)
