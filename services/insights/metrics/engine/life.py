"""Life: the counts that look over a service's life up to the as-of day, in any window."""

from dataclasses import dataclass, field
from typing import TypeVar

from services.insights.facts.fact import (
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
)
from services.insights.metrics.engine.dimensions import LAY
from services.insights.metrics.engine.tables import add

PARTY_BITS = 2
PROVISION_BITS = 2
Key = TypeVar("Key")


@dataclass(slots=True)
class LifeTables:
    """What only a service's whole life up to the as-of day tells.

    ``days``: person -> day and whether the stamp was lay -> contributions; ``evidence``: day ->
    contributions and decisions; ``roles``: person and party -> registrations; ``providers``:
    organisation and what became of it -> times; ``stamped_lay``: person -> acts that name them as
    a lay receiver, whatever else those acts are. By feedback, and how often: ``feedback`` (day
    given, person), ``answers`` (day given, day answered), ``changes`` (given, answered, done).
    ``waiting``: due day, 0 for disputed -> acts that do not count yet.
    """

    days: dict[int, dict[int, int]] = field(default_factory=dict)
    evidence: dict[int, int] = field(default_factory=dict)
    roles: dict[int, int] = field(default_factory=dict)
    providers: dict[int, int] = field(default_factory=dict)
    feedback: dict[int, dict[tuple[int, ...], int]] = field(default_factory=dict)
    answers: dict[int, dict[tuple[int, ...], int]] = field(default_factory=dict)
    changes: dict[int, dict[tuple[int, ...], int]] = field(default_factory=dict)
    stamped_lay: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)

    def add(self, fact: Fact, sign: int) -> None:
        match fact:
            case ActFact():
                self.act(fact, sign)
            case DecisionFact():
                add(self.evidence, fact.day, sign)
            case RoleFact() if not fact.group:
                add(self.roles, fact.participant << PARTY_BITS | fact.party, sign)
            case FeedbackFact() | AnswerFact() | ChangeFact():
                self._voice(fact, sign)
            case WaitingFact():
                add(self.waiting, fact.due, sign)
            case ProviderFact():
                add(self.providers, fact.organisation << PROVISION_BITS | fact.provision, sign)
            case RoleFact() | AllocationFact() | ConsultationFact():
                pass

    def act(self, fact: ActFact, sign: int) -> None:
        add(self.evidence, fact.day, sign)
        if not fact.giver_group:
            _add_within(self.days, fact.giver, stamped_day(fact.day, lay=fact.party in LAY), sign)
        for person, party in fact.receivers:
            if party in LAY:
                add(self.stamped_lay, person, sign)

    def _voice(self, fact: FeedbackFact | AnswerFact | ChangeFact, sign: int) -> None:
        match fact:
            case FeedbackFact():
                _add_within(self.feedback, fact.feedback, (fact.day, fact.participant), sign)
            case AnswerFact():
                _add_within(self.answers, fact.feedback, (fact.given_day, fact.day), sign)
            case ChangeFact():
                change = (fact.given_day, fact.answered_day, fact.day)
                _add_within(self.changes, fact.feedback, change, sign)


def _add_within(table: dict[int, dict[Key, int]], outer: int, inner: Key, sign: int) -> None:
    entry = table.setdefault(outer, {})
    value = entry.get(inner, 0) + sign
    if value:
        entry[inner] = value
        return
    del entry[inner]
    if not entry:
        del table[outer]


def stamped_day(day: int, *, lay: bool) -> int:
    """Return the day with its stamp as one number; ``>> 1`` gives the day back."""
    return day << 1 | lay
