"""Commands on feedback: given, answered, and the cause of a change."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from services.exchange.context import ExchangeContext, ExchangeNeeds, stream
from services.exchange.contribution import life
from services.exchange.contribution import rules as contribution
from services.exchange.contribution.building import act_in
from services.exchange.directory.admission import known_participant, open_service, party_held
from services.exchange.directory.answer import Presence
from services.exchange.directory.lookup import DirectoryNeeds
from services.exchange.feedback import rules as feedback
from services.exchange.feedback.rules import ChangeLevel
from services.exchange.lookback import RelatedStreams
from shared.commands.aggregate import Aggregate, CommandType, Decide, created
from shared.commands.plan import CommandPlan, command
from shared.contracts.exchange import FeedbackGiven, Score
from shared.contracts.vocabulary import Identifier
from shared.eventstore.folding import Fold
from shared.eventstore.port import Command, Rejected
from shared.http.problems import Meaning
from shared.http.strict import Instant, LocalId, LongText, StrictModel
from shared.http.submission import Context


class GiveFeedback(StrictModel):
    """``words`` stay in exchange's own database; ``about`` is a contribution or nothing.

    ``local_id`` is the sender's own id: the same one always means the same feedback.
    """

    local_id: LocalId | None = None
    service_id: Identifier
    participant_id: Identifier
    about: Identifier | None = None
    score: Score | None = None
    trust: Score | None = None
    respect: Score | None = None
    words: LongText | None = None
    given_at: Instant | None = None


class FeedbackAnswer(StrictModel):
    by: Identifier
    answered_at: Instant | None = None


class AnswerFeedback(FeedbackAnswer):
    feedback_id: Identifier


class ImplementChange(StrictModel):
    """``local_id`` is the sender's own id of the change, where it knows no ``change_id``."""

    feedback_id: Identifier
    local_id: LocalId | None = None
    change_id: Identifier | None = None
    level: ChangeLevel
    implemented_at: Instant | None = None


class FeedbackAnswered(BaseModel):
    feedback_id: str
    service_id: str
    version: int


class ChangeAnswer(FeedbackAnswered):
    change_id: str


def give_feedback(body: GiveFeedback, context: ExchangeContext) -> Command[Any]:
    at = body.given_at or context.now
    open_service(context.directory, body.service_id, at, context.now)
    party = party_held(context.directory, Presence(body.service_id, body.participant_id, at.date()))
    if body.about is not None and act_in(context.related, body.about) is None:
        raise Rejected(contribution.Reason.UNKNOWN, contribution_id=body.about)
    given = FeedbackGiven(
        feedback_id=context.new_id("feedback", body.local_id),
        service_id=body.service_id,
        participant_id=body.participant_id,
        party=party,
        about=body.about,
        score=body.score,
        trust=body.trust,
        respect=body.respect,
        given_at=at,
    )
    asked = feedback.Give(
        given, words=body.words is not None, moment_named=body.given_at is not None
    )
    return _on_feedback(given.feedback_id, given.service_id, asked, context)


def answer_feedback(body: AnswerFeedback, context: ExchangeContext) -> Command[Any]:
    given = _known_feedback(body.feedback_id, context).feedback
    service_id = given.service_id
    at = context.moment(body.answered_at, given.given_at)
    known_participant(context.directory, body.by)
    party = context.directory.party_on(Presence(service_id, body.by, at.date()))
    return _on_feedback(body.feedback_id, service_id, feedback.Answer(body.by, party, at), context)


def implement_change(body: ImplementChange, context: ExchangeContext) -> Command[Any]:
    state = _known_feedback(body.feedback_id, context)
    answered_at = state.answered_at if isinstance(state, feedback.Answered) else context.now
    at = context.moment(body.implemented_at, answered_at)
    change_id = body.change_id or context.new_id("change", body.local_id)
    asked = feedback.Implement(change_id, body.level, at)
    return _on_feedback(body.feedback_id, state.feedback.service_id, asked, context)


def _known_feedback(
    feedback_id: str, context: ExchangeContext
) -> feedback.Given | feedback.Answered:
    state: feedback.State = context.related.states[feedback.stream_id(feedback_id)]
    if isinstance(state, feedback.Unknown):
        raise Rejected(feedback.Reason.UNKNOWN, feedback_id=feedback_id)
    return state


def _on_feedback(
    feedback_id: str, service_id: str, asked: feedback.Command, context: ExchangeContext
) -> Command[Any]:
    told = {"feedback_id": feedback_id, "service_id": service_id}
    if isinstance(asked, feedback.Implement):
        told["change_id"] = asked.change_id
    plan = CommandPlan(
        stream=stream(feedback.stream_id(feedback_id), feedback_id, service_id),
        fold=feedback.FOLD,
        decide=partial(feedback.decide, asked),
        told=lambda *_: told,
        creates=not isinstance(asked, feedback.Answer),
        causation_id=feedback_id if isinstance(asked, feedback.Implement) else None,
    )
    return command(plan, context)


def _about(body: GiveFeedback) -> tuple[str, Fold] | None:
    return None if body.about is None else (contribution.stream_id(body.about), life.FOLD)


def _feedback(body: AnswerFeedback | ImplementChange) -> tuple[str, Fold]:
    return feedback.stream_id(body.feedback_id), feedback.FOLD


def _ask_of_giver(asked: DirectoryNeeds, body: GiveFeedback, _related: RelatedStreams) -> None:
    asked.presence(body.service_id, body.participant_id)


def _ask_of_answerer(asked: DirectoryNeeds, body: AnswerFeedback, related: RelatedStreams) -> None:
    asked.participants.add(body.by)
    state: feedback.State = related.states[feedback.stream_id(body.feedback_id)]
    if not isinstance(state, feedback.Unknown):
        asked.presence(state.feedback.service_id, body.by)


REFUSALS: Mapping[StrEnum, Meaning] = {
    feedback.Reason.UNKNOWN: Meaning(404, "There is no such feedback", "Give it first."),
    feedback.Reason.ALREADY_GIVEN: Meaning(409, "This feedback was given otherwise"),
    feedback.Reason.EMPTY: Meaning(
        422, "The feedback says nothing", "Send a score, trust, respect or words."
    ),
    feedback.Reason.ANSWERED_BEFORE_GIVEN: Meaning(
        422, "An answer comes after the feedback", "Name the moment of the answer."
    ),
    feedback.Reason.OWN_FEEDBACK: Meaning(
        403, "Nobody answers their own feedback", "Somebody else has to answer."
    ),
    feedback.Reason.NOT_ANSWERED: Meaning(
        409, "The feedback was not answered yet", "Answer it: POST /v1/feedback/{id}/answer."
    ),
    feedback.Reason.IMPLEMENTED_BEFORE_ANSWERED: Meaning(
        422, "A change that a feedback caused comes after its answer", "Name the day it was made."
    ),
    feedback.Reason.CHANGE_KNOWN_OTHERWISE: Meaning(
        409, "This change is known with another content", "Use another change_id."
    ),
}


def routes_of(decide: Decide) -> list[APIRouter]:
    routes = APIRouter(prefix="/v1", tags=["feedback"])

    @routes.post("/feedback", response_model=FeedbackAnswered, responses=created(FeedbackAnswered))
    async def give_feedback(body: GiveFeedback, context: Context) -> Response:
        """Say what somebody thinks of a service or a contribution; the words stay here."""
        return await decide(body, context)

    @routes.post("/feedback/{feedback_id}/answer", response_model=FeedbackAnswered)
    async def answer_feedback(
        feedback_id: Identifier, body: FeedbackAnswer, context: Context
    ) -> Response:
        """Say that somebody else answered."""
        fields = {name: getattr(body, name) for name in type(body).model_fields}
        return await decide(AnswerFeedback(feedback_id=feedback_id, **fields), context)

    @routes.post("/changes", response_model=ChangeAnswer, responses=created(ChangeAnswer))
    async def implement_change(body: ImplementChange, context: Context) -> Response:
        """Say that an answered feedback led to a change."""
        return await decide(body, context)

    return [routes]


AGGREGATE = Aggregate(
    commands=(
        CommandType(
            "give-feedback",
            GiveFeedback,
            give_feedback,
            ExchangeNeeds(_about, directory=_ask_of_giver),
        ),
        CommandType(
            "answer-feedback",
            AnswerFeedback,
            answer_feedback,
            ExchangeNeeds(_feedback, directory=_ask_of_answerer),
        ),
        CommandType(
            "implement-change", ImplementChange, implement_change, ExchangeNeeds(_feedback)
        ),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
