"""Events of registry: who and what. Names, contacts and agencies' own person ids are never here."""

from datetime import date

from shared.contracts.vocabulary import (
    Channel,
    Identifier,
    Message,
    ParticipantKind,
    Party,
    Slug,
)


class AgencyRegistered(Message):
    agency_id: Slug
    name: str
    jurisdiction: str | None = None


class ServiceRegistered(Message):
    """A public service exists; it takes contributions from ``starts_on`` (a UTC day) on."""

    service_id: Identifier
    agency_ids: tuple[Slug, ...]
    local_id: str | None = None  # the agency's own id of the service: public, unlike a person's
    name: str
    provides: str | None = None
    starts_on: date


class ServiceDescribed(Message):
    """The whole description as it stands from now on."""

    service_id: Identifier
    name: str
    provides: str | None = None
    starts_on: date


class ServiceClosed(Message):
    """The service takes no contribution that happened after ``closed_on``."""

    service_id: Identifier
    closed_on: date


class ServiceProviderLinked(Message):
    service_id: Identifier
    organisation_id: Identifier


class ServiceProviderUnlinked(Message):
    service_id: Identifier
    organisation_id: Identifier


class RoleAssumed(Message):
    """A participant is of this party in this service from ``since`` (included) on."""

    service_id: Identifier
    participant_id: Identifier
    participant_kind: ParticipantKind
    party: Party
    since: date


class RoleStartMoved(Message):
    """The period of this party that began on ``since_before`` began on ``since`` instead."""

    service_id: Identifier
    participant_id: Identifier
    participant_kind: ParticipantKind
    party: Party
    since_before: date
    since: date


class RoleEnded(Message):
    """``until`` is the last day of the period, included."""

    service_id: Identifier
    participant_id: Identifier
    participant_kind: ParticipantKind
    party: Party
    until: date


class ParticipantRegistered(Message):
    participant_id: Identifier
    agency_id: Slug
    kind: ParticipantKind
    channel: Channel | None = None


class AffiliationDeclared(Message):
    """A participant belongs to an organisation from ``since`` (included) on."""

    participant_id: Identifier
    organisation_id: Identifier
    employed: bool
    since: date


class AffiliationEnded(Message):
    """``until`` is the last day, included."""

    participant_id: Identifier
    organisation_id: Identifier
    until: date
