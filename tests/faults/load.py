"""A steady load of acts and what follows them, written down as it is acknowledged."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.faults.world import World
from tests.support.journal import Acknowledged, Client, Journal
from tests.support.polling import eventually

PARTIES = ("user", "user", "family_social", "professional")
PHASES = ("commission", "design", "deliver", "assess")
SERVICES = 6  # each of three replicas has one, whichever third of the partitions it gets
PEOPLE = 10
HISTORY_DAYS = 60
PATIENCE_SECONDS = 120.0


class Load:
    """``rate``: commands begun in a second, over all workers; never more to catch up.

    What each act is and what becomes of it follows from ``seed`` and the act's number alone.
    """

    def __init__(self, w: World, client: Client, *, rate: float, seed: int, workers: int) -> None:
        self._world, self._client = w, client
        self._interval, self._seed = 1 / rate, seed
        self._workers = workers
        self._numbers, self._newcomers = count(), count()
        self._next = time.monotonic()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.services: list[str] = []
        self.people: list[str] = []
        self._after = ""

    @property
    def journal(self) -> Journal:
        return self._client.journal

    @property
    def acknowledged(self) -> int:
        return len(self.journal.accepted)

    async def settle(self) -> None:
        """Register an agency, services and people with roles in each of them."""
        started = (datetime.now(UTC) - timedelta(days=HISTORY_DAYS)).date().isoformat()
        await self._client.registry("/v1/agencies", {"agency_id": "local", "name": "Local"})
        await asyncio.gather(*(self._add_service(number, started) for number in range(SERVICES)))
        await asyncio.gather(*(self._add_person() for _ in range(PEOPLE)))
        placed = await asyncio.gather(*(self._add_roles(one, started) for one in self.services))
        self._after = ",".join(placed)

    async def _add_service(self, number: int, started: str) -> None:
        described = {"local_id": f"s{number}", "name": f"S{number}", "starts_on": started}
        made = await self._client.registry("/v1/services", {"agency_id": "local", **described})
        self.services.append(made.answer["service_id"])

    async def _add_person(self) -> None:
        made = await self._client.registry("/v1/participants", {"kind": "person"})
        self.people.append(made.answer["participant_id"])

    async def _add_roles(self, service: str, started: str) -> str:
        """Return the position of the last one: who has seen it knows them all."""
        for number, person in enumerate(self.people):
            party = PARTIES[(number + self._seed) % len(PARTIES)]
            role = {"participant_id": person, "party": party, "since": started}
            taken = await self._client.registry(f"/v1/services/{service}/roles", role)
        return taken.positions[-1]

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._workers)]

    async def reaches(self, more: int, within_seconds: float = 60) -> None:
        """Wait until so many more commands are acknowledged than now."""
        target = self.acknowledged + more

        def reached() -> bool:
            self._raise_failure()
            return self.acknowledged >= target

        await eventually(reached, within_seconds)

    async def newcomer(self) -> None:
        """Have one person more take part in one of the services."""
        number = next(self._newcomers)
        key = f"{self._seed}-newcomer-{number}"
        person = await self._client.registry(
            "/v1/participants", {"kind": "person"}, **{"Idempotency-Key": key}
        )
        role = {
            "participant_id": person.answer["participant_id"],
            "party": PARTIES[number % len(PARTIES)],
            "since": datetime.now(UTC).date().isoformat(),
        }
        service = self.services[number % len(self.services)]
        path = f"/v1/services/{service}/roles"
        await self._client.registry(path, role, **{"Idempotency-Key": f"{key}-role"})

    async def finish(self) -> Journal:
        """Begin nothing more, let every command that was begun be answered."""
        self._stopping = True
        await asyncio.gather(*self._tasks)
        return self.journal

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _raise_failure(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()

    async def _work(self) -> None:
        while not self._stopping:
            await self._act(next(self._numbers))

    async def _act(self, number: int) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        service = chance.choice(self.services)
        giver, receiver, third = chance.sample(self.people, 3)
        recorded = await self._send(
            f"act-{number}",
            "/v1/contributions",
            self._contribution(chance, service, giver, receiver),
        )
        act = f"/v1/contributions/{recorded.contribution_id}"
        await self._send(f"confirm-{number}", f"{act}/confirm", {"by": receiver})
        match chance.randrange(10):
            case 0:
                await self._disputed(number, chance, act, third)
            case 1:
                changes = {"minutes": chance.randrange(5, 200)}
                body = {"by": third, "changes": changes}
                await self._send(f"correct-{number}", f"{act}/correct", body)
            case 2:
                body = {"by": third, "reason_code": "mistake"}
                await self._send(f"void-{number}", f"{act}/void", body)
            case 3 | 4:
                await self._fed_back(number, chance, service, (receiver, third))
            case _:
                pass

    async def _disputed(self, number: int, chance: random.Random, act: str, by: str) -> None:
        objection = {"by": by, "reason_code": "never_happened"}
        await self._send(f"dispute-{number}", f"{act}/dispute", objection)
        outcome = chance.choice(("upheld", "rejected"))
        resolution = {"by": by, "outcome": outcome}
        await self._send(f"resolve-{number}", f"{act}/resolve", resolution)

    async def _fed_back(
        self, number: int, chance: random.Random, service: str, people: tuple[str, str]
    ) -> None:
        said = {"service_id": service, "participant_id": people[0], "score": chance.randrange(1, 6)}
        given = await self._send(f"feedback-{number}", "/v1/feedback", said)
        feedback = given.answer["feedback_id"]
        await self._send(f"answer-{number}", f"/v1/feedback/{feedback}/answer", {"by": people[1]})

    def _contribution(
        self, chance: random.Random, service: str, giver: str, receiver: str
    ) -> dict[str, Any]:
        ago = timedelta(minutes=chance.randrange(60, (HISTORY_DAYS - 1) * 24 * 60))
        return {
            "service_id": service,
            "giver_id": giver,
            "receivers": [receiver],
            "occurred_at": (datetime.now(UTC) - ago).isoformat(),
            "phase": chance.choice(PHASES),
            "mode": chance.choice(("act", "act", "opinion")),
            "minutes": chance.randrange(5, 120),
        }

    async def _send(self, key: str, path: str, body: dict[str, Any]) -> Acknowledged:
        self._next = max(self._next + self._interval, time.monotonic())
        await asyncio.sleep(self._next - time.monotonic())
        headers = {"Idempotency-Key": f"{self._seed}-{key}", "Coprod-After": self._after}
        return await self._client.exchange(path, body, **headers)


@asynccontextmanager
async def load(
    w: World, *, rate: float = 30, seed: int = 1, workers: int = 4
) -> AsyncIterator[Load]:
    """Run a load for the length of the block; the block itself is to call ``finish``."""
    journal = Journal(w.directory / "journal")
    client = Client(
        w.addresses("registry"), w.addresses("exchange"), journal, patience_seconds=PATIENCE_SECONDS
    )
    running = Load(w, client, rate=rate, seed=seed, workers=workers)
    try:
        await running.settle()
        running.start()
        yield running
    finally:
        await running.cancel()
        await client.close()
