"""Rebuild: states of all services from packed facts, as on a claim, at midnight, for a question.

    python -m benchmarks.rebuild [--facts 1000000] [--services 200] [--people 5000] [--json FILE]

One core, no database: chunks lie in memory as they come from it. Each partition is folded by itself
and let go of, as a process that owns it alone would hold it.
"""

import argparse
import gc
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from benchmarks.workload import TODAY
from services.insights.facts.chunk import Chunk
from services.insights.facts.encoding import FORMAT_VERSION, TYPES
from services.insights.facts.fact import ActFact, day_number
from services.insights.projection.columns import folded
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.http.server import collect_rarely
from shared.log.port import TopicPartition

if TYPE_CHECKING:
    import numpy.typing as npt

Ints: TypeAlias = "npt.NDArray[np.int64]"
CHUNK = 2_000
DAYS = 400
PARTITIONS = EXCHANGE_ACTIVITY.partitions


def chunks(number: int, facts: int, services: int, people: int) -> Iterator[Chunk]:
    """Yield a partition's chunks of acts; its people are at home in its services."""
    chance = np.random.default_rng(number)
    source = TopicPartition(EXCHANGE_ACTIVITY.name, number)
    home = max(2, people // services)
    for first in range(0, facts, CHUNK):
        count = min(CHUNK, facts - first)
        service = chance.integers(services, size=count)
        columns = _columns(chance, service, home)
        tables = {TYPES.index(ActFact): [columns[name] for name in ActFact.__struct_fields__]}
        packed = msgspec.msgpack.encode([FORMAT_VERSION, count, TYPES.index(ActFact), tables])
        here = tuple((np.unique(service) + 1).tolist())
        yield Chunk(source, first + 1, here, b"\1" * count, packed)


def _columns(chance: np.random.Generator, service: "Ints", home: int) -> dict[str, object]:
    count = len(service)

    def person() -> "Ints":
        return 1 + service * home + (chance.random(count) ** 2 * home).astype(np.int64)

    giver, receiver, other = person(), person(), person()
    many = chance.choice((0, 1, 1, 1, 2), size=count)
    named = [
        [part for one in {a, b} - {g} for part in (one, 1 + one % 3)][: 2 * n]
        for g, a, b, n in zip(giver.tolist(), receiver.tolist(), other.tolist(), many, strict=True)
    ]
    today = day_number(TODAY)
    varied = {
        "service": service + 1,
        "day": today - chance.integers(DAYS, size=count),
        "giver": giver,
        "party": 1 + giver % 3,
        "phase": chance.integers(5, size=count),
        "mode": chance.choice((1, 1, 1, 2), size=count),
        "kind": chance.integers(9, size=count),
        "minutes": chance.integers(5, 240, size=count),
        "episode": chance.choice((0, 0, 1), size=count) * (1 + service * 50 + service % 50),
    }
    always = dict.fromkeys(ActFact.__struct_fields__, 0) | {"sign": 1}
    return {**always, **{name: one.tolist() for name, one in varied.items()}, "receivers": named}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--facts", type=int, default=1_000_000)
    arguments.add_argument("--services", type=int, default=200)
    arguments.add_argument("--people", type=int, default=5_000)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    each = [n // PARTITIONS for n in (asked.facts, asked.services, asked.people)]
    spent, size = 0.0, 0
    as_of = TODAY.date()
    for number in range(PARTITIONS):
        told = list(chunks(number, each[0], max(1, each[1]), each[2]))
        size += sum(len(chunk.packed) for chunk in told)
        gc.collect()
        collect_rarely()  # as the services do
        started = time.process_time()
        found = folded(told, as_of)
        spent += time.process_time() - started
        assert sum(one.facts for one in found.values()) == each[0]
    total = each[0] * PARTITIONS
    result = {
        "facts": total,
        "cpu_seconds": round(spent, 2),
        "us_per_fact": round(spent / total * 1e6, 2),
        "bytes_per_fact": round(size / total, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(result)
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
