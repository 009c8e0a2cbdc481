"""Growth: what an event costs, and the memory, as events, people and services grow.

    python -m benchmarks.growth [--events 10000000] [--json FILE]

Processor time of the steps of the fold (``benchmarks.stages``), each size in a process of its own:
so many events of 200 services and 5,000 people, told at each power of ten over the events since the
last one; one service of 100 to 100,000 people; 10 to 10,000 services of 20 people each, apart from
the first ten events of each, which make what a service takes. Of people and services the best of
three rounds counts.
"""

import argparse
import json
import multiprocessing
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from benchmarks.peers.stopwatch import peak_mb
from benchmarks.stages import BATCH, Fold
from benchmarks.workload import Numbering, Size, messages
from shared.http.server import collect_rarely
from shared.log.port import LogRecord

STEPS = ("intake", "facts", "chunk", "live")
ACTS = 60_000
ROUNDS = 3
EACH = 10  # events that a service has had before it counts as known
PEOPLE = (100, 1_000, 10_000, 100_000)
SERVICES = (10, 100, 1_000, 10_000)


def folded(size: Size, marks: frozenset[int]) -> list[dict[str, float]]:
    """Fold the workload as it is made; tell at each mark what an event cost since the last."""
    fold, relay = Fold(), Numbering()
    waiting: dict[int, list[LogRecord]] = {}
    found: list[dict[str, float]] = []
    cost, events = 0.0, 0
    collect_rarely()  # as the services do
    for made, message in enumerate(messages(size), 1):
        record = relay.record(message)
        waiting.setdefault(record.partition, []).append(record)
        full = len(waiting[record.partition]) == BATCH
        ready = [record.partition] if full else list(waiting) if made in marks else []
        for number in ready:
            fold.batch(number, records := waiting.pop(number))
            events += len(records)
        if full:
            fold.chunks.clear()  # they are the database's
        if made in marks:
            spent = sum(fold.seconds[step] for step in STEPS)
            told = {"events": made, "us_per_event": round((spent - cost) / events * 1e6, 2)}
            found.append({**told, "peak_mb": peak_mb()})
            cost, events = spent, 0
    return found


def by_events(most: int) -> list[dict[str, float]]:
    marks = frozenset(10**power for power in range(3, len(str(most))) if 10**power <= most)
    return folded(Size(max(marks)), marks)


def by_people(people: int) -> list[dict[str, float]]:
    return [{"people": people, **folded(Size(ACTS, 1, people), frozenset([ACTS]))[0]}]


def by_services(services: int) -> list[dict[str, float]]:
    known = services * EACH
    size = Size(known + ACTS, services, services * 20)
    new, found = folded(size, frozenset([known, size.events]))
    return [{"services": services, **found, "us_per_event_while_new": new["us_per_event"]}]


def alone(work: Callable[[int], list[dict[str, float]]], size: int) -> list[dict[str, float]]:
    """Do it in a process of its own, for memory is only ever handed back at its end."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (size,))


def best_of(
    work: Callable[[int], list[dict[str, float]]], sizes: Sequence[int]
) -> list[dict[str, float]]:
    """Return the best of the rounds for each size; the sizes take turns."""
    rounds = [[alone(work, size)[0] for size in sizes] for _ in range(ROUNDS)]
    return [min(rows, key=itemgetter("us_per_event")) for rows in zip(*rounds, strict=True)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=10_000_000)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    results: dict[str, Any] = {
        "events": alone(by_events, asked.events),
        "people in one service": best_of(by_people, PEOPLE),
        "services": best_of(by_services, SERVICES),
    }
    for what, rows in results.items():
        smallest = rows[0]["us_per_event"]
        for row in rows:
            print(f"{what:24s}{row}  {row['us_per_event'] / smallest:5.2f} x the smallest")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
