"""Fold: one projection at work: its consumer, its facts, its memory, and the reader of all that."""

from collections.abc import Callable
from dataclasses import dataclass

from services.insights.facts.dictionary import Codebook
from services.insights.projection.memory import Live
from services.insights.projection.projector import Projector
from services.insights.projection.reader import Reader
from services.insights.projection.store import FOLDED, FactStore, Pool
from shared.consumer import Consumer, ConsumerMetrics
from shared.contracts import fast_decode
from shared.contracts.topics import REGISTRY_SERVICES
from shared.log.port import Log
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every fold of this process has in common."""

    pool: Pool
    log: Log
    codebook: Codebook
    clock: Clock
    deployment: str
    owner: str
    metrics: ConsumerMetrics
    broken_run_max: int = 100


class Fold:
    """``changed`` hears of services whose figures may have changed; None: without a memory."""

    def __init__(
        self, around: Surroundings, projection: int, changed: Callable[[str], None] | None
    ) -> None:
        self.store = FactStore(around.pool, projection)
        today = around.clock.now().date()
        self.live = Live(self.store, around.codebook, changed or _ignore, today)
        self.consumer = Consumer(
            around.pool,
            around.log,
            name=self.store.consumer,
            topics=FOLDED,
            handler=Projector(self.store, around.codebook, self.live if changed else None),
            deployment=around.deployment,
            owner=around.owner,
            metrics=around.metrics,
            broken_run_max=around.broken_run_max,
            retelling=[REGISTRY_SERVICES],
            decode=fast_decode.decode_all,
        )
        self.reader = Reader(
            store=self.store,
            codebook=around.codebook,
            live=self.live,
            clock=around.clock,
            deployment=around.deployment,
            incomplete=self.incomplete,
        )

    async def start(self) -> None:
        await self.consumer.start()

    def incomplete(self) -> bool:
        """Whether events of types that this build knows were skipped by an older one."""
        return bool(self.consumer.incomplete())

    async def close(self) -> None:
        await self.consumer.stop()
        self.live.close()


def _ignore(_service_id: str) -> None:
    """Nobody watches a fold that only writes."""
