"""Every event type that may be stored or published: its name, its model, its topic and its key."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contracts import exchange, insights, registry, topics
from shared.contracts.vocabulary import Message


@dataclass(frozen=True, slots=True)
class EventType:
    """``topic`` is None for an event that stays private to its service."""

    name: str
    model: type[Message]
    topic: topics.Topic | None


def schema_uri(type_name: str) -> str:
    """Return where a type's schema is named; also of a type that this build does not know."""
    return f"urn:coprod:schema:{type_name}"


def _of(
    context: str, topic: topics.Topic | None, names: dict[str, type[Message]]
) -> list[EventType]:
    return [
        EventType(f"org.coprod.{context}.{name}.v1", model, topic) for name, model in names.items()
    ]


EVENT_TYPES: tuple[EventType, ...] = (
    *_of("registry", topics.REGISTRY_AGENCIES, {"agency.registered": registry.AgencyRegistered}),
    *_of(
        "registry",
        topics.REGISTRY_SERVICES,
        {
            "service.registered": registry.ServiceRegistered,
            "service.described": registry.ServiceDescribed,
            "service.closed": registry.ServiceClosed,
            "service.provider-linked": registry.ServiceProviderLinked,
            "service.provider-unlinked": registry.ServiceProviderUnlinked,
            "role.assumed": registry.RoleAssumed,
            "role.start-moved": registry.RoleStartMoved,
            "role.ended": registry.RoleEnded,
        },
    ),
    *_of(
        "registry",
        topics.REGISTRY_PARTICIPANTS,
        {
            "participant.registered": registry.ParticipantRegistered,
            "affiliation.declared": registry.AffiliationDeclared,
            "affiliation.ended": registry.AffiliationEnded,
        },
    ),
    *_of(
        "exchange",
        topics.EXCHANGE_ACTIVITY,
        {
            "contribution.recorded": exchange.ContributionRecorded,
            "contribution.confirmed": exchange.ContributionConfirmed,
            "contribution.disputed": exchange.ContributionDisputed,
            "contribution.dispute-resolved": exchange.DisputeResolved,
            "contribution.corrected": exchange.ContributionCorrected,
            "contribution.voided": exchange.ContributionVoided,
            "feedback.given": exchange.FeedbackGiven,
            "feedback.answered": exchange.FeedbackAnswered,
            "change.implemented": exchange.ChangeImplemented,
            "decision.taken": exchange.DecisionTaken,
            "resource.allocated": exchange.ResourceAllocated,
            "consultation.opened": exchange.ConsultationOpened,
            "consultation.closed": exchange.ConsultationClosed,
        },
    ),
    *_of(
        "exchange",
        None,
        {
            "contribution.revision-seen": exchange.ContributionRevisionSeen,
            "contribution.status-stated": exchange.ContributionStatusStated,
        },
    ),
    *_of(
        "insights",
        topics.INSIGHTS_CHANGES,
        {"service.classification-changed": insights.ServiceClassificationChanged},
    ),
)
BY_NAME: dict[str, EventType] = {event_type.name: event_type for event_type in EVENT_TYPES}
BY_MODEL: dict[type[Message], EventType] = {kind.model: kind for kind in EVENT_TYPES}
PUBLISHED: tuple[EventType, ...] = tuple(kind for kind in EVENT_TYPES if kind.topic is not None)


def encode(event: Message) -> bytes:
    """Return the event's data as JSON; these bytes are stored, published and never rewritten."""
    # what model_dump_json does, without making text of the bytes in between
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)


def decode(type_name: str, data: bytes) -> Message:
    """Return the event behind stored or consumed bytes.

    Raises:
        KeyError: this build does not know the type.
        pydantic.ValidationError: a known type with broken data.
    """
    return BY_NAME[type_name].model.model_validate_json(data)


def decode_all(type_names: Iterable[str], datas: Iterable[bytes]) -> list[Message]:
    """Return what ``decode`` returns for each; raise what it raises for the first that fails."""
    return list(map(decode, type_names, datas))
