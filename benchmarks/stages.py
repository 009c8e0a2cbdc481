"""Stages: what one event costs in each step of the fold, beside decoding it and nothing else.

    python -m benchmarks.stages [--events 60000] [--services 200] [--people 5000] [--json FILE]

No database and no log takes part. Batches are dropped as they are in the service, the best of three
rounds counts, and raw decoding is timed between the stages of each round: read the ratios.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.workload import DEPLOYMENT, TODAY, Numbering, Size, messages
from services.insights.facts.chunk import Chunk, chunk_of
from services.insights.facts.from_events import facts_of
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.figures import figures
from services.insights.projection.memory import Change, LiveService, by_service
from shared.consumer.sequencing import Checkpoint, Sequencer, take
from shared.contracts import fast_decode
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.http.server import collect_rarely
from shared.log.port import LogRecord, TopicPartition

ROUNDS = 3
BATCH = 2_000
WINDOWS = ("28d", "90d", "365d", "life")


class RawAct(msgspec.Struct):
    """What the small work of the peers reads."""

    service_id: str
    giver_id: str
    occurred_at: str
    minutes: int | None = None


class Raw(msgspec.Struct):
    act: RawAct | None = None


@dataclass
class Codes:
    """A codebook that knows everything, without a database."""

    known: dict[tuple[str, str], int] = field(default_factory=dict)

    def __call__(self, kind: str, text: str) -> int:
        name = (kind, text)
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = len(self.known) + 1
        return found


@dataclass
class Fold:
    """The steps, each fed by the one before; ``seconds`` of processor time by step."""

    codes: Codes = field(default_factory=Codes)
    standings: dict[int, Checkpoint] = field(default_factory=dict)
    services: dict[str, LiveService] = field(default_factory=dict)
    chunks: list[Chunk] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, step: str, work: Callable[[], None]) -> None:
        started = time.process_time()
        work()
        spent = time.process_time() - started
        self.seconds[step] = self.seconds.get(step, 0.0) + spent

    def batch(self, number: int, records: Sequence[LogRecord]) -> None:
        self.timed("raw", lambda: _decode(records))
        intakes: list[Sequencer] = []
        self.timed("intake", lambda: intakes.append(self._intake(number, records)))
        changes: list[Change] = []
        self.timed("facts", lambda: changes.extend(self._changes(intakes[0])))
        self.timed("chunk", lambda: self._chunk(number, changes))
        self.timed("live", lambda: self._live(number, changes))

    def read(self) -> None:
        """Read every figure of every service, as a snapshot does."""
        for service in self.services.values():
            for window in WINDOWS:
                for lens in ("count", "minutes"):
                    figures(service.state, window, lens)

    def unpack(self) -> None:
        for chunk in self.chunks:
            for _ in chunk.events():
                pass

    def _intake(self, number: int, records: Sequence[LogRecord]) -> Sequencer:
        standing = self.standings.get(number, Checkpoint(0, 0, 1))
        intake = take(standing, records, DEPLOYMENT, fast_decode.decode_all)
        assert not intake.broken
        self.standings[number] = intake.standing
        return intake

    def _changes(self, intake: Sequencer) -> list[Change]:
        return [
            Change(event.key, event.position, facts)
            for event, message in zip(intake.events, intake.messages, strict=True)
            if (facts := facts_of(message, self.codes))
        ]

    def _chunk(self, number: int, changes: Sequence[Change]) -> None:
        source = TopicPartition(EXCHANGE_ACTIVITY.name, number)
        chunk = chunk_of(source, [(change.position, change.facts) for change in changes])
        assert chunk is not None
        self.chunks.append(chunk)

    def _live(self, number: int, changes: Sequence[Change]) -> None:
        for service_id, events in by_service(changes).items():
            if service_id not in self.services:
                state = ServiceState(TODAY.date())
                self.services[service_id] = LiveService(service_id, number, None, state)
            self.services[service_id].take(events)


def _decode(records: Sequence[LogRecord]) -> None:
    decode = _RAW.decode
    for record in records:
        decode(record.value or b"")


_RAW = msgspec.json.Decoder(Raw)


def batches(size: Size) -> list[tuple[int, list[LogRecord]]]:
    """Return the records as a consumer gets them: up to ``BATCH`` of one partition at a time."""
    relay = Numbering()
    waiting: dict[int, list[LogRecord]] = {}
    found: list[tuple[int, list[LogRecord]]] = []
    for message in messages(size):
        record = relay.record(message)
        waiting.setdefault(record.partition, []).append(record)
        if len(waiting[record.partition]) == BATCH:
            found.append((record.partition, waiting.pop(record.partition)))
    return [*found, *waiting.items()]


def measured(size: Size) -> dict[str, float]:
    """Return microseconds of processor time an event by step, the best of the rounds."""
    told = batches(size)
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        fold = Fold()
        gc.collect()
        collect_rarely()  # as the services do
        for number, records in told:
            fold.batch(number, records)
        fold.timed("unpack", fold.unpack)
        fold.timed("figures of all", fold.read)
        for step, seconds in fold.seconds.items():
            best[step] = min(best.get(step, seconds), seconds)
    return {step: seconds / size.events * 1e6 for step, seconds in best.items()}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=60_000)
    arguments.add_argument("--services", type=int, default=200)
    arguments.add_argument("--people", type=int, default=5_000)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    found = measured(Size(asked.events, asked.services, asked.people))
    for step, cost in found.items():
        print(f"{step:16s}{cost:8.2f} us/event {cost / found['raw']:6.1f} x raw")
    folded = sum(found[step] for step in ("intake", "facts", "chunk", "live"))
    print(f"{'fold':16s}{folded:8.2f} us/event {folded / found['raw']:6.1f} x raw")
    if asked.json:
        asked.json.write_text(json.dumps({**vars(asked), "json": None, "us": found}, indent=1))


if __name__ == "__main__":
    main()
