"""Archetypes: small services whose verdict their story decides, as the events that tell it.

Each builder spreads its acts evenly over ``days`` that end on ``DAY``; ``minutes`` False leaves the
minutes out, so that counts decide.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

from services.insights.facts.fact import Fact
from services.insights.facts.from_events import facts_of
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.thresholds import DEFAULTS, Thresholds
from shared.contracts.exchange import (
    Act,
    ByParty,
    ChangeImplemented,
    ContributionConfirmed,
    DecisionTaken,
    FeedbackAnswered,
    FeedbackGiven,
    Receiver,
    ResourceAllocated,
)
from shared.contracts.registry import (
    RoleAssumed,
    ServiceProviderLinked,
    ServiceProviderUnlinked,
    ServiceRegistered,
)
from shared.contracts.vocabulary import Level, Message, ParticipantKind, Party

DAY = date(2026, 6, 30)
OPEN = Thresholds(floor_evidence=0, floor_givers=0, floor_days=0, k=1)
"""Lets an example be as small as a hand can compute."""
P, U, F = Party.PROFESSIONAL, Party.USER, Party.FAMILY_SOCIAL
PARTY_OF = {"p": P, "u": U, "f": F}


def moment(ago: int) -> datetime:
    """Return noon, UTC, that many days before ``DAY``."""
    return datetime.combine(DAY - timedelta(days=ago), time(12), UTC)


def party_of(name: str) -> Party:
    """People here are named after their party: ``p1``, ``u17``, ``f3``."""
    return PARTY_OF[name[0]]


@dataclass
class Story:
    """The events of one service, told by day counted back from ``DAY``."""

    service_id: str = "service-1"
    timed: bool = True
    events: list[Message] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: count(1))

    def act(self, giver: str, ago: int, receivers: Iterable[str] = (), **fields: Any) -> Act:
        """Confirm one act, delivered in 30 minutes unless ``fields`` say otherwise; return it.

        A receiver of another letter, ``x1``, is of no known party.
        """
        minutes = fields.pop("minutes", 30)
        act = Act(
            **{
                "contribution_id": f"contribution-{next(self._ids)}",
                "service_id": self.service_id,
                "occurred_at": moment(ago),
                "giver_id": giver,
                "giver_party": party_of(giver),
                "receivers": tuple(
                    Receiver(participant_id=one, party=PARTY_OF.get(one[0])) for one in receivers
                ),
                "phase": "deliver",
                "mode": "act",
                "minutes": minutes if self.timed else None,
                "recorded_by": "system:test",
                **fields,
            }
        )
        self.events.append(ContributionConfirmed(act=act, by="system:test"))
        return act

    def group(self, giver: str, ago: int, receivers: Iterable[str] = (), **fields: Any) -> Act:
        return self.act(giver, ago, receivers, giver_kind=ParticipantKind.GROUP, **fields)

    def opinion(self, giver: str, ago: int, **fields: Any) -> Act:
        return self.act(
            giver, ago, **{"mode": "opinion", "phase": "assess", "minutes": None, **fields}
        )

    def decision(
        self, ago: int, *, weights: dict[str, int], level: Level = Level.SERVICE, voters: int = 0
    ) -> None:
        """Take a decision; its voters, if any are counted, are users."""
        self.events.append(
            DecisionTaken(
                decision_id=f"decision-{next(self._ids)}",
                service_id=self.service_id,
                level=level,
                weights=ByParty(**weights),
                voters=ByParty(user=voters),
                decided_at=moment(ago),
            )
        )

    def allocation(self, ago: int, amount: int, **fields: Any) -> None:
        self.events.append(
            ResourceAllocated(
                allocation_id=f"allocation-{next(self._ids)}",
                service_id=self.service_id,
                amount=amount,
                allocated_at=moment(ago),
                **{"currency": "EUR", **fields},
            )
        )

    def feedback(
        self, person: str, ago: int, *, answered: int | None = None, changed: int | None = None
    ) -> None:
        """Give a feedback, answered and followed by a change so many days after it."""
        feedback = f"feedback-{next(self._ids)}"
        of = {"feedback_id": feedback, "service_id": self.service_id, "given_at": moment(ago)}
        self.events.append(
            FeedbackGiven(participant_id=person, party=party_of(person), score=4, **of)
        )
        if answered is None:
            return
        at = moment(ago - answered)
        self.events.append(FeedbackAnswered(by="p1", answered_at=at, **of))
        if changed is not None:
            self.events.append(
                ChangeImplemented(
                    change_id=f"change-{next(self._ids)}",
                    level="process",
                    answered_at=at,
                    implemented_at=moment(ago - changed),
                    **of,
                )
            )

    def registered(self, *agencies: str) -> None:
        """Registry knows the service, and whose it is."""
        self.events.append(
            ServiceRegistered(
                service_id=self.service_id, agency_ids=agencies, name="Service", starts_on=DAY
            )
        )

    def linked(self, organisation: str) -> None:
        self.events.append(
            ServiceProviderLinked(service_id=self.service_id, organisation_id=organisation)
        )

    def unlinked(self, organisation: str) -> None:
        self.events.append(
            ServiceProviderUnlinked(service_id=self.service_id, organisation_id=organisation)
        )

    def role(self, person: str, ago: int) -> None:
        self.events.append(
            RoleAssumed(
                service_id=self.service_id,
                participant_id=person,
                participant_kind=ParticipantKind.PERSON,
                party=party_of(person),
                since=DAY - timedelta(days=ago),
            )
        )

    def facts(self) -> list[Fact]:
        return facts_told(self.events)

    def state(self, as_of: date = DAY, thresholds: Thresholds = DEFAULTS) -> ServiceState:
        state = ServiceState(as_of, thresholds)
        state.apply(self.facts())
        return state


class Codes:
    """The dictionary of facts, in memory."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], int] = {}

    def __call__(self, kind: str, text: str) -> int:
        return self._codes.setdefault((kind, text), len(self._codes) + 1)


def facts_told(
    events: Sequence[Message], code: Callable[[str, str], int] | None = None
) -> list[Fact]:
    code = code or Codes()
    return [fact for event in events for fact in facts_of(event, code)]


def spread(times: int, days: int) -> list[int]:
    """Return ``times`` days ago, even over ``days`` and ending today."""
    return [days - 1 - number * (days - 1) // max(times - 1, 1) for number in range(times)]


def names(letter: str, number: int) -> list[str]:
    return [f"{letter}{place}" for place in range(1, number + 1)]


def youth_court(
    *, jurors: int = 6, heard_ago: int = 60, days: int = 80, timed: bool = True
) -> Story:
    """Jurors are former respondents; a clerk takes part in each hearing; juries help set rules."""
    story = Story(timed=timed)
    people = names("u", jurors)
    for person in people:
        story.act("p1", heard_ago, [person], episode_id=f"own-{person}")
        story.act("f1", heard_ago, [person], episode_id=f"own-{person}")
    for hearing, ago in enumerate(spread(24, days)):
        respondent = people[hearing % jurors]
        for juror in people:
            story.act(juror, ago, [respondent], episode_id=f"hearing-{hearing}")
        story.act("p1", ago, [respondent], episode_id=f"hearing-{hearing}", minutes=60)
        story.act(people[hearing % jurors], ago, phase="design")
        story.act("p1", ago, phase="design")
    return story


def with_survey(story: Story, *, people: int = 400, ago: int = 10) -> Story:
    """A satisfaction survey goes to everybody, the people served and their families included."""
    for person in [*names("u", people), *names("f", people)]:
        story.opinion(person, ago)
    return story


def meals_on_wheels(*, trained: bool = False, days: int = 85, timed: bool = True) -> Story:
    """Volunteers carry meals to people who give nothing; staff may train the volunteers."""
    story = Story(timed=timed)
    for round_, ago in enumerate(spread(90, days)):
        story.act(f"f{round_ % 10 + 1}", ago, [f"u{round_ % 30 + 1}"])
        if round_ % 3 == 0:
            story.act("p1", ago, [f"u{round_ % 30 + 1}"])
    if trained:
        for ago in spread(3, days):
            story.act("p1", ago, names("f", 10), kind="train", minutes=60)
    return story


def professional_with_co_deliverers(*, timed: bool = True, days: int = 85) -> Story:
    """Staff serve a thousand users; fifty of them deliver with the staff, and help decide."""
    story = Story(timed=timed)
    agos = spread(1000, days)
    for user, ago in enumerate(agos, start=1):
        story.act(f"p{user % 10 + 1}", ago, [f"u{user}"])
    for user in range(1, 51):
        for turn in range(4):
            ago = agos[(user * 4 + turn) % len(agos)]
            story.act(f"u{user}", ago, [f"u{user + 50 * turn + 50}"])
    for turn, ago in enumerate(spread(20, days)):
        story.act(f"u{turn % 10 + 1}", ago, phase="design")
        story.act(f"p{turn % 10 + 1}", ago, phase="design")
    return story


def home_visits(*, timed: bool = True, days: int = 85) -> Story:
    """Neighbours and users visit each other, together with staff; staff alone plan."""
    story = Story(timed=timed)
    people = [*names("u", 8), *names("f", 8)]
    for visit, ago in enumerate(spread(96, days)):
        giver, receiver = people[visit % 16], people[(visit * 5 + 3) % 16]
        story.act(giver, ago, [receiver])
        if visit % 2 == 0:
            story.act(f"p{visit % 6 + 1}", ago, [receiver])
    for turn, ago in enumerate(spread(12, days)):
        story.act(f"p{turn % 6 + 1}", ago, phase="design")
    return story


def desk_311(*, timed: bool = True, days: int = 85) -> Story:
    """Residents report, which is an act of phase assess; staff repair."""
    story = Story(timed=timed)
    for report, ago in enumerate(spread(120, days)):
        story.act(f"u{report % 60 + 1}", ago, phase="assess", minutes=5)
        story.act(f"p{report % 8 + 1}", ago, [f"u{report % 60 + 1}"], minutes=45)
    return story


def time_bank(*, days: int = 85, timed: bool = True) -> Story:
    """Twenty neighbours give each other time; no professionals, and nothing is planned."""
    story = Story(timed=timed)
    for turn, ago in enumerate(spread(80, days)):
        story.act(f"u{turn % 20 + 1}", ago, [f"u{(turn * 7 + 3) % 20 + 1}"])
    return story


def participatory_budget(*, timed: bool = True, days: int = 85) -> Story:
    """Residents' votes bind; what the money then does is not recorded."""
    story = Story(timed=timed)
    for turn, ago in enumerate(spread(60, days)):
        story.act(f"u{turn + 1}", ago, phase="commission", minutes=10)
    story.decision(5, weights={"user": 60, "professional": 10}, level=Level.BUDGET, voters=60)
    story.allocation(4, 500_000, lay_majority=True)
    return story


def consultation(*, timed: bool = True, days: int = 85) -> Story:
    """Two hundred people give their opinion; staff decide and deliver."""
    story = Story(timed=timed)
    for turn, ago in enumerate(spread(400, days)):
        story.opinion(f"u{turn % 200 + 1}", ago, minutes=5)
    for turn, ago in enumerate(spread(30, days)):
        story.act(f"p{turn % 6 + 1}", ago, [f"u{turn + 1}"])
    return story


def library(*, timed: bool = True, days: int = 85) -> Story:
    """Readers design the library with staff, who run it."""
    story = Story(timed=timed)
    for turn, ago in enumerate(spread(40, days)):
        story.act(f"u{turn % 10 + 1}", ago, phase="design")
        story.act(f"p{turn % 5 + 1}", ago, phase="design")
        story.act(f"p{turn % 5 + 1}", ago, [f"u{turn % 30 + 1}"])
    return story


def repair_cafe(*, timed: bool = True, days: int = 85) -> Story:
    """Groups of volunteers repair; who brought the things is not recorded."""
    story = Story(timed=timed)
    for turn, ago in enumerate(spread(60, days)):
        story.group(f"f{turn % 12 + 1}", ago)
    return story
