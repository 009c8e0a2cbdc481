"""What events change in registry's read models, in the statement that appends them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from services.registry.known import ExternalId
from services.registry.request import Details
from shared.contracts.registry import (
    AffiliationDeclared,
    AffiliationEnded,
    AgencyRegistered,
    ParticipantRegistered,
    RoleAssumed,
    RoleEnded,
    RoleStartMoved,
    ServiceClosed,
    ServiceDescribed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.vocabulary import Message
from shared.eventstore.port import Recorded

Row: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What the events do not say; ``external_ids``: what their agencies call the participants."""

    details: Mapping[str, Details] = field(default_factory=dict)
    external_ids: Mapping[str, ExternalId] = field(default_factory=dict)
    imported: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A change that the database's ``change_read_models`` knows by its name, and its columns."""

    name: str
    columns: Callable[[Any, Unsaid], Row]


def _service(event: ServiceRegistered, unsaid: Unsaid) -> Row:
    return {
        "service_id": event.service_id,
        "agency_id": event.agency_ids[0],
        "local_id": event.local_id,
        "name": event.name,
        "provides": event.provides,
        "starts_on": event.starts_on,
        "imported": event.service_id in unsaid.imported,
    }


def _participant(event: ParticipantRegistered, unsaid: Unsaid) -> Row:
    details = unsaid.details.get(event.participant_id, Details())
    external_id = unsaid.external_ids.get(event.participant_id)
    return {
        "participant_id": event.participant_id,
        "agency_id": event.agency_id,
        "kind": event.kind,
        "channel": event.channel,
        "name": details.name,
        "contact": details.contact,
        "system": external_id and external_id.system,
        "local_id": external_id and external_id.local_id,
    }


def _fields(*names: str) -> Callable[[Any, Unsaid], Row]:
    return lambda event, _unsaid: {name: getattr(event, name) for name in names}


CHANGES: Mapping[type[Message], Change] = {
    AgencyRegistered: Change("add_agency", _fields("agency_id", "name", "jurisdiction")),
    ServiceRegistered: Change("add_service", _service),
    ServiceDescribed: Change(
        "describe_service", _fields("service_id", "name", "provides", "starts_on")
    ),
    ServiceClosed: Change("close_service", _fields("service_id", "closed_on")),
    ServiceProviderLinked: Change("link_provider", _fields("service_id", "organisation_id")),
    ServiceProviderUnlinked: Change("unlink_provider", _fields("service_id", "organisation_id")),
    ParticipantRegistered: Change("add_participant", _participant),
    AffiliationDeclared: Change(
        "declare_affiliation", _fields("participant_id", "organisation_id", "employed", "since")
    ),
    AffiliationEnded: Change(
        "end_affiliation", _fields("participant_id", "organisation_id", "until")
    ),
    RoleAssumed: Change("assume_role", _fields("service_id", "participant_id", "party", "since")),
    RoleStartMoved: Change(
        "move_role_start", _fields("service_id", "participant_id", "since_before", "since")
    ),
    RoleEnded: Change("end_role", _fields("service_id", "participant_id", "until")),
}


def project(recorded: Sequence[Recorded], unsaid: Unsaid) -> Sequence[Row]:
    """Return what ``change_read_models`` is to do, in the order of the events."""
    return [_change(one, unsaid) for one in recorded]


def _change(recorded: Recorded, unsaid: Unsaid) -> Row:
    change = CHANGES[type(recorded.event)]
    columns = change.columns(recorded.event, unsaid)
    return {"change": change.name, "version": recorded.version, **columns}
