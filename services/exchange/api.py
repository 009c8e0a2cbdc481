"""Exchange over HTTP: commands one by one, many at once, and the contributions to be read."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from services.exchange import request, source
from services.exchange.contribution.life import Status
from services.exchange.contribution.queries import ContributionItem, ContributionView, Journal
from services.exchange.contribution.rules import Reason
from services.exchange.desk import Desk
from services.exchange.meaning import MEANINGS, UNKNOWN_CONTRIBUTION
from shared.contracts.vocabulary import Identifier
from shared.eventstore.port import Answer, Refusal
from shared.http import bulk
from shared.http.bulk import Order
from shared.http.command import CommandContext, Context, entity_tag, reply
from shared.http.paging import LIMIT_DEFAULT, Cursor, Limit, Page
from shared.http.problems import HttpRefusal
from shared.http.strict import StrictModel


class ContributionAnswer(BaseModel):
    contribution_id: str
    service_id: str
    status: Status
    version: int


class FeedbackAnswered(BaseModel):
    feedback_id: str
    service_id: str
    version: int


class ChangeAnswer(FeedbackAnswered):
    change_id: str


class DecisionAnswer(BaseModel):
    decision_id: str
    service_id: str
    version: int


class AllocationAnswer(BaseModel):
    allocation_id: str
    service_id: str
    version: int


class ConsultationAnswer(BaseModel):
    consultation_id: str
    service_id: str
    version: int


Decided: TypeAlias = Callable[[StrictModel, CommandContext], Awaitable[Response]]


def routers(desk: Callable[[], Desk], journal: Callable[[], Journal]) -> list[APIRouter]:
    """Return exchange's routes; the callables raise a 503 while the service is not open."""

    async def submit(orders: Sequence[Order]) -> Sequence[Answer | Refusal]:
        return await desk().submit(orders)

    async def decided(body: StrictModel, context: CommandContext) -> Response:
        return reply(await desk().take(Order(body, context)))

    return [
        _contributions(decided, journal),
        _lives(decided),
        _feedback(decided),
        _decisions(decided),
        _consultations(decided),
        source.router(desk, journal),
        bulk.router(bulk.Intake(request.KINDS, submit, MEANINGS)),
    ]


def _contributions(decided: Decided, journal: Callable[[], Journal]) -> APIRouter:
    routes = APIRouter(prefix="/v1/contributions", tags=["contributions"])

    @routes.post("", response_model=ContributionAnswer, responses=_created(ContributionAnswer))
    async def record_contribution(body: request.RecordContribution, context: Context) -> Response:
        """Record what somebody gave; it counts when somebody else confirms it, or in 14 days."""
        return await decided(body, context)

    @routes.get("")
    async def list_contributions(
        service_id: Annotated[Identifier, Query()],
        status: Annotated[Status | None, Query()] = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> Page[ContributionItem]:
        """List a service's contributions, those recorded last first."""
        return await journal().contributions(service_id, status, cursor, limit)

    @routes.get("/{contribution_id}", response_model=ContributionView)
    async def show_contribution(contribution_id: Identifier) -> Response:
        """Show one contribution; its version is the ETag."""
        found = await journal().contribution(contribution_id)
        if found is None:
            unknown = UNKNOWN_CONTRIBUTION
            raise HttpRefusal(unknown.status, Reason.UNKNOWN, unknown.title, remedy=unknown.remedy)
        return Response(
            found.model_dump_json(),
            media_type="application/json",
            headers=entity_tag(found.version),
        )

    return routes


def _lives(decided: Decided) -> APIRouter:
    routes = APIRouter(prefix="/v1/contributions/{contribution_id}", tags=["contributions"])

    @routes.post("/confirm", response_model=ContributionAnswer)
    async def confirm_contribution(
        contribution_id: Identifier, body: request.Confirmation, context: Context
    ) -> Response:
        """Confirm it, as a person other than the giver: it counts from then on."""
        return await decided(_of(request.ConfirmContribution, contribution_id, body), context)

    @routes.post("/dispute", response_model=ContributionAnswer)
    async def dispute_contribution(
        contribution_id: Identifier, body: request.Objection, context: Context
    ) -> Response:
        """Dispute it: it does not count until that is resolved."""
        return await decided(_of(request.DisputeContribution, contribution_id, body), context)

    @routes.post("/resolve", response_model=ContributionAnswer)
    async def resolve_dispute(
        contribution_id: Identifier, body: request.Resolution, context: Context
    ) -> Response:
        """Resolve the dispute: upheld voids, rejected and corrected let it count."""
        return await decided(_of(request.ResolveDispute, contribution_id, body), context)

    @routes.post("/correct", response_model=ContributionAnswer)
    async def correct_contribution(
        contribution_id: Identifier, body: request.Correction, context: Context
    ) -> Response:
        """Correct what was recorded; its status stays."""
        return await decided(_of(request.CorrectContribution, contribution_id, body), context)

    @routes.post("/void", response_model=ContributionAnswer)
    async def void_contribution(
        contribution_id: Identifier, body: request.Objection, context: Context
    ) -> Response:
        """Void it for good."""
        return await decided(_of(request.VoidContribution, contribution_id, body), context)

    return routes


def _feedback(decided: Decided) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["feedback"])

    @routes.post("/feedback", response_model=FeedbackAnswered, responses=_created(FeedbackAnswered))
    async def give_feedback(body: request.GiveFeedback, context: Context) -> Response:
        """Say what somebody thinks of a service or a contribution; the words stay here."""
        return await decided(body, context)

    @routes.post("/feedback/{feedback_id}/answer", response_model=FeedbackAnswered)
    async def answer_feedback(
        feedback_id: Identifier, body: request.FeedbackAnswer, context: Context
    ) -> Response:
        """Say that somebody else answered."""
        fields = {name: getattr(body, name) for name in type(body).model_fields}
        return await decided(request.AnswerFeedback(feedback_id=feedback_id, **fields), context)

    @routes.post("/changes", response_model=ChangeAnswer, responses=_created(ChangeAnswer))
    async def implement_change(body: request.ImplementChange, context: Context) -> Response:
        """Say that an answered feedback led to a change."""
        return await decided(body, context)

    return routes


def _decisions(decided: Decided) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["decisions"])

    @routes.post("/decisions", response_model=DecisionAnswer, responses=_created(DecisionAnswer))
    async def take_decision(body: request.TakeDecision, context: Context) -> Response:
        """Say what was decided, with how much vote weight of each party."""
        return await decided(body, context)

    @routes.post(
        "/resources", response_model=AllocationAnswer, responses=_created(AllocationAnswer)
    )
    async def allocate_resource(body: request.AllocateResource, context: Context) -> Response:
        """Say what a service got, by which decision, in whose care."""
        return await decided(body, context)

    return routes


def _consultations(decided: Decided) -> APIRouter:
    routes = APIRouter(prefix="/v1/consultations", tags=["consultations"])

    @routes.post("", response_model=ConsultationAnswer, responses=_created(ConsultationAnswer))
    async def open_consultation(body: request.OpenConsultation, context: Context) -> Response:
        """Say that people are asked for their opinion."""
        return await decided(body, context)

    @routes.post("/{consultation_id}/close", response_model=ConsultationAnswer)
    async def close_consultation(
        consultation_id: Identifier, body: request.ConsultationClosing, context: Context
    ) -> Response:
        """Say that they no longer are."""
        command = request.CloseConsultation(
            consultation_id=consultation_id, closed_at=body.closed_at
        )
        return await decided(command, context)

    return routes


def _of(
    command: type[request.OfContribution], contribution_id: str, body: StrictModel
) -> request.OfContribution:
    """Return the body as the command on the contribution in the path; what is unset stays unset."""
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    return command(contribution_id=contribution_id, **sent)


def _created(answer: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {201: {"model": answer, "description": "It exists from now on"}}
