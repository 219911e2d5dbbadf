"""A dashboard put together: variables, links to the others, alert marks, and the panels on the grid of 24 columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import TimeZoneBrowser
from grafana_foundation_sdk.models.dashboard import (
    AnnotationContainer,
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    Panel,
    RowPanel,
)
from grafana_foundation_sdk.models.prometheus import Dataquery

from streams.dashboards import alerts
from streams.dashboards.variables import declared

DATASOURCE = DataSourceRef("prometheus", "journey-prometheus")
"""The uid that deploy/grafana/provisioning gives the data source."""
COLUMNS = 24
TAG = "journey"

AnyPanel = Builder[Panel]


class Column(msgspec.Struct, frozen=True):
    """Panels below one another, as wide as each other; a height for each."""

    width: int
    panels: tuple[tuple[int, AnyPanel], ...]


def column(width: int, height: int, panel: AnyPanel) -> Column:
    """A column of a single panel."""
    return Column(width, ((height, panel),))


class Section(msgspec.Struct, frozen=True):
    """A heading and lines of columns; a line is as high as its highest column."""

    title: str
    lines: tuple[tuple[Column, ...], ...]


class Board(msgspec.Struct, frozen=True):
    """What a module says of its dashboard.

    name: of the file, and of the uid with `journey-` before it. variables: their names, in order, with what they offer where that
    differs from dashboard to dashboard (`dimension`). since: how far back the time range goes.
    """

    name: str
    title: str
    description: str
    sections: tuple[Section, ...]
    variables: Mapping[str, Sequence[str]] = {}
    since: str = "now-24h"

    @property
    def uid(self) -> str:
        """As in its address, `/d/journey-overview`."""
        return f"journey-{self.name}"


class _AlertMarks(AnnotationQuery):
    """What Grafana's Prometheus data source reads of an annotation, and the SDK's model does not know: the query, the texts.

    Without a target Grafana asks nothing; `expr` by itself is the form of old versions.
    """

    def to_json(self) -> dict[str, object]:
        target = {"refId": "Anno", "expr": self.expr, "datasource": self.datasource, "range": True, "instant": False}
        return super().to_json() | {"target": target, "titleFormat": "{{alertname}}", "textFormat": "{{severity}} {{task}}"}


def assembled(board: Board, boards: Sequence[Board]) -> Dashboard:
    """The dashboard of a board, with links to the others."""
    builder = (
        builders.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG])
        .readonly()
        .timezone(TimeZoneBrowser)
        .time(board.since, "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    found = builder.build()
    # Put into the model as they are: the builders' own placing takes a panel at the left for one without a place.
    variables = [declared(name, options, DATASOURCE) for name, options in board.variables.items()]
    found.templating = DashboardDashboardTemplating(variables)
    found.links = [_link(board, other) for other in boards if other.uid != board.uid]
    marks = _AlertMarks("Alerts", DATASOURCE, icon_color="red", expr=alerts.FIRING)
    found.annotations = AnnotationContainer([marks])
    found.panels = _placed(board.sections)
    return found


def encoded(found: Dashboard) -> str:
    """As it is written to a file."""
    return json.dumps(found, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _link(board: Board, other: Board) -> DashboardLink:
    """To another dashboard, with the values of the variables that mean the same there."""
    shared = [name for name, options in board.variables.items() if other.variables.get(name) == options]
    variables = "&".join(f"${{{name}:queryparam}}" for name in shared)
    return DashboardLink(
        title=other.title.rpartition("/")[2].strip(),
        type_val=DashboardLinkType.LINK,
        tooltip=other.description,
        url=f"/d/{other.uid}" + (f"?{variables}" if variables else ""),
        keep_time=other.since == board.since,
    )


def _placed(sections: Sequence[Section]) -> list[Panel | RowPanel]:
    panels: list[Panel | RowPanel] = []
    y = 0
    for section in sections:
        row = builders.Row(section.title).id(len(panels) + 1).grid_pos(GridPos(h=1, w=COLUMNS, x=0, y=y)).build()
        panels.append(row)
        y += 1
        for line in section.lines:
            x = 0
            for part in line:
                below = y
                for height, builder in part.panels:
                    panel = builder.build()
                    _completed(panel, len(panels) + 1, GridPos(h=height, w=part.width, x=x, y=below))
                    panels.append(panel)
                    below += height
                x += part.width
            y += max(sum(height for height, _ in part.panels) for part in line)
    return panels


def _completed(panel: Panel, number: int, place: GridPos) -> None:
    panel.id_val = number
    panel.grid_pos = place
    panel.datasource = DATASOURCE
    expressions = []
    for letter, target in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", panel.targets or [], strict=False):
        if not isinstance(target, Dataquery):
            raise TypeError(f"{panel.title} asks another data source than Prometheus")
        target.ref_id = letter
        target.datasource = DATASOURCE
        expressions.append(target.expr)
    panel.links = [*(panel.links or []), *alerts.links(expressions)]
