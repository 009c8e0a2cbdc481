"""Look-ups in the replica: what registry said, as one moment of the copy shows it."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import cast

import msgspec

from services.exchange.directory.answer import (
    Affiliation,
    DirectoryAnswer,
    Participant,
    Role,
    Service,
)
from services.exchange.inbox.replica import CONSUMER, TOPICS
from shared.consumer import checkpoint as positions
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

# One statement, for one snapshot: or the positions could promise more than the rows hold.
KNOWN = """
SELECT json_build_object(
    'positions', (
        SELECT coalesce(json_agg(json_build_array(topic, partition, position)), '[]')
        FROM consumer_position WHERE consumer = $1
    ),
    'services', (
        SELECT coalesce(json_agg(json_build_array(service_id, starts_on, closed_on)), '[]')
        FROM directory_service WHERE service_id = ANY($2)
    ),
    'providers', (
        SELECT coalesce(json_agg(json_build_array(service_id, organisation_id)), '[]')
        FROM directory_provider WHERE service_id = ANY($2)
    ),
    'participants', (
        SELECT coalesce(json_agg(json_build_array(participant_id, kind)), '[]')
        FROM directory_participant WHERE participant_id = ANY($3)
    ),
    'affiliations', (
        SELECT coalesce(json_agg(json_build_array(
            participant_id, organisation_id, employed, since, until
        )), '[]')
        FROM directory_affiliation WHERE participant_id = ANY($3)
    ),
    'roles', (
        SELECT coalesce(json_agg(json_build_array(
            service_id, participant_id, party, since, until
        )), '[]')
        FROM directory_role
        JOIN unnest($4::text[], $5::text[]) AS asked (service_id, participant_id)
            USING (service_id, participant_id)
    ),
    'agencies', (
        SELECT coalesce(json_agg(agency_id), '[]')
        FROM directory_agency WHERE agency_id = ANY($6)
    )
)
"""


class FoundRows(msgspec.Struct):
    """What the statement says, with the columns that it names."""

    positions: list[tuple[str, int, int]]
    services: list[tuple[str, date, date | None]]
    providers: list[tuple[str, str]]
    participants: list[tuple[str, ParticipantKind]]
    affiliations: list[tuple[str, str, bool, date, date | None]]
    roles: list[tuple[str, str, Party, date, date | None]]
    agencies: list[str]


DECODER = msgspec.json.Decoder(FoundRows)


@dataclass(slots=True)
class DirectoryNeeds:
    """What a batch of commands asks about; ``roles`` are (service, participant)."""

    services: set[str] = field(default_factory=set)
    participants: set[str] = field(default_factory=set)
    roles: set[tuple[str, str]] = field(default_factory=set)
    organisations: set[str] = field(default_factory=set)

    def presence(self, service_id: str, *participant_ids: str) -> None:
        self.services.add(service_id)
        self.participants.update(participant_ids)
        self.roles.update((service_id, each) for each in participant_ids)


class DirectoryLookup:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def answer(self, asked: DirectoryNeeds) -> DirectoryAnswer:
        """Return what the replica knows, with the positions at which it knew that."""
        known = DECODER.decode(
            await self._pool.fetchval(
                KNOWN,
                CONSUMER,
                list(asked.services),
                list(asked.participants),
                *_columns(asked.roles),
                list(asked.organisations),
            )
        )
        seen = _Positions(
            {TopicPartition(topic, number): held for topic, number, held in known.positions}
        )
        return DirectoryAnswer(
            services=_services(known, seen),
            participants=_participants(known, seen),
            roles=_roles(known),
            agencies=frozenset(known.agencies),
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


def _services(known: FoundRows, seen: _Positions) -> dict[str, Service]:
    providers: dict[str, set[str]] = {}
    for service_id, organisation_id in known.providers:
        providers.setdefault(service_id, set()).add(organisation_id)
    return {
        service_id: Service(
            service_id=service_id,
            starts_on=starts_on,
            closed_on=closed_on,
            providers=frozenset(providers.get(service_id, ())),
            seen=seen.of(REGISTRY_SERVICES, service_id),
        )
        for service_id, starts_on, closed_on in known.services
    }


def _participants(known: FoundRows, seen: _Positions) -> dict[str, Participant]:
    affiliations: dict[str, list[Affiliation]] = {}
    for participant_id, organisation_id, employed, since, until in known.affiliations:
        affiliation = Affiliation(organisation_id, employed, since, until)
        affiliations.setdefault(participant_id, []).append(affiliation)
    return {
        participant_id: Participant(
            participant_id=participant_id,
            kind=kind,
            affiliations=tuple(affiliations.get(participant_id, ())),
            seen=seen.of(REGISTRY_PARTICIPANTS, participant_id),
        )
        for participant_id, kind in known.participants
    }


def _roles(known: FoundRows) -> dict[tuple[str, str], tuple[Role, ...]]:
    found: dict[tuple[str, str], tuple[Role, ...]] = {}
    for service_id, participant_id, party, since, until in known.roles:
        before = found.get((service_id, participant_id), ())
        found[service_id, participant_id] = (*before, Role(party, since, until))
    return found


def _columns(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    listed = list(pairs)
    return [first for first, _ in listed], [second for _, second in listed]
