"""What compose.yaml must hold to, service by service. That it is a compose file at all says `make check`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from streams.cli.main import run
from streams.settings import load_settings
from tests.deploy.composed import DEPLOY, ROOT, VARIABLE, VERSION, composed, environment, put_in, services

ALL = sorted(services())
OURS = sorted(name for name, service in services().items() if service["image"].startswith("journey:"))
SECRET = re.compile(r"password|secret|token|api_key", re.IGNORECASE)
EXAMPLE = dict(re.findall(r"^(\w+)=(.*)$", (DEPLOY / ".env.example").read_text("utf-8"), re.MULTILINE))


def texts(value: Any) -> Iterator[str]:
    """Every text in a part of the file."""
    if isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


def variables() -> dict[str, str]:
    """Variable -> `-` where it has a default, `?` where it must be set."""
    return {
        found["name"]: found["kind"] or "" for text in texts(composed()) for found in VARIABLE.finditer(text) if found["name"]
    }


@pytest.mark.parametrize("name", ALL)
def test_an_image_has_a_whole_version(name: str) -> None:
    assert re.search(r":v?\d+\.\d+\.\d+(-[a-z]+)?$", services()[name]["image"])


@pytest.mark.parametrize("name", OURS)
def test_our_image_has_the_projects_version(name: str) -> None:
    assert services()[name]["image"] == f"journey:{VERSION}"


@pytest.mark.parametrize("name", ALL)
def test_a_service_has_a_health_check_or_is_a_job_that_others_wait_for(name: str) -> None:
    if "healthcheck" in services()[name]:
        return
    waits = [service.get("depends_on", {}).get(name, {}).get("condition") for service in services().values()]
    assert "service_completed_successfully" in waits
    assert services()[name]["restart"].startswith("on-failure:")


@pytest.mark.parametrize("name", ALL)
def test_whoever_waits_for_health_waits_for_somebody_who_tells_it(name: str) -> None:
    for other, how in services()[name].get("depends_on", {}).items():
        assert ("healthcheck" in services()[other]) == (how["condition"] == "service_healthy")


@pytest.mark.parametrize("name", ALL)
def test_a_service_may_do_no_more_than_it_must(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("user") not in {"root", "0", 0}
    assert not service.get("privileged")
    assert not any("docker.sock" in text for text in texts(service))
    # Kafka's image writes its configuration beside its programs when it starts.
    assert service.get("read_only", False) == (name != "kafka")


@pytest.mark.parametrize("name", ALL)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in services()[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
    assert services()[name].get("network_mode") is None


@pytest.mark.parametrize("name", ALL)
def test_what_is_mounted_from_here_is_there_and_cannot_be_written(name: str) -> None:
    for mount in services()[name].get("volumes", []):
        source, _, rest = mount.partition(":")
        if source.startswith("."):
            assert (DEPLOY / source).exists()
            assert rest.endswith(":ro")
        else:
            assert source in composed()["volumes"]


@pytest.mark.parametrize("name", ALL)
def test_no_password_is_written_down(name: str) -> None:
    for variable, value in services()[name].get("environment", {}).items():
        if SECRET.search(variable):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value)
    for text in texts(services()[name]):
        for password in re.findall(r"://[^/@\s:]*:(.*?)@", text):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", password)


def test_the_example_names_every_variable_and_gives_no_value() -> None:
    assert sorted(EXAMPLE) == sorted(variables())
    assert set(EXAMPLE.values()) == {""}


def test_nothing_starts_without_its_passwords() -> None:
    required = {name for name, kind in variables().items() if kind == "?"}
    assert required == {name for name in variables() if SECRET.search(name)}
    for text in texts(services()):
        if ":?" in text:
            with pytest.raises(KeyError):
                put_in(text, {})


@pytest.mark.parametrize("path", ["deploy/.env", "deploy/alertmanager/webhook_url"])
def test_what_is_secret_is_never_committed(path: str) -> None:
    done = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False)
    if done.returncode == 128:
        pytest.skip("no git checkout")
    assert done.returncode == 0


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_our_services_are_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environment(name, dict.fromkeys(EXAMPLE, "x1")).items():
        monkeypatch.setenv(variable, value)
    assert load_settings().namespace == "x1"


def test_workers_and_the_exporter_have_the_same_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = []
    for name in ("worker", "exporter"):
        with monkeypatch.context() as patch:
            for variable, value in environment(name, dict.fromkeys(EXAMPLE, "x1")).items():
                patch.setenv(variable, value)
            policies.append(load_settings().policy())
    assert policies[0] == policies[1]


@pytest.mark.parametrize("name", OURS)
def test_the_commands_of_our_services_are_commands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*services()[name]["command"], "--help"]) == 0
    assert "Usage: journey" in capsys.readouterr().out


def test_health_is_asked_where_it_is_told() -> None:
    settings = load_settings()
    for name, port in (("worker", settings.worker_port), ("exporter", settings.exporter_port)):
        assert f"http://127.0.0.1:{port}/" in services()[name]["healthcheck"]["test"][-1]
