"""What the network and the machines do to every request, drawn from the seed."""

import random
from dataclasses import dataclass, field
from typing import NamedTuple

KINDS = (
    "request_lost",  # never arrives, and the connection is gone
    "answer_lost",  # takes effect, and the connection is gone
    "slow",  # takes long, one way or the other
    "process_killed",
    "process_paused",
    "database_crashed",
    "broker_away",
    "produce_lost",  # the client sends it again, until it gives up; it may still arrive
    "produced_late",
    "rewound",
    "poisoned",
    "replica_restarted",
    "tail_lost",  # records that were acknowledged, and maybe read, are gone from the log
    "acknowledged_lost",  # a batch is acknowledged and gone, as after an unclean election
)


class Fate(NamedTuple):
    """What becomes of one request; delays in seconds each way."""

    delay_to: float
    lost_to: bool
    delay_back: float
    lost_back: bool


@dataclass
class Luck:
    """``rates``: kind of bad luck -> chance per request, or per moment for what strikes processes.

    Each schedule draws which kinds there are at all, so that some meet one kind alone, and often.
    """

    chance: random.Random
    rates: dict[str, float] = field(default_factory=dict)
    struck: dict[str, int] = field(default_factory=dict)

    @classmethod
    def drawn(cls, chance: random.Random, among: tuple[str, ...] = KINDS) -> "Luck":
        kinds = [kind for kind in among if chance.random() < 0.5]
        return cls(chance, {kind: chance.choice((0.01, 0.03, 0.1)) for kind in kinds})

    def strikes(self, kind: str, times: float = 1.0) -> bool:
        rate = self.rates.get(kind, 0.0)
        if rate and self.chance.random() < rate * times:
            self.struck[kind] = self.struck.get(kind, 0) + 1
            return True
        return False

    def fate(self) -> Fate:
        return Fate(
            self.delay(), self.strikes("request_lost"), self.delay(), self.strikes("answer_lost")
        )

    def delay(self) -> float:
        """Return the seconds that one way takes."""
        if self.strikes("slow"):
            return self.chance.choice((0.05, 0.3, 1.0, 3.0)) * self.chance.random()
        return self.chance.random() * 0.004

    def over(self) -> None:
        """Let nothing bad happen any more."""
        self.rates = {}
