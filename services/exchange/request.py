"""The form of every command that exchange takes; in bulk, by its CloudEvents type."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, TypeAlias

from pydantic import Field, StringConstraints

from services.exchange.contribution.life import Status
from services.exchange.feedback.rules import ChangeLevel
from shared.contracts.exchange import Score
from shared.contracts.vocabulary import (
    Channel,
    Choice,
    Count,
    Identifier,
    Knowledge,
    Level,
    Mode,
    Outcome,
    ParticipantKind,
    Party,
    Phase,
    Scope,
    Stage,
    Token,
)
from shared.http.strict import Instant, LocalId, LongText, StrictModel, Text

RECEIVERS_MAX = 1000
ROWS_MAX = 1000
ASSUMED_MAX = 100_000
Receivers = Annotated[tuple[Identifier, ...], Field(max_length=RECEIVERS_MAX)]
Amount = Annotated[Count, Field(le=2**53)]
Whole = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]
"""A whole number; which of them are minutes is a rule with a name, not a matter of form."""


class Nature(StrictModel):
    """What kind of act it was; ``episode_local_id`` is the sender's own and is made opaque."""

    phase: Phase | None = None
    mode: Mode | None = None
    choice: Choice | None = None
    kind: Token | None = None
    scope: Scope | None = None
    stage: Stage | None = None
    knowledge: Knowledge | None = None
    minutes: Whole | None = None
    episode_id: Identifier | None = None
    episode_local_id: LocalId | None = None
    asset_id: Identifier | None = None
    need_id: Identifier | None = None
    offer_id: Identifier | None = None
    channel: Channel | None = None


class Given(Nature):
    """What was given; ``giver_party`` and ``giver_kind`` are refused if registry says otherwise."""

    service_id: Identifier
    giver_id: Identifier
    giver_party: Party | None = None
    giver_kind: ParticipantKind | None = None
    occurred_at: Instant
    receivers: Receivers = ()
    receiver_groups: Receivers = ()
    organisation_id: LocalId | None = None


class RecordContribution(Given):
    """``local_id`` is the sender's own id: the same one always means the same contribution."""

    local_id: LocalId | None = None
    recorded_by: Identifier | None = None


class SynchroniseContribution(Given):
    """A row of the sender's own system: the contribution becomes what the row says.

    What is left out stays as it is; an explicit null takes it away. A row that is new, or whose
    status is null, is confirmed. ``id_scope`` is the part of the sender's system in which
    ``local_id`` is unique, in words of its own; without it that is all of the system. Only with
    ``move`` may a row leave the service in which it stands. ``receiver_party`` is refused if
    registry says otherwise.
    """

    local_id: LocalId
    id_scope: LocalId | None = None
    receiver_kind: ParticipantKind | None = None
    receiver_party: Party | None = None
    status: Status | None = None
    revised_at: Instant | None = None
    move: bool = False


class RetractContribution(StrictModel):
    """The sender's system no longer has the row: void what it stands for."""

    local_id: LocalId
    id_scope: LocalId | None = None


class AssumedService(StrictModel):
    service_id: Identifier
    starts_on: date


class AssumedParticipant(StrictModel):
    participant_id: Identifier
    kind: ParticipantKind


class AssumedRole(StrictModel):
    service_id: Identifier
    participant_id: Identifier
    party: Party
    since: date


class Assumed(StrictModel):
    """What the sender would register first; ids that registry would give may be made up."""

    services: Annotated[tuple[AssumedService, ...], Field(max_length=ASSUMED_MAX)] = ()
    participants: Annotated[tuple[AssumedParticipant, ...], Field(max_length=ASSUMED_MAX)] = ()
    roles: Annotated[tuple[AssumedRole, ...], Field(max_length=ASSUMED_MAX)] = ()


class Preview(StrictModel):
    """Rows, in the order in which they would be sent.

    ``standing_only``: nothing is decided on those that never became a contribution, which is quick.
    """

    rows: Annotated[tuple[SynchroniseContribution, ...], Field(max_length=ROWS_MAX)]
    standing_only: bool = False
    assumed: Assumed = Assumed()


class Changes(Nature):
    """What is left out stays as it is; an explicit null takes it away."""

    giver_id: Identifier | None = None
    occurred_at: Instant | None = None
    receivers: Receivers | None = None
    receiver_groups: Receivers | None = None
    organisation_id: LocalId | None = None


class Confirmation(StrictModel):
    by: Identifier


class ConfirmContribution(Confirmation):
    contribution_id: Identifier


class Objection(StrictModel):
    """``reason_code`` is a word of the sender's own list, not what somebody wrote."""

    by: Identifier
    reason_code: Token | None = None


class DisputeContribution(Objection):
    contribution_id: Identifier


class VoidContribution(Objection):
    contribution_id: Identifier


class Resolution(StrictModel):
    """``changes`` come with the outcome ``corrected``, and with no other."""

    by: Identifier
    outcome: Outcome
    changes: Changes | None = None


class ResolveDispute(Resolution):
    contribution_id: Identifier


class Correction(StrictModel):
    by: Identifier
    changes: Changes


class CorrectContribution(Correction):
    contribution_id: Identifier


class GiveFeedback(StrictModel):
    """``words`` stay in exchange's own database; ``about`` is a contribution or nothing."""

    service_id: Identifier
    participant_id: Identifier
    about: Identifier | None = None
    score: Score | None = None
    trust: Score | None = None
    respect: Score | None = None
    words: LongText | None = None
    given_at: Instant | None = None


class FeedbackAnswer(StrictModel):
    by: Identifier
    answered_at: Instant | None = None


class AnswerFeedback(FeedbackAnswer):
    feedback_id: Identifier


class ImplementChange(StrictModel):
    feedback_id: Identifier
    change_id: Identifier | None = None
    level: ChangeLevel
    implemented_at: Instant | None = None


class Voices(StrictModel):
    professional: Amount = 0
    user: Amount = 0
    family_social: Amount = 0


class TakeDecision(StrictModel):
    """``weights``: vote weight of each party; ``voters``: how many people of each party voted."""

    service_id: Identifier
    level: Level
    weights: Voices
    voters: Voices
    decided_at: Instant | None = None


class AllocateResource(StrictModel):
    """``amount`` in the currency's smallest unit."""

    service_id: Identifier
    amount: Amount
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    steward_party: Party | None = None
    decision_id: Identifier | None = None
    allocated_at: Instant | None = None


class OpenConsultation(StrictModel):
    service_id: Identifier
    title: Text
    opened_at: Instant | None = None


class ConsultationClosing(StrictModel):
    closed_at: Instant | None = None


class CloseConsultation(ConsultationClosing):
    consultation_id: Identifier


OfContribution: TypeAlias = (
    ConfirmContribution
    | DisputeContribution
    | ResolveDispute
    | CorrectContribution
    | VoidContribution
)
Body: TypeAlias = (
    RecordContribution
    | SynchroniseContribution
    | RetractContribution
    | ConfirmContribution
    | DisputeContribution
    | ResolveDispute
    | CorrectContribution
    | VoidContribution
    | GiveFeedback
    | AnswerFeedback
    | ImplementChange
    | TakeDecision
    | AllocateResource
    | OpenConsultation
    | CloseConsultation
)
MODELS: Mapping[str, type[StrictModel]] = {
    "record-contribution": RecordContribution,
    "confirm-contribution": ConfirmContribution,
    "dispute-contribution": DisputeContribution,
    "resolve-dispute": ResolveDispute,
    "correct-contribution": CorrectContribution,
    "void-contribution": VoidContribution,
    "synchronise-contribution": SynchroniseContribution,
    "retract-contribution": RetractContribution,
    "give-feedback": GiveFeedback,
    "answer-feedback": AnswerFeedback,
    "implement-change": ImplementChange,
    "take-decision": TakeDecision,
    "allocate-resource": AllocateResource,
    "open-consultation": OpenConsultation,
    "close-consultation": CloseConsultation,
}
KINDS = {f"org.coprod.exchange.{name}": model for name, model in MODELS.items()}
