"""Commands on consultations: people are asked, and no longer are."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from services.exchange.consultation import rules as consultation
from services.exchange.context import ExchangeContext, ExchangeNeeds, of_service, stream
from services.exchange.directory.admission import open_service
from shared.commands.aggregate import Aggregate, CommandType, Decide, created
from shared.commands.plan import CommandPlan, command
from shared.contracts.exchange import ConsultationOpened
from shared.contracts.vocabulary import Identifier
from shared.eventstore.folding import Fold
from shared.eventstore.port import Command, Rejected
from shared.http.problems import Meaning
from shared.http.strict import Instant, LocalId, StrictModel, Text
from shared.http.submission import Context


class OpenConsultation(StrictModel):
    """``local_id`` is the sender's own id: the same one always means the same consultation."""

    local_id: LocalId | None = None
    service_id: Identifier
    title: Text
    opened_at: Instant | None = None


class ConsultationClosing(StrictModel):
    closed_at: Instant | None = None


class CloseConsultation(ConsultationClosing):
    consultation_id: Identifier


class ConsultationAnswer(BaseModel):
    consultation_id: str
    service_id: str
    version: int


def open_consultation(body: OpenConsultation, context: ExchangeContext) -> Command[Any]:
    at = body.opened_at or context.now
    open_service(context.directory, body.service_id, at, context.now)
    opened = ConsultationOpened(
        consultation_id=context.new_id("consultation", body.local_id),
        service_id=body.service_id,
        title=body.title,
        opened_at=at,
    )
    asked = consultation.Open(opened, moment_named=body.opened_at is not None)
    return _on_consultation(opened.consultation_id, opened.service_id, asked, context)


def close_consultation(body: CloseConsultation, context: ExchangeContext) -> Command[Any]:
    state: consultation.State = context.related.states[_consultation(body)[0]]
    if isinstance(state, consultation.Unknown):
        raise Rejected(consultation.Reason.UNKNOWN, consultation_id=body.consultation_id)
    opened = state.consultation
    at = context.moment(body.closed_at, opened.opened_at)
    return _on_consultation(
        body.consultation_id, opened.service_id, consultation.Close(at), context
    )


def _on_consultation(
    consultation_id: str, service_id: str, asked: consultation.Command, context: ExchangeContext
) -> Command[Any]:
    plan = CommandPlan(
        stream=stream(consultation.stream_id(consultation_id), consultation_id, service_id),
        fold=consultation.FOLD,
        decide=partial(consultation.decide, asked),
        told=lambda *_: {"consultation_id": consultation_id, "service_id": service_id},
        creates=isinstance(asked, consultation.Open),
    )
    return command(plan, context)


def _consultation(body: CloseConsultation) -> tuple[str, Fold]:
    return consultation.stream_id(body.consultation_id), consultation.FOLD


REFUSALS: Mapping[StrEnum, Meaning] = {
    consultation.Reason.UNKNOWN: Meaning(404, "There is no such consultation", "Open it first."),
    consultation.Reason.ALREADY_OPENED: Meaning(409, "This consultation was opened otherwise"),
    consultation.Reason.ALREADY_CLOSED: Meaning(409, "The consultation was closed after that"),
    consultation.Reason.CLOSED_BEFORE_OPENED: Meaning(
        422, "A consultation closes after it opens", "Name the moment at which it closed."
    ),
}


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1/consultations", tags=["consultations"])

    @routes.post("", response_model=ConsultationAnswer, responses=created(ConsultationAnswer))
    async def open_consultation(body: OpenConsultation, context: Context) -> Response:
        """Say that people are asked for their opinion."""
        return await decide(body, context)

    @routes.post("/{consultation_id}/close", response_model=ConsultationAnswer)
    async def close_consultation(
        consultation_id: Identifier, body: ConsultationClosing, context: Context
    ) -> Response:
        """Say that they no longer are."""
        command = CloseConsultation(consultation_id=consultation_id, closed_at=body.closed_at)
        return await decide(command, context)

    return [routes]


AGGREGATE = Aggregate(
    commands=(
        CommandType(
            "open-consultation",
            OpenConsultation,
            open_consultation,
            ExchangeNeeds(directory=of_service),
        ),
        CommandType(
            "close-consultation",
            CloseConsultation,
            close_consultation,
            ExchangeNeeds(stream=_consultation),
        ),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
