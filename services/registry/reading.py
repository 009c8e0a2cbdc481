"""What registry knows, over HTTP: pages of it, one of it, and look-ups for importers."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from services.registry.participant.commands import UNKNOWN_PARTICIPANT
from services.registry.queries import (
    AgencyView,
    Found,
    FoundRoles,
    ParticipantView,
    RegistryQueries,
    RoleView,
    ServiceView,
)
from services.registry.service.commands import UNKNOWN_SERVICE
from shared.contracts.vocabulary import Identifier, Slug
from shared.http.paging import LIMIT_DEFAULT, Cursor, Limit, Page
from shared.http.problems import HttpRefusal, Meaning
from shared.http.strict import LocalId, StrictModel
from shared.http.submission import entity_tag

LOOKUP_IDS_MAX = 2_000
LocalIds = Annotated[list[LocalId], Field(max_length=LOOKUP_IDS_MAX)]


class Lookup(StrictModel):
    """Ids as the agency's system has them; ``system`` is the one that registered the people."""

    agency_id: Slug
    system: Slug
    service_local_ids: LocalIds = Field(default_factory=list)
    participants: LocalIds = Field(default_factory=list)


class RolesLookup(StrictModel):
    service_id: Identifier
    participant_ids: Annotated[list[Identifier], Field(max_length=LOOKUP_IDS_MAX)]


Queries: TypeAlias = Callable[[], RegistryQueries]
"""Raises a 503 while the service is not open."""


def routers(queries: Queries) -> list[APIRouter]:
    return [_registered(queries), _lookups(queries)]


def _registered(queries: Queries) -> APIRouter:
    routes = APIRouter(prefix="/v1")

    @routes.get("/agencies", tags=["agencies"])
    async def list_agencies(
        cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
    ) -> Page[AgencyView]:
        """List the agencies by id."""
        return await queries().agencies(cursor, limit)

    @routes.get("/services", tags=["services"])
    async def list_services(
        agency_id: Annotated[Slug | None, Query()] = None,
        local_id: Annotated[LocalId | None, Query()] = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> Page[ServiceView]:
        """List the services by id, of one agency or with one local id where asked."""
        return await queries().services(agency_id, local_id, cursor, limit)

    @routes.get("/services/{service_id}", response_model=ServiceView, tags=["services"])
    async def show_service(service_id: Identifier) -> Response:
        """Show one service; its version is the ETag."""
        return _shown(await queries().service(service_id), UNKNOWN_SERVICE, "unknown_service")

    @routes.get(
        "/participants/{participant_id}", response_model=ParticipantView, tags=["participants"]
    )
    async def show_participant(participant_id: Identifier) -> Response:
        """Show who it is, as registry alone knows."""
        found = await queries().participant(participant_id)
        return _shown(found, UNKNOWN_PARTICIPANT, "unknown_participant")

    @routes.get("/services/{service_id}/roles", tags=["roles"])
    async def list_roles(
        service_id: Identifier, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
    ) -> Page[RoleView]:
        """List every period of every participant of the service."""
        if await queries().service(service_id) is None:
            raise _unknown(UNKNOWN_SERVICE, "unknown_service")
        return await queries().roles(service_id, cursor, limit)

    return routes


def _lookups(queries: Queries) -> APIRouter:
    routes = APIRouter(prefix="/v1/directory", tags=["directory"])

    @routes.post("/lookup")
    async def look_up(body: Lookup) -> Found:
        """Find services and participants by an agency's own ids."""
        return await queries().lookup(
            body.agency_id, body.system, body.service_local_ids, body.participants
        )

    @routes.post("/roles")
    async def look_up_roles(body: RolesLookup) -> FoundRoles:
        """Find the periods of many participants in one service."""
        return await queries().roles_of(body.service_id, body.participant_ids)

    return routes


def _shown(view: ServiceView | ParticipantView | None, meaning: Meaning, reason: str) -> Response:
    if view is None:
        raise _unknown(meaning, reason)
    return Response(
        view.model_dump_json(), media_type="application/json", headers=entity_tag(view.version)
    )


def _unknown(meaning: Meaning, reason: str) -> HttpRefusal:
    return HttpRefusal(meaning.status, reason, meaning.title, remedy=meaning.remedy)
