"""Facts: small integers that are everything insights knows of what happened.

One event becomes none, one or two facts. A fact is never changed: what takes an act back is the
same fact with the sign turned. Ids and open words stand as codes of a dictionary that the caller
keeps; codes are 1 or more, and 0 means none. Days count from 1970-01-01 (UTC).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

import msgspec

from shared.contracts.exchange import (
    Act,
    ByParty,
    ChangeImplemented,
    ConsultationClosed,
    ConsultationOpened,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionVoided,
    DecisionTaken,
    DisputeResolved,
    FeedbackAnswered,
    FeedbackGiven,
    ResourceAllocated,
)
from shared.contracts.registry import RoleAssumed, RoleStartMoved
from shared.contracts.vocabulary import LAY, Message, Outcome, ParticipantKind, Party

Code: TypeAlias = Callable[[str, str], int]
"""The dictionary: (``service`` | ``participant`` | ``organisation`` | ``episode`` | ``feedback`` |
``kind`` | ``currency``, text) -> its code, 1 or more, always the same for the same text."""

FORMAT_VERSION = 1
EPOCH = date(1970, 1, 1)
NO_MINUTES = -1
INSIDE, OUTSIDE, AFFILIATION_UNKNOWN = 0, 1, 2

# Position in these tuples, from 1, is what is stored: append only. 0 is blank.
PARTIES = ("professional", "user", "family_social")
PHASES = ("commission", "design", "deliver", "assess")
MODES = ("act", "opinion")
CHOICES = ("agree", "disagree", "pass")
SCOPES = ("individual", "group", "service", "system")
STAGES = ("prevention", "early_detection", "early_help", "response", "recovery")
KNOWLEDGES = ("lived", "professional")
CHANNELS = ("online", "paper", "phone", "assisted")
LEVELS = ("operational", "service", "strategic", "budget")
CHANGE_LEVELS = ("process", "role", "policy", "budget")
_KINDS_OF_ROLE_SHIFT = ("train", "facilitate", "connect", "co_deliver")
_KINDS_OF_CORE_ECONOMY = ("family", "care", "group_wellbeing", "neighbourhood", "civic")
KINDS = (*_KINDS_OF_ROLE_SHIFT, *_KINDS_OF_CORE_ECONOMY)
OPEN_KINDS_FROM = 64
"""The kinds that a definition names are numbered above; any other is 64 + its code."""


class _Fact(msgspec.Struct, frozen=True, gc=False):
    """``service``: code; ``day``: the event's, which windows and as-of go by; ``sign``: 1 or -1."""

    service: int
    day: int
    sign: int


class ActFact(_Fact, frozen=True, gc=False):
    """One confirmed act. ``receivers``: (person, party or 0) in the act's order, giver left out."""

    giver: int
    giver_group: int
    party: int
    phase: int
    mode: int
    kind: int
    choice: int
    scope: int
    stage: int
    knowledge: int
    channel: int
    minutes: int
    organisation: int
    outside: int
    episode: int
    receiver_groups: int
    receivers: tuple[tuple[int, int], ...]


class RoleFact(_Fact, frozen=True, gc=False):
    """A participant is registered with a party from ``day`` on."""

    participant: int
    group: int
    party: int


class DecisionFact(_Fact, frozen=True, gc=False):
    level: int
    weight_professional: int
    weight_user: int
    weight_family_social: int
    voters_professional: int
    voters_user: int
    voters_family_social: int


class AllocationFact(_Fact, frozen=True, gc=False):
    """``lay``: 1 where the deciding vote had a lay majority or a lay party is steward."""

    amount: int
    currency: int
    lay: int


class FeedbackFact(_Fact, frozen=True, gc=False):
    """``day`` is the day it was given."""

    feedback: int
    participant: int
    party: int
    score: int
    trust: int
    respect: int


class AnswerFact(_Fact, frozen=True, gc=False):
    """``day`` is the day of the answer."""

    feedback: int
    given_day: int


class ChangeFact(_Fact, frozen=True, gc=False):
    """``day`` is the day the change was in place."""

    feedback: int
    level: int
    given_day: int
    answered_day: int


class ConsultationFact(_Fact, frozen=True, gc=False):
    opened: int


Fact: TypeAlias = (
    ActFact
    | RoleFact
    | DecisionFact
    | AllocationFact
    | FeedbackFact
    | AnswerFact
    | ChangeFact
    | ConsultationFact
)
# Position is the tag in packed facts: append only.
_TYPES: tuple[type[_Fact], ...] = (
    ActFact,
    RoleFact,
    DecisionFact,
    AllocationFact,
    FeedbackFact,
    AnswerFact,
    ChangeFact,
    ConsultationFact,
)


class UnknownFormat(ValueError):
    """Packed facts of a format this build does not read; only a rebuild helps."""


def day_number(moment: datetime | date) -> int:
    """Return the UTC day, counted from 1970-01-01."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC).date()
    return (moment - EPOCH).days


def facts_of(event: Message, code: Code) -> list[Fact]:
    """Return what the event adds and takes back; ``[]`` for an event that no metric reads."""
    match event:
        case RoleAssumed() | RoleStartMoved():
            return _roles(event, code)
        case DecisionTaken() | ResourceAllocated():
            return [_power(event, code)]
        case ConsultationOpened():
            return [_consultation(event.service_id, event.opened_at, 1, code)]
        case ConsultationClosed():
            return [_consultation(event.service_id, event.closed_at, 0, code)]
        case FeedbackGiven() | FeedbackAnswered() | ChangeImplemented():
            return [_voice(event, code)]
        case _:
            return _contribution(event, code)


def _contribution(event: Message, code: Code) -> list[Fact]:
    match event:
        case ContributionConfirmed():
            return [_act(event.act, code, 1)]
        case ContributionDisputed() | ContributionVoided():
            return [_act(event.act, code, -1)] if event.counted else []
        case DisputeResolved():
            return [] if event.outcome is Outcome.UPHELD else [_act(event.act, code, 1)]
        case ContributionCorrected():
            if not event.counted:
                return []
            return [_act(event.before, code, -1), _act(event.after, code, 1)]
        case _:
            return []


def _act(act: Act, code: Code, sign: int) -> ActFact:
    giver = code("participant", act.giver_id)
    receivers: dict[int, int] = {}
    for one in act.receivers:  # who is named twice received once; nobody receives from themself
        receivers.setdefault(code("participant", one.participant_id), _place(PARTIES, one.party))
    receivers.pop(giver, None)
    return ActFact(
        service=code("service", act.service_id),
        day=day_number(act.occurred_at),
        sign=sign,
        giver=giver,
        giver_group=int(act.giver_kind is ParticipantKind.GROUP),
        party=_place(PARTIES, act.giver_party),
        phase=_place(PHASES, act.phase),
        mode=_place(MODES, act.mode),
        kind=_kind(act.kind, code),
        choice=_place(CHOICES, act.choice),
        scope=_place(SCOPES, act.scope),
        stage=_place(STAGES, act.stage),
        knowledge=_place(KNOWLEDGES, act.knowledge),
        channel=_place(CHANNELS, act.channel),
        minutes=NO_MINUTES if act.minutes is None else act.minutes,
        organisation=code("organisation", act.giver_org) if act.giver_org else 0,
        outside=_outside(act),
        episode=code("episode", act.episode_id) if act.episode_id else 0,
        receiver_groups=len(set(act.receiver_groups)),
        receivers=tuple(receivers.items()),
    )


def _outside(act: Act) -> int:
    if act.giver_in_provider_org is None:
        return AFFILIATION_UNKNOWN
    if act.giver_org is None:
        return OUTSIDE if act.giver_party in LAY else INSIDE
    return INSIDE if act.giver_in_provider_org else OUTSIDE


def _kind(kind: str | None, code: Code) -> int:
    if kind is None or kind in KINDS:
        return _place(KINDS, kind)
    return OPEN_KINDS_FROM + code("kind", kind)


def _place(words: tuple[str, ...], word: str | None) -> int:
    return 0 if word is None else words.index(word) + 1


def _roles(event: RoleAssumed | RoleStartMoved, code: Code) -> list[Fact]:
    if isinstance(event, RoleAssumed):
        return [_role(event, code, event.since, 1)]
    return [_role(event, code, event.since_before, -1), _role(event, code, event.since, 1)]


def _role(event: RoleAssumed | RoleStartMoved, code: Code, since: date, sign: int) -> RoleFact:
    return RoleFact(
        service=code("service", event.service_id),
        day=day_number(since),
        sign=sign,
        participant=code("participant", event.participant_id),
        group=int(event.participant_kind is ParticipantKind.GROUP),
        party=_place(PARTIES, event.party),
    )


def _power(event: DecisionTaken | ResourceAllocated, code: Code) -> Fact:
    if isinstance(event, DecisionTaken):
        return _decision(event, code)
    return AllocationFact(
        service=code("service", event.service_id),
        day=day_number(event.allocated_at),
        sign=1,
        amount=event.amount,
        currency=code("currency", event.currency),
        lay=int(event.lay_majority or event.steward_party in LAY),
    )


def _decision(event: DecisionTaken, code: Code) -> DecisionFact:
    weights, voters = _by_party(event.weights), _by_party(event.voters)
    return DecisionFact(
        code("service", event.service_id),
        day_number(event.decided_at),
        1,
        _place(LEVELS, event.level),
        *weights,
        *voters,
    )


def _by_party(counts: ByParty) -> tuple[int, int, int]:
    return counts.professional, counts.user, counts.family_social


def _consultation(service_id: str, at: datetime, opened: int, code: Code) -> ConsultationFact:
    return ConsultationFact(code("service", service_id), day_number(at), 1, opened)


def _voice(event: FeedbackGiven | FeedbackAnswered | ChangeImplemented, code: Code) -> Fact:
    service, feedback = code("service", event.service_id), code("feedback", event.feedback_id)
    given_day = day_number(event.given_at)
    match event:
        case FeedbackGiven():
            return FeedbackFact(
                service=service,
                day=given_day,
                sign=1,
                feedback=feedback,
                participant=code("participant", event.participant_id),
                party=_place(PARTIES, Party(event.party)),
                score=event.score or 0,
                trust=event.trust or 0,
                respect=event.respect or 0,
            )
        case FeedbackAnswered():
            return AnswerFact(service, day_number(event.answered_at), 1, feedback, given_day)
        case ChangeImplemented():
            return ChangeFact(
                service=service,
                day=day_number(event.implemented_at),
                sign=1,
                feedback=feedback,
                level=_place(CHANGE_LEVELS, event.level),
                given_day=given_day,
                answered_day=day_number(event.answered_at),
            )


def turned(fact: Fact) -> Fact:
    """Return the fact that takes this one back."""
    return msgspec.structs.replace(fact, sign=-fact.sign)


def pack(facts: Sequence[Fact]) -> bytes:
    """Return the facts, in their order, as MessagePack columns; a constant column is one value."""
    tags = [_TYPES.index(type(fact)) for fact in facts]
    tables = {}
    for tag in sorted(set(tags)):
        rows = [fact for fact in facts if type(fact) is _TYPES[tag]]
        tables[tag] = [
            _written([getattr(row, name) for row in rows]) for name in _TYPES[tag].__struct_fields__
        ]
    return msgspec.msgpack.encode([FORMAT_VERSION, len(tags), _written(tags), tables])


def unpack(packed: bytes) -> list[Fact]:
    """Return the facts behind ``pack``'s bytes.

    Raises:
        UnknownFormat: the bytes are of another format version.
    """
    version, count, written_tags, tables = msgspec.msgpack.decode(packed, strict=False)
    if version != FORMAT_VERSION:
        raise UnknownFormat(
            f"packed facts have format {version}; this build reads {FORMAT_VERSION}"
        )
    tags = _read(written_tags, count)
    rows = {
        tag: zip(*(_read(column, tags.count(tag)) for column in columns), strict=True)
        for tag, columns in tables.items()
    }
    facts: list[Any] = [_TYPES[tag](*next(rows[tag])) for tag in tags]
    return facts


def _written(column: list[Any]) -> Any:
    if isinstance(column[0] if column else 0, tuple):
        return [[part for pair in pairs for part in pair] for pairs in column]
    if any(not -(2**63) <= value < 2**63 for value in column):
        return [
            str(value) for value in column
        ]  # an amount may be any integer; MessagePack's are not
    return column[0] if column and len(set(column)) == 1 else column


def _read(column: Any, count: int) -> list[Any]:
    if not isinstance(column, list):
        return [column] * count
    if column and isinstance(column[0], str):
        return [int(value) for value in column]
    if column and isinstance(column[0], list):
        return [tuple(zip(flat[::2], flat[1::2], strict=True)) for flat in column]
    return column
