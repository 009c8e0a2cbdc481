"""Consultation: people are asked for their opinion on something, for a while.

Life: opened, then closed. Stream: ``consultation-{id}``.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, assert_never

from shared.commands.repeats import says_again
from shared.contracts.exchange import ConsultationClosed, ConsultationOpened
from shared.contracts.vocabulary import Message
from shared.eventstore.folding import Fold
from shared.eventstore.port import Rejected


class Reason(StrEnum):
    UNKNOWN = "unknown_consultation"
    ALREADY_OPENED = "already_opened"
    ALREADY_CLOSED = "consultation_closed"
    CLOSED_BEFORE_OPENED = "closed_before_opened"


@dataclass(frozen=True, slots=True)
class Open:
    """``moment_named``: the sender said when; else a repeat means the moment it meant first."""

    consultation: ConsultationOpened
    moment_named: bool = True


@dataclass(frozen=True, slots=True)
class Close:
    at: datetime


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody was asked."""


@dataclass(frozen=True, slots=True)
class Opened:
    consultation: ConsultationOpened


@dataclass(frozen=True, slots=True)
class Closed:
    consultation: ConsultationOpened
    closed_at: datetime


Command: TypeAlias = Open | Close
State: TypeAlias = Unknown | Opened | Closed
INITIAL: State = Unknown()


def stream_id(consultation_id: str) -> str:
    return f"consultation-{consultation_id}"


def decide(command: Command, state: State) -> list[Message]:
    """Return the events this command causes; ``[]`` when it is already in effect.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    match command:
        case Open():
            return _open(command, state)
        case Close():
            return _close(command, state)
        case _:
            assert_never(command)


def evolve(state: State, event: Message) -> State:
    match event, state:
        case ConsultationOpened(), _:
            return Opened(event)
        case ConsultationClosed(closed_at=closed_at), Opened(consultation=consultation):
            return Closed(consultation, closed_at)
        case _:
            return state


FOLD = Fold(INITIAL, evolve)


def _open(command: Open, state: State) -> list[Message]:
    wanted, unnamed = command.consultation, () if command.moment_named else ("opened_at",)
    match state:
        case Unknown():
            return [wanted]
        case Opened() | Closed() if says_again(wanted, state.consultation, unnamed):
            return []
        case Opened() | Closed():
            raise Rejected(Reason.ALREADY_OPENED)
        case _:
            assert_never(state)


def _close(command: Close, state: State) -> list[Message]:
    match state:
        case Unknown():
            raise Rejected(Reason.UNKNOWN)
        case Opened(consultation=opened) if command.at < opened.opened_at:
            raise Rejected(Reason.CLOSED_BEFORE_OPENED, opened_at=opened.opened_at.isoformat())
        case Opened(consultation=opened):
            return [
                ConsultationClosed(
                    consultation_id=opened.consultation_id,
                    service_id=opened.service_id,
                    opened_at=opened.opened_at,
                    closed_at=command.at,
                )
            ]
        case Closed(closed_at=closed_at) if closed_at <= command.at:
            return []  # it is closed by then
        case Closed(closed_at=closed_at):
            raise Rejected(Reason.ALREADY_CLOSED, closed_at=closed_at.isoformat())
        case _:
            assert_never(state)
