"""A command that is ready to be decided: its stream, the rule that decides, and its answer."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.commands.context import CommandContext
from shared.contracts.event_type import BY_MODEL
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Message
from shared.eventstore.folding import Fold
from shared.eventstore.port import (
    EVENTS_MAX,
    Answer,
    Command,
    Happened,
    Recorded,
    Rejected,
    Stream,
)
from shared.http.submission import Submission, entity_tag

NOWHERE = Stream("refused", "refused", EXCHANGE_ACTIVITY, "refused")  # nothing is ever added to it


class CommandPlan(msgspec.Struct, frozen=True):
    """``told`` returns the answer's body, from the state left behind and the events that led to it.

    ``creates``: the aggregate begins with it. ``ends``: it is taken however many events the stream
    has, for few can follow. ``causation_id``: what caused its events, where it is not the command.
    """

    stream: Stream
    fold: Fold
    decide: Callable[[Any], Sequence[Message]]
    told: Callable[[Any, Sequence[Message]], Mapping[str, Any]]
    creates: bool = False
    ends: bool = False
    causation_id: str | None = None


def command(plan: CommandPlan, known: CommandContext) -> Command[Any]:
    """Return the command to the event store that does what is planned for this submission."""

    def decide(state: Any) -> list[Happened]:
        return [happened(event, known.now, plan.causation_id) for event in plan.decide(state)]

    def answer(state: Any, version: int, recorded: Sequence[Recorded]) -> Answer:
        status = 201 if plan.creates and recorded else 200
        body = {**plan.told(state, [one.event for one in recorded]), "version": version}
        return Answer(status, body, entity_tag(version))

    context = known.submission.context
    return Command(
        stream=plan.stream,
        initial=plan.fold.initial,
        decide=decide,
        evolve=plan.fold.evolve,
        answer=answer,
        provenance=context.provenance,
        idempotency=context.idempotency,
        expected_version=context.expected_version,
        events_max=None if plan.ends else EVENTS_MAX,
    )


def happened(event: Message, now: datetime, causation_id: str | None = None) -> Happened:
    """Return the event with the moment at which it happened, as its declaration says."""
    return Happened(event, BY_MODEL[type(event)].happened_at(event, now), causation_id)


def refusal(rejected: Rejected, submission: Submission) -> Command[Any]:
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
        provenance=submission.context.provenance,
        idempotency=submission.context.idempotency,
    )
