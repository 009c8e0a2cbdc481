"""Resource: an amount was given to a service, by a decision or not, in a party's care or not.

Life: allocated, once and for all. Stream: ``allocation-{id}``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from services.exchange.decision.rules import has_lay_majority
from shared.commands.repeats import says_again
from shared.contracts.exchange import DecisionTaken, ResourceAllocated
from shared.contracts.vocabulary import Message
from shared.eventstore.folding import Fold
from shared.eventstore.port import Rejected


class Reason(StrEnum):
    ALREADY_ALLOCATED = "already_allocated"
    NO_AMOUNT = "no_amount"
    UNKNOWN_DECISION = "unknown_decision"
    DECISION_OF_ANOTHER_SERVICE = "decision_of_another_service"
    ALLOCATED_BEFORE_DECIDED = "allocated_before_decided"


@dataclass(frozen=True, slots=True)
class Allocate:
    """``decision`` is the one that ``allocation`` names, where it exists.

    ``moment_named``: the sender said when; otherwise a repeat means the moment it meant first.
    """

    allocation: ResourceAllocated
    decision: DecisionTaken | None = None
    moment_named: bool = True


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing was allocated."""


@dataclass(frozen=True, slots=True)
class Allocated:
    allocation: ResourceAllocated


State: TypeAlias = Unknown | Allocated
INITIAL: State = Unknown()


def stream_id(allocation_id: str) -> str:
    return f"allocation-{allocation_id}"


def decide(command: Allocate, state: State) -> list[Message]:
    """Return the event of an allocation, with the majority of its decision; ``[]`` if it is known.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    if command.allocation.amount == 0:
        raise Rejected(Reason.NO_AMOUNT)
    decision = _decision(command)
    lay_majority = decision is not None and has_lay_majority(decision)
    wanted = command.allocation.model_copy(update={"lay_majority": lay_majority})
    unnamed = () if command.moment_named else ("allocated_at",)
    match state:
        case Unknown():
            return [wanted]
        case Allocated(allocation=allocated) if says_again(wanted, allocated, unnamed):
            return []
        case Allocated():
            raise Rejected(Reason.ALREADY_ALLOCATED, allocation_id=wanted.allocation_id)
        case _:
            assert_never(state)


def evolve(state: State, event: Message) -> State:
    return Allocated(event) if isinstance(event, ResourceAllocated) else state


FOLD = Fold(INITIAL, evolve)


def _decision(command: Allocate) -> DecisionTaken | None:
    allocation, decision = command.allocation, command.decision
    if allocation.decision_id is None:
        return None
    if decision is None:
        raise Rejected(Reason.UNKNOWN_DECISION, decision_id=allocation.decision_id)
    if decision.service_id != allocation.service_id:
        raise Rejected(Reason.DECISION_OF_ANOTHER_SERVICE, service_id=decision.service_id)
    if allocation.allocated_at < decision.decided_at:
        raise Rejected(Reason.ALLOCATED_BEFORE_DECIDED, decided_at=decision.decided_at.isoformat())
    return decision
