"""A command on its way: an order with what is known of it becomes a command to the event store."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from services.exchange.contribution.life import SYSTEM
from services.exchange.directory.answer import Directory
from services.exchange.identity import Identity
from services.exchange.known import Past
from shared.contracts.exchange import (
    ChangeImplemented,
    ConsultationClosed,
    ConsultationOpened,
    ContributionRecorded,
    ContributionRevisionSeen,
    DecisionTaken,
    FeedbackAnswered,
    FeedbackGiven,
    ResourceAllocated,
)
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Message
from shared.eventstore.port import (
    EVENTS_MAX,
    Answer,
    Command,
    Happened,
    Provenance,
    Recorded,
    Rejected,
    Stream,
)
from shared.http.bulk import Order
from shared.http.command import entity_tag

BY_LENGTH_MAX = 64  # of an id in an event; a system's name can be longer
NOWHERE = Stream("refused", "refused", EXCHANGE_ACTIVITY, "refused")


class Case(msgspec.Struct, frozen=True):
    """An order with everything that is known about it, and the present."""

    order: Order
    past: Past
    directory: Directory
    identity: Identity
    now: datetime

    @property
    def sender(self) -> Provenance:
        return self.order.context.provenance

    @property
    def system(self) -> str:
        """Who acts when no participant does."""
        return f"{SYSTEM}{self.sender.system}"[:BY_LENGTH_MAX]


class Plan(msgspec.Struct, frozen=True):
    """``told`` is the answer's body, from the state left behind and the events that led to it.

    ``ends``: it is taken however much has happened before, for little can happen after it.
    """

    stream: Stream
    initial: Any
    decide: Callable[[Any], Sequence[Message]]
    evolve: Callable[[Any, Message], Any]
    told: Callable[[Any, Sequence[Message]], Mapping[str, Any]]
    creates: bool = False
    ends: bool = False


def stream(stream_id: str, subject: str, service_id: str) -> Stream:
    """Return the stream of an aggregate that belongs to one service."""
    return Stream(stream_id, subject, EXCHANGE_ACTIVITY, service_id)


def command(plan: Plan, case: Case) -> Command[Any]:
    def decide(state: Any) -> list[Happened]:
        return [happened(event, case.now) for event in plan.decide(state)]

    def answer(state: Any, version: int, recorded: Sequence[Recorded]) -> Answer:
        status = 201 if plan.creates and recorded else 200
        body = {**plan.told(state, [one.event for one in recorded]), "version": version}
        return Answer(status, body, entity_tag(version))

    context = case.order.context
    return Command(
        stream=plan.stream,
        initial=plan.initial,
        decide=decide,
        evolve=plan.evolve,
        answer=answer,
        provenance=context.provenance,
        idempotency=context.idempotency,
        expected_version=context.expected_version,
        events_max=None if plan.ends else EVENTS_MAX,
    )


def refusal(rejected: Rejected, case: Case) -> Command[Any]:
    """Return a command that is refused, unless its key was answered before: that answer stands."""

    def refuse(_state: object) -> Sequence[Happened]:
        raise rejected

    def unanswered(_state: object, _version: int, _recorded: object) -> Answer:
        raise rejected

    return Command(
        stream=NOWHERE,
        initial=None,
        decide=refuse,
        evolve=lambda state, _event: state,
        answer=unanswered,
        provenance=case.sender,
        idempotency=case.order.context.idempotency,
    )


def happened(event: Message, now: datetime) -> Happened:
    """Return the event with the time at which it happened; ``now`` for what exchange does."""
    tell = _TIMES.get(type(event))
    causation_id = event.feedback_id if type(event) is ChangeImplemented else None
    return Happened(event, now if tell is None else tell(event), causation_id)


_TIMES: Mapping[type[Message], Callable[[Any], datetime]] = {
    ContributionRecorded: lambda event: event.act.occurred_at,
    ContributionRevisionSeen: attrgetter("revised_at"),
    FeedbackGiven: attrgetter("given_at"),
    FeedbackAnswered: attrgetter("answered_at"),
    ChangeImplemented: attrgetter("implemented_at"),
    DecisionTaken: attrgetter("decided_at"),
    ResourceAllocated: attrgetter("allocated_at"),
    ConsultationOpened: attrgetter("opened_at"),
    ConsultationClosed: attrgetter("closed_at"),
}
