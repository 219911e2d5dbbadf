"""The shop that the drill plays: the same records every time, moved so that its evening is now.

Two months of ordinary life, and full hours at the same time of day: a week ago, yesterday and today, because that is what the
alerts compare. The disturbed world and the calm one are the same, record by record, until the trouble: from then on, in the
disturbed one, the payment page is broken, and many of those with a subscription walk out.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from streams.core.policy import DAY, HOUR, MINUTE
from streams.demo.content import Item, simulated
from streams.simulate import Options, Spike, Wave
from streams.simulate.options import MAX_DAYS

_EVENING = 20 * HOUR + 20 * MINUTE
"""The time of the shop's day that is now."""
_TROUBLE = 19 * HOUR
_LAST = 21 * HOUR
_VISITORS, _EVENTS = 700, 5_600
"""In a full hour: every fifth begins a checkout, and the alert wants a hundred of those in an hour."""


@lru_cache(maxsize=16)
def _told(options: Options) -> tuple[Item, ...]:
    """What the two worlds share is told once."""
    return tuple(simulated(options))


class World(msgspec.Struct, frozen=True):
    """Both worlds, at a present. now: ms, a whole minute, so that everything keeps its place in its minute."""

    now: int

    @property
    def today(self) -> int:
        """When the shop's day began."""
        return self.now - _EVENING

    @property
    def trouble(self) -> int:
        """When the payment page breaks and the wave begins: 80 minutes ago."""
        return self.today + _TROUBLE

    @property
    def last(self) -> int:
        """Until when the shop is full: what is played later is thin."""
        return self.today + _LAST

    def items(self, *, disturbed: bool) -> list[Item]:
        """Every record of one world, in order of arrival, which is that of the events."""
        found = [item for options in self.parts(disturbed=disturbed) for item in _told(options)]
        found.sort(key=lambda item: item.arrival_ms)
        return found

    def parts(self, *, disturbed: bool) -> list[Options]:
        """The simulations that one world is made of.

        Their seeds are some with which the calm world gives no alert at any hour of the wall clock that was tried. With others one
        value of some forty may stand out by chance: JourneyAbandonmentSpikeSparseBy looks at all of them.
        """
        wave = Wave(self.trouble, self.last, share=0.9)
        spike = Spike(self.trouble, self.last, factor=5.0)
        weeks, now = self._weeks(3, 27), self._full(7, 0, (19, 20))
        return [
            self._weeks(2, 62),
            msgspec.structs.replace(weeks, wave=wave) if disturbed else weeks,
            self._full(4, 7, (19, 20)),
            self._full(5, 1, (19, 20)),
            self._full(6, 0, (18,)),
            msgspec.structs.replace(now, spike=spike) if disturbed else now,
        ]

    def _weeks(self, seed: int, days_ago: int) -> Options:
        """Five weeks of a shop with many subscribers; a simulation is no longer, so two of them follow each other."""
        start = self.today - days_ago * DAY
        return Options(customers=2_000, events=16_000, seed=seed, start_ms=start, days=MAX_DAYS, subscribers=0.4)

    def _full(self, seed: int, days_ago: int, hours: tuple[int, ...]) -> Options:
        """Full hours of one day. Nobody there subscribes: cancellations come from the weeks alone, as many on every day."""
        return Options(
            customers=_VISITORS * len(hours),
            events=_EVENTS * len(hours),
            seed=seed,
            start_ms=self.today - days_ago * DAY,
            days=1,
            hours=hours,
            subscribers=0.0,
        )
