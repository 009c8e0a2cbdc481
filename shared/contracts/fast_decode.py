"""Lean: contributions decoded for reading at speed; whatever is not plainly sound goes to pydantic.

A struct here has the fields of the model of the same name. What its decoder takes, the model takes
too, with the same values; what it refuses may still be sound, and then the model is what comes.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, TypeAlias

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
Kind: TypeAlias = str  # a token too, but there are few, and each is looked into once
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
Minutes: TypeAlias = Annotated[int, Meta(ge=1, le=1440)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]

_TOKEN = re.compile("[a-z][a-z0-9_]{0,39}")
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
    kind: Kind | None = None
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
    confirm_due_at: Moment | None = None
    replaces: Identifier | None = None


class ContributionConfirmed(_Struct, frozen=True, gc=False):
    act: Act
    by: Identifier
    automatic: bool = False
    confirm_due_at: Moment | None = None


class ContributionDisputed(_Struct, frozen=True, gc=False):
    act: Act
    by: Identifier
    reason_code: Token
    counted: bool
    confirm_due_at: Moment | None = None


class DisputeResolved(_Struct, frozen=True, gc=False):
    act: Act
    by: Identifier
    outcome: Outcome
    before: Act | None = None


class ContributionCorrected(_Struct, frozen=True, gc=False):
    before: Act
    after: Act
    by: Identifier
    counted: bool
    confirm_due_at: Moment | None = None


class ContributionVoided(_Struct, frozen=True, gc=False):
    act: Act
    by: Identifier
    reason_code: Token
    counted: bool
    confirm_due_at: Moment | None = None


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
_OF_ONE_ACT = frozenset(STRUCTS) - {ContributionCorrected, DisputeResolved}
_DECODERS = {
    kind.name: msgspec.json.Decoder(_OF_MODEL[kind.model.__name__]).decode
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
    if decoder is not None and _is_plain(data):
        try:
            message = decoder(data)
        except msgspec.MsgspecError:
            return catalogue.decode(type_name, data)  # has the last word, and words for the fault
        if _are_sound([message], data):
            return message
    return catalogue.decode(type_name, data)


def decode_all(
    type_names: Sequence[str], datas: Sequence[bytes]
) -> Sequence[Message | LeanMessage]:
    """Return what ``decode`` returns for each, at half its cost; raise if it raises for any."""
    plain = _decode_plain(type_names, datas)
    return list(map(decode, type_names, datas)) if plain is None else plain


def _decode_plain(
    type_names: Sequence[str], datas: Sequence[bytes]
) -> list[Message | LeanMessage] | None:
    """Return the structs, and models where there is no struct; None if a struct is in doubt.

    All are looked into together, for to look costs more than what is looked for.
    """
    named = list(zip(type_names, datas, strict=True))
    whole = b"".join([data for name, data in named if name in _DECODERS])
    if not _is_plain(whole):
        return None
    decoders = {
        name: _DECODERS.get(name) or partial(catalogue.decode, name) for name in set(type_names)
    }
    try:
        found = [decoders[name](data) for name, data in named]
    except msgspec.MsgspecError:
        return None
    return found if _are_sound(found, whole) else None


def _acts(messages: Iterable[Any]) -> list[Act]:
    found: list[Act] = []
    for message in messages:
        if type(message) in _OF_ONE_ACT:
            found.append(message.act)
        elif isinstance(message, ContributionCorrected):
            found += (message.before, message.after)
        elif isinstance(message, DisputeResolved):
            found += (message.act,) if message.before is None else (message.act, message.before)
    return found


def _is_plain(data: bytes) -> bool:
    """Whether all is printable ASCII without spaces and escapes, as it is in nearly every record.

    Lower than a space is only what separates: the decoder refuses such a thing within a text.
    """
    return data.isascii() and not (b" " in data or b"\\" in data or b"\x7f" in data)


def _are_sound(messages: Sequence[Any], data: bytes) -> bool:
    """Whether the model takes these too, and reads the same days.

    Of a time that is finer than a microsecond it may read another one, which matters at midnight.
    """
    acts = _acts(messages)
    due = (getattr(message, "confirm_due_at", None) for message in messages)
    moments = [*[act.occurred_at for act in acts], *[at for at in due if at is not None]]
    return (
        {moment.tzinfo for moment in moments} <= {UTC}
        and all(map(_is_token, {act.kind for act in acts if act.kind is not None}))
        and (
            0 not in [moment.hour or moment.minute for moment in moments]
            or not _FINER_THAN_MICROSECONDS.search(data)  # last, for it takes the longest
        )
    )


def _is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None
