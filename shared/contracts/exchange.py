"""Events of exchange: what happens. Each carries its act whole, so that no consumer has to join."""

from typing import Literal

from pydantic import Field

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

    participant_id: Identifier
    party: Party | None = None


class DirectoryPosition(Message):
    """How much of one registry partition exchange had seen when it decided."""

    topic: str
    partition: Count
    position: Count


class Act(Message):
    """One contribution as it counts: who gave what to whom, when and in which phase.

    No ``receivers``: receivers are unknown; ``receiver_groups`` are groups, which are not people.
    ``giver_in_provider_org`` is None where no provider of the service is known.
    """

    contribution_id: Identifier
    service_id: Identifier
    occurred_at: Moment
    giver_id: Identifier
    giver_kind: ParticipantKind = ParticipantKind.PERSON
    giver_party: Party
    giver_org: Identifier | None = None
    giver_in_provider_org: bool | None = None
    receivers: tuple[Receiver, ...] = Field(default=(), max_length=RECEIVERS_MAX)
    receiver_groups: tuple[Identifier, ...] = Field(default=(), max_length=RECEIVERS_MAX)
    phase: Phase | None = None
    mode: Mode | None = None
    choice: Choice | None = None
    kind: Token | None = None
    scope: Scope | None = None
    stage: Stage | None = None
    knowledge: Knowledge | None = None
    minutes: Minutes | None = None
    episode_id: Identifier | None = None
    asset_id: Identifier | None = None
    need_id: Identifier | None = None
    offer_id: Identifier | None = None
    channel: Channel | None = None
    recorded_by: Identifier
    directory: tuple[DirectoryPosition, ...] = ()


class ContributionRecorded(Message):
    """``confirm_due_at``: it counts from then unless somebody confirms or disputes it before.

    None: its source confirmed it in the same breath, so that it never waits. What ends the waiting,
    or corrects an act that waits, says the moment again. ``replaces``: the contribution, void by
    now, that its row was before.
    """

    act: Act
    confirm_due_at: Moment | None = None
    replaces: Identifier | None = None


class ContributionConfirmed(Message):
    """The act counts from now on. ``by`` is a participant or ``system:NAME``."""

    act: Act
    by: Identifier
    automatic: bool = False
    confirm_due_at: Moment | None = None


class ContributionDisputed(Message):
    """``counted``: the act counted before, and no longer does."""

    act: Act
    by: Identifier
    reason_code: Token
    counted: bool
    confirm_due_at: Moment | None = None


class DisputeResolved(Message):
    """Rejected or corrected: ``act`` counts from now on. Upheld: the contribution is void.

    ``before``: what was disputed, where the outcome is another act.
    """

    act: Act
    by: Identifier
    outcome: Outcome
    before: Act | None = None


class ContributionCorrected(Message):
    """``counted``: ``before`` counted, and ``after`` counts in its place.

    Where it neither counted nor waited, it was disputed, and stays so.
    """

    before: Act
    after: Act
    by: Identifier
    counted: bool
    confirm_due_at: Moment | None = None


class ContributionVoided(Message):
    """``counted``: the act counted before, and no longer does.

    Where it neither counted nor waited, it was disputed.
    """

    act: Act
    by: Identifier
    reason_code: Token
    counted: bool
    confirm_due_at: Moment | None = None


class ContributionRevisionSeen(Message):
    """Private to exchange (no topic): the newest revision of its source that was looked at."""

    contribution_id: Identifier
    revised_at: Moment


class ContributionStatusStated(Message):
    """Private to exchange (no topic): its source gave it this status, which changed nothing."""

    contribution_id: Identifier
    status: Literal["recorded", "confirmed", "disputed", "voided"]


Score = Literal[1, 2, 3, 4, 5]


class FeedbackGiven(Message):
    """The words of a feedback stay in exchange; ``about`` is a contribution, None the service."""

    feedback_id: Identifier
    service_id: Identifier
    participant_id: Identifier
    party: Party
    about: Identifier | None = None
    score: Score | None = None
    trust: Score | None = None
    respect: Score | None = None
    given_at: Moment


class FeedbackAnswered(Message):
    feedback_id: Identifier
    service_id: Identifier
    by: Identifier
    by_party: Party | None = None
    given_at: Moment
    answered_at: Moment


class ChangeImplemented(Message):
    """A change that a feedback caused: ``feedback_id`` (and the causation id) is the link."""

    change_id: Identifier
    service_id: Identifier
    level: Literal["process", "role", "policy", "budget"]
    feedback_id: Identifier
    given_at: Moment
    answered_at: Moment
    implemented_at: Moment


class ByParty(Message):
    professional: Count = 0
    user: Count = 0
    family_social: Count = 0


class DecisionTaken(Message):
    """``weights``: vote weight by party; ``voters``: people by party, counted and not named."""

    decision_id: Identifier
    service_id: Identifier
    level: Level
    weights: ByParty
    voters: ByParty
    decided_at: Moment


class ResourceAllocated(Message):
    """``amount`` in minor units of ``currency``; ``lay_majority`` is that of the decision named."""

    allocation_id: Identifier
    service_id: Identifier
    amount: Count
    currency: str = Field(pattern="^[A-Z]{3}$")
    steward_party: Party | None = None
    decision_id: Identifier | None = None
    lay_majority: bool = False
    allocated_at: Moment


class ConsultationOpened(Message):
    consultation_id: Identifier
    service_id: Identifier
    title: str
    opened_at: Moment


class ConsultationClosed(Message):
    consultation_id: Identifier
    service_id: Identifier
    opened_at: Moment
    closed_at: Moment
