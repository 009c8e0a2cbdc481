"""The form of every command on a contribution."""

from typing import Annotated, TypeAlias

from pydantic import Field

from services.exchange.contribution.life import Status
from shared.contracts.vocabulary import (
    Channel,
    Choice,
    Identifier,
    Knowledge,
    Mode,
    Outcome,
    ParticipantKind,
    Party,
    Phase,
    Scope,
    Stage,
    Token,
)
from shared.http.strict import Instant, LocalId, StrictModel

RECEIVERS_MAX = 1000
ROWS_MAX = 1000
Receivers = Annotated[tuple[Identifier, ...], Field(max_length=RECEIVERS_MAX)]
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


OfContribution: TypeAlias = (
    ConfirmContribution
    | DisputeContribution
    | ResolveDispute
    | CorrectContribution
    | VoidContribution
)
