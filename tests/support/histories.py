"""Generated histories of one service: lives of contributions with all that can befall them."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from shared.contracts import exchange, registry
from shared.contracts.vocabulary import (
    Knowledge,
    Level,
    Message,
    Mode,
    Outcome,
    ParticipantKind,
    Party,
    Phase,
    Scope,
)

SERVICE = "service-1"
TODAY = date(2026, 6, 30)
KINDS = (None, None, "care", "train", "family", "gardening")


@dataclass
class Town:
    """The people of one history; whoever is high in the list does most, as in life.

    ``beside``: chance for what came later, so that a seed still gives the history that it gave.
    """

    chance: random.Random
    parties: dict[str, Party] = field(default_factory=dict)
    groups: tuple[str, ...] = ("group-1", "group-2")
    minutes_share: float = 1.0
    known_share: float = 0.9
    days: int = 420
    organised_share: float = 0.5
    asked_share: float = 0.2
    scoped_share: float = 0.8
    beside: random.Random = field(default_factory=lambda: random.Random(0))

    def person(self) -> str:
        names = list(self.parties)
        return names[min(int(self.chance.expovariate(4 / len(names))), len(names) - 1)]

    def moment(self) -> datetime:
        back = timedelta(days=self.chance.randrange(self.days), minutes=self.chance.randrange(1440))
        return datetime(TODAY.year, TODAY.month, TODAY.day, 23, 59, tzinfo=UTC) - back


def town(seed: int) -> Town:
    chance = random.Random(seed)
    people = chance.choice((4, 9, 25, 60))
    made = Town(
        chance,
        minutes_share=chance.choice((0.0, 0.7, 0.95, 1.0)),
        known_share=chance.choice((0.2, 0.6, 1.0)),
        days=chance.choice((20, 60, 200, 420)),
        organised_share=chance.choice((0.0, 0.1, 0.6)),
        asked_share=chance.choice((0.2, 0.2, 0.95)),
    )
    made.beside.seed(seed)
    made.scoped_share = made.beside.choice((0.3, 0.8, 1.0))
    weights = chance.choice(((1, 1, 1), (1, 1, 1), (15, 1, 1)))
    sides = chance.choices(list(Party), weights, k=people)
    made.parties = {f"person-{number}": party for number, party in enumerate(sides)}
    return made


def act(made: Town, name: str) -> exchange.Act:
    chance = made.chance
    group = chance.random() < 0.1
    giver = chance.choice(made.groups) if group else made.person()
    party = Party.FAMILY_SOCIAL if group else made.parties[giver]
    if chance.random() < 0.03:
        party = chance.choice(list(Party))  # people change sides
    many = chance.random() < 0.02
    count = 55 if many else chance.choice((1, 1, 1, 2, 3))
    receivers: list[exchange.Receiver] = []
    if chance.random() < made.known_share:
        names = [made.person() for _ in range(count)]
        names += [f"crowd-{number}" for number in range(count)] if many else []
        receivers = [
            exchange.Receiver(
                participant_id=name,
                party=made.parties.get(name) if chance.random() < 0.9 else None,
            )
            for name in dict.fromkeys(names)
        ]
    asked = 0.2 if party is Party.PROFESSIONAL else made.asked_share
    mode = chance.choices((Mode.ACT, Mode.OPINION, None), (1 - asked, asked, 0.03))[0]
    return exchange.Act(
        contribution_id=name,
        service_id=SERVICE,
        occurred_at=made.moment(),
        giver_id=giver,
        giver_kind=ParticipantKind.GROUP if group else ParticipantKind.PERSON,
        giver_party=party,
        giver_org=_organisation(made, party),
        receivers=tuple(receivers),
        phase=chance.choices((*Phase, None), (1, 1, 6, 1, 0.5))[0],
        mode=mode,
        kind=chance.choice(KINDS),
        scope=_scope(made),
        knowledge=chance.choice((None, *Knowledge)),
        minutes=chance.randrange(1, 300) if chance.random() < made.minutes_share else None,
        episode_id=chance.choice((None, f"episode-{chance.randrange(8)}")),
        recorded_by="system:test",
    )


def _scope(made: Town) -> Scope | None:
    return made.beside.choice(list(Scope)) if made.beside.random() < made.scoped_share else None


def _organisation(made: Town, party: Party) -> str | None:
    if made.chance.random() >= made.organised_share:
        return None
    # most staff are the agency's own, and so are few of the others
    own = made.chance.random() < (0.95 if party is Party.PROFESSIONAL else 0.2)
    return "agency-1" if own else made.chance.choice(("org-1", "org-2", "org-3"))


def providers(made: Town) -> list[Message]:
    """The service is registered, and organisations are linked to it and let go again."""
    chance = made.chance
    events: list[Message] = [
        registry.ServiceRegistered(
            service_id=SERVICE, agency_ids=("agency-1",), name="Service", starts_on=TODAY
        )
    ]
    linked: set[str] = set()
    for _ in range(chance.choice((0, 0, 1, 4))):
        organisation = chance.choice(("org-1", "org-2"))
        linking = organisation not in linked
        event = registry.ServiceProviderLinked if linking else registry.ServiceProviderUnlinked
        events.append(event(service_id=SERVICE, organisation_id=organisation))
        linked ^= {organisation}
    return events


def life(made: Town, name: str) -> list[Message]:
    """One contribution's events, in the order of its stream."""
    chance, now = made.chance, act(made, name)
    due: datetime | None = made.moment() + timedelta(days=14)
    events: list[Message] = [exchange.ContributionRecorded(act=now, confirm_due_at=due)]
    state = "recorded"
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        step = chance.choices(
            ("confirm", "dispute", "resolve", "correct", "void"), (8, 1, 2, 2, 1)
        )[0]
        counted = state == "confirmed"
        match step:
            case "confirm" if state == "recorded":
                confirmed = exchange.ContributionConfirmed(
                    act=now, by="system:test", confirm_due_at=due
                )
                events.append(confirmed)
                state, due = "confirmed", None
            case "dispute" if state in ("recorded", "confirmed"):
                events.append(
                    exchange.ContributionDisputed(
                        act=now,
                        by="person-0",
                        reason_code="wrong",
                        counted=counted,
                        confirm_due_at=due,
                    )
                )
                state, due = "disputed", None
            case "resolve" if state == "disputed":
                outcome, before = chance.choice(list(Outcome)), None
                if outcome is Outcome.CORRECTED:
                    now, before = act(made, name), now
                resolved = exchange.DisputeResolved(
                    act=now, by="person-1", outcome=outcome, before=before
                )
                events.append(resolved)
                state = "voided" if outcome is Outcome.UPHELD else "confirmed"
            case "correct" if state in ("recorded", "confirmed", "disputed"):
                after = act(made, name)
                events.append(
                    exchange.ContributionCorrected(
                        before=now,
                        after=after,
                        by="system:test",
                        counted=counted,
                        confirm_due_at=due,
                    )
                )
                now = after
            case "void" if state in ("recorded", "confirmed", "disputed"):
                events.append(
                    exchange.ContributionVoided(
                        act=now,
                        by="system:test",
                        reason_code="error",
                        counted=counted,
                        confirm_due_at=due,
                    )
                )
                state, due = "voided", None
            case _:
                pass
    return events


def voice(made: Town, name: str) -> list[Message]:
    chance, given = made.chance, made.moment()
    giver = made.person()
    events: list[Message] = [
        exchange.FeedbackGiven(
            feedback_id=name,
            service_id=SERVICE,
            participant_id=giver,
            party=made.parties[giver],
            score=4,
            given_at=given,
        )
    ]
    if chance.random() < 0.7:
        answered = given + timedelta(days=chance.randrange(45))
        events.append(
            exchange.FeedbackAnswered(
                feedback_id=name,
                service_id=SERVICE,
                by="person-0",
                given_at=given,
                answered_at=answered,
            )
        )
        if chance.random() < 0.5:
            events.append(
                exchange.ChangeImplemented(
                    change_id=f"change-{name}",
                    service_id=SERVICE,
                    level="process",
                    feedback_id=name,
                    given_at=given,
                    answered_at=answered,
                    implemented_at=answered + timedelta(days=chance.randrange(30)),
                )
            )
    return events


def decision(made: Town, name: str) -> list[Message]:
    chance, at = made.chance, made.moment()
    weights = exchange.ByParty(
        professional=chance.randrange(9),
        user=chance.randrange(9),
        family_social=chance.randrange(4),
    )
    events: list[Message] = [
        exchange.DecisionTaken(
            decision_id=name,
            service_id=SERVICE,
            level=chance.choice(list(Level)),
            weights=weights,
            voters=weights,
            decided_at=at,
        )
    ]
    if chance.random() < 0.5:
        events.append(
            exchange.ResourceAllocated(
                allocation_id=f"allocation-{name}",
                service_id=SERVICE,
                amount=chance.randrange(100_000),
                currency="EUR",
                steward_party=chance.choice((None, *Party)),
                decision_id=name,
                lay_majority=chance.random() < 0.5,
                allocated_at=at,
            )
        )
    return events


def roles(made: Town) -> list[Message]:
    events: list[Message] = []
    for name, party in made.parties.items():
        since = made.moment().date()
        assumed = registry.RoleAssumed(
            service_id=SERVICE,
            participant_id=name,
            participant_kind=ParticipantKind.PERSON,
            party=party,
            since=since,
        )
        events.append(assumed)
        if made.chance.random() < 0.2:
            events.append(
                registry.RoleStartMoved(
                    service_id=SERVICE,
                    participant_id=name,
                    participant_kind=ParticipantKind.PERSON,
                    party=party,
                    since_before=since,
                    since=since - timedelta(days=made.chance.randrange(1, 90)),
                )
            )
    return events


def history(seed: int) -> list[Message]:
    """Return a service's events, interleaved at random; each stream keeps its own order."""
    made = town(seed)
    chance = made.chance
    streams = [life(made, f"act-{number}") for number in range(chance.choice((3, 40, 150)))]
    streams += [voice(made, f"feedback-{number}") for number in range(chance.choice((0, 3, 20)))]
    streams += [decision(made, f"decision-{number}") for number in range(chance.choice((0, 2, 25)))]
    streams += [roles(made), providers(made)]
    return interleaved(streams, chance)


def interleaved(streams: list[list[Message]], chance: random.Random) -> list[Message]:
    """Return all events in one random order that keeps the order within each stream."""
    turns = [place for place, stream in enumerate(streams) for _ in stream]
    chance.shuffle(turns)
    sources = [iter(stream) for stream in streams]
    return [next(sources[place]) for place in turns]
