"""Events of exchange: what happens. Each carries its act whole, so that no consumer has to join."""

from typing import Literal

from pydantic import Field

from shared.contracts.event_type import event
from shared.contracts.privacy import Internal, Personal, Public
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import (
    Channel,
    Choice,
    Count,
    Identifier,
    Knowledge,
    Level,
    Message,
    Minutes,
    Mode,
    Moment,
    Outcome,
    ParticipantKind,
    Party,
    Phase,
    Scope,
    Stage,
    Token,
)

RECEIVERS_MAX = 1000


class Receiver(Message):
    """A person who received; ``party`` is None where registry knows none on that day."""

    participant_id: Personal[Identifier]
    party: Personal[Party | None] = None


class DirectoryPosition(Message):
    """How much of one registry partition exchange had seen when it decided."""

    topic: Internal[str]
    partition: Internal[Count]
    position: Internal[Count]


class Act(Message):
    """One contribution as it counts: who gave what to whom, when and in which phase.

    No ``receivers``: receivers are unknown; ``receiver_groups`` are groups, which are not people.
    ``giver_in_provider_org`` is None where no provider of the service is known.
    """

    contribution_id: Personal[Identifier]
    service_id: Public[Identifier]
    occurred_at: Personal[Moment]
    giver_id: Personal[Identifier]
    giver_kind: Personal[ParticipantKind] = ParticipantKind.PERSON
    giver_party: Personal[Party]
    giver_org: Personal[Identifier | None] = None
    giver_in_provider_org: Personal[bool | None] = None
    receivers: tuple[Receiver, ...] = Field(default=(), max_length=RECEIVERS_MAX)
    receiver_groups: Personal[tuple[Identifier, ...]] = Field(default=(), max_length=RECEIVERS_MAX)
    phase: Personal[Phase | None] = None
    mode: Personal[Mode | None] = None
    choice: Personal[Choice | None] = None
    kind: Personal[Token | None] = None
    scope: Personal[Scope | None] = None
    stage: Personal[Stage | None] = None
    knowledge: Personal[Knowledge | None] = None
    minutes: Personal[Minutes | None] = None
    episode_id: Personal[Identifier | None] = None
    asset_id: Personal[Identifier | None] = None
    need_id: Personal[Identifier | None] = None
    offer_id: Personal[Identifier | None] = None
    channel: Personal[Channel | None] = None
    recorded_by: Personal[Identifier]
    directory: tuple[DirectoryPosition, ...] = ()


@event(
    "exchange.contribution.recorded",
    EXCHANGE_ACTIVITY,
    key="act.service_id",
    time="act.occurred_at",
    fast=True,
)
class ContributionRecorded(Message):
    """``confirm_due_at``: it counts from then unless somebody confirms or disputes it before.

    None: its source confirmed it in the same breath, so that it never waits. What ends the waiting,
    or corrects an act that waits, says the moment again. ``replaces``: the contribution, void by
    now, that its row was before.
    """

    act: Act
    confirm_due_at: Personal[Moment | None] = None
    replaces: Personal[Identifier | None] = None


@event("exchange.contribution.confirmed", EXCHANGE_ACTIVITY, key="act.service_id", fast=True)
class ContributionConfirmed(Message):
    """The act counts from now on. ``by`` is a participant or ``system:NAME``."""

    act: Act
    by: Personal[Identifier]
    automatic: Personal[bool] = False
    confirm_due_at: Personal[Moment | None] = None


@event("exchange.contribution.disputed", EXCHANGE_ACTIVITY, key="act.service_id", fast=True)
class ContributionDisputed(Message):
    """``counted``: the act counted before, and no longer does."""

    act: Act
    by: Personal[Identifier]
    reason_code: Personal[Token]
    counted: Personal[bool]
    confirm_due_at: Personal[Moment | None] = None


@event("exchange.contribution.dispute-resolved", EXCHANGE_ACTIVITY, key="act.service_id", fast=True)
class DisputeResolved(Message):
    """Rejected or corrected: ``act`` counts from now on. Upheld: the contribution is void.

    ``before``: what was disputed, where the outcome is another act.
    """

    act: Act
    by: Personal[Identifier]
    outcome: Personal[Outcome]
    before: Act | None = None


@event("exchange.contribution.corrected", EXCHANGE_ACTIVITY, key="after.service_id", fast=True)
class ContributionCorrected(Message):
    """``counted``: ``before`` counted, and ``after`` counts in its place.

    Where it neither counted nor waited, it was disputed, and stays so.
    """

    before: Act
    after: Act
    by: Personal[Identifier]
    counted: Personal[bool]
    confirm_due_at: Personal[Moment | None] = None


@event("exchange.contribution.voided", EXCHANGE_ACTIVITY, key="act.service_id", fast=True)
class ContributionVoided(Message):
    """``counted``: the act counted before, and no longer does.

    Where it neither counted nor waited, it was disputed.
    """

    act: Act
    by: Personal[Identifier]
    reason_code: Personal[Token]
    counted: Personal[bool]
    confirm_due_at: Personal[Moment | None] = None


@event("exchange.contribution.revision-seen", None, time="revised_at")
class ContributionRevisionSeen(Message):
    """Private to exchange (no topic): the newest revision of its source that was looked at."""

    contribution_id: Personal[Identifier]
    revised_at: Personal[Moment]


@event("exchange.contribution.status-stated", None)
class ContributionStatusStated(Message):
    """Private to exchange (no topic): its source gave it this status, which changed nothing."""

    contribution_id: Personal[Identifier]
    status: Personal[Literal["recorded", "confirmed", "disputed", "voided"]]


Score = Literal[1, 2, 3, 4, 5]


@event("exchange.feedback.given", EXCHANGE_ACTIVITY, time="given_at")
class FeedbackGiven(Message):
    """The words of a feedback stay in exchange; ``about`` is a contribution, None the service."""

    feedback_id: Personal[Identifier]
    service_id: Public[Identifier]
    participant_id: Personal[Identifier]
    party: Personal[Party]
    about: Personal[Identifier | None] = None
    score: Personal[Score | None] = None
    trust: Personal[Score | None] = None
    respect: Personal[Score | None] = None
    given_at: Personal[Moment]


@event("exchange.feedback.answered", EXCHANGE_ACTIVITY, time="answered_at")
class FeedbackAnswered(Message):
    feedback_id: Personal[Identifier]
    service_id: Public[Identifier]
    by: Personal[Identifier]
    by_party: Personal[Party | None] = None
    given_at: Personal[Moment]
    answered_at: Personal[Moment]


@event("exchange.change.implemented", EXCHANGE_ACTIVITY, time="implemented_at")
class ChangeImplemented(Message):
    """A change that a feedback caused: ``feedback_id`` (and the causation id) is the link."""

    change_id: Public[Identifier]
    service_id: Public[Identifier]
    level: Public[Literal["process", "role", "policy", "budget"]]
    feedback_id: Personal[Identifier]
    given_at: Personal[Moment]
    answered_at: Personal[Moment]
    implemented_at: Public[Moment]


class ByParty(Message):
    professional: Internal[Count] = 0
    user: Internal[Count] = 0
    family_social: Internal[Count] = 0


@event("exchange.decision.taken", EXCHANGE_ACTIVITY, time="decided_at")
class DecisionTaken(Message):
    """``weights``: vote weight by party; ``voters``: people by party, counted and not named."""

    decision_id: Public[Identifier]
    service_id: Public[Identifier]
    level: Public[Level]
    weights: ByParty
    voters: ByParty
    decided_at: Public[Moment]


@event("exchange.resource.allocated", EXCHANGE_ACTIVITY, time="allocated_at")
class ResourceAllocated(Message):
    """``amount`` in minor units of ``currency``; ``lay_majority`` is that of the decision named."""

    allocation_id: Public[Identifier]
    service_id: Public[Identifier]
    amount: Public[Count]
    currency: Public[str] = Field(pattern="^[A-Z]{3}$")
    steward_party: Personal[Party | None] = None
    decision_id: Public[Identifier | None] = None
    lay_majority: Public[bool] = False
    allocated_at: Public[Moment]


@event("exchange.consultation.opened", EXCHANGE_ACTIVITY, time="opened_at")
class ConsultationOpened(Message):
    consultation_id: Public[Identifier]
    service_id: Public[Identifier]
    title: Public[str]
    opened_at: Public[Moment]


@event("exchange.consultation.closed", EXCHANGE_ACTIVITY, time="closed_at")
class ConsultationClosed(Message):
    consultation_id: Public[Identifier]
    service_id: Public[Identifier]
    opened_at: Public[Moment]
    closed_at: Public[Moment]
