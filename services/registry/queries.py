"""What registry knows, read from its read models: pages of it, one of it, or many by their ids."""

from collections.abc import Sequence
from datetime import date

import asyncpg
from pydantic import BaseModel

from shared.contracts.vocabulary import Channel, ParticipantKind, Party
from shared.eventstore.store import Pool
from shared.http.paging import Key, KeyText, Page, decode_cursor, page_of

AGENCIES = """
SELECT agency_id, name, jurisdiction FROM agency
WHERE $1::text IS NULL OR agency_id > $1 ORDER BY agency_id LIMIT $2
"""
SERVICES = """
SELECT s.*, coalesce(
    (SELECT array_agg(p.organisation_id ORDER BY p.organisation_id)
     FROM service_provider AS p WHERE p.service_id = s.service_id), '{}') AS linked
FROM service AS s
"""
SERVICES_PAGE = f"""{SERVICES}
WHERE ($1::text IS NULL OR s.agency_id = $1) AND ($2::text IS NULL OR s.local_id = $2)
    AND ($3::text IS NULL OR s.service_id > $3)
ORDER BY s.service_id LIMIT $4
"""
SERVICE = f"{SERVICES} WHERE s.service_id = $1"
PARTICIPANT = """
SELECT p.*, d.name, d.contact
FROM participant AS p LEFT JOIN participant_details AS d USING (participant_id)
WHERE p.participant_id = $1
"""
EXTERNAL_IDS = """
SELECT agency_id, system, local_id FROM participant_external_id
WHERE participant_id = $1 ORDER BY agency_id, system, local_id
"""
AFFILIATIONS = """
SELECT organisation_id, employed, since, until FROM affiliation
WHERE participant_id = $1 ORDER BY since, organisation_id
"""
ROLES_PAGE = """
SELECT participant_id, party, since, until, version FROM role_period
WHERE service_id = $1 AND ($2::text IS NULL OR (participant_id, since) > ($2, $3::date))
ORDER BY participant_id, since LIMIT $4
"""
SERVICES_BY_LOCAL_ID = """
SELECT local_id, service_id, starts_on, closed_on, imported FROM service
WHERE agency_id = $1 AND local_id = ANY($2)
"""
PARTICIPANTS_BY_LOCAL_ID = """
SELECT e.local_id, e.participant_id, p.kind
FROM participant_external_id AS e JOIN participant AS p USING (participant_id)
WHERE e.agency_id = $1 AND e.system = $2 AND e.local_id = ANY($3)
"""
ROLES_OF = """
SELECT participant_id, party, since, until FROM role_period
WHERE service_id = $1 AND participant_id = ANY($2) ORDER BY participant_id, since
"""


class AgenciesKey(Key, frozen=True, tag="agencies"):
    agency_id: KeyText


class ServicesKey(Key, frozen=True, tag="services"):
    service_id: KeyText


class RolesKey(Key, frozen=True, tag="roles"):
    participant_id: KeyText
    since: date


class AgencyView(BaseModel):
    agency_id: str
    name: str
    jurisdiction: str | None


class ServiceView(BaseModel):
    """``providers``: the agency and the organisations linked to the service."""

    service_id: str
    agency_id: str
    local_id: str | None
    name: str
    provides: str | None
    starts_on: date
    closed_on: date | None
    imported: bool
    providers: list[str]
    version: int


class ExternalId(BaseModel):
    agency_id: str
    system: str
    local_id: str


class AffiliationView(BaseModel):
    organisation_id: str
    employed: bool
    since: date
    until: date | None


class DetailsView(BaseModel):
    name: str | None
    contact: str | None


class ParticipantView(BaseModel):
    participant_id: str
    agency_id: str
    kind: ParticipantKind
    channel: Channel | None
    details: DetailsView
    external_ids: list[ExternalId]
    affiliations: list[AffiliationView]
    version: int


class PeriodView(BaseModel):
    party: Party
    since: date
    until: date | None


class RoleView(PeriodView):
    participant_id: str
    version: int


class FoundService(BaseModel):
    service_id: str
    starts_on: date
    closed_on: date | None
    imported: bool


class FoundParticipant(BaseModel):
    participant_id: str
    kind: ParticipantKind


class Found(BaseModel):
    """By the local ids that were asked for; those that nobody registered are missing."""

    services: dict[str, FoundService]
    participants: dict[str, FoundParticipant]


class FoundRoles(BaseModel):
    """By participant; who never had a party in the service is missing."""

    roles: dict[str, list[PeriodView]]


class RegistryQueries:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def agencies(self, cursor: str | None, limit: int) -> Page[AgencyView]:
        after = decode_cursor(cursor, AgenciesKey).agency_id if cursor else None
        rows = await self._pool.fetch(AGENCIES, after, limit + 1)
        return page_of(
            rows, limit, lambda row: AgencyView(**row), lambda row: AgenciesKey(row["agency_id"])
        )

    async def services(
        self, agency_id: str | None, local_id: str | None, cursor: str | None, limit: int
    ) -> Page[ServiceView]:
        after = decode_cursor(cursor, ServicesKey).service_id if cursor else None
        rows = await self._pool.fetch(SERVICES_PAGE, agency_id, local_id, after, limit + 1)
        return page_of(rows, limit, _service, lambda row: ServicesKey(row["service_id"]))

    async def service(self, service_id: str) -> ServiceView | None:
        row = await self._pool.fetchrow(SERVICE, service_id)
        return None if row is None else _service(row)

    async def roles(self, service_id: str, cursor: str | None, limit: int) -> Page[RoleView]:
        after = decode_cursor(cursor, RolesKey) if cursor else None
        last = (after.participant_id, after.since) if after else (None, None)
        rows = await self._pool.fetch(ROLES_PAGE, service_id, *last, limit + 1)
        return page_of(
            rows,
            limit,
            lambda row: RoleView(**row),
            lambda row: RolesKey(row["participant_id"], row["since"]),
        )

    async def participant(self, participant_id: str) -> ParticipantView | None:
        row = await self._pool.fetchrow(PARTICIPANT, participant_id)
        if row is None:
            return None
        external_ids = await self._pool.fetch(EXTERNAL_IDS, participant_id)
        affiliations = await self._pool.fetch(AFFILIATIONS, participant_id)
        return ParticipantView(
            **row,
            details=DetailsView(**row),
            external_ids=[ExternalId(**found) for found in external_ids],
            affiliations=[AffiliationView(**found) for found in affiliations],
        )

    async def lookup(
        self, agency_id: str, system: str, services: Sequence[str], participants: Sequence[str]
    ) -> Found:
        """Find services and participants by the ids that an agency's system has for them."""
        rows = await self._pool.fetch(SERVICES_BY_LOCAL_ID, agency_id, services)
        people = await self._pool.fetch(PARTICIPANTS_BY_LOCAL_ID, agency_id, system, participants)
        return Found(
            services={row["local_id"]: FoundService(**row) for row in rows},
            participants={row["local_id"]: FoundParticipant(**row) for row in people},
        )

    async def roles_of(self, service_id: str, participant_ids: Sequence[str]) -> FoundRoles:
        """Return every period of each participant in one service, in order of time."""
        found: dict[str, list[PeriodView]] = {}
        for row in await self._pool.fetch(ROLES_OF, service_id, participant_ids):
            found.setdefault(row["participant_id"], []).append(PeriodView(**row))
        return FoundRoles(roles=found)


def _service(row: asyncpg.Record) -> ServiceView:
    return ServiceView(**row, providers=[row["agency_id"], *row["linked"]])
