"""Truth: what a workload says, and what the facts in a database say of it, each by its own way."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import asyncpg

from benchmarks.workload import TODAY, Size, messages
from services.insights.metrics.engine.predicates import EVERYTHING
from services.insights.projection.columns import folded
from services.insights.projection.store import FactStore
from shared.contracts import exchange
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Message


@dataclass(slots=True)
class Truth:
    """``events`` that made a fact; ``contributions`` that count at the end, and their minutes."""

    events: int = 0
    contributions: int = 0
    minutes: int = 0


@dataclass(slots=True)
class StoredTruth(Truth):
    """``doubled``: positions whose facts are there more than once."""

    doubled: int = 0


@dataclass(slots=True)
class _Acts:
    minutes: dict[str, int] = field(default_factory=dict)

    def take(self, message: Message) -> None:
        match message:
            case exchange.ContributionConfirmed(act=act):
                self.minutes[act.contribution_id] = act.minutes or 0
            case exchange.ContributionCorrected(after=after):
                self.minutes[after.contribution_id] = after.minutes or 0
            case exchange.ContributionVoided(act=act):
                del self.minutes[act.contribution_id]
            case _:
                pass


def told(size: Size) -> Truth:
    """Return what the workload says, event by event and without any of the fold's code."""
    return of(messages(size))


def of(events: Iterable[Message]) -> Truth:
    acts, made = _Acts(), 0
    for message in events:
        acts.take(message)
        made += not isinstance(message, exchange.ContributionRecorded)
    return Truth(made, len(acts.minutes), sum(acts.minutes.values()))


async def kept(dsn: str) -> StoredTruth:
    """Return what the facts of the first projection say, whoever wrote them."""
    found = StoredTruth()
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        store = FactStore(pool, 1)
        for number in range(EXCHANGE_ACTIVITY.partitions):
            chunks = (await store.read(number)).chunks
            times = Counter(
                (chunk.source, position) for chunk in chunks for position, _ in chunk.events()
            )
            found.events += len(times)
            found.doubled += times.total() - len(times)
            for one in folded(chunks, TODAY.date()).values():
                view = one.state.view("life")
                found.contributions += view.contributions
                found.minutes += view.weight("minutes", EVERYTHING)
    return found
