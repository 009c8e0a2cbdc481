"""Feedback: what somebody thinks of a service or of one contribution, and what became of it.

Life: given, answered, and then the cause of any number of changes. Stream: ``feedback-{id}``.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias, assert_never

from shared.commands.repeats import says_again
from shared.contracts.exchange import ChangeImplemented, FeedbackAnswered, FeedbackGiven
from shared.contracts.vocabulary import Message, Party
from shared.eventstore.folding import Fold
from shared.eventstore.port import Rejected

ChangeLevel: TypeAlias = Literal["process", "role", "policy", "budget"]


class Reason(StrEnum):
    UNKNOWN = "unknown_feedback"
    ALREADY_GIVEN = "already_given"
    EMPTY = "empty_feedback"
    ANSWERED_BEFORE_GIVEN = "answered_before_given"
    OWN_FEEDBACK = "own_feedback"
    NOT_ANSWERED = "feedback_not_answered"
    IMPLEMENTED_BEFORE_ANSWERED = "implemented_before_answered"
    CHANGE_KNOWN_OTHERWISE = "change_known_otherwise"


@dataclass(frozen=True, slots=True)
class Give:
    """``words``: the giver also wrote something, which stays out of the event.

    ``moment_named``: the sender said when; otherwise a repeat means the moment it meant first, and
    the giver's party of that day.
    """

    feedback: FeedbackGiven
    words: bool
    moment_named: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    by: str
    by_party: Party | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Implement:
    change_id: str
    level: ChangeLevel
    at: datetime


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody said anything."""


@dataclass(frozen=True, slots=True)
class Given:
    feedback: FeedbackGiven


@dataclass(frozen=True, slots=True)
class Answered:
    feedback: FeedbackGiven
    answered_at: datetime
    changes: tuple[ChangeImplemented, ...] = ()


Command: TypeAlias = Give | Answer | Implement
State: TypeAlias = Unknown | Given | Answered
INITIAL: State = Unknown()


def stream_id(feedback_id: str) -> str:
    return f"feedback-{feedback_id}"


def decide(command: Command, state: State) -> list[Message]:
    """Return the events this command causes; ``[]`` when it is already in effect.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    match command:
        case Give():
            return _give(command, state)
        case Answer():
            return _answer(command, state)
        case Implement():
            return _implement(command, state)
        case _:
            assert_never(command)


def evolve(state: State, event: Message) -> State:
    match event, state:
        case FeedbackGiven(), _:
            return Given(event)
        case FeedbackAnswered(answered_at=answered_at), Given(feedback=feedback):
            return Answered(feedback, answered_at)
        case ChangeImplemented(), Answered():
            return replace(state, changes=(*state.changes, event))
        case _:
            return state


FOLD = Fold(INITIAL, evolve)


def _give(command: Give, state: State) -> list[Message]:
    said = command.feedback
    if (said.score, said.trust, said.respect) == (None, None, None) and not command.words:
        raise Rejected(Reason.EMPTY)
    unnamed = () if command.moment_named else ("given_at", "party")
    match state:
        case Unknown():
            return [said]
        case Given() | Answered() if says_again(said, state.feedback, unnamed):
            return []
        case Given() | Answered():
            raise Rejected(Reason.ALREADY_GIVEN, feedback_id=said.feedback_id)
        case _:
            assert_never(state)


def _answer(command: Answer, state: State) -> list[Message]:
    match state:
        case Unknown():
            raise Rejected(Reason.UNKNOWN)
        case Given() | Answered() if state.feedback.participant_id == command.by:
            raise Rejected(Reason.OWN_FEEDBACK, participant_id=command.by)
        case Answered():
            return []
        case Given(feedback=feedback) if command.at < feedback.given_at:
            raise Rejected(Reason.ANSWERED_BEFORE_GIVEN, given_at=feedback.given_at.isoformat())
        case Given(feedback=feedback):
            return [
                FeedbackAnswered(
                    feedback_id=feedback.feedback_id,
                    service_id=feedback.service_id,
                    by=command.by,
                    by_party=command.by_party,
                    given_at=feedback.given_at,
                    answered_at=command.at,
                )
            ]
        case _:
            assert_never(state)


def _implement(command: Implement, state: State) -> list[Message]:
    match state:
        case Unknown():
            raise Rejected(Reason.UNKNOWN)
        case Given(feedback=feedback):
            raise Rejected(Reason.NOT_ANSWERED, feedback_id=feedback.feedback_id)
        case Answered():
            return _implemented(command, state)
        case _:
            assert_never(state)


def _implemented(command: Implement, state: Answered) -> list[Message]:
    if command.at < state.answered_at:
        raise Rejected(
            Reason.IMPLEMENTED_BEFORE_ANSWERED, answered_at=state.answered_at.isoformat()
        )
    change = ChangeImplemented(
        change_id=command.change_id,
        service_id=state.feedback.service_id,
        level=command.level,
        feedback_id=state.feedback.feedback_id,
        given_at=state.feedback.given_at,
        answered_at=state.answered_at,
        implemented_at=command.at,
    )
    known = next((each for each in state.changes if each.change_id == command.change_id), None)
    if known is None:
        return [change]
    if known.level == command.level and known.implemented_at <= command.at:
        return []  # it is in place by then
    raise Rejected(Reason.CHANGE_KNOWN_OTHERWISE, change_id=command.change_id)
