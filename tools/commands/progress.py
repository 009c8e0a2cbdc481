"""How far events have come: stored, published, replicated by exchange, folded by insights.

Positions are keyed "topic/partition", as receipts write them; a partition nobody has seen is at 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.topics import EVENT_TOPICS
from tools.deployment.client import Services

Positions = Mapping[str, int]

WRITERS = ("registry", "exchange")


@dataclass(frozen=True, slots=True)
class Progress:
    """``heads`` are the last stored positions of registry and exchange together."""

    heads: Positions
    relayed: Positions
    replicated: Positions
    folded: Positions

    def steps(self) -> dict[str, tuple[str, Positions]]:
        """Return, for each step, which consumer takes part in it and how far it has come."""
        return {
            "publishing": ("", self.relayed),
            "replicating to exchange": ("exchange", self.replicated),
            "folding in insights": ("insights", self.folded),
        }

    def lags(self) -> dict[str, int]:
        """Return how many events each step is behind the stores."""
        return {
            step: sum(missing(_concerned(self.heads, consumer), reached).values())
            for step, (consumer, reached) in self.steps().items()
        }

    def behind(self, target: Positions) -> dict[str, dict[str, int]]:
        """Return step -> partition -> events missing, for the partitions short of ``target``."""
        found = {
            step: missing(_concerned(target, consumer), reached)
            for step, (consumer, reached) in self.steps().items()
        }
        return {step: partitions for step, partitions in found.items() if partitions}

    def as_json(self) -> dict[str, Positions]:
        return {
            "heads": self.heads,
            "relayed": self.relayed,
            "replicated": self.replicated,
            "folded": self.folded,
        }


def missing(target: Positions, reached: Positions) -> dict[str, int]:
    """Return how many events each partition lacks; partitions that lack none are left out."""
    lacking = {
        partition: position - reached.get(partition, 0) for partition, position in target.items()
    }
    return {partition: events for partition, events in lacking.items() if events > 0}


def read_progress(services: Services) -> Progress:
    """Ask the three services, the heads first: later events are not waited for."""
    written: dict[str, Any] = {name: services.get(name, "/v1/positions") for name in WRITERS}
    folded = services.get("insights", "/v1/positions")
    return Progress(
        heads={**written["registry"]["heads"], **written["exchange"]["heads"]},
        relayed={**written["registry"]["relayed"], **written["exchange"]["relayed"]},
        replicated=written["exchange"]["replica"],
        folded=folded["folded"],
    )


def _concerned(positions: Positions, consumer: str) -> Positions:
    """Return the partitions of the topics that the consumer reads; all for no consumer."""
    topics = {topic.name for topic in EVENT_TOPICS if not consumer or consumer in topic.consumers}
    return {key: value for key, value in positions.items() if key.rpartition("/")[0] in topics}
