"""Exchange's commands on a real database, without HTTP or log; what registry said is put in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from typing import Any

import asyncpg
from msgspec.structs import replace

from services.exchange.command_service import ExchangeCommands
from services.exchange.contribution.bodies import RecordContribution, SynchroniseContribution
from services.exchange.contribution.queries import ContributionQueries, ContributionView
from services.exchange.identity import load_identity
from services.exchange.inbox.replica import DirectoryFold
from shared.consumer import Batch
from shared.contracts.exchange import Act
from shared.contracts.registry import (
    AgencyRegistered,
    ParticipantRegistered,
    RoleAssumed,
    ServiceRegistered,
)
from shared.contracts.vocabulary import Message, ParticipantKind, Party
from shared.eventstore.port import Answer, Idempotency, Provenance, Refusal
from shared.eventstore.store import Pool, PostgresEventStore
from shared.http.strict import StrictModel
from shared.http.submission import Submission, SubmissionContext
from shared.log.port import TopicPartition
from shared.runtime.clock import FixedClock
from tests.services.exchange.builders import NOON, START
from tests.support.stream import event

PEOPLE = {"ann": Party.USER, "bob": Party.FAMILY_SOCIAL, "pat": Party.PROFESSIONAL}
SOMEWHERE = TopicPartition("registry.services.v1", 0)


def town() -> list[Message]:
    """Two services, the library and the garden, with ann, bob and pat in both."""
    said: list[Message] = [AgencyRegistered(agency_id="local", name="Town")]
    for service_id in ("library", "garden"):
        said.append(
            ServiceRegistered(
                service_id=service_id, agency_ids=("local",), name=service_id, starts_on=START
            )
        )
        said += [role(service_id, each, party) for each, party in PEOPLE.items()]
    return said


def role(service_id: str, participant_id: str, party: Party, since: date = START) -> RoleAssumed:
    return RoleAssumed(
        service_id=service_id,
        participant_id=participant_id,
        participant_kind=ParticipantKind.PERSON,
        party=party,
        since=since,
    )


def registered(participant_id: str, kind: ParticipantKind = ParticipantKind.PERSON) -> Message:
    return ParticipantRegistered(participant_id=participant_id, agency_id="local", kind=kind)


async def put(pool: Pool, *said: Message) -> None:
    """Fold what registry said, as the consumer would."""
    async with pool.acquire() as connection, connection.transaction():
        batch = Batch(events={}, positions={}, messages={SOMEWHERE: said})
        await DirectoryFold().apply(connection, batch)  # type: ignore[arg-type]


async def put_late(pool: Pool, service_id: str, story: Sequence[Message]) -> None:
    """Fold an event of the service's that waited in quarantine, with all that was said of it."""
    late = replace(event(1, SOMEWHERE), key=service_id)
    async with pool.acquire() as connection, connection.transaction():
        batch = Batch(events={SOMEWHERE: [late]}, positions={}, replayed=True, story=story)
        await DirectoryFold().apply(connection, batch)  # type: ignore[arg-type]


@dataclass(slots=True)
class Counter:
    """The command service, what is behind it, and the clock on the wall."""

    dsn: str
    pool: Pool
    store: PostgresEventStore
    commands: ExchangeCommands
    contributions: ContributionQueries
    clock: FixedClock
    numbers: "count[int]" = field(default_factory=count)

    async def send(self, body: StrictModel, **context: Any) -> Answer | Refusal:
        return await self.commands.take(submission(body, **context))

    async def send_all(
        self, bodies: Sequence[StrictModel], agency: str = "local"
    ) -> list[Answer | Refusal]:
        return await self.commands.submit([submission(body, agency) for body in bodies])

    async def done(self, body: StrictModel, **context: Any) -> dict[str, Any]:
        outcome = await self.send(body, **context)
        assert isinstance(outcome, Answer), outcome
        return dict(outcome.body)

    async def given(self, **changes: Any) -> str:
        """Record a contribution by ann and return its id."""
        return str((await self.done(contribution(**changes)))["contribution_id"])

    async def view(self, contribution_id: str) -> ContributionView:
        found = await self.contributions.contribution(contribution_id)
        assert found is not None
        return found

    async def act(self, contribution_id: str) -> Act:
        return (await self.view(contribution_id)).act

    async def events(self) -> list[str]:
        """Return the types of everything stored, in the order of storing, without their frame."""
        rows = await self.pool.fetch("SELECT type FROM event ORDER BY event_id")
        return [row["type"].removeprefix("org.coprod.exchange.")[:-3] for row in rows]


async def open_counter(dsn: str, look_again_seconds: float = 0) -> Counter:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4)
    clock = FixedClock(NOON)
    store = PostgresEventStore(pool, clock=clock)
    commands = ExchangeCommands(pool, store, await load_identity(pool), look_again_seconds)
    return Counter(dsn, pool, store, commands, ContributionQueries(pool, store), clock)


def submission(body: StrictModel, agency: str = "local", key: str | None = None) -> Submission:
    sender = Provenance(agency, "file", "tester")
    used = None if key is None else Idempotency(sender.source, key, repr(body).encode())
    return Submission(body, SubmissionContext(sender, used))


def contribution(**changes: Any) -> RecordContribution:
    fields: dict[str, Any] = {
        "service_id": "library",
        "giver_id": "ann",
        "occurred_at": at(1),
        "minutes": 60,
    }
    return RecordContribution(**(fields | changes))


def row(**changes: Any) -> SynchroniseContribution:
    fields: dict[str, Any] = {
        "local_id": "row-1",
        "service_id": "library",
        "giver_id": "ann",
        "giver_party": "user",
        "occurred_at": at(1),
        "minutes": 60,
    }
    return SynchroniseContribution(**(fields | changes))


def at(day: int, hour: int = 12) -> str:
    return datetime(2026, 3, day, hour).isoformat() + "Z"  # noqa: DTZ001
