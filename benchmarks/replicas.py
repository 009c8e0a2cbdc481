"""Replicas: what a second and a third replica of the fold bring, and that nothing comes twice.

    python -m benchmarks.replicas [--events 150000] [--services 200] [--people 5000] [--rounds 3]
        [--replicas 1,2,3] [--share 0.2] [--json FILE]

Each replica is a process limited by the kernel to the same share of a core, so that the fold and
nothing beside it is the limit. All hold their partitions before the backlog is there, which is then
published; they begin with it all at once when it lies there, and the rate is from the first record
that any of them deals with until the positions in PostgreSQL are the ends of the log. ``even`` is
what the split of the events over the partitions allows. Then, while two replicas work, a third
joins and one of the first leaves, once as it should and once killed. After each run the facts must
say what the workload says. Needs root and a cpu controller (cgroup 1 or 2); ten minutes.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.place import TOPICS, BenchmarkPlace, Page, pages, place, publish
from benchmarks.replica import Member, Where, now
from benchmarks.share import Limit, NoControl, limiting, throttled_seconds
from benchmarks.truth import Truth, kept, told
from benchmarks.workload import Size
from services.insights.projection.store import FOLDED, consumer_name
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.kafka.provisioning import create_topics

HELD = sum(topic.partitions for topic in FOLDED)
SETTLED_SECONDS = 1.0
JOINING_SECONDS_MAX = 60
FOLDING_SECONDS_MAX = 1_200
TICK_SECONDS = 0.02
JOINS_AT, LEAVES_AT = 0.2, 0.6  # of the backlog
GOAL = 1.8
REACHED = """
SELECT coalesce(sum(position), 0) FROM consumer_position WHERE consumer = %s AND topic = %s
"""


class BacklogRun:
    """One backlog, one database, and whoever folds it."""

    def __init__(
        self, here: BenchmarkPlace, ready: Sequence[Page], truth: Truth, limit: Limit
    ) -> None:
        self._where = Where(here.bootstrap, f"bench-{secrets.token_hex(3)}-", here.database())
        self._ready, self._truth, self._limit = ready, truth, limit
        self._events = sum(len(records) for _, records in ready)
        self._database = psycopg.connect(self._where.dsn, autocommit=True)
        self._started: list[Member] = []
        self.members: list[Member] = []  # those that have joined
        asyncio.run(create_topics(here.bootstrap, self._where.prefix, topics=TOPICS))

    def start(self, replicas: int) -> None:
        """Return when so many replicas hold all partitions between them."""
        self.members += [self.another() for _ in range(replicas)]
        for member in self.members:
            member.join()
        self._until(self._held, JOINING_SECONDS_MAX, settled=SETTLED_SECONDS)

    def publish(self) -> None:
        """Publish the backlog, and then let everybody begin with it."""
        asyncio.run(publish(self._where.bootstrap, self._where.prefix, self._ready))
        for member in self.members:
            member.go()

    def reached(self) -> float:
        """Return the share of the backlog that is folded, by the positions of the database."""
        names = (consumer_name(1), EXCHANGE_ACTIVITY.name)
        row = self._database.execute(REACHED, names).fetchone()
        return int(row[0]) / self._events if row else 0.0

    def until(self, share: float) -> float:
        """Return when so much of the backlog is folded."""
        self._until(lambda: self.reached() >= share, FOLDING_SECONDS_MAX)
        return now()

    def another(self) -> Member:
        """Return a replica that has started and not joined yet."""
        self._started.append(Member(self._where, self._limit))
        return self._started[-1]

    def join(self, latest: Member) -> float:
        """Have it join; return which share was folded when it held something."""
        self.members.append(latest)
        latest.join()
        latest.go()
        self._until(lambda: latest.hear() > 0, JOINING_SECONDS_MAX)
        return self.reached()

    def finish(self) -> list[dict[str, Any]]:
        """Let all go, and hold the facts to the workload."""
        counted = [member.leave() for member in self.members if member.running]
        found = asyncio.run(kept(self._where.dsn))
        assert found.doubled == 0, f"{found.doubled} positions have their facts twice"
        for name, truth in asdict(self._truth).items():
            assert getattr(found, name) == truth, f"{name}: {found} instead of {self._truth}"
        return counted

    def close(self) -> None:
        for member in self._started:
            if member.running:
                member.kill()
        self._database.close()

    def _held(self) -> bool:
        held = [member.hear() for member in self.members if member.running]
        return all(held) and sum(held) == HELD

    def _until(self, come: Callable[[], bool], seconds_max: float, settled: float = 0.0) -> None:
        deadline, since = now() + seconds_max, None
        while since is None or now() - since < settled:
            assert now() < deadline, f"not within {seconds_max} s: {come}"
            since = (since or now()) if come() else None
            if since is None or settled:
                time.sleep(TICK_SECONDS)


@contextmanager
def running(
    here: BenchmarkPlace, ready: Sequence[Page], truth: Truth, limit: Limit
) -> Iterator[BacklogRun]:
    run = BacklogRun(here, ready, truth, limit)
    try:
        yield run
    finally:
        run.close()


def scaled(run: BacklogRun, replicas: int) -> dict[str, Any]:
    run.start(replicas)
    run.publish()
    before = [(member.cpu_seconds(), throttled_seconds(member.pid)) for member in run.members]
    ended = run.until(1)
    after = [(member.cpu_seconds(), throttled_seconds(member.pid)) for member in run.members]
    counted = run.finish()
    seconds = ended - min(one["first"] for one in counted if one["first"] is not None)
    used = [
        {"cores": (cpu - cpu_then) / seconds, "stood_still": (still - still_then) / seconds}
        for (cpu_then, still_then), (cpu, still) in zip(before, after, strict=True)
    ]
    return {
        "events_per_second": round(sum(one["events"] for one in counted) / seconds),
        "seconds": round(seconds, 2),
        "events": [one["events"] for one in counted],
        "duplicates": sum(one["duplicates"] for one in counted),
        "fenced": sum(one["fenced"] for one in counted),
        "used": [{name: round(value, 2) for name, value in one.items()} for one in used],
    }


def changed(run: BacklogRun, how: str) -> dict[str, Any]:
    """Two replicas, of which one leaves or is killed after a third has joined."""
    run.start(2)
    third = run.another()
    run.publish()
    run.until(JOINS_AT)
    joined = run.join(third)
    assert joined < 1, "all was folded before the third had joined: take more events"
    run.until(LEAVES_AT)
    first, left, counted = run.members[0], run.reached(), []
    if how == "leaves":
        counted.append(first.leave())
    else:
        first.kill()
    run.until(1)
    counted += run.finish()
    return {
        "third_joined_at": round(joined, 2),
        "first_left_at": round(left, 2),
        "events": [one["events"] for one in counted],
        "duplicates": sum(one["duplicates"] for one in counted),
        "fenced": sum(one["fenced"] for one in counted),
    }


def even(ready: Sequence[Page], replicas: int) -> float:
    """Return how many times one replica's rate the fullest of several leaves possible.

    Kafka's range assignor gives runs of neighbouring partitions, the first ones one more.
    """
    held = [0] * EXCHANGE_ACTIVITY.partitions
    for number, records in ready:
        held[number] += len(records)
    each, more = divmod(len(held), replicas)
    starts = [number * each + min(number, more) for number in range(replicas + 1)]
    return sum(held) / max(sum(held[a:b]) for a, b in pairwise(starts))


def measured(asked: argparse.Namespace, limit: Limit) -> dict[str, Any]:
    size = Size(asked.events, asked.services, asked.people)
    ready, truth = list(pages(size)), told(size)
    counts = [int(number) for number in asked.replicas.split(",")]
    results: dict[int, list[dict[str, Any]]] = {number: [] for number in counts}
    changes = {}
    with place() as here:
        for number in range(asked.rounds):
            for replicas, found in results.items():
                with running(here, ready, truth, limit) as run:
                    found.append(scaled(run, replicas))
                print(f"round {number + 1}, {replicas} replicas: {found[-1]}", flush=True)
        for how in ("leaves", "is killed"):
            with running(here, ready, truth, limit) as run:
                changes[how] = changed(run, how)
            print(f"a third joins, the first {how}: {changes[how]}", flush=True)
    rates = {
        replicas: statistics.median(one["events_per_second"] for one in found)
        for replicas, found in results.items()
    }
    for replicas, rate in rates.items():
        goal = f", goal {GOAL}" if replicas == 2 else ""
        ratio = rate / rates[counts[0]]
        print(
            f"{replicas} replicas {rate:8.0f} events a second {ratio:5.2f} x {counts[0]}"
            f" (even {even(ready, replicas):.2f}{goal})"
        )
    print(f"every run: the facts say {truth}, and none is there twice")
    return {"size": repr(size), "share": asked.share, "results": results, "changes": changes}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=150_000)
    arguments.add_argument("--services", type=int, default=200)
    arguments.add_argument("--people", type=int, default=5_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--replicas", default="1,2,3")
    arguments.add_argument("--share", type=float, default=0.2)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    try:
        with limiting(asked.share) as limit:
            results = measured(asked, limit)
    except NoControl as absent:
        print(f"=== NOT MEASURED: {absent} ===")
        return
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
