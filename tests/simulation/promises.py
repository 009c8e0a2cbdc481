"""What must hold at every commit, and what must hold when everything has come to rest."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition as KafkaPartition

from services.insights.projection.memory import LiveService
from shared.contracts.envelope import parse
from shared.log.port import TopicPartition
from tests.simulation.kafka import Broker
from tests.simulation.postgres import Database, RowKey


class Broken(AssertionError):
    """A promise was broken; the message says which, and where."""


@dataclass(frozen=True, slots=True)
class Rewound:
    """A rewind that was committed when the log had so many records, and what it is to bring."""

    at: TopicPartition
    records: int
    wanted: range


class StorePromises:
    """Watches the commits of an event store."""

    def __init__(self, store: Database, broker: Broker) -> None:
        self._store, self._broker = store, broker
        self._ends: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._reached: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.broken: list[str] = []
        self.rewound: list[Rewound] = []
        store.watchers.append(self.committed)

    def committed(self, writes: Mapping[RowKey, Any]) -> None:
        for (table, _), row in writes.items():
            if table == "event" and row["topic"] is not None:
                place = (row["topic"], row["partition"])
                if row["position"] != self._ends[place] + 1:
                    self.broken.append(
                        f"{place} {row['position']} was committed after {self._ends[place]}"
                    )
                self._ends[place] = row["position"]
            if table == "relay":
                self._relayed(row)

    def _relayed(self, row: Mapping[str, Any]) -> None:
        """What the relay says is in the log must be acknowledged by it."""
        at = KafkaPartition(row["topic"], row["partition"])
        before, self._reached[at] = self._reached[at], row["position"]
        if row["position"] < before:
            wanted = range(row["position"] + 1, before + 1)
            self.rewound.append(Rewound(TopicPartition(*at), len(self._broker.logs[at]), wanted))
        there = {record.value for record in self._broker.logs[at]}
        for event in self._store.tables["event"].values():
            if (event["topic"], event["partition"]) != at or event["position"] > row["position"]:
                continue
            if event["data"] not in there and (at, event["data"]) not in self._broker.lost:
                self.broken.append(f"{at} {event['position']} is said to be in the log, and is not")


class FoldPromises:
    """Watches the commits of a consumer."""

    def __init__(self, fold: Database, consumer: str) -> None:
        self._fold, self._consumer = fold, consumer
        self._ends: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.broken: list[str] = []
        fold.watchers.append(self.committed)

    def committed(self, writes: Mapping[RowKey, Any]) -> None:
        for (table, _), row in writes.items():
            if table != "ledger":
                continue
            place = (row["topic"], row["partition"])
            if row["position"] != self._ends[place] + 1:
                self.broken.append(
                    f"{place} {row['position']} was applied after {self._ends[place]}"
                )
            self._ends[place] = row["position"]
            standing = self._fold.tables["consumer_position"][self._consumer, *place]
            if standing["epoch"] != row["epoch"]:
                self.broken.append(
                    f"{place} {row['position']} was applied under epoch {row['epoch']}, "
                    f"when {standing['epoch']} stood"
                )

    def remembered(self, at: TopicPartition, positions: Sequence[int], epoch: int) -> None:
        """A memory takes in what its process has committed, and nothing else."""
        committed = {
            row["position"]
            for row in self._fold.tables["ledger"].values()
            if (row["topic"], row["partition"], row["epoch"]) == (*at, epoch)
        }
        if missing := [position for position in positions if position not in committed]:
            self.broken.append(f"{at} {missing} were remembered under {epoch}, never committed")


def stored(store: Database, at: TopicPartition) -> list[Mapping[str, Any]]:
    rows = (row for row in store.tables["event"].values() if (row["topic"], row["partition"]) == at)
    return sorted(rows, key=lambda row: row["position"])


def published(broker: Broker, at: TopicPartition) -> list[tuple[int, bytes]]:
    """Return (position, bytes) of the records that are events, in the order of the log."""
    found = []
    for record in broker.logs[KafkaPartition(*at)]:
        if record.headers:
            event = parse(*at, record.headers, record.value or b"")
            found.append((event.position, event.data))
    return found


def check_commands(store: Database, accepted: Iterable[str], asked: Iterable[str]) -> None:
    """Every acknowledged command took effect once; whatever was not asked for did not."""
    effects = Counter(name for name in _names(store.tables["event"].values()))
    twice = sorted(name for name, times in effects.items() if times > 1)
    if twice:
        raise Broken(f"took effect more than once: {twice}")
    lost = sorted(set(accepted) - effects.keys())
    if lost:
        raise Broken(f"acknowledged and not stored: {lost}")
    if made_up := sorted(effects.keys() - set(asked)):
        raise Broken(f"stored and never asked for: {made_up}")


def _names(events: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for event in events:
        _, _, rest = event["data"].partition(b'"contribution_id":"')
        yield rest.partition(b'"')[0].decode()


def check_log(store: Database, broker: Broker, at: TopicPartition) -> None:
    """What a reader keeps of the log is what the store holds, byte for byte and in order."""
    kept: list[bytes] = []
    for position, data in published(broker, at):
        if position == len(kept) + 1:
            kept.append(data)
    events = [bytes(row["data"]) for row in stored(store, at)]
    if kept != events:
        raise Broken(f"{at}: {len(events)} events are stored, {len(kept)} can be read in order")


def check_fold(
    store: Database, fold: Database, at: TopicPartition, memories: list[list[int]]
) -> None:
    """Everything was applied once, and exactly one memory holds exactly that."""
    head = len(stored(store, at))
    applied = sorted(
        row["position"]
        for row in fold.tables["ledger"].values()
        if (row["topic"], row["partition"]) == at
    )
    if applied != list(range(1, head + 1)):
        raise Broken(f"{at}: {head} events are stored, applied were {applied}")
    if memories != [applied]:
        raise Broken(f"{at}: the table holds {len(applied)} events, the memories {memories}")


def check_facts(
    store: Database, fold: Database, service_id: str, lives: Sequence[LiveService]
) -> None:
    """The facts of every event are stored once, and one memory of the service has just those."""
    events = [row for row in store.tables["event"].values() if row["key"] == service_id]
    positions = {row["position"] for row in events}
    at = next(((row["topic"], row["partition"]) for row in events), None)
    stored = Counter(
        position
        for chunk in fold.tables["fact_chunk"].values()
        if (chunk["topic"], chunk["partition"]) == at
        for position in range(chunk["first_position"], chunk["last_position"] + 1)
    )
    if stored != dict.fromkeys(positions, 1):
        raise Broken(f"{service_id}: events {sorted(positions)}, facts {sorted(stored.elements())}")
    folded = [live.events for live in lives]
    if events and folded != [len(events)]:
        raise Broken(f"{service_id}: {len(events)} events, in memory {folded}")


def check_rewound(broker: Broker, rewound: Rewound) -> None:
    """What was asked for again came again."""
    later = broker.logs[KafkaPartition(*rewound.at)][rewound.records :]
    again = {
        parse(*rewound.at, record.headers, record.value or b"").position
        for record in later
        if record.headers
    }
    missing = sorted(set(rewound.wanted) - again)
    if missing and not broker.lost:
        raise Broken(f"{rewound.at}: {rewound.wanted} was to come again, {missing} never came")
