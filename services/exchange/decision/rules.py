"""Decision: something was decided on a service, with so much vote weight of each party.

Life: taken, once and for all. Stream: ``decision-{id}``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from shared.commands.repeats import says_again
from shared.contracts.exchange import ByParty, DecisionTaken
from shared.contracts.vocabulary import Message, Party
from shared.eventstore.folding import Fold
from shared.eventstore.port import Rejected


class Reason(StrEnum):
    ALREADY_TAKEN = "already_taken"
    NO_WEIGHT = "no_vote_weight"
    WEIGHT_WITHOUT_VOTERS = "weight_without_voters"


@dataclass(frozen=True, slots=True)
class Take:
    """``moment_named``: the sender said when; else a repeat means the moment it meant first."""

    decision: DecisionTaken
    moment_named: bool = True


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing was decided."""


@dataclass(frozen=True, slots=True)
class Taken:
    decision: DecisionTaken


State: TypeAlias = Unknown | Taken
INITIAL: State = Unknown()


def stream_id(decision_id: str) -> str:
    return f"decision-{decision_id}"


def decide(command: Take, state: State) -> list[Message]:
    """Return the event of a decision; ``[]`` when it is already known.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    wanted = command.decision
    if _total(wanted.weights) == 0:
        raise Rejected(Reason.NO_WEIGHT)
    for party in Party:
        if getattr(wanted.weights, party) > 0 and getattr(wanted.voters, party) == 0:
            raise Rejected(Reason.WEIGHT_WITHOUT_VOTERS, party=party)
    unnamed = () if command.moment_named else ("decided_at",)
    match state:
        case Unknown():
            return [wanted]
        case Taken(decision=taken) if says_again(wanted, taken, unnamed):
            return []
        case Taken():
            raise Rejected(Reason.ALREADY_TAKEN, decision_id=wanted.decision_id)
        case _:
            assert_never(state)


def evolve(state: State, event: Message) -> State:
    return Taken(event) if isinstance(event, DecisionTaken) else state


FOLD = Fold(INITIAL, evolve)


def has_lay_majority(decision: DecisionTaken) -> bool:
    """Whether more than half of the vote weight was that of users, family and social sphere."""
    lay = decision.weights.user + decision.weights.family_social
    return 2 * lay > _total(decision.weights)


def _total(weights: ByParty) -> int:
    return weights.professional + weights.user + weights.family_social
