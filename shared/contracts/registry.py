"""Events of registry: who and what. Names, contacts and agencies' own person ids are never here."""

from datetime import date

from shared.contracts.event_type import event
from shared.contracts.privacy import Personal, Public
from shared.contracts.topics import REGISTRY_AGENCIES, REGISTRY_PARTICIPANTS, REGISTRY_SERVICES
from shared.contracts.vocabulary import (
    Channel,
    Identifier,
    Message,
    ParticipantKind,
    Party,
    Slug,
)


@event("registry.agency.registered", REGISTRY_AGENCIES)
class AgencyRegistered(Message):
    agency_id: Public[Slug]
    name: Public[str]
    jurisdiction: Public[str | None] = None


@event("registry.service.registered", REGISTRY_SERVICES)
class ServiceRegistered(Message):
    """A public service exists; it takes contributions from ``starts_on`` (a UTC day) on."""

    service_id: Public[Identifier]
    agency_ids: Public[tuple[Slug, ...]]
    local_id: Public[str | None] = (
        None  # the agency's own id of the service: public, unlike a person's
    )
    name: Public[str]
    provides: Public[str | None] = None
    starts_on: Public[date]


@event("registry.service.described", REGISTRY_SERVICES)
class ServiceDescribed(Message):
    """The whole description as it stands from now on."""

    service_id: Public[Identifier]
    name: Public[str]
    provides: Public[str | None] = None
    starts_on: Public[date]


@event("registry.service.closed", REGISTRY_SERVICES)
class ServiceClosed(Message):
    """The service takes no contribution that happened after ``closed_on``."""

    service_id: Public[Identifier]
    closed_on: Public[date]


@event("registry.service.provider-linked", REGISTRY_SERVICES)
class ServiceProviderLinked(Message):
    service_id: Public[Identifier]
    organisation_id: Public[Identifier]


@event("registry.service.provider-unlinked", REGISTRY_SERVICES)
class ServiceProviderUnlinked(Message):
    service_id: Public[Identifier]
    organisation_id: Public[Identifier]


@event("registry.role.assumed", REGISTRY_SERVICES, time="since")
class RoleAssumed(Message):
    """A participant is of this party in this service from ``since`` (included) on."""

    service_id: Public[Identifier]
    participant_id: Personal[Identifier]
    participant_kind: Personal[ParticipantKind]
    party: Personal[Party]
    since: Personal[date]


@event("registry.role.start-moved", REGISTRY_SERVICES, time="since")
class RoleStartMoved(Message):
    """The period of this party that began on ``since_before`` began on ``since`` instead."""

    service_id: Public[Identifier]
    participant_id: Personal[Identifier]
    participant_kind: Personal[ParticipantKind]
    party: Personal[Party]
    since_before: Personal[date]
    since: Personal[date]


@event("registry.role.ended", REGISTRY_SERVICES, time="until")
class RoleEnded(Message):
    """``until`` is the last day of the period, included."""

    service_id: Public[Identifier]
    participant_id: Personal[Identifier]
    participant_kind: Personal[ParticipantKind]
    party: Personal[Party]
    until: Personal[date]


@event("registry.participant.registered", REGISTRY_PARTICIPANTS)
class ParticipantRegistered(Message):
    participant_id: Personal[Identifier]
    agency_id: Public[Slug]
    kind: Personal[ParticipantKind]
    channel: Personal[Channel | None] = None


@event("registry.affiliation.declared", REGISTRY_PARTICIPANTS, time="since")
class AffiliationDeclared(Message):
    """A participant belongs to an organisation from ``since`` (included) on."""

    participant_id: Personal[Identifier]
    organisation_id: Personal[Identifier]
    employed: Personal[bool]
    since: Personal[date]


@event("registry.affiliation.ended", REGISTRY_PARTICIPANTS, time="until")
class AffiliationEnded(Message):
    """``until`` is the last day, included."""

    participant_id: Personal[Identifier]
    organisation_id: Personal[Identifier]
    until: Personal[date]
