"""Workload: the events of many services as their relays publish them, from one seed.

Every event is one that the fold counts unless ``recorded`` says that each act is recorded first.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.contracts import catalogue, exchange
from shared.contracts.envelope import Event, headers
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Message, Party
from shared.log.partitioner import partition_of
from shared.log.port import LogRecord

DEPLOYMENT = "bench"
TODAY = datetime(2026, 6, 30, 12, tzinfo=UTC)
PARTIES = (Party.PROFESSIONAL, Party.USER, Party.USER, Party.FAMILY_SOCIAL)
PHASES = ("deliver", "deliver", "deliver", "deliver", "design", "commission", "assess", None)
KINDS = ("care", "train", "family", "gardening", None)
CORRECTED, VOIDED = 0.02, 0.01  # of the acts


@dataclass(frozen=True, slots=True)
class Size:
    """How many of what; ``people`` in all, each at home in one service."""

    events: int
    services: int = 200
    people: int = 5_000
    days: int = 400
    recorded: bool = False
    plain: bool = False  # nothing is corrected or voided


def messages(size: Size, seed: int = 1) -> Iterator[exchange.ContributionConfirmed | Message]:
    """Yield the events in the order in which they happen to the services."""
    chance = random.Random(seed)
    made = 0
    for number in range(size.events):
        for message in _told(chance, size, number):
            if made == size.events:
                return
            made += 1
            yield message


def _told(chance: random.Random, size: Size, number: int) -> Iterator[Message]:
    act = _act(chance, size, number)
    due = TODAY + timedelta(days=14) if size.recorded else None
    if size.recorded:
        yield exchange.ContributionRecorded(act=act, confirm_due_at=due)
    yield exchange.ContributionConfirmed(act=act, by=act.recorded_by, confirm_due_at=due)
    luck = 1.0 if size.plain else chance.random()
    if luck < CORRECTED:
        after = act.model_copy(update={"minutes": 30})
        yield exchange.ContributionCorrected(
            before=act, after=after, by=act.recorded_by, counted=True
        )
    elif luck < CORRECTED + VOIDED:
        yield exchange.ContributionVoided(
            act=act, by=act.recorded_by, reason_code="mistake", counted=True
        )


def _act(chance: random.Random, size: Size, number: int) -> exchange.Act:
    service = chance.randrange(size.services)
    local = max(2, size.people // size.services)
    first = service * local

    def person() -> int:
        return first + min(int(chance.random() ** 2 * local), local - 1)

    giver = person()
    party = PARTIES[giver % 4]
    receivers = {person() for _ in range(chance.choice((0, 1, 1, 1, 2, 3)))} - {giver}
    return exchange.Act(
        contribution_id=f"c{number:09d}-{chance.getrandbits(64):016x}",
        service_id=f"service-{service}",
        occurred_at=TODAY - timedelta(minutes=chance.randrange(size.days * 1440)),
        giver_id=f"person-{giver}",
        giver_party=party,
        giver_org="council" if party is Party.PROFESSIONAL else None,
        receivers=tuple(
            exchange.Receiver(participant_id=f"person-{one}", party=PARTIES[one % 4])
            for one in receivers
        ),
        phase=chance.choice(PHASES),
        mode="opinion" if chance.random() < 0.1 else "act",
        kind=chance.choice(KINDS),
        minutes=chance.randrange(5, 240),
        episode_id=f"episode-{service}-{chance.randrange(50)}" if number % 3 == 0 else None,
        recorded_by="system:bench",
        directory=(
            exchange.DirectoryPosition(topic="registry.services.v1", partition=3, position=17),
        ),
    )


class Numbering:
    """Numbers the events of each partition, as a relay publishes them."""

    def __init__(self) -> None:
        self._positions = [0] * EXCHANGE_ACTIVITY.partitions
        self._made = 0

    def record(self, message: Message) -> LogRecord:
        """Return the record; its offset is its position less one, as on an unbroken log."""
        kind = catalogue.BY_MODEL[type(message)]
        act = getattr(message, "act", None) or getattr(message, "after", None)
        assert isinstance(act, exchange.Act)
        number = partition_of(act.service_id, EXCHANGE_ACTIVITY.partitions)
        self._positions[number] += 1
        self._made += 1
        event = Event(
            id=f"0197b5c0-0000-7000-8000-{self._made:012x}",
            source="/agencies/local/systems/api",
            type=kind.name,
            subject=act.contribution_id,
            time=act.occurred_at,
            recorded_at=TODAY + timedelta(microseconds=self._made),
            sequence=1,
            topic=EXCHANGE_ACTIVITY.name,
            partition=number,
            position=self._positions[number],
            key=act.service_id,
            deployment=DEPLOYMENT,
            data=catalogue.encode(message),
            correlation_id=f"0197b5c0-1111-7000-8000-{self._made:012x}",
        )
        return LogRecord(
            event.topic,
            number,
            event.position - 1,
            event.key.encode(),
            event.data,
            headers(event),
        )
