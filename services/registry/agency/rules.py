"""Agency: a public body that takes part.

Life: registered. Stream: ``agency-{id}``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from shared.contracts.registry import AgencyRegistered
from shared.contracts.vocabulary import Message
from shared.eventstore.folding import Fold
from shared.eventstore.port import Rejected


class Reason(StrEnum):
    REGISTERED_OTHERWISE = "agency_registered_otherwise"


@dataclass(frozen=True, slots=True)
class Register:
    agency_id: str
    name: str
    jurisdiction: str | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody registered it."""


@dataclass(frozen=True, slots=True)
class Registered:
    name: str
    jurisdiction: str | None


Command: TypeAlias = Register
State: TypeAlias = Unknown | Registered
INITIAL: State = Unknown()


def stream_id(agency_id: str) -> str:
    return f"agency-{agency_id}"


def decide(command: Command, state: State) -> list[Message]:
    """Return the events this command causes; ``[]`` when it is already in effect.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    match state:
        case Unknown():
            return [
                AgencyRegistered(
                    agency_id=command.agency_id,
                    name=command.name,
                    jurisdiction=command.jurisdiction,
                )
            ]
        case Registered(command.name, command.jurisdiction):
            return []
        case Registered():
            raise Rejected(Reason.REGISTERED_OTHERWISE, agency_id=command.agency_id)
        case _:
            assert_never(state)


def evolve(state: State, event: Message) -> State:
    match event:
        case AgencyRegistered():
            return Registered(event.name, event.jurisdiction)
        case _:
            return state


FOLD = Fold(INITIAL, evolve)
