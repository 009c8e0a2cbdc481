"""A client that writes down every command it was told is accepted, and repeats what it wasn't."""

import asyncio
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import orjson

PEOPLE = 8
RETRY_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
ATTEMPT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A command that was answered with success.

    ``positions`` are "topic/partition:position", as ``Coprod-Position`` said; none when nothing
    changed. ``attempts`` counts how often it was sent; ``waited`` is in seconds, from the first.
    """

    key: str
    path: str
    status: int
    positions: tuple[str, ...]
    answer: dict[str, Any]
    attempts: int
    waited: float

    @property
    def contribution_id(self) -> str | None:
        return self.answer.get("contribution_id")


@dataclass
class Journal:
    """``accepted``: idempotency key -> what was answered, each on disk before the next command."""

    path: Path
    accepted: dict[str, Acknowledged] = field(default_factory=dict)

    def write(self, acknowledged: Acknowledged) -> None:
        with self.path.open("ab") as file:
            file.write(orjson.dumps(asdict(acknowledged)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.accepted[acknowledged.key] = acknowledged

    @property
    def positions(self) -> list[str]:
        """Every position that was promised to a client, in the order of the answers."""
        return [at for one in self.accepted.values() for at in one.positions]

    @property
    def repeated(self) -> int:
        """How many requests were repeats of one whose answer did not come."""
        return sum(one.attempts - 1 for one in self.accepted.values())


class Client:
    """Sends commands until they are answered, whatever happens to the services meanwhile.

    ``registry`` and ``exchange`` are the addresses of their processes; when one does not answer
    the next is asked.
    """

    def __init__(
        self,
        registry: str | Sequence[str],
        exchange: str | Sequence[str],
        journal: Journal,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._addresses = {"registry": _listed(registry), "exchange": _listed(exchange)}
        self._preferred = {service: found[0] for service, found in self._addresses.items()}
        self.journal, self.patience_seconds = journal, patience_seconds
        self._http = httpx.AsyncClient(
            timeout=ATTEMPT_SECONDS, trust_env=False, limits=httpx.Limits(max_connections=200)
        )
        self.service_id = ""
        self.people: list[str] = []
        self.after = ""

    async def registry(self, path: str, body: dict[str, Any], **headers: str) -> Acknowledged:
        return await self.command("registry", path, body, **headers)

    async def exchange(self, path: str, body: dict[str, Any], **headers: str) -> Acknowledged:
        return await self.command("exchange", path, body, **headers)

    async def command(
        self, service: str, path: str, body: dict[str, Any], **headers: str
    ) -> Acknowledged:
        """Send until it is answered and write the answer down; the key makes repeats harmless.

        Raises:
            AssertionError: it was refused, or not answered in time.
        """
        key = headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        begun = time.monotonic()
        last = "never sent"
        for attempt in count(1):
            address = self._preferred[service]
            assert time.monotonic() < begun + self.patience_seconds, f"{path}, {key}: {last}"
            try:
                answer = await self._http.post(f"{address}{path}", json=body, headers=headers)
            except httpx.TransportError as away:
                last = repr(away)
            else:
                if answer.status_code < 500:
                    assert answer.is_success, f"{path}, {key}: {answer.text}"
                    return self._accepted(key, path, answer, attempt, begun)
                last = answer.text
            self._avoid(service, address)
            await asyncio.sleep(RETRY_SECONDS)
        raise AssertionError("unreachable: there is always another attempt")

    def _accepted(
        self, key: str, path: str, answer: httpx.Response, attempts: int, begun: float
    ) -> Acknowledged:
        placed = answer.headers.get("Coprod-Position", "")
        acknowledged = Acknowledged(
            key=key,
            path=path,
            status=answer.status_code,
            positions=tuple(filter(None, placed.split(","))),
            answer=answer.json(),
            attempts=attempts,
            waited=time.monotonic() - begun,
        )
        self.journal.write(acknowledged)
        return acknowledged

    def _avoid(self, service: str, address: str) -> None:
        """Prefer the next one, unless another request has found out already."""
        known = self._addresses[service]
        if self._preferred[service] == address:
            self._preferred[service] = known[(known.index(address) + 1) % len(known)]

    async def settle(self) -> None:
        """Register an agency, a service and its people."""
        await self.registry("/v1/agencies", {"agency_id": "local", "name": "Local"})
        started = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
        service = await self.registry(
            "/v1/services",
            {"agency_id": "local", "local_id": "bank", "name": "Bank", "starts_on": started},
        )
        self.service_id = service.answer["service_id"]
        for _ in range(PEOPLE):
            person = await self.registry("/v1/participants", {"kind": "person"})
            self.people.append(person.answer["participant_id"])
            role = await self.registry(
                f"/v1/services/{self.service_id}/roles",
                {"participant_id": self.people[-1], "party": "user", "since": started},
            )
            self.after = ",".join(role.positions)

    async def act(self, number: int) -> None:
        giver, receiver = (self.people[(number + step) % PEOPLE] for step in (0, 1 + number % 3))
        recorded = await self.exchange(
            "/v1/contributions",
            {
                "service_id": self.service_id,
                "giver_id": giver,
                "receivers": [receiver],
                "occurred_at": (datetime.now(UTC) - timedelta(hours=number)).isoformat(),
                "phase": "deliver",
                "mode": "act",
                "minutes": 1 + number % 90,
            },
            **{"Idempotency-Key": f"act-{number}", "Coprod-After": self.after},
        )
        await self.exchange(
            f"/v1/contributions/{recorded.contribution_id}/confirm",
            {"by": receiver},
            **{"Idempotency-Key": f"confirm-{number}"},
        )

    async def contributions(self) -> dict[str, str]:
        """Return the status of every contribution of the service, page by page."""
        found: dict[str, str] = {}
        cursor: str | None = None
        while True:
            query = {"service_id": self.service_id, "limit": "200"}
            page = await self._http.get(
                f"{self._addresses['exchange'][0]}/v1/contributions",
                params={**query, **({"cursor": cursor} if cursor else {})},
            )
            page.raise_for_status()
            for item in page.json()["items"]:
                found[item["contribution_id"]] = item["status"]
            cursor = page.json().get("next_cursor")
            if cursor is None:
                return found

    async def close(self) -> None:
        await self._http.aclose()


def _listed(addresses: str | Sequence[str]) -> list[str]:
    return [addresses] if isinstance(addresses, str) else list(addresses)
