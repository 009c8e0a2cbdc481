"""The smallest aggregate that has every kind of event: a service that links its providers.

Stream ``service-{id}``. Linking the same provider twice is quiet; a closed service links none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from shared.contracts.exchange import ContributionRevisionSeen
from shared.contracts.registry import ServiceClosed, ServiceProviderLinked
from shared.contracts.topics import REGISTRY_SERVICES
from shared.contracts.vocabulary import Message
from shared.eventstore.port import (
    Answer,
    Command,
    Happened,
    Idempotency,
    Provenance,
    Recorded,
    Rejected,
    Stream,
)

T0 = datetime(2025, 3, 1, 12, tzinfo=UTC)
BY_ANN = Provenance(agency="local", system="api", actor="ann")


class Reason(StrEnum):
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class State:
    providers: frozenset[str] = field(default_factory=frozenset)
    closed: bool = False


def evolve(state: State, event: Message) -> State:
    match event:
        case ServiceProviderLinked():
            return replace(state, providers=state.providers | {event.organisation_id})
        case ServiceClosed():
            return replace(state, closed=True)
        case _:
            return state


def link(service_id: str, organisation_id: str, **more: Any) -> Command[State]:
    event = ServiceProviderLinked(service_id=service_id, organisation_id=organisation_id)
    return _command(service_id, partial(_link, event), **more)


def close(service_id: str, **more: Any) -> Command[State]:
    event = ServiceClosed(service_id=service_id, closed_on=date(2025, 3, 2))
    return _command(service_id, lambda _: [Happened(event, T0)], **more)


def note_in_private(service_id: str, **more: Any) -> Command[State]:
    event = ContributionRevisionSeen(contribution_id="c", revised_at=T0)
    return _command(service_id, lambda _: [Happened(event, T0)], **more)


def key(
    name: str, request: bytes = b"request", scope: str = "/agencies/a/systems/s"
) -> Idempotency:
    return Idempotency(scope, name, request)


def project_nothing(_recorded: Sequence[Recorded]) -> Sequence[dict[str, object]]:
    """A service without read models."""
    return []


def project_agency(recorded: Sequence[Recorded]) -> Sequence[dict[str, object]]:
    """Add an agency, as registry does, for each event."""
    return [
        {
            "change": "add_agency",
            "agency_id": one.event_id,
            "name": "Town",
            "version": one.version,
        }
        for one in recorded
    ]


def project_and_fail(recorded: Sequence[Recorded]) -> Sequence[dict[str, object]]:
    """Add agencies, and then what the database does not know: it fails between both halves."""
    return [*project_agency(recorded), {"change": "unknown"}]


def _link(event: ServiceProviderLinked, state: State) -> Sequence[Happened]:
    if state.closed:
        raise Rejected(Reason.CLOSED)
    return [] if event.organisation_id in state.providers else [Happened(event, T0)]


def _command(service_id: str, decide: Any, **more: Any) -> Command[State]:
    return Command(
        stream=Stream(f"service-{service_id}", service_id, REGISTRY_SERVICES, service_id),
        initial=State(),
        decide=decide,
        evolve=evolve,
        answer=_answer,
        provenance=BY_ANN,
        **more,
    )


def _answer(state: State, version: int, recorded: Sequence[Recorded]) -> Answer:
    body = {"version": version, "providers": sorted(state.providers), "events": len(recorded)}
    return Answer(200, body, {"ETag": f'"{version}"'})
