"""`journey demo` as people start it, on its own servers."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from kafka import KafkaAdminClient
from redis import Redis

from streams.embedded import tansu_broker, valkey_server
from tests.demo.processes import JOURNEY, Run, demo

pytestmark = pytest.mark.usefixtures("servers")

LINE = re.compile(r"^(\w{3} \d\d \w{3} \d\d:\d\d) +(\d+)% of +\d+ ", re.MULTILINE)
NOTHING: tuple[dict[int, str], list[str]] = ({}, [])


def abandoned(output: str) -> dict[str, int]:
    """Event time -> per cent of checkouts abandoned in the hour before."""
    return {when: int(rate) for when, rate in LINE.findall(output)}


def scraped(run: Run) -> str:
    """What its exporter says, as soon as it has figures."""
    address = run.until(r"http://\S+/metrics")
    while True:
        assert run.process.poll() is None, "it ended before it had figures"
        with suppress(OSError), urlopen(address, timeout=5) as answer:
            text: str = answer.read().decode()
            if "journey_rolling{" in text:
                return text
        time.sleep(0.5)


def note(output: str, label: str) -> str:
    found = re.search(rf"^{label} +(.*)$", output, re.MULTILINE)
    assert found, f"no {label} in {output}"
    return found.group(1)


def test_two_side_by_side_show_the_spike_come_and_go_and_leave_nothing(tmp_path: Path) -> None:
    with demo(tmp_path / "one", "--seconds", "5") as one, demo(tmp_path / "two", "--seconds", "3", "--no-tty") as two:
        assert "journey_rolling{" in scraped(one)
        assert (one.end(), one.errors) == (0, "")
        assert (two.end(), two.errors) == (0, "")
        assert one.left() == two.left() == NOTHING
    for run in (one, two):
        rates = abandoned(run.output)
        assert len(rates) == 15
        assert rates["Sat 29 Jun 08:00"] < 55
        assert rates["Sat 29 Jun 10:00"] > 70
        assert max(rate for when, rate in rates.items() if when > "Sat 29 Jun 15:00") < 60
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", run.output), "control characters"
        assert run.output.count("/metrics") == 2
        for identifier in ("anonymous_id:browser-1", "phone:+31201234567", "email:customer@example.com"):
            assert re.search(rf"^{re.escape(identifier)} +2024-06-", run.output, re.MULTILINE), identifier
        assert "subscription.cancelled" in run.output
        assert "subscription.ended" not in run.output, "it is after the watermark"
    assert note(one.output, "checked") == note(two.output, "checked")
    assert note(one.output, "touchpoints") == note(two.output, "touchpoints")


def test_ctrl_c_on_a_terminal_ends_everything_and_gives_the_cursor_back(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    seen = bytearray()
    playing = threading.Event()

    def read() -> None:
        try:
            while part := os.read(ours, 65_536):
                seen.extend(part)
                if b"checkout abandonment" in seen:
                    playing.set()
        except OSError:  # the other end is closed
            return

    reader = threading.Thread(target=read, daemon=True)
    with demo(tmp_path / "run", "--seconds", "60", stdout=theirs, environment={"TERM": "xterm-256color"}) as run:
        os.close(theirs)
        reader.start()
        assert playing.wait(90), bytes(seen[-1_000:])
        commands = " ".join(run.running().values())
        assert "streams.demo.worker" in commands
        run.process.send_signal(signal.SIGINT)
        assert (run.end(), run.errors) == (1, "journey: stopped\n")
        assert run.left() == NOTHING
    reader.join(5)
    os.close(ours)
    assert seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l") >= 0


def test_terminated_while_it_starts_it_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path / "run", "--seconds", "30") as run:
        run.until("metrics ")
        run.process.terminate()
        assert (run.end(), run.errors) == (1, "journey: stopped\n")
        assert run.left() == NOTHING


def test_a_worker_that_dies_is_said_in_a_sentence(tmp_path: Path) -> None:
    with demo(tmp_path / "run", "--seconds", "60") as run:
        run.until("loading: [1-9]")
        (worker,) = (process for process, command in run.running().items() if "streams.demo.worker" in command)
        os.kill(worker, signal.SIGKILL)
        assert run.end() == 1
        assert re.fullmatch(r"journey: The worker ended\. .*\n", run.errors)
        assert run.left() == NOTHING


def test_servers_of_somebody_else_are_used_and_left_as_they_were(tmp_path: Path) -> None:
    with tansu_broker() as bootstrap, valkey_server() as server, closing(Redis.from_url(server.url)) as client:
        client.set("{shop}:theirs", 1)
        given = {"JOURNEY_KAFKA": bootstrap, "JOURNEY_REDIS": server.url, "JOURNEY_TIMEZONE": "Asia/Tokyo"}
        with demo(tmp_path / "run", "--seconds", "2", "--keep", environment=given) as run:
            exported = run.until(r"export JOURNEY_NAMESPACE=\S+")
            environment = {**os.environ, **dict(re.findall(r"export (JOURNEY_\w+)='?([^'\n]+)", run.output))}
            shown = subprocess.run(
                [*JOURNEY, "show", "order_id:order-1"], env=environment, capture_output=True, text=True, check=False
            )
            assert "customer_id:customer-1" in shown.stdout, shown.stderr
            run.process.send_signal(signal.SIGINT)
            assert (run.end(), run.errors) == (0, "")
            assert run.left() == NOTHING
        assert note(run.output, "Kafka") == f"{bootstrap} (JOURNEY_KAFKA)"
        assert exported.startswith("export JOURNEY_NAMESPACE=demo-")
        assert list(client.scan_iter()) == [b"{shop}:theirs"]
        with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
            assert [name for name in admin.list_topics() if name.startswith("demo")] == []


def test_wrong_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    with demo(tmp_path / "run", "--seconds", "0") as run:
        assert run.end() == 2
        assert "--seconds" in run.errors
        assert run.output == ""
