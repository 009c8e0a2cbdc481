"""The form of every command that registry takes; in bulk, by its CloudEvents type."""

from collections.abc import Mapping

from shared.contracts.vocabulary import Channel, Identifier, ParticipantKind, Party, Slug
from shared.http.strict import Day, Flag, LocalId, LongText, StrictModel, Text


class RegisterAgency(StrictModel):
    agency_id: Slug
    name: Text
    jurisdiction: Text | None = None


class RegisterService(StrictModel):
    """``agency_id`` is the sender's where none is named; ``imported``: the start is a file's."""

    agency_id: Slug | None = None
    local_id: LocalId | None = None
    name: Text
    provides: LongText | None = None
    starts_on: Day
    imported: Flag = False


class Description(StrictModel):
    """What is left out stays as it is; a start can only be moved to an earlier day."""

    name: Text | None = None
    provides: LongText | None = None
    starts_on: Day | None = None


class DescribeService(Description):
    service_id: Identifier


class MoveServiceStart(StrictModel):
    service_id: Identifier
    starts_on: Day


class Closing(StrictModel):
    """``closed_on`` is the last day on which the service takes contributions."""

    closed_on: Day


class CloseService(Closing):
    service_id: Identifier


class Provider(StrictModel):
    organisation_id: Identifier


class LinkProvider(Provider):
    service_id: Identifier


class UnlinkProvider(Provider):
    service_id: Identifier


class Details(StrictModel):
    """Who it is; kept in registry's own database, and in no event."""

    name: Text | None = None
    contact: Text | None = None


class RegisterParticipant(StrictModel):
    """``local_id`` is the sender's own id: the same one always means the same participant."""

    kind: ParticipantKind = ParticipantKind.PERSON
    local_id: LocalId | None = None
    channel: Channel | None = None
    details: Details | None = None


class Joining(StrictModel):
    participant_id: Identifier
    party: Party
    since: Day


class AssumeRole(Joining):
    service_id: Identifier


class EarlierStart(StrictModel):
    """The period of ``party`` that comes next after ``since`` is to begin then already."""

    party: Party
    since: Day


class MoveRoleStart(EarlierStart):
    service_id: Identifier
    participant_id: Identifier


class LastDay(StrictModel):
    """``until`` is the last day, included."""

    until: Day


class EndRole(LastDay):
    service_id: Identifier
    participant_id: Identifier


class Belonging(StrictModel):
    organisation_id: Identifier
    employed: Flag
    since: Day


class DeclareAffiliation(Belonging):
    participant_id: Identifier


class EndAffiliation(LastDay):
    participant_id: Identifier
    organisation_id: Identifier


KINDS: Mapping[str, type[StrictModel]] = {
    "org.coprod.registry.register-agency": RegisterAgency,
    "org.coprod.registry.register-service": RegisterService,
    "org.coprod.registry.describe-service": DescribeService,
    "org.coprod.registry.move-service-start": MoveServiceStart,
    "org.coprod.registry.close-service": CloseService,
    "org.coprod.registry.link-provider": LinkProvider,
    "org.coprod.registry.unlink-provider": UnlinkProvider,
    "org.coprod.registry.register-participant": RegisterParticipant,
    "org.coprod.registry.assume-role": AssumeRole,
    "org.coprod.registry.move-role-start": MoveRoleStart,
    "org.coprod.registry.end-role": EndRole,
    "org.coprod.registry.declare-affiliation": DeclareAffiliation,
    "org.coprod.registry.end-affiliation": EndAffiliation,
}
