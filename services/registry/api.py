"""Registry over HTTP: commands one by one, what is registered, and look-ups for importers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from services.registry import request
from services.registry.desk import Desk
from services.registry.directory import (
    AgencyView,
    Directory,
    Found,
    FoundRoles,
    ParticipantView,
    RoleView,
    ServiceView,
)
from services.registry.meaning import MEANINGS, UNKNOWN_PARTICIPANT, UNKNOWN_SERVICE
from shared.contracts.vocabulary import Identifier, ParticipantKind, Slug
from shared.eventstore.port import Answer, Refusal
from shared.http import bulk
from shared.http.paging import LIMIT_DEFAULT, Cursor, Limit, Page
from shared.http.problems import HttpRefusal, Meaning
from shared.http.strict import LocalId, StrictModel
from shared.http.submission import Context, Submission, SubmissionContext, entity_tag, reply

LOOKUP_IDS_MAX = 2_000
LocalIds = Annotated[list[LocalId], Field(max_length=LOOKUP_IDS_MAX)]


class AgencyAnswer(BaseModel):
    agency_id: str
    version: int


class ServiceAnswer(BaseModel):
    service_id: str
    version: int


class ParticipantAnswer(BaseModel):
    participant_id: str
    kind: ParticipantKind
    version: int


class RoleAnswer(BaseModel):
    service_id: str
    participant_id: str
    version: int


class Lookup(StrictModel):
    """Ids as the agency's system has them; ``system`` is the one that registered the people."""

    agency_id: Slug
    system: Slug
    service_local_ids: LocalIds = Field(default_factory=list)
    participants: LocalIds = Field(default_factory=list)


class RolesLookup(StrictModel):
    service_id: Identifier
    participant_ids: Annotated[list[Identifier], Field(max_length=LOOKUP_IDS_MAX)]


Desks: TypeAlias = Callable[[], Desk]
Directories: TypeAlias = Callable[[], Directory]
Decided: TypeAlias = Callable[[StrictModel, SubmissionContext], Awaitable[Response]]


def routers(desk: Desks, directory: Directories) -> list[APIRouter]:
    """Return registry's routes; the callables raise a 503 while the service is not open."""

    async def submit(submissions: Sequence[Submission]) -> Sequence[Answer | Refusal]:
        return await desk().submit(submissions)

    async def decided(body: StrictModel, context: SubmissionContext) -> Response:
        (outcome,) = await desk().submit([Submission(body, context)])
        return reply(outcome)

    return [
        _agencies(decided, directory),
        _services(decided, directory),
        _providers(decided),
        _participants(decided, directory),
        _roles(decided, directory),
        _lookups(directory),
        bulk.router(bulk.Intake(request.KINDS, submit, MEANINGS)),
    ]


def _agencies(decided: Decided, directory: Directories) -> APIRouter:
    routes = APIRouter(prefix="/v1/agencies", tags=["agencies"])

    @routes.post("", response_model=AgencyAnswer, responses=_created(AgencyAnswer))
    async def register_agency(body: request.RegisterAgency, context: Context) -> Response:
        """Register an agency under its public short name."""
        return await decided(body, context)

    @routes.get("")
    async def list_agencies(
        cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
    ) -> Page[AgencyView]:
        """List the agencies by id."""
        return await directory().agencies(cursor, limit)

    return routes


def _services(decided: Decided, directory: Directories) -> APIRouter:
    routes = APIRouter(prefix="/v1/services", tags=["services"])

    @routes.post("", response_model=ServiceAnswer, responses=_created(ServiceAnswer))
    async def register_service(body: request.RegisterService, context: Context) -> Response:
        """Register a public service; the same local id and content again changes nothing."""
        return await decided(body, context)

    @routes.get("")
    async def list_services(
        agency_id: Annotated[Slug | None, Query()] = None,
        local_id: Annotated[LocalId | None, Query()] = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> Page[ServiceView]:
        """List the services by id, of one agency or with one local id where asked."""
        return await directory().services(agency_id, local_id, cursor, limit)

    @routes.get("/{service_id}", response_model=ServiceView)
    async def show_service(service_id: Identifier) -> Response:
        """Show one service; its version is the ETag."""
        return _shown(await directory().service(service_id), UNKNOWN_SERVICE, "unknown_service")

    @routes.patch("/{service_id}", response_model=ServiceAnswer)
    async def describe_service(
        service_id: Identifier, body: request.Description, context: Context
    ) -> Response:
        """Describe it anew; the start can only be moved to an earlier day."""
        fields = body.model_dump()
        return await decided(request.DescribeService(service_id=service_id, **fields), context)

    @routes.post("/{service_id}/close", response_model=ServiceAnswer)
    async def close_service(
        service_id: Identifier, body: request.Closing, context: Context
    ) -> Response:
        """Close it: it takes no contribution that happened after that day."""
        command = request.CloseService(service_id=service_id, closed_on=body.closed_on)
        return await decided(command, context)

    return routes


def _providers(decided: Decided) -> APIRouter:
    routes = APIRouter(prefix="/v1/services/{service_id}/providers", tags=["services"])

    @routes.post("", response_model=ServiceAnswer)
    async def link_provider(
        service_id: Identifier, body: request.Provider, context: Context
    ) -> Response:
        """Link an organisation that provides the service beside its agency."""
        command = request.LinkProvider(service_id=service_id, organisation_id=body.organisation_id)
        return await decided(command, context)

    @routes.delete("/{organisation_id:path}", response_model=ServiceAnswer)
    async def unlink_provider(
        service_id: Identifier, organisation_id: Identifier, context: Context
    ) -> Response:
        """Unlink it again."""
        command = request.UnlinkProvider(service_id=service_id, organisation_id=organisation_id)
        return await decided(command, context)

    return routes


def _participants(decided: Decided, directory: Directories) -> APIRouter:
    routes = APIRouter(prefix="/v1/participants", tags=["participants"])

    @routes.post("", response_model=ParticipantAnswer, responses=_created(ParticipantAnswer))
    async def register_participant(body: request.RegisterParticipant, context: Context) -> Response:
        """Register a person or a group; the same local id always means the same participant."""
        return await decided(body, context)

    @routes.get("/{participant_id}", response_model=ParticipantView)
    async def show_participant(participant_id: Identifier) -> Response:
        """Show who it is, as registry alone knows."""
        found = await directory().participant(participant_id)
        return _shown(found, UNKNOWN_PARTICIPANT, "unknown_participant")

    @routes.post("/{participant_id}/affiliations", response_model=ParticipantAnswer)
    async def declare_affiliation(
        participant_id: Identifier, body: request.Belonging, context: Context
    ) -> Response:
        """Declare that the participant belongs to an organisation."""
        fields = body.model_dump()
        command = request.DeclareAffiliation(participant_id=participant_id, **fields)
        return await decided(command, context)

    @routes.post(
        "/{participant_id}/affiliations/{organisation_id:path}/end",
        response_model=ParticipantAnswer,
    )
    async def end_affiliation(
        participant_id: Identifier,
        organisation_id: Identifier,
        body: request.LastDay,
        context: Context,
    ) -> Response:
        """End an affiliation; the day is its last."""
        command = request.EndAffiliation(
            participant_id=participant_id, organisation_id=organisation_id, until=body.until
        )
        return await decided(command, context)

    return routes


def _roles(decided: Decided, directory: Directories) -> APIRouter:
    routes = APIRouter(prefix="/v1/services/{service_id}/roles", tags=["roles"])

    @routes.post("", response_model=RoleAnswer, responses=_created(RoleAnswer))
    async def assume_role(
        service_id: Identifier, body: request.Joining, context: Context
    ) -> Response:
        """Say of which party a participant is in the service, from a day on."""
        fields = body.model_dump()
        return await decided(request.AssumeRole(service_id=service_id, **fields), context)

    @routes.get("")
    async def list_roles(
        service_id: Identifier, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
    ) -> Page[RoleView]:
        """List every period of every participant of the service."""
        if await directory().service(service_id) is None:
            raise _unknown(UNKNOWN_SERVICE, "unknown_service")
        return await directory().roles(service_id, cursor, limit)

    @routes.post("/{participant_id}/move-start", response_model=RoleAnswer)
    async def move_role_start(
        service_id: Identifier,
        participant_id: Identifier,
        body: request.EarlierStart,
        context: Context,
    ) -> Response:
        """Let the next period of that party begin on an earlier day."""
        command = request.MoveRoleStart(
            service_id=service_id, participant_id=participant_id, party=body.party, since=body.since
        )
        return await decided(command, context)

    @routes.post("/{participant_id}/end", response_model=RoleAnswer)
    async def end_role(
        service_id: Identifier, participant_id: Identifier, body: request.LastDay, context: Context
    ) -> Response:
        """End the participant's role; the day is its last."""
        command = request.EndRole(
            service_id=service_id, participant_id=participant_id, until=body.until
        )
        return await decided(command, context)

    return routes


def _lookups(directory: Directories) -> APIRouter:
    routes = APIRouter(prefix="/v1/directory", tags=["directory"])

    @routes.post("/lookup")
    async def look_up(body: Lookup) -> Found:
        """Find services and participants by an agency's own ids."""
        return await directory().lookup(
            body.agency_id, body.system, body.service_local_ids, body.participants
        )

    @routes.post("/roles")
    async def look_up_roles(body: RolesLookup) -> FoundRoles:
        """Find the periods of many participants in one service."""
        return await directory().roles_of(body.service_id, body.participant_ids)

    return routes


def _created(answer: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {201: {"model": answer, "description": "It exists from now on"}}


def _shown(view: ServiceView | ParticipantView | None, meaning: Meaning, reason: str) -> Response:
    if view is None:
        raise _unknown(meaning, reason)
    return Response(
        view.model_dump_json(), media_type="application/json", headers=entity_tag(view.version)
    )


def _unknown(meaning: Meaning, reason: str) -> HttpRefusal:
    return HttpRefusal(meaning.status, reason, meaning.title, remedy=meaning.remedy)
