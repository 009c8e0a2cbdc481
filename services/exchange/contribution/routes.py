"""Contributions over HTTP: each command, and what was recorded to be read."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from services.exchange.contribution import bodies
from services.exchange.contribution.life import Status
from services.exchange.contribution.queries import (
    ContributionItem,
    ContributionQueries,
    ContributionView,
)
from services.exchange.contribution.refusals import UNKNOWN_CONTRIBUTION
from services.exchange.contribution.rules import Reason
from shared.commands.aggregate import Decide, created
from shared.contracts.vocabulary import Identifier
from shared.http.paging import LIMIT_DEFAULT, Cursor, Limit, Page
from shared.http.problems import HttpRefusal
from shared.http.strict import StrictModel
from shared.http.submission import Context, entity_tag


class ContributionAnswer(BaseModel):
    contribution_id: str
    service_id: str
    status: Status
    version: int


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1/contributions", tags=["contributions"])

    @routes.post("", response_model=ContributionAnswer, responses=created(ContributionAnswer))
    async def record_contribution(body: bodies.RecordContribution, context: Context) -> Response:
        """Record what somebody gave; it counts when somebody else confirms it, or in 14 days."""
        return await decide(body, context)

    return [routes, _lives(decide)]


def _lives(decide: Decide) -> APIRouter:
    routes = APIRouter(prefix="/v1/contributions/{contribution_id}", tags=["contributions"])

    @routes.post("/confirm", response_model=ContributionAnswer)
    async def confirm_contribution(
        contribution_id: Identifier, body: bodies.Confirmation, context: Context
    ) -> Response:
        """Confirm it, as a person other than the giver: it counts from then on."""
        return await decide(_of(bodies.ConfirmContribution, contribution_id, body), context)

    @routes.post("/dispute", response_model=ContributionAnswer)
    async def dispute_contribution(
        contribution_id: Identifier, body: bodies.Objection, context: Context
    ) -> Response:
        """Dispute it: it does not count until that is resolved."""
        return await decide(_of(bodies.DisputeContribution, contribution_id, body), context)

    @routes.post("/resolve", response_model=ContributionAnswer)
    async def resolve_dispute(
        contribution_id: Identifier, body: bodies.Resolution, context: Context
    ) -> Response:
        """Resolve the dispute: upheld voids, rejected and corrected let it count."""
        return await decide(_of(bodies.ResolveDispute, contribution_id, body), context)

    @routes.post("/correct", response_model=ContributionAnswer)
    async def correct_contribution(
        contribution_id: Identifier, body: bodies.Correction, context: Context
    ) -> Response:
        """Correct what was recorded; its status stays."""
        return await decide(_of(bodies.CorrectContribution, contribution_id, body), context)

    @routes.post("/void", response_model=ContributionAnswer)
    async def void_contribution(
        contribution_id: Identifier, body: bodies.Objection, context: Context
    ) -> Response:
        """Void it for good."""
        return await decide(_of(bodies.VoidContribution, contribution_id, body), context)

    return routes


def reading(queries: Callable[[], ContributionQueries]) -> APIRouter:
    """Return the routes to read contributions; ``queries`` raises a 503 while it is not open."""
    routes = APIRouter(prefix="/v1/contributions", tags=["contributions"])

    @routes.get("")
    async def list_contributions(
        service_id: Annotated[Identifier, Query()],
        status: Annotated[Status | None, Query()] = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> Page[ContributionItem]:
        """List a service's contributions, those recorded last first."""
        return await queries().contributions(service_id, status, cursor, limit)

    @routes.get("/{contribution_id}", response_model=ContributionView)
    async def show_contribution(contribution_id: Identifier) -> Response:
        """Show one contribution; its version is the ETag."""
        found = await queries().contribution(contribution_id)
        if found is None:
            unknown = UNKNOWN_CONTRIBUTION
            raise HttpRefusal(unknown.status, Reason.UNKNOWN, unknown.title, remedy=unknown.remedy)
        return Response(
            found.model_dump_json(),
            media_type="application/json",
            headers=entity_tag(found.version),
        )

    return routes


def _of(
    command: type[bodies.OfContribution], contribution_id: str, body: StrictModel
) -> bodies.OfContribution:
    """Return the body as the command on the contribution in the path; what is unset stays unset."""
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    return command(contribution_id=contribution_id, **sent)
