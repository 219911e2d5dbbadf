"""Rules, their tests and the runbook: valid, complete, about series that are exported, and tests that can fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from streams.core.catalogue import METRICS
from streams.core.policy import Policy
from streams.export.collector import RollingCollector, breakdown_windows
from streams.export.server import Exporter
from streams.store.memory import MemoryStore
from streams.worker.metrics import WorkerMetrics

ROOT = Path(__file__).parents[2] / "deploy"
RULES = sorted((ROOT / "prometheus/rules").glob("*.yml"))
TESTS = sorted((ROOT / "prometheus/tests").glob("*.yml"))
DECLARED = {metric.name: metric for metric in METRICS}
THRESHOLD = re.compile(r'journey:threshold\{name="(\w+)"')
FAILED = re.compile(r"alertname: (\w+), time:")

Rule = dict[str, Any]


def loaded(paths: list[Path]) -> Iterator[Any]:
    for path in paths:
        yield yaml.safe_load(path.read_text("utf-8"))


def rules() -> list[Rule]:
    return [rule for file in loaded(RULES) for group in file["groups"] for rule in group["rules"]]


ALERTS: dict[str, Rule] = {rule["alert"]: rule for rule in rules() if "alert" in rule}
BUSINESS = {name for name, rule in ALERTS.items() if rule["labels"]["scope"] == "business"}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("promtool") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is not on PATH; on Debian it comes with the package prometheus")
        pytest.skip("promtool is not on PATH; on Debian it comes with the package prometheus")
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def test_configuration_and_rules_are_valid() -> None:
    for done in (promtool("check", "config", ROOT / "prometheus/prometheus.yml"), promtool("check", "rules", *RULES)):
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_promtool(path: Path) -> None:
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


# -- controls: without a safeguard its tests fail -----------------------------------------------------------------


def failing(tmp_path: Path, alerts: set[str], changed: Callable[[str], str | None]) -> set[str]:
    """Which of these alerts' tests fail where thresholds have other expressions; None leaves one as it is."""
    shutil.copytree(ROOT / "prometheus", tmp_path / "prometheus")
    file = tmp_path / "prometheus/rules/thresholds.yml"
    thresholds = yaml.safe_load(file.read_text("utf-8"))
    for rule in thresholds["groups"][0]["rules"]:
        rule["expr"] = changed(rule["labels"]["name"]) or rule["expr"]
    file.write_text(yaml.safe_dump(thresholds), "utf-8")
    concerned = [path.name for path in TESTS if any(name in path.read_text("utf-8") for name in alerts)]
    done = promtool("test", "rules", *(tmp_path / "prometheus/tests" / name for name in concerned))
    return alerts & set(FAILED.findall(done.stdout + done.stderr))


@pytest.mark.parametrize("kinds", [("_sample",), ("_margin", "_factor"), ("_ceiling",)], ids="".join)
def test_without_thresholds_of_a_kind_every_alert_that_has_one_fires_wrongly(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    having = {
        name for name, rule in ALERTS.items() if any(threshold.endswith(kinds) for threshold in THRESHOLD.findall(rule["expr"]))
    }
    assert having
    assert failing(tmp_path, having, lambda name: "vector(0)" if name.endswith(kinds) else None) == having


def test_without_the_gate_every_business_alert_fires_on_a_backlog(tmp_path: Path) -> None:
    assert failing(tmp_path, BUSINESS, lambda name: "vector(1e12)" if name == "watermark_age_seconds" else None) == BUSINESS


# -- completeness -------------------------------------------------------------------------------------------------


def test_every_threshold_is_used_and_every_used_one_is_there() -> None:
    defined = {rule["labels"]["name"] for rule in rules() if rule.get("record") == "journey:threshold"}
    assert {name for rule in rules() for name in THRESHOLD.findall(str(rule["expr"]))} == defined


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_must(name: str) -> None:
    rule = ALERTS[name]
    labels, annotations = rule["labels"], rule["annotations"]
    assert labels["severity"] in {"warning", "critical"}
    assert (labels["team"], labels["scope"]) in {("ux", "business"), ("cx", "business"), ("platform", "pipeline")}
    assert "$value" in annotations["summary"]
    assert annotations["runbook_url"] == f"{{{{ $externalLabels.repository }}}}deploy/runbook.md#{name.lower()}"
    headings = re.findall(r"^### (\w+)$", (ROOT / "runbook.md").read_text("utf-8"), re.MULTILINE)
    assert headings.count(name) == 1
    assert ("explain" in annotations) == (labels["scope"] == "business")


@pytest.mark.parametrize("name", sorted(BUSINESS))
def test_an_alert_names_the_command_that_explains_its_figure(name: str) -> None:
    """With the metric and the window of the rule, and by what the alert is told apart."""
    command, _, arguments = ALERTS[name]["annotations"]["explain"].partition(" explain ")
    metric, option, window, *rest = arguments.replace("{{ ", "{{").replace(" }}", "}}").split()
    assert (command, option) == ("journey", "--window")
    found = DECLARED[metric]
    assert window in found.windows
    assert f'metric="{metric}", window="{window}"' in ALERTS[name]["expr"] or "journey:sparse:by" in ALERTS[name]["expr"]
    by = [text.partition("=")[0] for text in rest if "=" in text]
    assert set(by) <= {found.always, "{{$labels.dimension}}"}
    assert (found.always in by) == bool(found.always)


def test_the_runbook_has_no_heading_too_many() -> None:
    headings = re.findall(r"^### (\w+)$", (ROOT / "runbook.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_test_in_which_it_fires_and_one_in_which_it_is_silent(name: str) -> None:
    found = [
        (case["name"], bool(test["exp_alerts"]))
        for file in loaded(TESTS)
        for case in file["tests"]
        for test in case.get("alert_rule_test", ())
        if test["alertname"] == name
    ]
    fires = {case for case, firing in found if firing}
    assert fires
    assert {case for case, _ in found} - fires


# -- series -------------------------------------------------------------------------------------------------------


def exported() -> set[str]:
    """The names of all series of an exporter and a worker."""
    worker = CollectorRegistry()
    WorkerMetrics(worker)
    exporter = Exporter(MemoryStore(), Policy())
    found = {"journey_rolling", "journey_rolling_by", "up"}
    for family in (*worker.collect(), *exporter.registry.collect(), *RollingCollector(lambda: None, Policy()).describe()):
        found |= {family.name, *(sample.name for sample in family.samples)}
    return found


def selectors(expression: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Every raw series of an expression, with the values of its matchers."""
    for name, matchers in re.findall(r"\b(journey_\w+|up)\b(?:\{([^}]*)\})?", expression):
        yield name, {label: value.split("|") for label, value in re.findall(r'(\w+)=~?"([^"]*)"', matchers)}


def test_every_series_of_a_rule_is_exported() -> None:
    names = exported()
    for rule in rules():
        for name, matchers in selectors(str(rule["expr"])):
            assert name in names, (rule, name)
            if name in {"journey_rolling", "journey_rolling_by"}:
                check_rolling(name, matchers)


def check_rolling(name: str, matchers: dict[str, list[str]]) -> None:
    for metric in matchers.get("metric", ()):
        for window in matchers.get("window", ()):
            assert window in DECLARED[metric].windows, matchers
            assert name == "journey_rolling" or window in breakdown_windows(DECLARED[metric]), matchers


def test_every_metric_that_an_alert_compares_is_declared() -> None:
    """Recorded series keep the labels of the raw ones; their metric and window must be ones that exist."""
    for rule in rules():
        for matchers in re.findall(r"journey:[\w:]+\{([^}]*)\}", str(rule["expr"])):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', matchers))
            if "metric" in labels:
                assert labels["metric"] in DECLARED, rule
                assert labels.get("window", "7d") in DECLARED[labels["metric"]].windows, rule


def test_label_values_of_workers_are_initialised() -> None:
    worker = CollectorRegistry()
    WorkerMetrics(worker)
    known = {
        (sample.name, label, value)
        for family in worker.collect()
        for sample in family.samples
        for label, value in sample.labels.items()
    }
    for rule in rules():
        for name, matchers in selectors(str(rule["expr"])):
            if name.startswith("journey_worker_"):
                assert known >= {(name, label, value) for label, values in matchers.items() for value in values}
