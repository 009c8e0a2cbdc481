"""Commands on services: registered, described anew, closed, and provided by others too."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel
from uuid_utils import uuid7

from services.registry.agency.commands import UNKNOWN_AGENCY
from services.registry.context import RegistryContext, RegistryNeeds
from services.registry.projection import Change, Columns, fields
from services.registry.service import rules as service
from shared.commands.aggregate import Aggregate, CommandType, Decide, created
from shared.commands.plan import CommandPlan, command
from shared.contracts.registry import (
    ServiceClosed,
    ServiceDescribed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.topics import REGISTRY_SERVICES
from shared.contracts.vocabulary import Identifier, Message, Slug
from shared.eventstore.port import Command, Provenance, Stream
from shared.http.problems import Meaning
from shared.http.strict import Day, Flag, LocalId, LongText, StrictModel, Text
from shared.http.submission import Context

UNKNOWN_SERVICE = Meaning(
    404, "Nobody has registered this service", "Register it: POST /v1/services."
)
REFUSALS: Mapping[StrEnum, Meaning] = {
    service.Reason.UNKNOWN_AGENCY: UNKNOWN_AGENCY,
    service.Reason.UNKNOWN_SERVICE: UNKNOWN_SERVICE,
    service.Reason.REGISTERED_OTHERWISE: Meaning(
        409,
        "The agency's service of that id is registered with other content",
        "Describe it anew (PATCH /v1/services/{service_id}), or use another local_id.",
    ),
    service.Reason.START_NOT_EARLIER: Meaning(
        422,
        "A service's start can only be moved to an earlier day",
        "Name an earlier day, or close the service and register another.",
    ),
    service.Reason.CLOSES_BEFORE_START: Meaning(
        422, "The service would close before it starts", "Name a day that is not before its start."
    ),
    service.Reason.ALREADY_CLOSED: Meaning(
        409, "The service is already closed on another day", "A service is closed once."
    ),
    service.Reason.AGENCY_ALWAYS_PROVIDES: Meaning(
        422, "A service's own agency always provides it", "Unlink another organisation."
    ),
    service.Reason.PROVIDER_NOT_LINKED: Meaning(
        404, "The organisation was never linked to the service", "See the service's providers."
    ),
}


def _registered(event: ServiceRegistered) -> Columns:
    said = fields("service_id", "local_id", "name", "provides", "starts_on")(event)
    return {**said, "agency_id": event.agency_ids[0]}


CHANGES: Mapping[type[Message], Change] = {
    ServiceRegistered: Change("add_service", _registered, {"imported": False}),
    ServiceDescribed: Change(
        "describe_service", fields("service_id", "name", "provides", "starts_on")
    ),
    ServiceClosed: Change("close_service", fields("service_id", "closed_on")),
    ServiceProviderLinked: Change("link_provider", fields("service_id", "organisation_id")),
    ServiceProviderUnlinked: Change("unlink_provider", fields("service_id", "organisation_id")),
}


class RegisterService(StrictModel):
    """``agency_id`` is the sender's where none is named; ``imported``: the start is a file's."""

    agency_id: Slug | None = None
    local_id: LocalId | None = None
    name: Text
    provides: LongText | None = None
    starts_on: Day
    imported: Flag = False


class Description(StrictModel):
    """What is left out stays as it is; a start can only be moved to an earlier day."""

    name: Text | None = None
    provides: LongText | None = None
    starts_on: Day | None = None


class DescribeService(Description):
    service_id: Identifier


class MoveServiceStart(StrictModel):
    service_id: Identifier
    starts_on: Day


class Closing(StrictModel):
    """``closed_on`` is the last day on which the service takes contributions."""

    closed_on: Day


class CloseService(Closing):
    service_id: Identifier


class Provider(StrictModel):
    organisation_id: Identifier


class LinkProvider(Provider):
    service_id: Identifier


class UnlinkProvider(Provider):
    service_id: Identifier


class ServiceAnswer(BaseModel):
    service_id: str
    version: int


def register_service(body: RegisterService, context: RegistryContext) -> Command[Any]:
    agency_id = _agency(body, context.sender)
    derived = body.local_id and service.derived_id(agency_id, body.local_id)
    asked = service.Register(
        service_id=derived or str(uuid7()),
        agency_id=agency_id,
        agency_known=agency_id in context.known.agencies,
        local_id=body.local_id,
        name=body.name,
        provides=body.provides,
        starts_on=body.starts_on,
    )
    return _on_service(asked, context)


def describe_service(body: DescribeService, context: RegistryContext) -> Command[Any]:
    asked = service.Describe(body.service_id, body.name, body.provides, body.starts_on)
    return _on_service(asked, context)


def move_service_start(body: MoveServiceStart, context: RegistryContext) -> Command[Any]:
    return _on_service(service.MoveStart(body.service_id, body.starts_on), context)


def close_service(body: CloseService, context: RegistryContext) -> Command[Any]:
    return _on_service(service.Close(body.service_id, body.closed_on), context)


def link_provider(body: LinkProvider, context: RegistryContext) -> Command[Any]:
    return _on_service(service.LinkProvider(body.service_id, body.organisation_id), context)


def unlink_provider(body: UnlinkProvider, context: RegistryContext) -> Command[Any]:
    return _on_service(service.UnlinkProvider(body.service_id, body.organisation_id), context)


def _on_service(asked: service.Command, context: RegistryContext) -> Command[Any]:
    service_id = asked.service_id
    plan = CommandPlan(
        stream=Stream(service.stream_id(service_id), service_id, REGISTRY_SERVICES, service_id),
        fold=service.FOLD,
        decide=partial(service.decide, asked),
        told=lambda *_: {"service_id": service_id},
        creates=isinstance(asked, service.Register),
        ends=isinstance(asked, service.Close),
    )
    return command(plan, context)


def _agency(body: RegisterService, sender: Provenance) -> str:
    """Return the agency that the body names, else the sender's."""
    return sender.agency if body.agency_id is None else body.agency_id


def _registers(body: RegisterService, sender: Provenance) -> str | None:
    if body.local_id is None:
        return None
    return f"service/{service.derived_id(_agency(body, sender), body.local_id)}"


def _closes(body: CloseService, _sender: Provenance) -> str:
    return f"service/{body.service_id}"


def _imported(body: RegisterService, _sender: Provenance) -> Sequence[Columns]:
    return [{"imported": True}] if body.imported else []


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1/services", tags=["services"])

    @routes.post("", response_model=ServiceAnswer, responses=created(ServiceAnswer))
    async def register_service(body: RegisterService, context: Context) -> Response:
        """Register a public service; the same local id and content again changes nothing."""
        return await decide(body, context)

    @routes.patch("/{service_id}", response_model=ServiceAnswer)
    async def describe_service(
        service_id: Identifier, body: Description, context: Context
    ) -> Response:
        """Describe it anew; the start can only be moved to an earlier day."""
        fields = body.model_dump()
        return await decide(DescribeService(service_id=service_id, **fields), context)

    @routes.post("/{service_id}/close", response_model=ServiceAnswer)
    async def close_service(service_id: Identifier, body: Closing, context: Context) -> Response:
        """Close it: it takes no contribution that happened after that day."""
        command = CloseService(service_id=service_id, closed_on=body.closed_on)
        return await decide(command, context)

    return [routes, _providers(decide)]


def _providers(decide: Decide) -> APIRouter:
    routes = APIRouter(prefix="/v1/services/{service_id}/providers", tags=["services"])

    @routes.post("", response_model=ServiceAnswer)
    async def link_provider(service_id: Identifier, body: Provider, context: Context) -> Response:
        """Link an organisation that provides the service beside its agency."""
        command = LinkProvider(service_id=service_id, organisation_id=body.organisation_id)
        return await decide(command, context)

    @routes.delete("/{organisation_id:path}", response_model=ServiceAnswer)
    async def unlink_provider(
        service_id: Identifier, organisation_id: Identifier, context: Context
    ) -> Response:
        """Unlink it again."""
        command = UnlinkProvider(service_id=service_id, organisation_id=organisation_id)
        return await decide(command, context)

    return routes


NOTHING = RegistryNeeds()
AGGREGATE = Aggregate(
    commands=(
        CommandType(
            "register-service",
            RegisterService,
            register_service,
            RegistryNeeds(agency=_agency, changes=_registers, unsaid=_imported),
        ),
        CommandType("describe-service", DescribeService, describe_service, NOTHING),
        CommandType("move-service-start", MoveServiceStart, move_service_start, NOTHING),
        CommandType("close-service", CloseService, close_service, RegistryNeeds(changes=_closes)),
        CommandType("link-provider", LinkProvider, link_provider, NOTHING),
        CommandType("unlink-provider", UnlinkProvider, unlink_provider, NOTHING),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
