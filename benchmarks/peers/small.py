"""Small: the work that every peer does, and what shows that it was done right."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec


class Receiver(msgspec.Struct):
    party: str


class Act(msgspec.Struct):
    service_id: str
    giver_id: str
    giver_party: str
    occurred_at: str
    minutes: int
    receivers: tuple[Receiver, ...] = ()


class Confirmed(msgspec.Struct):
    act: Act


decode = msgspec.json.Decoder(Confirmed).decode


def pair_of(giver_party: str, receivers: list[str]) -> str:
    """Return the parties of an act: of its giver, and of its first receiver if there is any."""
    return f"{giver_party}>{receivers[0] if receivers else '-'}"


@dataclass(slots=True)
class Small:
    """``days``: (service, day) -> [acts, minutes]; ``pairs``: (service, pair) -> minutes."""

    days: defaultdict[tuple[str, str], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    pairs: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    givers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, act: Act) -> None:
        service, minutes = act.service_id, act.minutes
        day = self.days[service, act.occurred_at[:10]]
        day[0] += 1
        day[1] += minutes
        receivers = act.receivers
        self.pairs[service, f"{act.giver_party}>{receivers[0].party if receivers else '-'}"] += (
            minutes
        )
        self.givers[service].add(act.giver_id)

    def digest(self) -> str:
        """Return the same text for the same state, whoever holds it."""
        days = [[*name, *held] for name, held in self.days.items()]
        pairs = [[*name, minutes] for name, minutes in self.pairs.items()]
        return digest_of(days, pairs, {name: list(held) for name, held in self.givers.items()})


def digest_of(
    days: Sequence[list[Any]], pairs: Sequence[list[Any]], givers: dict[str, list[str]]
) -> str:
    told = [
        sorted(days, key=str), sorted(pairs, key=str),
        sorted([name, *sorted(held)] for name, held in givers.items()),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()[:16]
