"""Look-ups in the replica: what registry said, as one moment of the copy shows it."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import asyncpg

from services.exchange.domain.directory import Affiliation, Directory, Participant, Role, Service
from services.exchange.replica import CONSUMER, TOPICS
from shared.consumer import positions
from shared.contracts.exchange import DirectoryPosition
from shared.contracts.topics import REGISTRY_PARTICIPANTS, REGISTRY_SERVICES, Topic
from shared.contracts.vocabulary import ParticipantKind, Party
from shared.eventstore.port import Connection
from shared.eventstore.store import Pool
from shared.http.problems import HttpRefusal
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition

REACH_SECONDS_MAX = 2.0
POLL_SECONDS = 0.01

SERVICES = """
SELECT s.service_id, s.starts_on, s.closed_on, ARRAY(
    SELECT p.organisation_id FROM directory_provider AS p WHERE p.service_id = s.service_id
) AS providers
FROM directory_service AS s WHERE s.service_id = ANY($1)
"""
PARTICIPANTS = """
SELECT participant_id, kind FROM directory_participant WHERE participant_id = ANY($1)
"""
AFFILIATIONS = """
SELECT participant_id, organisation_id, employed, since, until FROM directory_affiliation
WHERE participant_id = ANY($1)
"""
ROLES = """
SELECT r.service_id, r.participant_id, r.party, r.since, r.until
FROM directory_role AS r
JOIN unnest($1::text[], $2::text[]) AS asked (service_id, participant_id)
    USING (service_id, participant_id)
"""
AGENCIES = "SELECT agency_id FROM directory_agency WHERE agency_id = ANY($1)"


@dataclass(slots=True)
class Questions:
    """What a batch of commands asks about; ``roles`` are (service, participant)."""

    services: set[str] = field(default_factory=set)
    participants: set[str] = field(default_factory=set)
    roles: set[tuple[str, str]] = field(default_factory=set)
    organisations: set[str] = field(default_factory=set)

    def presence(self, service_id: str, *participant_ids: str) -> None:
        self.services.add(service_id)
        self.participants.update(participant_ids)
        self.roles.update((service_id, each) for each in participant_ids)


class Lookup:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def answer(self, asked: Questions) -> Directory:
        """Return what the replica knows, with the positions at which it knew that."""
        # One snapshot, or the positions could promise more than the rows hold.
        async with (
            self._pool.acquire() as acquired,
            acquired.transaction(isolation="repeatable_read", readonly=True),
        ):
            connection = cast("Connection", acquired)  # the pool's proxy has the same methods
            seen = _Positions(await positions.read(connection, CONSUMER))
            services = await connection.fetch(SERVICES, list(asked.services))
            people = await connection.fetch(PARTICIPANTS, list(asked.participants))
            belong = await connection.fetch(AFFILIATIONS, list(asked.participants))
            roles = await connection.fetch(ROLES, *_columns(asked.roles))
            agencies = (
                await connection.fetch(AGENCIES, list(asked.organisations))
                if asked.organisations
                else []
            )
        return Directory(
            services={row["service_id"]: _service(row, seen) for row in services},
            participants=_participants(people, belong, seen),
            roles=_roles(roles),
            agencies=frozenset(row["agency_id"] for row in agencies),
        )

    async def positions(self) -> dict[TopicPartition, int]:
        """Return the position up to which the replica has folded each partition."""
        async with self._pool.acquire() as acquired:
            return await positions.read(cast("Connection", acquired), CONSUMER)

    async def reach(self, after: Mapping[tuple[str, int], int]) -> None:
        """Wait until the replica holds what the sender was told by registry.

        Raises:
            HttpRefusal: it does not within two seconds; the same request can be sent again.
        """
        names = {topic.name for topic in TOPICS}
        wanted = {at: position for at, position in after.items() if at[0] in names}
        deadline = time.monotonic() + REACH_SECONDS_MAX
        while wanted:
            held = await self.positions()
            if all(held.get(TopicPartition(*at), 0) >= least for at, least in wanted.items()):
                return
            if time.monotonic() >= deadline:
                raise HttpRefusal(
                    503,
                    "directory_behind",
                    "Exchange has not yet heard from registry what Coprod-After names.",
                    remedy="Send the same request again shortly.",
                )
            await asyncio.sleep(POLL_SECONDS)


class _Positions(dict[tuple[str, int], DirectoryPosition]):
    """How far the replica had come, by (topic, partition): each position is made once."""

    def __init__(self, seen: Mapping[TopicPartition, int]) -> None:
        super().__init__()
        self._seen = seen

    def __missing__(self, at: tuple[str, int]) -> DirectoryPosition:
        position = self._seen.get(TopicPartition(*at), 0)
        self[at] = DirectoryPosition(topic=at[0], partition=at[1], position=position)
        return self[at]

    def of(self, topic: Topic, key: str) -> DirectoryPosition:
        return self[topic.name, partition_of(key, topic.partitions)]


def _service(row: asyncpg.Record, seen: _Positions) -> Service:
    return Service(
        service_id=row["service_id"],
        starts_on=row["starts_on"],
        closed_on=row["closed_on"],
        providers=frozenset(row["providers"]),
        seen=seen.of(REGISTRY_SERVICES, row["service_id"]),
    )


def _participants(
    people: Sequence[asyncpg.Record],
    belong: Sequence[asyncpg.Record],
    seen: _Positions,
) -> dict[str, Participant]:
    affiliations: dict[str, list[Affiliation]] = {}
    for row in belong:
        affiliations.setdefault(row["participant_id"], []).append(
            Affiliation(row["organisation_id"], row["employed"], row["since"], row["until"])
        )
    return {
        participant_id: Participant(
            participant_id=participant_id,
            kind=ParticipantKind(kind),
            affiliations=tuple(affiliations.get(participant_id, ())),
            seen=seen.of(REGISTRY_PARTICIPANTS, participant_id),
        )
        for participant_id, kind in people
    }


def _roles(rows: Sequence[asyncpg.Record]) -> dict[tuple[str, str], tuple[Role, ...]]:
    found: dict[tuple[str, str], tuple[Role, ...]] = {}
    for service_id, participant_id, party, since, until in rows:
        before = found.get((service_id, participant_id), ())
        found[service_id, participant_id] = (*before, Role(Party(party), since, until))
    return found


def _columns(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    listed = list(pairs)
    return [first for first, _ in listed], [second for _, second in listed]
