"""Service: something public that an agency provides, with whoever else provides it.

Life: registered, described anew, closed. Stream: ``service-{id}``.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TypeAlias, assert_never
from uuid import UUID, uuid5

from shared.contracts.registry import (
    ServiceClosed,
    ServiceDescribed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.vocabulary import Message
from shared.eventstore.folding import Fold
from shared.eventstore.port import Rejected

NAMESPACE = UUID("0b6a5c0e-94b5-5e57-8f0b-6d1d2c1f7a41")


class Reason(StrEnum):
    UNKNOWN_AGENCY = "unknown_agency"
    UNKNOWN_SERVICE = "unknown_service"
    REGISTERED_OTHERWISE = "service_registered_otherwise"
    START_NOT_EARLIER = "start_not_earlier"
    CLOSES_BEFORE_START = "closes_before_start"
    ALREADY_CLOSED = "already_closed"
    AGENCY_ALWAYS_PROVIDES = "agency_always_provides"
    PROVIDER_NOT_LINKED = "provider_not_linked"


@dataclass(frozen=True, slots=True)
class Register:
    """``agency_known``: registry has registered the agency."""

    service_id: str
    agency_id: str
    agency_known: bool
    local_id: str | None
    name: str
    provides: str | None
    starts_on: date


@dataclass(frozen=True, slots=True)
class Describe:
    """None leaves what stands."""

    service_id: str
    name: str | None = None
    provides: str | None = None
    starts_on: date | None = None


@dataclass(frozen=True, slots=True)
class MoveStart:
    service_id: str
    starts_on: date


@dataclass(frozen=True, slots=True)
class Close:
    service_id: str
    closed_on: date


@dataclass(frozen=True, slots=True)
class LinkProvider:
    service_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True)
class UnlinkProvider:
    service_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody registered it."""


@dataclass(frozen=True, slots=True)
class Registered:
    """``registration`` is what was registered first; the rest is what holds now."""

    registration: ServiceRegistered
    name: str
    provides: str | None
    starts_on: date
    closed_on: date | None = None
    linked: frozenset[str] = frozenset()
    unlinked: frozenset[str] = frozenset()


Command: TypeAlias = Register | Describe | MoveStart | Close | LinkProvider | UnlinkProvider
State: TypeAlias = Unknown | Registered
INITIAL: State = Unknown()


def stream_id(service_id: str) -> str:
    return f"service-{service_id}"


def derived_id(agency_id: str, local_id: str) -> str:
    """Return the id, in any deployment, of the service that the agency calls ``local_id``."""
    return str(uuid5(NAMESPACE, f"service/{agency_id}/{local_id}"))


def decide(command: Command, state: State) -> list[Message]:
    """Return the events this command causes; ``[]`` when it is already in effect.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    if isinstance(command, Register):
        return _register(command, state)
    if isinstance(state, Unknown):
        raise Rejected(Reason.UNKNOWN_SERVICE, service_id=command.service_id)
    match command:
        case Describe():
            return _describe(command, state)
        case MoveStart():
            return _describe(Describe(command.service_id, starts_on=command.starts_on), state)
        case Close():
            return _close(command, state)
        case LinkProvider():
            return _link(command, state)
        case UnlinkProvider():
            return _unlink(command, state)
        case _:
            assert_never(command)


def _register(command: Register, state: State) -> list[Message]:
    wanted = ServiceRegistered(
        service_id=command.service_id,
        agency_ids=(command.agency_id,),
        local_id=command.local_id,
        name=command.name,
        provides=command.provides,
        starts_on=command.starts_on,
    )
    match state:
        case Unknown() if not command.agency_known:
            raise Rejected(Reason.UNKNOWN_AGENCY, agency_id=command.agency_id)
        case Unknown():
            return [wanted]
        case Registered() if wanted == state.registration or wanted == _as_it_stands(state):
            return []
        case Registered():
            raise Rejected(Reason.REGISTERED_OTHERWISE, service_id=command.service_id)
        case _:
            assert_never(state)


def _as_it_stands(state: Registered) -> ServiceRegistered:
    now = {"name": state.name, "provides": state.provides, "starts_on": state.starts_on}
    return state.registration.model_copy(update=now)


def _describe(command: Describe, state: Registered) -> list[Message]:
    described = ServiceDescribed(
        service_id=command.service_id,
        name=state.name if command.name is None else command.name,
        provides=state.provides if command.provides is None else command.provides,
        starts_on=state.starts_on if command.starts_on is None else command.starts_on,
    )
    if described.starts_on > state.starts_on:
        # Acts between the two days have been accepted; nobody may declare them impossible now.
        raise Rejected(
            Reason.START_NOT_EARLIER, starts_on=state.starts_on, asked=described.starts_on
        )
    if (described.name, described.provides, described.starts_on) == (
        state.name,
        state.provides,
        state.starts_on,
    ):
        return []
    return [described]


def _close(command: Close, state: Registered) -> list[Message]:
    if state.closed_on == command.closed_on:
        return []
    if state.closed_on is not None:
        raise Rejected(Reason.ALREADY_CLOSED, closed_on=state.closed_on)
    if command.closed_on < state.starts_on:
        raise Rejected(
            Reason.CLOSES_BEFORE_START, starts_on=state.starts_on, asked=command.closed_on
        )
    return [ServiceClosed(service_id=command.service_id, closed_on=command.closed_on)]


def _link(command: LinkProvider, state: Registered) -> list[Message]:
    if command.organisation_id in state.linked | set(state.registration.agency_ids):
        return []
    return [
        ServiceProviderLinked(
            service_id=command.service_id, organisation_id=command.organisation_id
        )
    ]


def _unlink(command: UnlinkProvider, state: Registered) -> list[Message]:
    organisation = command.organisation_id
    if organisation in state.registration.agency_ids:
        raise Rejected(Reason.AGENCY_ALWAYS_PROVIDES, agency_id=organisation)
    if organisation in state.linked:
        return [
            ServiceProviderUnlinked(service_id=command.service_id, organisation_id=organisation)
        ]
    if organisation in state.unlinked:
        return []
    raise Rejected(Reason.PROVIDER_NOT_LINKED, organisation_id=organisation)


def evolve(state: State, event: Message) -> State:
    match event, state:
        case ServiceRegistered(), _:
            return Registered(event, event.name, event.provides, event.starts_on)
        case ServiceDescribed(), Registered():
            return replace(
                state, name=event.name, provides=event.provides, starts_on=event.starts_on
            )
        case ServiceClosed(), Registered():
            return replace(state, closed_on=event.closed_on)
        case ServiceProviderLinked(organisation_id=organisation), Registered():
            return replace(
                state,
                linked=state.linked | {organisation},
                unlinked=state.unlinked - {organisation},
            )
        case ServiceProviderUnlinked(organisation_id=organisation), Registered():
            return replace(
                state,
                linked=state.linked - {organisation},
                unlinked=state.unlinked | {organisation},
            )
        case _:
            return state


FOLD = Fold(INITIAL, evolve)
