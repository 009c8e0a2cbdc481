"""Latency: from a command's acceptance to the frame of the live stream that shows what it changed.

    python -m benchmarks.latency [--log embedded|kafka] [--rates 50,500] [--services 100]
        [--seconds 20] [--json FILE]

A deployment of ``coprod up`` with its three processes, a client that sends at a steady rate
whatever comes back (records acts, then confirms them: each a command), and a reader of the whole
stream. What is timed is each confirmation, from its answer to the first frame of its service that
was made of its position or a later one. A confirmation that never shows is an error.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks.place import deployed
from benchmarks.wire import Wire

PEOPLE = 8
PARTIES = ("user", "user", "family_social", "professional")
WARM_RATE, WARM_SECONDS = 100, 10  # Java compiles what runs often in a fresh Kafka
SHOWN_SECONDS_MAX = 30.0
DAYS = 60


class Receipt(msgspec.Struct):
    positions: dict[str, int]


class Named(msgspec.Struct):
    service_id: str


class Frame(msgspec.Struct):
    service: Named
    receipt: Receipt


def read_stream(url: str, told: "Connection[Any, Any]") -> None:
    """Send back, at the end, when which service was shown up to which position."""
    decode = msgspec.json.Decoder(Frame).decode
    seen: list[tuple[float, str, int]] = []
    told.send("ready")
    with (
        httpx.Client(timeout=None, trust_env=False) as http,  # noqa: S113 - it lives as long as we
        http.stream("GET", f"{url}/v1/stream") as answer,
    ):
        waiting = b""
        for piece in answer.iter_raw():
            now = time.monotonic()
            *whole, waiting = (waiting + piece).split(b"\n\n")
            for event in whole:
                for line in event.split(b"\n"):
                    if line.startswith(b'data: {"service"'):  # and no heartbeat
                        frame = decode(line[6:])
                        position = _activity(frame.receipt.positions)
                        seen.append((now, frame.service.service_id, position))
            if told.poll():
                told.send(seen)
                return


def _activity(positions: dict[str, int]) -> int:
    return max((at for name, at in positions.items() if name.startswith("exchange.")), default=0)


class Load:
    """``confirmed``: (when it was answered, service, position); ``answered``: seconds it took."""

    def __init__(self, addresses: dict[str, str], services: int) -> None:
        self._registry, self._exchange = Wire(addresses["registry"]), Wire(addresses["exchange"])
        self._count = services
        self._chance = random.Random(1)
        self.services: list[str] = []
        self.people: list[str] = []
        self.confirmed: list[tuple[float, str, int]] = []
        self.answered: list[float] = []

    async def settle(self) -> None:
        started = (datetime.now(UTC) - timedelta(days=DAYS)).date().isoformat()
        register = self._registry.post
        await register("/v1/agencies", {"agency_id": "local", "name": "L"})
        for number in range(self._count):
            body = {"agency_id": "local", "local_id": f"s{number}", "name": f"S{number}"}
            made = await register("/v1/services", {**body, "starts_on": started})
            self.services.append(made.json()["service_id"])
        for _ in range(PEOPLE):
            made = await register("/v1/participants", {"kind": "person"})
            self.people.append(made.json()["participant_id"])
        for service in self.services:
            for number, person in enumerate(self.people):
                role = {"participant_id": person, "party": PARTIES[number % 4], "since": started}
                await register(f"/v1/services/{service}/roles", role)

    async def run(self, rate: float, seconds: float) -> None:
        """Begin a pair of commands at every second beat, however long the answers take."""
        self.confirmed, self.answered = [], []
        running, begun = set(), time.monotonic()
        for number in range(int(rate * seconds / 2)):
            await asyncio.sleep(begun + number * 2 / rate - time.monotonic())
            task = asyncio.create_task(self._pair(1 / rate))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def _pair(self, beat: float) -> None:
        service = self._chance.choice(self.services)
        giver, receiver = self._chance.sample(self.people, 2)
        ago = timedelta(minutes=self._chance.randrange(60, (DAYS - 1) * 1440))
        act = {
            "service_id": service,
            "giver_id": giver,
            "receivers": [receiver],
            "occurred_at": (datetime.now(UTC) - ago).isoformat(),
            "phase": "deliver",
            "mode": "act",
            "minutes": self._chance.randrange(5, 120),
        }
        began = time.monotonic()
        made = await self._exchange.post("/v1/contributions", act)
        recorded = time.monotonic()
        await asyncio.sleep(beat)
        path = f"/v1/contributions/{made.json()['contribution_id']}/confirm"
        asked = time.monotonic()
        done = await self._exchange.post(path, {"by": receiver})
        now = time.monotonic()
        position = int(done.headers["coprod-position"].rpartition(":")[2])
        self.confirmed.append((now, service, position))
        self.answered += [recorded - began, now - asked]

    async def close(self) -> None:
        await self._registry.close()
        await self._exchange.close()


def shown_after(
    confirmed: list[tuple[float, str, int]], seen: list[tuple[float, str, int]]
) -> list[float]:
    """Return, for each confirmation, the seconds until a frame showed it (0: before its answer)."""
    frames: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for when, service, position in seen:
        frames[service].append((when, position))
    found = []
    for answered, service, position in confirmed:
        shown_at = next((at for at, shown in frames[service] if shown >= position), None)
        if shown_at is None:
            raise SystemExit(f"{service} was never shown as of {position}")
        found.append(max(0.0, shown_at - answered))
    return found


def told(name: str, seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    marks = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    found = {
        mark: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1)
        for mark, share in marks.items()
    }
    print(f"  {name:28s} {found} ms, n {len(ordered)}", flush=True)
    return found


async def measured(addresses: dict[str, str], asked: argparse.Namespace) -> dict[str, Any]:
    results: dict[str, Any] = {}
    load = Load(addresses, asked.services)
    await load.settle()
    for rate in map(float, asked.rates.split(",")):
        await load.run(min(rate, WARM_RATE), WARM_SECONDS)  # everything is warm before it counts
        here, there = multiprocessing.Pipe()
        reader = multiprocessing.get_context("spawn").Process(
            target=read_stream, args=(addresses["insights"], there), daemon=True
        )
        reader.start()
        here.recv()
        await asyncio.sleep(1)
        begun = time.monotonic()
        await load.run(rate, asked.seconds)
        reached = 2 * len(load.confirmed) / (time.monotonic() - begun)
        confirmed, answered = load.confirmed, load.answered
        await asyncio.sleep(3)
        here.send("enough")
        await load.run(2, 1)  # the reader looks up when something comes
        seen = await asyncio.to_thread(here.recv) if here.poll(SHOWN_SECONDS_MAX) else []
        reader.join(5)
        print(f"{asked.log}, {rate:g} commands a second asked, {reached:.0f} reached")
        results[f"{rate:g}"] = {
            "reached": round(reached, 1),
            "answered": told("command to its answer", answered),
            "shown": told("answer to the frame", shown_after(confirmed, seen)),
        }
    await load.close()
    return results


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--log", choices=("embedded", "kafka"), default="embedded")
    arguments.add_argument("--rates", default="50,500")
    arguments.add_argument("--services", type=int, default=100)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    with deployed(asked.log) as deployment:
        results = asyncio.run(measured(deployment.ready, asked))
    if asked.json:
        asked.json.write_text(json.dumps({"services": asked.services, "results": results}))


if __name__ == "__main__":
    main()
