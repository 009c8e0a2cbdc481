"""Confirms what nobody objected to: fourteen days after it was recorded, whenever it happened.

What is due stands in a table that changes with the events, so a restart loses and repeats nothing.
A dispute takes a contribution out of it for good: from there only people make it count.
"""

import asyncio

import structlog

from services.exchange.context import stream
from services.exchange.contribution import life
from services.exchange.contribution import rules as contribution
from services.exchange.contribution.read_model import Projection
from shared.commands.plan import happened
from shared.eventstore.handling import handle
from shared.eventstore.port import Answer, Command, Happened, Provenance
from shared.eventstore.store import Conflict, Pool, PostgresEventStore
from shared.runtime.clock import Clock
from shared.runtime.retry import is_transient

BATCH_MAX = 250
TICK_SECONDS = 10.0
SENDER = Provenance(agency="coprod", system="exchange", actor=life.AUTOMATIC)
DUE = """
SELECT contribution_id, service_id FROM contribution
WHERE confirm_due_at <= $1 ORDER BY confirm_due_at, contribution_id LIMIT $2
"""
log = structlog.get_logger(__name__)


class AutomaticConfirmation:
    """Any number of processes may run one: who comes second finds nothing left to confirm."""

    def __init__(self, pool: Pool, store: PostgresEventStore, clock: Clock) -> None:
        self._pool = pool
        self._store = store
        self._clock = clock

    async def confirm_due(self) -> int:
        """Confirm everything that is due by now; return how many contributions that were."""
        confirmed = 0
        while due := await self._pool.fetch(DUE, self._clock.now(), BATCH_MAX):
            commands = [self._command(row["contribution_id"], row["service_id"]) for row in due]
            await handle(self._store, commands, Projection())
            confirmed += len(commands)
        return confirmed

    async def run(self) -> None:
        """Confirm for ever what falls due."""
        while True:
            try:
                if confirmed := await self.confirm_due():
                    log.info("contributions_confirmed_automatically", contributions=confirmed)
            except Exception as failure:
                if not (is_transient(failure) or isinstance(failure, Conflict)):
                    raise
                log.warning("automatic_confirmation_waits", failure=type(failure).__name__)
            await asyncio.sleep(TICK_SECONDS)

    def _command(self, contribution_id: str, service_id: str) -> Command[life.State]:
        now = self._clock.now()

        def decide(state: life.State) -> list[Happened]:
            events = contribution.decide(contribution.ConfirmAutomatically(), state)
            return [happened(event, now) for event in events]

        return Command(
            stream=stream(contribution.stream_id(contribution_id), contribution_id, service_id),
            initial=life.INITIAL,
            decide=decide,
            evolve=life.evolve,
            answer=lambda *_: Answer(200, {}),
            provenance=SENDER,
        )
