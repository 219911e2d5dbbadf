"""Synthetic touchpoints with known truth: deterministic, realistic enough to exercise every part of the contract.

simulation = simulate(customers=1_000, events=15_000, seed=7, duplicates=0.05)
for one in simulation: produce(one.key, one.value)
simulation.truth.document()
"""

from __future__ import annotations

from typing import Any

from streams.simulate.options import EVENTS_PER_CUSTOMER, Options, Spike, Wave
from streams.simulate.output import pairs, write, write_truth
from streams.simulate.simulation import Simulated, Simulation
from streams.simulate.truth import Truth

__all__ = [
    "EVENTS_PER_CUSTOMER",
    "Options",
    "Simulated",
    "Simulation",
    "Spike",
    "Truth",
    "Wave",
    "pairs",
    "simulate",
    "write",
    "write_truth",
]


def simulate(
    customers: int,
    events: int | None = None,
    seed: int = 1,
    duplicates: float = 0.0,
    late: float = 0.0,
    disorder: float = 0.0,
    **more: Any,
) -> Simulation:
    """A simulation, to be iterated in order of arrival; `events` is 15 a customer unless given.

    more: the other fields of `Options`. Raises ValueError for numbers that make no simulation.
    """
    return Simulation(
        Options(
            customers=customers,
            events=customers * EVENTS_PER_CUSTOMER if events is None else events,
            seed=seed,
            duplicates=duplicates,
            late=late,
            disorder=disorder,
            **more,
        )
    )
