"""Commands on feedback and its changes, decisions, resources and consultations."""

from datetime import datetime
from functools import partial
from typing import Any

from uuid_utils import uuid7

from services.exchange import request
from services.exchange.consultation import rules as consultation
from services.exchange.contribution import rules as contribution
from services.exchange.decision import rules as decision
from services.exchange.directory.admission import (
    known_participant,
    not_to_come,
    open_service,
    party_held,
)
from services.exchange.directory.answer import Presence
from services.exchange.feedback import rules as feedback
from services.exchange.plan import Case, Plan, command, stream
from services.exchange.resource import rules as resource
from shared.contracts.exchange import (
    ByParty,
    ConsultationOpened,
    DecisionTaken,
    FeedbackGiven,
    ResourceAllocated,
)
from shared.eventstore.port import Command, Rejected


def give_feedback(body: request.GiveFeedback, case: Case) -> Command[Any]:
    at = body.given_at or case.now
    open_service(case.directory, body.service_id, at, case.now)
    party = party_held(case.directory, Presence(body.service_id, body.participant_id, at.date()))
    if body.about is not None and case.past.act(body.about) is None:
        raise Rejected(contribution.Reason.UNKNOWN, contribution_id=body.about)
    given = FeedbackGiven(
        feedback_id=str(uuid7()),
        service_id=body.service_id,
        participant_id=body.participant_id,
        party=party,
        about=body.about,
        score=body.score,
        trust=body.trust,
        respect=body.respect,
        given_at=at,
    )
    asked = feedback.Give(given, words=body.words is not None)
    return _on_feedback(given.feedback_id, given.service_id, asked, case)


def answer_feedback(body: request.AnswerFeedback, case: Case) -> Command[Any]:
    given = _known_feedback(body.feedback_id, case).feedback
    service_id = given.service_id
    at = _moment(body.answered_at, given.given_at, case)
    known_participant(case.directory, body.by)
    party = case.directory.party_on(Presence(service_id, body.by, at.date()))
    return _on_feedback(body.feedback_id, service_id, feedback.Answer(body.by, party, at), case)


def implement_change(body: request.ImplementChange, case: Case) -> Command[Any]:
    state = _known_feedback(body.feedback_id, case)
    answered_at = state.answered_at if isinstance(state, feedback.Answered) else case.now
    at = _moment(body.implemented_at, answered_at, case)
    change_id = body.change_id or str(uuid7())
    asked = feedback.Implement(change_id, body.level, at)
    return _on_feedback(body.feedback_id, state.feedback.service_id, asked, case)


def take_decision(body: request.TakeDecision, case: Case) -> Command[Any]:
    at = body.decided_at or case.now
    open_service(case.directory, body.service_id, at, case.now)
    taken = DecisionTaken(
        decision_id=str(uuid7()),
        service_id=body.service_id,
        level=body.level,
        weights=ByParty(**body.weights.model_dump()),
        voters=ByParty(**body.voters.model_dump()),
        decided_at=at,
    )
    plan = Plan(
        stream=stream(decision.stream_id(taken.decision_id), taken.decision_id, body.service_id),
        initial=decision.INITIAL,
        decide=partial(decision.decide, decision.Take(taken)),
        evolve=decision.evolve,
        told=lambda *_: {"decision_id": taken.decision_id, "service_id": body.service_id},
        creates=True,
    )
    return command(plan, case)


def allocate_resource(body: request.AllocateResource, case: Case) -> Command[Any]:
    at = body.allocated_at or case.now
    open_service(case.directory, body.service_id, at, case.now)
    allocation_id = str(uuid7())
    allocated = ResourceAllocated(
        allocation_id=allocation_id,
        service_id=body.service_id,
        amount=body.amount,
        currency=body.currency,
        steward_party=body.steward_party,
        decision_id=body.decision_id,
        allocated_at=at,
    )
    known = case.past.decision(body.decision_id) if body.decision_id else decision.INITIAL
    taken = known.decision if isinstance(known, decision.Taken) else None
    plan = Plan(
        stream=stream(resource.stream_id(allocation_id), allocation_id, body.service_id),
        initial=resource.INITIAL,
        decide=partial(resource.decide, resource.Allocate(allocated, taken)),
        evolve=resource.evolve,
        told=lambda *_: {"allocation_id": allocation_id, "service_id": body.service_id},
        creates=True,
    )
    return command(plan, case)


def open_consultation(body: request.OpenConsultation, case: Case) -> Command[Any]:
    at = body.opened_at or case.now
    open_service(case.directory, body.service_id, at, case.now)
    opened = ConsultationOpened(
        consultation_id=str(uuid7()), service_id=body.service_id, title=body.title, opened_at=at
    )
    asked = consultation.Open(opened)
    return _on_consultation(opened.consultation_id, opened.service_id, asked, case)


def close_consultation(body: request.CloseConsultation, case: Case) -> Command[Any]:
    state = case.past.consultation(body.consultation_id)
    if isinstance(state, consultation.Unknown):
        raise Rejected(consultation.Reason.UNKNOWN, consultation_id=body.consultation_id)
    opened = state.consultation
    at = _moment(body.closed_at, opened.opened_at, case)
    return _on_consultation(body.consultation_id, opened.service_id, consultation.Close(at), case)


def _known_feedback(feedback_id: str, case: Case) -> feedback.Given | feedback.Answered:
    state = case.past.feedback(feedback_id)
    if isinstance(state, feedback.Unknown):
        raise Rejected(feedback.Reason.UNKNOWN, feedback_id=feedback_id)
    return state


def _moment(named: datetime | None, follows: datetime, case: Case) -> datetime:
    """Return when it happened: as named, else now.

    A clock that was set back since must not refuse who named nothing: it then happened with what it
    ``follows``.
    """
    if named is None:
        return max(case.now, follows)
    not_to_come(named, case.now)
    return named


def _on_feedback(
    feedback_id: str, service_id: str, asked: feedback.Command, case: Case
) -> Command[Any]:
    told = {"feedback_id": feedback_id, "service_id": service_id}
    if isinstance(asked, feedback.Implement):
        told["change_id"] = asked.change_id
    plan = Plan(
        stream=stream(feedback.stream_id(feedback_id), feedback_id, service_id),
        initial=feedback.INITIAL,
        decide=partial(feedback.decide, asked),
        evolve=feedback.evolve,
        told=lambda *_: told,
        creates=not isinstance(asked, feedback.Answer),
    )
    return command(plan, case)


def _on_consultation(
    consultation_id: str, service_id: str, asked: consultation.Command, case: Case
) -> Command[Any]:
    plan = Plan(
        stream=stream(consultation.stream_id(consultation_id), consultation_id, service_id),
        initial=consultation.INITIAL,
        decide=partial(consultation.decide, asked),
        evolve=consultation.evolve,
        told=lambda *_: {"consultation_id": consultation_id, "service_id": service_id},
        creates=isinstance(asked, consultation.Open),
    )
    return command(plan, case)
