"""Lean: contributions decoded for reading at speed; whatever is not plainly sound goes to pydantic.

A struct here has the fields of the model of the same name. What its decoder takes, the model takes
too, with the same values; what it refuses may still be sound, and then the model is what comes.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import msgspec

from shared.contracts import catalogue
from shared.contracts.exchange import RECEIVERS_MAX
from shared.contracts.vocabulary import (
    Channel,
    Choice,
    Knowledge,
    Message,
    Mode,
    Outcome,
    ParticipantKind,
    Party,
    Phase,
    Scope,
    Stage,
)

Meta = msgspec.Meta
# Of which characters these are made is seen from the whole record at once, which is much cheaper.
Identifier: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Token: TypeAlias = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
Minutes: TypeAlias = Annotated[int, Meta(ge=1, le=1440)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]

# Text of printable ASCII without spaces and escapes, as nearly every record is from end to end.
_PLAIN = bytes(set(range(0x21, 0x7F)) - {ord("\\")})
_FINER_THAN_MICROSECONDS = re.compile(rb"\.\d{7}")  # one decoder rounds such a time, the other cuts


class _Struct(msgspec.Struct, frozen=True, gc=False):
    pass


class Receiver(_Struct, frozen=True, gc=False):
    participant_id: Identifier
    party: Party | None = None


class DirectoryPosition(_Struct, frozen=True, gc=False):
    topic: str
    partition: Count
    position: Count


class Act(_Struct, frozen=True, gc=False):
    contribution_id: Identifier
    service_id: Identifier
    occurred_at: Moment
    giver_id: Identifier
    giver_party: Party
    recorded_by: Identifier
    giver_kind: ParticipantKind = ParticipantKind.PERSON
    giver_org: Identifier | None = None
    giver_in_provider_org: bool | None = None
    receivers: Annotated[tuple[Receiver, ...], Meta(max_length=RECEIVERS_MAX)] = ()
    receiver_groups: Annotated[tuple[Identifier, ...], Meta(max_length=RECEIVERS_MAX)] = ()
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
    directory: tuple[DirectoryPosition, ...] = ()


class ContributionRecorded(_Struct, frozen=True, gc=False):
    act: Act


class ContributionConfirmed(_Struct, frozen=True, gc=False):
    act: Act
    by: Identifier
    automatic: bool = False


class ContributionDisputed(_Struct, frozen=True, gc=False):
    act: Act
    by: Identifier
    reason_code: Token
    counted: bool


class DisputeResolved(_Struct, frozen=True, gc=False):
    act: Act
    by: Identifier
    outcome: Outcome


class ContributionCorrected(_Struct, frozen=True, gc=False):
    before: Act
    after: Act
    by: Identifier
    counted: bool


class ContributionVoided(_Struct, frozen=True, gc=False):
    act: Act
    by: Identifier
    reason_code: Token
    counted: bool


LeanMessage: TypeAlias = (
    ContributionRecorded
    | ContributionConfirmed
    | ContributionDisputed
    | DisputeResolved
    | ContributionCorrected
    | ContributionVoided
)
STRUCTS: tuple[type[LeanMessage], ...] = (
    ContributionRecorded,
    ContributionConfirmed,
    ContributionDisputed,
    DisputeResolved,
    ContributionCorrected,
    ContributionVoided,
)
_OF_MODEL = {struct.__name__: struct for struct in STRUCTS}
_DECODERS = {
    kind.name: msgspec.json.Decoder(_OF_MODEL[kind.model.__name__])
    for kind in catalogue.EVENT_TYPES
    if kind.model.__name__ in _OF_MODEL
}


def decode(type_name: str, data: bytes) -> Message | LeanMessage:
    """Return the event behind consumed bytes, as a struct where there is one and it takes them.

    Raises:
        KeyError: this build does not know the type.
        pydantic.ValidationError: a known type with broken data.
    """
    decoder = _DECODERS.get(type_name)
    if decoder is not None and not data.translate(None, _PLAIN):
        try:
            message = decoder.decode(data)
        except msgspec.MsgspecError:
            return catalogue.decode(type_name, data)  # has the last word, and words for the fault
        if isinstance(message, ContributionCorrected):
            sound = _same_day(message.before, data) and _same_day(message.after, data)
        else:
            sound = _same_day(message.act, data)
        if sound:
            return message
    return catalogue.decode(type_name, data)


def _same_day(act: Act, data: bytes) -> bool:
    """Whether the model reads the same day; the two may differ by less than a microsecond."""
    moment = act.occurred_at
    if moment.tzinfo is not UTC:
        return False
    return bool(moment.hour or moment.minute) or not _FINER_THAN_MICROSECONDS.search(data)
