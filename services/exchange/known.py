"""What a command asks about besides its own stream, looked up before it is decided.

``Past`` is what exchange itself holds: related streams, and where rows of other systems stand. All
else is asked of the replica of registry.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from services.exchange import request
from services.exchange.consultation import rules as consultation
from services.exchange.contribution import life
from services.exchange.contribution import rules as contribution
from services.exchange.decision import rules as decision
from services.exchange.directory.lookup import Questions
from services.exchange.feedback import rules as feedback
from services.exchange.identity import Identity
from shared.contracts.exchange import Act
from shared.eventstore.folding import Fold
from shared.eventstore.store import Pool, PostgresEventStore
from shared.http.bulk import Order

FEEDBACK = Fold(feedback.INITIAL, feedback.evolve)
DECISION = Fold(decision.INITIAL, decision.evolve)
CONSULTATION = Fold(consultation.INITIAL, consultation.evolve)
PLACES = """
SELECT asked.origin_id, c.contribution_id, c.service_id, c.revised_at,
    coalesce(m.moves, 0) AS moves, c.status = 'voided' AS voided,
    c.version, c.stated_status, c.stated_digest
FROM unnest($1::text[]) AS asked (origin_id)
LEFT JOIN moved_contribution AS m USING (origin_id)
JOIN contribution AS c ON c.contribution_id = coalesce(m.contribution_id, asked.origin_id)
"""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a row of another system stands now; ``moves``: how often it went elsewhere.

    ``stated_status`` and ``stated_digest`` are of what its system said of it last.
    """

    contribution_id: str
    service_id: str
    revised_at: datetime | None
    moves: int
    voided: bool = False
    version: int = 0
    stated_status: str | None = None
    stated_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """``states`` by their stream; ``places`` by the id that the row's first contribution had.

    ``origins``: that id, by the agency and the system that the row is of, its id there, and what
    that is unique in.
    """

    states: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[tuple[str, str, str, str | None], str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)

    def contribution(self, contribution_id: str) -> life.State:
        state: life.State = self.states[contribution.stream_id(contribution_id)]
        return state

    def act(self, contribution_id: str) -> Act | None:
        state = self.contribution(contribution_id)
        return None if isinstance(state, life.Unknown) else state.act

    def feedback(self, feedback_id: str) -> feedback.State:
        state: feedback.State = self.states[feedback.stream_id(feedback_id)]
        return state

    def decision(self, decision_id: str) -> decision.State:
        state: decision.State = self.states[decision.stream_id(decision_id)]
        return state

    def consultation(self, consultation_id: str) -> consultation.State:
        state: consultation.State = self.states[consultation.stream_id(consultation_id)]
        return state


async def look_back(
    pool: Pool, store: PostgresEventStore, identity: Identity, orders: Sequence[Order]
) -> Past:
    """Return what exchange itself holds that the orders ask about."""
    related = dict(found for order in orders if (found := _related(order)))
    origins = {
        (sender.agency, sender.system, body.local_id, scope): identity.contribution(
            sender, body.local_id, scope=scope
        )
        for order in orders
        for body, sender in ((order.body, order.context.provenance),)
        if isinstance(body, request.SynchroniseContribution | request.RetractContribution)
        for scope in {body.id_scope, None}  # it may have come before without one
    }
    folded = await store.folded(related) if related else {}
    return Past(
        states={stream_id: stream.state for stream_id, stream in folded.items()},
        origins=origins,
        places=await _places(pool, list(origins.values())) if origins else {},
    )


def questions(orders: Iterable[Order], past: Past) -> Questions:
    """Return what the orders ask of registry."""
    asked = Questions()
    for order in orders:
        body = order.body
        match body:
            case request.Given():
                _ask_of_act(asked, body)
            case (
                request.CorrectContribution(contribution_id=found, changes=changes)
                | request.ResolveDispute(contribution_id=found, changes=changes)
            ):
                _ask_of_changes(asked, past.act(found), changes)
            case request.GiveFeedback():
                asked.presence(body.service_id, body.participant_id)
            case request.AnswerFeedback(feedback_id=feedback_id, by=by):
                state = past.feedback(feedback_id)
                if not isinstance(state, feedback.Unknown):
                    asked.presence(state.feedback.service_id, by)
            case request.TakeDecision() | request.AllocateResource() | request.OpenConsultation():
                asked.services.add(body.service_id)
            case _:
                pass
        asked.participants.update(_people(body))
    return asked


def _related(order: Order) -> tuple[str, Fold] | None:
    """Return the stream that must be read before the command can be built."""
    match order.body:
        case request.SynchroniseContribution() | request.RetractContribution():
            return None
        case (
            request.ConfirmContribution(contribution_id=found)
            | request.DisputeContribution(contribution_id=found)
            | request.ResolveDispute(contribution_id=found)
            | request.CorrectContribution(contribution_id=found)
            | request.VoidContribution(contribution_id=found)
            | request.GiveFeedback(about=str() as found)
        ):
            return contribution.stream_id(found), life.FOLD
        case request.AnswerFeedback(feedback_id=found) | request.ImplementChange(feedback_id=found):
            return feedback.stream_id(found), FEEDBACK
        case request.AllocateResource(decision_id=str() as found):
            return decision.stream_id(found), DECISION
        case request.CloseConsultation(consultation_id=found):
            return consultation.stream_id(found), CONSULTATION
        case _:
            return None


def _ask_of_act(asked: Questions, given: request.Given) -> None:
    receivers = (*given.receivers, *given.receiver_groups)
    asked.presence(given.service_id, given.giver_id, *receivers)
    if given.organisation_id is not None:
        asked.organisations.add(given.organisation_id)


def _ask_of_changes(asked: Questions, act: Act | None, changes: request.Changes | None) -> None:
    if act is None or changes is None:
        return
    receivers = (*(each.participant_id for each in act.receivers), *act.receiver_groups)
    asked.presence(act.service_id, act.giver_id, *receivers)
    named = (*(changes.receivers or ()), *(changes.receiver_groups or ()))
    asked.presence(act.service_id, *named)
    if changes.giver_id is not None:
        asked.presence(act.service_id, changes.giver_id)
    if changes.organisation_id is not None:
        asked.organisations.add(changes.organisation_id)
    if not act.recorded_by.startswith(life.SYSTEM):
        asked.participants.add(act.recorded_by)


def _people(body: object) -> Iterable[str]:
    """Return who acts: the one who confirms, disputes, answers, or records for somebody else."""
    said = vars(body)  # not getattr: pydantic looks long for what a body does not have
    return [each for each in (said.get("by"), said.get("recorded_by")) if each is not None]


async def _places(pool: Pool, origins: Sequence[str]) -> dict[str, Place]:
    return {origin_id: Place(*rest) for origin_id, *rest in await pool.fetch(PLACES, origins)}
