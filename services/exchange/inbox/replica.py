"""Replica: exchange's own copy of registry's directory, folded from registry's topics.

The consumer hands batches over in order and without repeats, and moves the positions in the same
transaction: whoever reads a position in this database may read what it promises as well. A record
that was quarantined and is taken after all comes late: all that was ever said of its key is then
told again, in order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, TypeAlias

from shared.consumer import Batch, Claim
from shared.contracts import topics
from shared.contracts.registry import (
    AffiliationDeclared,
    AffiliationEnded,
    AgencyRegistered,
    ParticipantRegistered,
    RoleAssumed,
    RoleEnded,
    RoleStartMoved,
    ServiceClosed,
    ServiceDescribed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.vocabulary import Message
from shared.eventstore.port import Connection
from shared.log.port import TopicPartition

CONSUMER = "exchange-directory"
TOPICS = (topics.REGISTRY_AGENCIES, topics.REGISTRY_SERVICES, topics.REGISTRY_PARTICIPANTS)
Row: TypeAlias = tuple[object, ...]

ADD_AGENCY = "INSERT INTO directory_agency (agency_id) VALUES ($1) ON CONFLICT DO NOTHING"
ADD_SERVICE = """
WITH provided AS (
    INSERT INTO directory_provider (service_id, organisation_id)
    SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
)
INSERT INTO directory_service (service_id, starts_on) VALUES ($1, $3) ON CONFLICT DO NOTHING
"""
DESCRIBE_SERVICE = "UPDATE directory_service SET starts_on = $2 WHERE service_id = $1"
CLOSE_SERVICE = "UPDATE directory_service SET closed_on = $2 WHERE service_id = $1"
LINK_PROVIDER = """
INSERT INTO directory_provider (service_id, organisation_id) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
UNLINK_PROVIDER = """
DELETE FROM directory_provider WHERE service_id = $1 AND organisation_id = $2
"""
# A role names its participant too, and may come before the participant's own topic does.
ADD_PARTICIPANT = """
INSERT INTO directory_participant (participant_id, kind) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
DECLARE_AFFILIATION = """
INSERT INTO directory_affiliation (participant_id, organisation_id, employed, since)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
END_AFFILIATION = """
UPDATE directory_affiliation SET until = $3
WHERE participant_id = $1 AND organisation_id = $2 AND until IS NULL
"""
ASSUME_ROLE = """
INSERT INTO directory_role (service_id, participant_id, party, since) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
MOVE_ROLE_START = """
UPDATE directory_role SET since = $4
WHERE service_id = $1 AND participant_id = $2 AND since = $3
"""
END_ROLE = """
UPDATE directory_role SET until = $3
WHERE service_id = $1 AND participant_id = $2 AND until IS NULL
"""
# What is known of a key, before its whole story is told again.
FORGET = {
    topics.REGISTRY_SERVICES.name: (
        "DELETE FROM directory_role WHERE service_id = $1",
        "DELETE FROM directory_provider WHERE service_id = $1",
        "DELETE FROM directory_service WHERE service_id = $1",
    ),
    topics.REGISTRY_PARTICIPANTS.name: (
        "DELETE FROM directory_affiliation WHERE participant_id = $1",
    ),
}


@dataclass(frozen=True, slots=True)
class Write:
    """A statement, and the arguments that an event has for it."""

    sql: str
    arguments: Callable[[Any], Row]


WRITES: Mapping[type[Message], Sequence[Write]] = {
    AgencyRegistered: [Write(ADD_AGENCY, lambda e: (e.agency_id,))],
    ServiceRegistered: [
        Write(ADD_SERVICE, lambda e: (e.service_id, list(e.agency_ids), e.starts_on))
    ],
    ServiceDescribed: [Write(DESCRIBE_SERVICE, lambda e: (e.service_id, e.starts_on))],
    ServiceClosed: [Write(CLOSE_SERVICE, lambda e: (e.service_id, e.closed_on))],
    ServiceProviderLinked: [Write(LINK_PROVIDER, lambda e: (e.service_id, e.organisation_id))],
    ServiceProviderUnlinked: [Write(UNLINK_PROVIDER, lambda e: (e.service_id, e.organisation_id))],
    ParticipantRegistered: [Write(ADD_PARTICIPANT, lambda e: (e.participant_id, e.kind))],
    AffiliationDeclared: [
        Write(
            DECLARE_AFFILIATION,
            lambda e: (e.participant_id, e.organisation_id, e.employed, e.since),
        )
    ],
    AffiliationEnded: [
        Write(END_AFFILIATION, lambda e: (e.participant_id, e.organisation_id, e.until))
    ],
    RoleAssumed: [
        Write(ADD_PARTICIPANT, lambda e: (e.participant_id, e.participant_kind)),
        Write(ASSUME_ROLE, lambda e: (e.service_id, e.participant_id, e.party, e.since)),
    ],
    RoleStartMoved: [
        Write(MOVE_ROLE_START, lambda e: (e.service_id, e.participant_id, e.since_before, e.since))
    ],
    RoleEnded: [Write(END_ROLE, lambda e: (e.service_id, e.participant_id, e.until))],
}


class DirectoryFold:
    """The consumer's handler; all it knows is in the tables, so there is nothing to restore."""

    async def restore(self, claims: Sequence[Claim]) -> None: ...

    async def apply(self, conn: Connection, batch: Batch) -> None:
        told = batch.story or list(chain.from_iterable(batch.messages.values()))
        for at, events in batch.events.items() if batch.story else ():
            for statement in FORGET.get(at.topic, ()):
                await conn.execute(statement, events[0].key)
        for kind, run in groupby(told, key=type):
            events = list(run)
            for write in WRITES.get(kind, ()):
                await conn.executemany(write.sql, [write.arguments(event) for event in events])

    async def committed(self, batch: Batch) -> None: ...

    async def forget(self, partitions: Sequence[TopicPartition]) -> None: ...
