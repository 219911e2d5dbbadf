"""A side's Prometheus, Alertmanager and webhook.

The rules and both configurations are those of deploy/. Exchanged are addresses, and Prometheus looks every 5 seconds; where the
waits are shortened, also every `for` in a copy of the rules, and Alertmanager's grouping.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from streams.drill.replay import RULES
from streams.drill.servers import Alertmanager, Prometheus, alertmanager, prometheus
from streams.drill.side import Side
from streams.drill.webhook import Receiver, receiver
from streams.durations import parse_duration
from streams.embedded.process import LOOPBACK

CONFIGURATION = RULES.parent / "prometheus.yml"
ALERTMANAGER = RULES.parents[1] / "alertmanager" / "alertmanager.yml"
SCRAPE_SECONDS = 5
_GROUPING = ("group_wait", "group_interval")


class Watch(msgspec.Struct, frozen=True):
    """What looks at one side."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    receiver: Receiver


@contextmanager
def watched(side: Side, data: Path, wait_seconds: float | None) -> Iterator[Watch]:
    """Starts them. data: what Prometheus has already, copied. wait_seconds: no alert waits longer; None leaves the rules alone."""
    own = side.directory / "prometheus"
    shutil.copytree(data, own)
    rules = RULES if wait_seconds is None else _hurried_rules(side.directory / "rules", wait_seconds)
    with ExitStack() as stack:
        told = stack.enter_context(receiver())
        manager = stack.enter_context(alertmanager(_alertmanager(told.url, wait_seconds)))
        server = stack.enter_context(prometheus(own, _prometheus(side, rules, manager)))
        yield Watch(server, manager, told)


def _prometheus(side: Side, rules: Path, manager: Alertmanager) -> str:
    """The shipped configuration, with our addresses and a shorter interval."""
    content = yaml.safe_load(CONFIGURATION.read_text("utf-8"))
    ports = {"journey-exporter": side.settings.exporter_port, "journey-worker": side.settings.worker_port}
    content["global"] |= dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), f"{SCRAPE_SECONDS}s")
    content["rule_files"] = [f"{rules}/*.yml"]
    content["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [manager.address]}]}]
    content["scrape_configs"] = [
        {name: value for name, value in job.items() if not name.endswith("_sd_configs")}
        | {"static_configs": [{"targets": [f"{LOOPBACK}:{ports[job['job_name']]}"]}]}
        for job in content["scrape_configs"]
        if job["job_name"] in ports
    ]
    return str(yaml.safe_dump(content))


def _alertmanager(url: str, wait_seconds: float | None) -> str:
    """The shipped configuration with our address as that of its webhooks."""
    content = yaml.safe_load(ALERTMANAGER.read_text("utf-8"))
    for one in content["receivers"]:
        for hook in one.get("webhook_configs", ()):
            hook.pop("url_file", None)
            hook["url"] = url
    if wait_seconds is not None:
        _hurry(content["route"], _GROUPING, wait_seconds)
    return str(yaml.safe_dump(content))


def _hurried_rules(target: Path, wait_seconds: float) -> Path:
    target.mkdir()
    for path in RULES.glob("*.yml"):
        content = yaml.safe_load(path.read_text("utf-8"))
        for group in content["groups"]:
            for rule in group["rules"]:
                _hurry(rule, ("for",), wait_seconds)
        (target / path.name).write_text(yaml.safe_dump(content), "utf-8")
    return target


def _hurry(content: dict[str, Any], names: tuple[str, ...], wait_seconds: float) -> None:
    for name in names:
        if parse_duration(content.get(name, 0)) > wait_seconds * 1_000:
            content[name] = f"{round(wait_seconds)}s"
    for route in content.get("routes", ()):
        _hurry(route, names, wait_seconds)
