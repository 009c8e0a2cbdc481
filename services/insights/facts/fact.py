"""Facts: small integers that are everything insights knows of what happened.

One event becomes none, one or two facts. A fact is never changed: what takes an act back is the
same fact with the sign turned. Ids and open words stand as codes of a dictionary that the caller
keeps; codes are 1 or more, and 0 means none. Days count from 1970-01-01 (UTC).
"""

from collections.abc import Callable, Iterable
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
    ContributionRecorded,
    ContributionVoided,
    DecisionTaken,
    DisputeResolved,
    FeedbackAnswered,
    FeedbackGiven,
    ResourceAllocated,
)
from shared.contracts.fast_decode import STRUCTS, FastMessage
from shared.contracts.registry import (
    RoleAssumed,
    RoleStartMoved,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.vocabulary import (
    LAY,
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

Code: TypeAlias = Callable[[str, str], int]
"""The dictionary: (``service`` | ``participant`` | ``organisation`` | ``episode`` | ``feedback`` |
``kind`` | ``currency``, text) -> its code, 1 or more, always the same for the same text."""

EPOCH = date(1970, 1, 1)
_EPOCH_ORDINAL = EPOCH.toordinal()
NO_MINUTES = -1
UNDATED = date.min.toordinal() - _EPOCH_ORDINAL
"""The day of what no event dates: it holds whatever the as-of day."""

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
PROVISIONS = ("agency", "linked", "unlinked")
AGENCY, LINKED, UNLINKED = 1, 2, 3
_KINDS_OF_ROLE_SHIFT = ("train", "facilitate", "connect", "co_deliver")
_KINDS_OF_CORE_ECONOMY = ("family", "care", "group_wellbeing", "neighbourhood", "civic")
KINDS = (*_KINDS_OF_ROLE_SHIFT, *_KINDS_OF_CORE_ECONOMY)
OPEN_KINDS_FROM = 64
"""The kinds that a definition names are numbered above; any other is 64 + its code."""


def _places(words: Iterable[str], word_of: Callable[[str], str] = str) -> dict[str | None, int]:
    """Return word -> place; a word that is an enum's own member is found without comparing text."""
    return {None: 0, **{word_of(word): place for place, word in enumerate(words, start=1)}}


_PARTY, _PHASE = _places(PARTIES, Party), _places(PHASES, Phase)
_MODE, _CHOICE = _places(MODES, Mode), _places(CHOICES, Choice)
_SCOPE, _STAGE = _places(SCOPES, Scope), _places(STAGES, Stage)
_KNOWLEDGE, _CHANNEL = _places(KNOWLEDGES, Knowledge), _places(CHANNELS, Channel)
_LEVEL, _CHANGE_LEVEL, _KIND = map(_places, (LEVELS, CHANGE_LEVELS, KINDS))


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
    episode: int
    receiver_groups: int
    receivers: tuple[tuple[int, int], ...]


class RoleFact(_Fact, frozen=True, gc=False):
    """A participant is registered with a party from ``day`` on."""

    participant: int
    group: int
    party: int


class ProviderFact(_Fact, frozen=True, gc=False):
    """An organisation is the service's agency, or was linked to it or unlinked; ``UNDATED``."""

    organisation: int
    provision: int


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


class WaitingFact(_Fact, frozen=True, gc=False):
    """An act of ``day`` that does not count yet; ``due``: from which day it will, 0 if disputed."""

    due: int


Fact: TypeAlias = (
    ActFact
    | RoleFact
    | DecisionFact
    | AllocationFact
    | FeedbackFact
    | AnswerFact
    | ChangeFact
    | ConsultationFact
    | WaitingFact
    | ProviderFact
)


def day_number(moment: datetime | date) -> int:
    """Return the UTC day, counted from 1970-01-01."""
    if isinstance(moment, datetime) and moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.toordinal() - _EPOCH_ORDINAL


def facts_of(event: Message | FastMessage, code: Code) -> list[Fact]:
    """Return what the event adds and takes back; ``[]`` for an event that no metric reads."""
    make = _MAKERS.get(type(event))
    return [] if make is None else make(event, code)


def _recorded(event: ContributionRecorded, code: Code) -> list[Fact]:
    due_at = event.confirm_due_at
    return [] if due_at is None else [_waiting(event.act, code, 1, due_at)]


def _confirmed(event: ContributionConfirmed, code: Code) -> list[Fact]:
    act, due_at = event.act, event.confirm_due_at
    counts = _act(act, code, 1)
    return [counts] if due_at is None else [counts, _waiting(act, code, -1, due_at)]


def _disputed(event: ContributionDisputed, code: Code) -> list[Fact]:
    act, due_at = event.act, event.confirm_due_at
    counted: list[Fact] = [_act(act, code, -1)] if event.counted else []
    waited: list[Fact] = [] if due_at is None else [_waiting(act, code, -1, due_at)]
    return [*counted, *waited, _waiting(act, code, 1, None)]


def _voided(event: ContributionVoided, code: Code) -> list[Fact]:
    if event.counted:
        return [_act(event.act, code, -1)]
    return [_waiting(event.act, code, -1, event.confirm_due_at)]


def _resolved(event: DisputeResolved, code: Code) -> list[Fact]:
    settled = _waiting(event.before or event.act, code, -1, None)
    return [settled] if event.outcome is Outcome.UPHELD else [_act(event.act, code, 1), settled]


def _corrected(event: ContributionCorrected, code: Code) -> list[Fact]:
    before, after, due_at = event.before, event.after, event.confirm_due_at
    if event.counted:
        return [_act(before, code, -1), _act(after, code, 1)]
    if day_number(before.occurred_at) == day_number(after.occurred_at):
        return []
    return [_waiting(before, code, -1, due_at), _waiting(after, code, 1, due_at)]


def _waiting(act: Act, code: Code, sign: int, due_at: datetime | None) -> WaitingFact:
    due = 0 if due_at is None else day_number(due_at)
    return WaitingFact(code("service", act.service_id), day_number(act.occurred_at), sign, due)


def _act(act: Act, code: Code, sign: int) -> ActFact:
    giver = code("participant", act.giver_id)
    return ActFact(
        code("service", act.service_id),
        day_number(act.occurred_at),
        sign,
        giver,
        1 if act.giver_kind is ParticipantKind.GROUP else 0,
        _PARTY[act.giver_party],
        _PHASE[act.phase],
        _MODE[act.mode],
        _kind(act.kind, code),
        _CHOICE[act.choice],
        _SCOPE[act.scope],
        _STAGE[act.stage],
        _KNOWLEDGE[act.knowledge],
        _CHANNEL[act.channel],
        NO_MINUTES if act.minutes is None else act.minutes,
        code("organisation", act.giver_org) if act.giver_org else 0,
        code("episode", act.episode_id) if act.episode_id else 0,
        len(set(act.receiver_groups)) if act.receiver_groups else 0,
        _receivers(act, giver, code) if act.receivers else (),
    )


def _receivers(act: Act, giver: int, code: Code) -> tuple[tuple[int, int], ...]:
    found: dict[int, int] = {}
    for one in act.receivers:  # who is named twice received once; nobody receives from themself
        found.setdefault(code("participant", one.participant_id), _PARTY[one.party])
    found.pop(giver, None)
    return tuple(found.items())


def _kind(kind: str | None, code: Code) -> int:
    number = _KIND.get(kind)
    return OPEN_KINDS_FROM + code("kind", str(kind)) if number is None else number


def _agencies(event: ServiceRegistered, code: Code) -> list[Fact]:
    return [_provider(event.service_id, agency, AGENCY, code) for agency in event.agency_ids]


def _linked(event: ServiceProviderLinked, code: Code) -> list[Fact]:
    return [_provider(event.service_id, event.organisation_id, LINKED, code)]


def _unlinked(event: ServiceProviderUnlinked, code: Code) -> list[Fact]:
    return [_provider(event.service_id, event.organisation_id, UNLINKED, code)]


def _provider(service_id: str, organisation: str, provision: int, code: Code) -> ProviderFact:
    service = code("service", service_id)
    return ProviderFact(service, UNDATED, 1, code("organisation", organisation), provision)


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
        party=_PARTY[event.party],
    )


def _allocation(event: ResourceAllocated, code: Code) -> list[Fact]:
    return [
        AllocationFact(
            service=code("service", event.service_id),
            day=day_number(event.allocated_at),
            sign=1,
            amount=event.amount,
            currency=code("currency", event.currency),
            lay=int(event.lay_majority or event.steward_party in LAY),
        )
    ]


def _decision(event: DecisionTaken, code: Code) -> list[Fact]:
    weights, voters = _by_party(event.weights), _by_party(event.voters)
    service, day = code("service", event.service_id), day_number(event.decided_at)
    return [DecisionFact(service, day, 1, _LEVEL[event.level], *weights, *voters)]


def _by_party(counts: ByParty) -> tuple[int, int, int]:
    return counts.professional, counts.user, counts.family_social


def _opened(event: ConsultationOpened, code: Code) -> list[Fact]:
    service = code("service", event.service_id)
    return [ConsultationFact(service, day_number(event.opened_at), 1, 1)]


def _closed(event: ConsultationClosed, code: Code) -> list[Fact]:
    service = code("service", event.service_id)
    return [ConsultationFact(service, day_number(event.closed_at), 1, 0)]


def _given(event: FeedbackGiven, code: Code) -> list[Fact]:
    return [
        FeedbackFact(
            service=code("service", event.service_id),
            day=day_number(event.given_at),
            sign=1,
            feedback=code("feedback", event.feedback_id),
            participant=code("participant", event.participant_id),
            party=_PARTY[event.party],
            score=event.score or 0,
            trust=event.trust or 0,
            respect=event.respect or 0,
        )
    ]


def _answered(event: FeedbackAnswered, code: Code) -> list[Fact]:
    service, feedback = code("service", event.service_id), code("feedback", event.feedback_id)
    given = day_number(event.given_at)
    return [AnswerFact(service, day_number(event.answered_at), 1, feedback, given)]


def _implemented(event: ChangeImplemented, code: Code) -> list[Fact]:
    return [
        ChangeFact(
            service=code("service", event.service_id),
            day=day_number(event.implemented_at),
            sign=1,
            feedback=code("feedback", event.feedback_id),
            level=_CHANGE_LEVEL[event.level],
            given_day=day_number(event.given_at),
            answered_day=day_number(event.answered_at),
        )
    ]


def turned(fact: Fact) -> Fact:
    """Return the fact that takes this one back."""
    return msgspec.structs.replace(fact, sign=-fact.sign)


_MAKERS: dict[type[Any], Callable[[Any, Code], list[Fact]]] = {
    ContributionRecorded: _recorded,
    ContributionConfirmed: _confirmed,
    ContributionDisputed: _disputed,
    ContributionVoided: _voided,
    DisputeResolved: _resolved,
    ContributionCorrected: _corrected,
    RoleAssumed: _roles,
    RoleStartMoved: _roles,
    ServiceRegistered: _agencies,
    ServiceProviderLinked: _linked,
    ServiceProviderUnlinked: _unlinked,
    DecisionTaken: _decision,
    ResourceAllocated: _allocation,
    ConsultationOpened: _opened,
    ConsultationClosed: _closed,
    FeedbackGiven: _given,
    FeedbackAnswered: _answered,
    ChangeImplemented: _implemented,
}
_MAKERS |= {struct: _MAKERS[model] for model, struct in STRUCTS.items()}
