"""The full form of the drill: from a broken payment page to a webhook, on real servers.

Two sides run the same shop: on one the payment page breaks and many walk out, on the other nothing happens. Their history, eight
days of samples included, is the same. What was before the trouble is loaded; then 80 minutes of event time are played in about
one of the wall clock, until event time has reached the present; from there on both go on together.

Exit code 0 only if every alert of `EXPECTED` reached the disturbed side's webhook within the stated times, and no business alert the
calm side's, whose webhook is proved to work by an alert of the drill's own.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
from kafka.errors import KafkaError
from redis.exceptions import RedisError

from streams.bench import servers
from streams.demo.player import Player
from streams.drill.blocks import create_blocks
from streams.drill.history import TARGET
from streams.drill.servers import program
from streams.drill.side import Side, prepare, settled
from streams.drill.watch import Watch, watched
from streams.drill.webhook import Notice
from streams.drill.world import World
from streams.embedded import ServerError, ServerProcess

EXPECTED: Mapping[str, Mapping[str, str]] = {
    "JourneyAbandonmentSpike": {"task": "checkout"},
    "JourneyCancellationSpike": {},
    "JourneyChurnSpike": {},
}
"""Alerts that must come from the disturbed side, with these labels."""
WALL_SECONDS = 600.0
"""Within so long after the first record of the trouble was sent."""
EVENT_MINUTES = 100.0
"""Within so much event time after the trouble began; 30 minutes of it a checkout may take before it counts as given up."""
PREPARE_SECONDS = 180
"""How far ahead the present of the worlds lies when they are made."""
PLAY_SECONDS = 60.0
LOAD_SECONDS = 600.0
LOOK_SECONDS = 0.5
PROOF = "DrillProof"


class Came(msgspec.Struct, frozen=True):
    """An expected alert at the webhook: wall-clock seconds and event-time minutes since the trouble began."""

    wall_seconds: float
    event_minutes: float


class Actor:
    """A side while it is played: its producer, its store, and what looks at it."""

    def __init__(self, side: Side, player: Player) -> None:
        self.side = side
        self.player = player
        self.store = side.store()
        self._watch: Watch | None = None
        self._seen = 0

    @property
    def watch(self) -> Watch:
        """Its Prometheus, Alertmanager and webhook, once there are."""
        if self._watch is None:
            raise AssertionError("nothing looks at this side yet")
        return self._watch

    @watch.setter
    def watch(self, watch: Watch) -> None:
        self._watch = watch

    def play(self, end: int) -> None:
        """From the trouble to `end` (ms) in `PLAY_SECONDS`, then a second in a second until stopped."""
        self.player.play(end, PLAY_SECONDS)
        self.player.go_on(end)

    def news(self) -> list[Notice]:
        """What has come to its webhook since the last call."""
        found = self.watch.receiver.notices(self._seen)
        self._seen += len(found)
        return found

    async def close(self) -> None:
        """Ends what is being sent, and releases the connections."""
        self.player.close()
        await self.store.close()


async def drill(wait_seconds: float | None) -> list[str]:
    """Runs it; what is not as it should be, a sentence each. ServerError where something does not start or ends."""
    for name in ("prometheus", "promtool", "alertmanager"):
        program(name)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="journey-drill-", ignore_cleanup_errors=True)))
        kafka, broker = stack.enter_context(servers.broker())
        redis, store = stack.enter_context(servers.store())
        _say(f"{broker}; {store}")
        world = World((round(time.time()) + PREPARE_SECONDS) // 60 * 60_000)
        sides = [prepare(name, kafka, redis, directory) for name in ("disturbed", "calm")]
        text = directory / "history.txt"
        history = sides[0].run("history", "-m", "streams.drill.history", str(world.now), str(text))
        stack.callback(history.stop)
        for side in sides:
            stack.enter_context(side.served(embedded=broker.startswith("embedded")))
        actors: list[Actor] = []
        try:
            for side in sides:
                player = await asyncio.to_thread(side.player, world, disturbed=side is sides[0])
                actors.append(Actor(side, player))
            await _load(actors, world)
            await _until(lambda: _walked(history, text), actors)
            _say("eight days of samples are there; Prometheus and Alertmanager start")
            await asyncio.to_thread(create_blocks, text, directory / "data")
            for actor in actors:
                actor.watch = stack.enter_context(watched(actor.side, directory / "data", wait_seconds))
            return await _act(actors[0], actors[1], world)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C leaves no server behind
            for actor in actors:
                await actor.close()


async def _load(actors: Sequence[Actor], world: World) -> None:
    """What was before the trouble, on both sides at once."""
    _say(f"loading {actors[0].player.before(world.trouble):,} records on each side")
    sending = [asyncio.create_task(asyncio.to_thread(actor.player.load)) for actor in actors]

    async def done() -> bool:
        for task in sending:
            if task.done():
                task.result()
        return all(
            [task.done() and await settled(actor.store, world.trouble - 1) for actor, task in zip(actors, sending, strict=True)]
        )

    await _until(done, actors)


async def _walked(history: ServerProcess, text: Path) -> bool:
    if history.running:
        return False
    if not await asyncio.to_thread(text.exists):
        raise ServerError(f"The walk through history ended early. {history.log_tail()}")
    return True


async def _until(done: Callable[[], Awaitable[bool]], actors: Sequence[Actor]) -> None:
    deadline = time.monotonic() + LOAD_SECONDS
    while not await done():
        for actor in actors:
            actor.side.check()
        if time.monotonic() > deadline:
            raise ServerError(f"The history was not ready within {LOAD_SECONDS:.0f} s.")
        await asyncio.sleep(LOOK_SECONDS)


async def _act(disturbed: Actor, calm: Actor, world: World) -> list[str]:
    """The trouble, until every expected alert has come or the time is over; what is not as it should be."""
    _prove(calm)
    began = time.time()
    end = round(began + PLAY_SECONDS) * 1_000
    _say(f"trouble: {(end - world.trouble) / 60_000:.0f} minutes of event time in {PLAY_SECONDS:.0f} s, then on in real time")
    sending = [asyncio.create_task(asyncio.to_thread(actor.play, end)) for actor in (disturbed, calm)]
    came: dict[str, Came] = {}
    wrong: list[str] = []
    proved = False
    while time.time() < began + WALL_SECONDS and not (proved and came.keys() == EXPECTED.keys()):
        await asyncio.sleep(LOOK_SECONDS)
        for actor, task in zip((disturbed, calm), sending, strict=True):
            actor.side.check()
            if task.done():
                task.result()
        event_minutes = ((await disturbed.store.positions())[0] - world.trouble) / 60_000
        for notice in disturbed.news():
            _tell("disturbed", notice, began, event_minutes)
            if notice.firing and notice.name in EXPECTED and EXPECTED[notice.name].items() <= notice.labels.items():
                came.setdefault(notice.name, Came(notice.at - began, event_minutes))
        for notice in calm.news():
            _tell("calm", notice, began, event_minutes)
            proved |= notice.name == PROOF
            if notice.name != PROOF and notice.labels.get("scope") == "business":
                wrong.append(f"On the calm side {notice.name} came: {notice.summary}")
    return [*wrong, *_missing(came, proved=proved), *_deaf(calm)]


def _prove(calm: Actor) -> None:
    """An alert of the drill's own, by the way of every business alert."""
    labels = {"alertname": PROOF, "namespace": TARGET["namespace"], "scope": "business", "severity": "critical", "team": "ux"}
    calm.watch.alertmanager.post([{"labels": labels, "annotations": {"summary": "The calm side's webhook works."}}])


def _missing(came: Mapping[str, Came], *, proved: bool) -> list[str]:
    found = [] if proved else ["The alert that proves the calm side's webhook did not come."]
    for name in EXPECTED:
        if name not in came:
            found.append(f"{name} did not come within {WALL_SECONDS:.0f} s.")
            continue
        wall, event = came[name].wall_seconds, came[name].event_minutes
        _say(f"{name}: {wall:.0f} s after the first record of the trouble, {event:.0f} minutes of event time after it began")
        if event > EVENT_MINUTES:
            found.append(f"{name} came after {event:.0f} minutes of event time, more than {EVENT_MINUTES:.0f}.")
    return found


def _deaf(calm: Actor) -> list[str]:
    """Whether the calm side's alerts had anything to compare; silence would say nothing otherwise."""
    hour = 'max(journey_rolling{metric="task_abandonment_rate",task="checkout",window="1h",stat="%s"} %s)'
    figures = {}
    for offset in ("", "offset 1d", "offset 1w"):
        found = [calm.watch.prometheus.query(hour % (stat, offset)) for stat in ("value", "n")]
        if not all(found):
            return [f"The calm side has no checkouts to look at ({offset or 'now'})."]
        value, n = (series[0].points[0][1] for series in found)
        figures[offset] = f"{value:.0%} of {n:.0f}"
    _say(
        f"calm: {figures['']} checkouts of the last hour given up; yesterday {figures['offset 1d']}, last week {figures['offset 1w']}"
    )
    return []


def _tell(side: str, notice: Notice, began: float, event_minutes: float) -> None:
    state = "" if notice.firing else "resolved: "
    _say(
        f"{notice.at - began:4.0f} s, {event_minutes:3.0f} min  {side}: {state}{notice.name}  {' '.join(notice.summary.split())}"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"drill    {text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """0 if everything came out as it should, else 1; the sentences that say why go to stderr."""
    parser = argparse.ArgumentParser(prog="make drill", description="From a broken payment page to a webhook, on real servers.")
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="no alert waits longer than this, in a copy of the rules")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        failures = asyncio.run(drill(options.wait))
    except KeyboardInterrupt:
        failures = ["stopped"]
    except (ServerError, RuntimeError, OSError, KafkaError, RedisError) as error:
        failures = [str(error)]
    for sentence in failures:
        sys.stderr.write(f"drill: {sentence}\n")
    return 1 if failures else 0
