"""Makes facts from events: what each event adds, and what it takes back."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, TypeAlias

from services.insights.facts.fact import (
    AGENCY,
    CHANGE_LEVELS,
    CHANNELS,
    CHOICES,
    KINDS,
    KNOWLEDGES,
    LEVELS,
    LINKED,
    MODES,
    NO_MINUTES,
    OPEN_KINDS_FROM,
    PARTIES,
    PHASES,
    SCOPES,
    STAGES,
    UNDATED,
    UNLINKED,
    ActFact,
    AllocationFact,
    AnswerFact,
    ChangeFact,
    ConsultationFact,
    DecisionFact,
    Fact,
    FeedbackFact,
    ProviderFact,
    RoleFact,
    WaitingFact,
    day_number,
)
from shared.contracts.exchange import (
    Act,
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

Make: TypeAlias = Callable[[Any, Code], list[Fact]]


def _places(words: Iterable[str], word_of: Callable[[str], str] = str) -> dict[str | None, int]:
    """Return word -> place; a word that is an enum's own member is found without comparing text."""
    return {None: 0, **{word_of(word): place for place, word in enumerate(words, start=1)}}


_PARTY, _PHASE = _places(PARTIES, Party), _places(PHASES, Phase)
_MODE, _CHOICE = _places(MODES, Mode), _places(CHOICES, Choice)
_SCOPE, _STAGE = _places(SCOPES, Scope), _places(STAGES, Stage)
_KNOWLEDGE, _CHANNEL = _places(KNOWLEDGES, Knowledge), _places(CHANNELS, Channel)
_LEVEL, _CHANGE_LEVEL, _KIND = map(_places, (LEVELS, CHANGE_LEVELS, KINDS))


_MAKERS: dict[type[Any], Make] = {}


def _from(*models: type[Message]) -> Callable[[Make], Make]:
    """Say of which events a function makes the facts; they may come as structs too."""

    def note(make: Make) -> Make:
        for model in models:
            _MAKERS[model] = _MAKERS[STRUCTS.get(model, model)] = make
        return make

    return note


def facts_of(event: Message | FastMessage, code: Code) -> list[Fact]:
    """Return what the event adds and takes back; ``[]`` for an event that no metric reads."""
    make = _MAKERS.get(type(event))
    return [] if make is None else make(event, code)


@_from(ContributionRecorded)
def _recorded(event: ContributionRecorded, code: Code) -> list[Fact]:
    due_at = event.confirm_due_at
    return [] if due_at is None else [_waiting(event.act, code, 1, due_at)]


@_from(ContributionConfirmed)
def _confirmed(event: ContributionConfirmed, code: Code) -> list[Fact]:
    act, due_at = event.act, event.confirm_due_at
    counts = _act(act, code, 1)
    return [counts] if due_at is None else [counts, _waiting(act, code, -1, due_at)]


@_from(ContributionDisputed)
def _disputed(event: ContributionDisputed, code: Code) -> list[Fact]:
    act, due_at = event.act, event.confirm_due_at
    counted: list[Fact] = [_act(act, code, -1)] if event.counted else []
    waited: list[Fact] = [] if due_at is None else [_waiting(act, code, -1, due_at)]
    return [*counted, *waited, _waiting(act, code, 1, None)]


@_from(ContributionVoided)
def _voided(event: ContributionVoided, code: Code) -> list[Fact]:
    if event.counted:
        return [_act(event.act, code, -1)]
    return [_waiting(event.act, code, -1, event.confirm_due_at)]


@_from(DisputeResolved)
def _resolved(event: DisputeResolved, code: Code) -> list[Fact]:
    settled = _waiting(event.before or event.act, code, -1, None)
    return [settled] if event.outcome is Outcome.UPHELD else [_act(event.act, code, 1), settled]


@_from(ContributionCorrected)
def _corrected(event: ContributionCorrected, code: Code) -> list[Fact]:
    before, after, due_at = event.before, event.after, event.confirm_due_at
    if event.counted:
        return [_act(before, code, -1), _act(after, code, 1)]
    if day_number(before.occurred_at) == day_number(after.occurred_at):
        return []
    return [_waiting(before, code, -1, due_at), _waiting(after, code, 1, due_at)]


def _waiting(act: Act, code: Code, sign: int, due_at: datetime | None) -> WaitingFact:
    due = 0 if due_at is None else day_number(due_at)
    return WaitingFact(
        service=code("service", act.service_id),
        day=day_number(act.occurred_at),
        sign=sign,
        due=due,
    )


def _act(act: Act, code: Code, sign: int) -> ActFact:
    # by place: of so many fields, and so many acts, naming each would cost a third of the step
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


@_from(ServiceRegistered)
def _agencies(event: ServiceRegistered, code: Code) -> list[Fact]:
    return [_provider(event.service_id, agency, AGENCY, code) for agency in event.agency_ids]


@_from(ServiceProviderLinked)
def _linked(event: ServiceProviderLinked, code: Code) -> list[Fact]:
    return [_provider(event.service_id, event.organisation_id, LINKED, code)]


@_from(ServiceProviderUnlinked)
def _unlinked(event: ServiceProviderUnlinked, code: Code) -> list[Fact]:
    return [_provider(event.service_id, event.organisation_id, UNLINKED, code)]


def _provider(service_id: str, organisation: str, provision: int, code: Code) -> ProviderFact:
    return ProviderFact(
        service=code("service", service_id),
        day=UNDATED,
        sign=1,
        organisation=code("organisation", organisation),
        provision=provision,
    )


@_from(RoleAssumed, RoleStartMoved)
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


@_from(ResourceAllocated)
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


@_from(DecisionTaken)
def _decision(event: DecisionTaken, code: Code) -> list[Fact]:
    return [
        DecisionFact(
            service=code("service", event.service_id),
            day=day_number(event.decided_at),
            sign=1,
            level=_LEVEL[event.level],
            weight_professional=event.weights.professional,
            weight_user=event.weights.user,
            weight_family_social=event.weights.family_social,
            voters_professional=event.voters.professional,
            voters_user=event.voters.user,
            voters_family_social=event.voters.family_social,
        )
    ]


@_from(ConsultationOpened)
def _opened(event: ConsultationOpened, code: Code) -> list[Fact]:
    return [_consultation(event.service_id, event.opened_at, 1, code)]


@_from(ConsultationClosed)
def _closed(event: ConsultationClosed, code: Code) -> list[Fact]:
    return [_consultation(event.service_id, event.closed_at, 0, code)]


def _consultation(service_id: str, at: datetime, opened: int, code: Code) -> ConsultationFact:
    service = code("service", service_id)
    return ConsultationFact(service=service, day=day_number(at), sign=1, opened=opened)


@_from(FeedbackGiven)
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


@_from(FeedbackAnswered)
def _answered(event: FeedbackAnswered, code: Code) -> list[Fact]:
    return [
        AnswerFact(
            service=code("service", event.service_id),
            day=day_number(event.answered_at),
            sign=1,
            feedback=code("feedback", event.feedback_id),
            given_day=day_number(event.given_at),
        )
    ]


@_from(ChangeImplemented)
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
