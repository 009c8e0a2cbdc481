"""Plays schedules in a process of its own, on the protocols as they are or as mutated."""

import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field

import structlog

from tests.simulation.mutations import BY_NAME, install

SILENT = 50  # structlog's level above which nothing of ours is logged


@dataclass
class Tally:
    """What some schedules came to, added up."""

    schedules: int = 0
    events: int = 0
    records: int = 0
    seconds: float = 0.0
    struck: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, list[str]]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.schedules += other.schedules
        self.events += other.events
        self.records += other.records
        self.seconds += other.seconds
        self.struck.update(other.struck)
        self.broken.extend(other.broken)


def prepare(mutation: str, *, loud: bool = False) -> None:
    if mutation:
        install(BY_NAME[mutation])
    if (
        loud
    ):  # what is told of a seed must be the same each time, so the clock on the wall is left out
        told = [structlog.stdlib.add_log_level, structlog.dev.ConsoleRenderer(colors=False)]
        structlog.configure(processors=told)
    else:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(SILENT))
    # what a killed process left behind is closed by the collector, and complains
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None


def play(seeds: range) -> Tally:
    """Play them one after the other, up to the first that breaks a promise."""
    from tests.simulation.world import World  # after a mutation is in place

    tally = Tally()
    for seed in seeds:
        outcome = World(seed).run()
        found = [(seed, outcome.broken)] if outcome.broken else []
        struck = Counter(outcome.struck)
        tally.add(Tally(1, outcome.events, outcome.records, outcome.seconds, struck, found))
        if found:
            break
    return tally
