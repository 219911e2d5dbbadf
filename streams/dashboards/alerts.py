"""The alerts of deploy/prometheus, as far as dashboards point at them: their names, their runbook, what they are about
and the limits that panels draw.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml
from grafana_foundation_sdk.models.dashboard import DashboardLink, DashboardLinkType

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"
PLACEHOLDER_URL = "https://repository.example/"
"""Where nobody has said yet at which address the repository is read; it leads nowhere, and shows that it does."""
ALL = 'ALERTS{alertname=~"Journey.*",namespace=~"$namespace|"}'
"""Alerts of the chosen namespace, and those that know none."""
FIRING = ALL.replace("}", ',alertstate="firing"}')

_METRIC = re.compile(r'\bmetric="(\w+)"')
_FAMILY = re.compile(r"\bjourney_(?!rolling)\w+|\bup(?=\{)")
_RECORDED = re.compile(r"\bjourney:[\w:]+")


class Alert(msgspec.Struct, frozen=True):
    """An alert. page: of the repository, with the heading. about: metrics and families that it looks at."""

    name: str
    page: str
    about: frozenset[str]

    @property
    def url(self) -> str:
        """Where the runbook says what to do."""
        return repository_url() + self.page

    @property
    def heading(self) -> str:
        """The anchor in the runbook."""
        return self.page.rpartition("#")[2]


@cache
def repository_url() -> str:
    """The address before `deploy/runbook.md`: the external label `repository` of prometheus.yml, which alerts use, too."""
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    return configuration["global"]["external_labels"]["repository"] or PLACEHOLDER_URL


@cache
def _rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((PROMETHEUS / "rules").glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def threshold(name: str) -> float:
    """A number that alerts read by this name; KeyError where there is none."""
    for rule in _rules():
        if rule.get("record") == "journey:threshold" and rule["labels"] == {"name": name}:
            return float(rule["expr"].removeprefix("vector(").removesuffix(")"))
    raise KeyError(name)


@cache
def alerts() -> tuple[Alert, ...]:
    """All alerts, by name."""
    recorded: dict[str, list[str]] = {}
    for rule in _rules():
        if "record" in rule:
            recorded.setdefault(rule["record"], []).append(rule["expr"])
    found = [_alert(rule, recorded) for rule in _rules() if "alert" in rule]
    return tuple(sorted(found, key=lambda alert: alert.name))


def links(expressions: Iterable[str]) -> list[DashboardLink]:
    """To the runbook, for each alert about what these expressions ask for."""
    asked = frozenset[str]().union(*map(_named, expressions))
    return [
        DashboardLink(title=alert.name, type_val=DashboardLinkType.LINK, url=alert.url, target_blank=True)
        for alert in alerts()
        if alert.about & asked
    ]


def _alert(rule: dict[str, Any], recorded: dict[str, list[str]]) -> Alert:
    # Figures of now are recorded from all metrics, and only while the watermark is fresh; what a business alert is about
    # it says itself.
    texts = [rule["expr"]]
    if rule["labels"]["scope"] == "pipeline":
        texts += [text for name in _RECORDED.findall(rule["expr"]) for text in recorded.get(name, ())]
    page = rule["annotations"]["runbook_url"].rpartition("}}")[2].strip()
    return Alert(rule["alert"], page, frozenset().union(*map(_named, texts)))


def _named(expression: str) -> frozenset[str]:
    return frozenset(_METRIC.findall(expression)) | frozenset(_FAMILY.findall(expression))
