"""Rendering: what one snapshot of a service costs after one more act, as the publisher renders it.

    python -m benchmarks.rendering [--events 50,500,5000] [--people 10,50,500] [--days 400]
        [--ago 0] [--services 10] [--seconds 3] [--profile FILE] [--json FILE]

Figures in both lenses, verdicts, words and the encoded snapshot of all windows; no database, no
log. Several services take turns, so that none finds a cache as the one before left it. Yesterday's
verdicts are known, as they are from the first snapshot of a day on; acts of days ago change them
too. In a service of fewer days its longer windows hold the same.
"""

import argparse
import cProfile
import gc
import json
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from msgspec.structs import replace

from benchmarks.stages import Codes
from benchmarks.workload import DEPLOYMENT, TODAY, Size, messages
from services.insights.facts.fact import ActFact, Fact, day_number
from services.insights.facts.from_events import facts_of
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.timeline import Timeline
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.receipt import Moment, Standing
from services.insights.release.rendering import Subject, snapshot
from services.insights.release.snapshot import Snapshot
from services.insights.verdict.lookback import Past, PastNeeded
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.http.server import collect_rarely
from shared.log.port import TopicPartition

AS_OF = TODAY.date()
SOURCE = TopicPartition(EXCHANGE_ACTIVITY.name, 0)


class Service:
    """One service with its past; ``act`` is what happens to it between two snapshots."""

    def __init__(self, number: int, size: Size, ago: int = 0) -> None:
        codes = Codes()
        told = messages(size, seed=number)
        facts: list[Fact] = [fact for message in told for fact in facts_of(message, codes)]
        info = ServiceInfo(f"service-{number}", 0, ("town",), "meals", "Meals", "care", AS_OF)
        self._subject = Subject(info, {}, incarnation=1, projection=1)
        self._state = ServiceState(AS_OF)
        self._state.apply(facts)
        self._past = Past(Timeline(facts), AS_OF).found()
        self._events = size.events
        self._facts = facts
        self._acts = _again(facts, ago)
        self._late = ago > 0

    def act(self) -> None:
        act = next(self._acts)
        self._state.apply([act])
        if self._late:
            self._facts.append(act)
            self._past.take([act])
        self._events += 1

    def snapshot(self) -> Snapshot:
        standing = Standing(DEPLOYMENT, self._events, {SOURCE: self._events})
        try:
            return snapshot(Moment(self._state, self._past, standing), self._subject)
        except PastNeeded:
            self._past = Past(Timeline(self._facts), AS_OF).found()
            return snapshot(Moment(self._state, self._past, standing), self._subject)


def _again(facts: list[Fact], ago: int) -> Iterator[ActFact]:
    """Yield the service's acts as if they happened again some days ago, without end."""
    acts = [fact for fact in facts if isinstance(fact, ActFact) and fact.sign > 0]
    return (replace(act, day=day_number(TODAY) - ago) for act in cycle(acts))


def measured(
    size: Size, ago: int, count: int, seconds: float, profile: cProfile.Profile | None
) -> dict[str, float]:
    """Return microseconds of processor time a snapshot in the best of the rounds, and its size."""
    services = [Service(number, size, ago) for number in range(count)]
    body = sum(len(service.snapshot().body) for service in services) // count
    gc.collect()
    collect_rarely()  # as the services do
    rounds: list[float] = []
    while sum(rounds) < seconds:
        for service in services:
            service.act()
        rounds.append(_rendered(services, profile))
    us = round(min(rounds) / count * 1e6)
    return {"events": size.events, "people": size.people, "us": us, "bytes": body}


def _rendered(services: list[Service], profile: cProfile.Profile | None) -> float:
    if profile:
        profile.enable()
    started = time.process_time()
    for service in services:
        service.snapshot()
    spent = time.process_time() - started
    if profile:
        profile.disable()
    return spent


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=_numbers, default=[50, 500, 5_000])
    arguments.add_argument("--people", type=_numbers, default=[10, 50, 500])
    arguments.add_argument("--days", type=int, default=400)
    arguments.add_argument("--ago", type=int, default=0, help="days since each act, told now")
    arguments.add_argument("--services", type=int, default=10)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--profile", type=Path, help="write a profile for pstats")
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    profile = cProfile.Profile() if asked.profile else None
    results: list[dict[str, float]] = []
    for events in asked.events:
        for people in asked.people:
            found = measured(
                Size(events, services=1, people=people, days=asked.days),
                asked.ago,
                asked.services,
                asked.seconds,
                profile,
            )
            results.append(found)
            print(
                f"{events:6d} events {people:4d} people"
                f"{found['us']:8.0f} us {found['bytes']:7.0f} bytes",
                flush=True,
            )
    if profile:
        profile.dump_stats(asked.profile)
    if asked.json:
        asked.json.write_text(
            json.dumps(
                {
                    "days": asked.days,
                    "ago": asked.ago,
                    "services": asked.services,
                    "results": results,
                }
            )
        )


if __name__ == "__main__":
    main()
