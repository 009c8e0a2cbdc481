"""Commands on agencies: one is registered."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from services.registry.agency import rules as agency
from services.registry.context import RegistryContext, RegistryNeeds
from services.registry.projection import Change, fields
from shared.commands.aggregate import Aggregate, CommandType, Decide, created
from shared.commands.plan import CommandPlan, command
from shared.contracts.registry import AgencyRegistered
from shared.contracts.topics import REGISTRY_AGENCIES
from shared.contracts.vocabulary import Message, Slug
from shared.eventstore.port import Command, Provenance, Stream
from shared.http.problems import Meaning
from shared.http.strict import StrictModel, Text
from shared.http.submission import Context

UNKNOWN_AGENCY = Meaning(
    404, "Nobody has registered this agency", "Register it: POST /v1/agencies."
)
REFUSALS: Mapping[StrEnum, Meaning] = {
    agency.Reason.REGISTERED_OTHERWISE: Meaning(
        409, "The agency is registered with other content", "Choose another id for another agency."
    ),
}
CHANGES: Mapping[type[Message], Change] = {
    AgencyRegistered: Change("add_agency", fields("agency_id", "name", "jurisdiction")),
}


class RegisterAgency(StrictModel):
    agency_id: Slug
    name: Text
    jurisdiction: Text | None = None


class AgencyAnswer(BaseModel):
    agency_id: str
    version: int


def register_agency(body: RegisterAgency, context: RegistryContext) -> Command[Any]:
    agency_id = body.agency_id
    asked = agency.Register(agency_id, body.name, body.jurisdiction)
    plan = CommandPlan(
        stream=Stream(agency.stream_id(agency_id), agency_id, REGISTRY_AGENCIES, agency_id),
        fold=agency.FOLD,
        decide=partial(agency.decide, asked),
        told=lambda *_: {"agency_id": agency_id},
        creates=True,
    )
    return command(plan, context)


def _changes(body: RegisterAgency, _sender: Provenance) -> str:
    return f"agency/{body.agency_id}"


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1/agencies", tags=["agencies"])

    @routes.post("", response_model=AgencyAnswer, responses=created(AgencyAnswer))
    async def register_agency(body: RegisterAgency, context: Context) -> Response:
        """Register an agency under its public short name."""
        return await decide(body, context)

    return [routes]


AGGREGATE = Aggregate(
    commands=(
        CommandType(
            "register-agency", RegisterAgency, register_agency, RegistryNeeds(changes=_changes)
        ),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
