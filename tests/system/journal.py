"""A client that writes down every command it was told is accepted, and repeats what it wasn't."""

import asyncio
import os
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

PEOPLE = 8
RETRY_SECONDS = 0.1
PATIENCE_SECONDS = 60.0


@dataclass
class Journal:
    """``accepted``: idempotency key -> contribution id, each on disk before the next command."""

    path: Path
    accepted: dict[str, str] = field(default_factory=dict)

    def write(self, key: str, contribution_id: str) -> None:
        self.accepted[key] = contribution_id
        with self.path.open("a") as file:
            file.write(f"{key} {contribution_id}\n")
            file.flush()
            os.fsync(file.fileno())


class Client:
    """Records acts and confirms them, whatever happens to the services meanwhile."""

    def __init__(self, registry: str, exchange: str, journal: Journal) -> None:
        self.registry, self.exchange, self.journal = registry, exchange, journal
        self._http = httpx.AsyncClient(timeout=10, trust_env=False)
        self.service_id = ""
        self.people: list[str] = []

    async def command(self, url: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Send until it is answered; the same key makes the repeats harmless."""
        headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            assert asyncio.get_running_loop().time() < deadline, f"no answer from {url}"
            try:
                answer = await self._http.post(url, json=body, headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < 500:
                assert answer.is_success, answer.text
                return answer
            await asyncio.sleep(RETRY_SECONDS)

    async def settle(self) -> None:
        """Register an agency, a service and its people."""
        await self.command(f"{self.registry}/v1/agencies", {"agency_id": "local", "name": "Local"})
        started = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
        service = await self.command(
            f"{self.registry}/v1/services",
            {"agency_id": "local", "local_id": "bank", "name": "Bank", "starts_on": started},
        )
        self.service_id = service.json()["service_id"]
        for _ in range(PEOPLE):
            person = await self.command(f"{self.registry}/v1/participants", {"kind": "person"})
            self.people.append(person.json()["participant_id"])
            role = await self.command(
                f"{self.registry}/v1/services/{self.service_id}/roles",
                {"participant_id": self.people[-1], "party": "user", "since": started},
            )
            self.after = role.headers["Coprod-Position"]

    async def act(self, number: int) -> None:
        giver, receiver = (self.people[(number + step) % PEOPLE] for step in (0, 1 + number % 3))
        key = f"act-{number}"
        recorded = await self.command(
            f"{self.exchange}/v1/contributions",
            {
                "service_id": self.service_id,
                "giver_id": giver,
                "receivers": [receiver],
                "occurred_at": (datetime.now(UTC) - timedelta(hours=number)).isoformat(),
                "phase": "deliver",
                "mode": "act",
                "minutes": 1 + number % 90,
            },
            **{"Idempotency-Key": key, "Coprod-After": self.after},
        )
        contribution_id = recorded.json()["contribution_id"]
        self.journal.write(key, contribution_id)
        await self.command(
            f"{self.exchange}/v1/contributions/{contribution_id}/confirm",
            {"by": receiver},
            **{"Idempotency-Key": f"confirm-{number}"},
        )
        self.journal.write(f"confirm-{number}", contribution_id)

    async def contributions(self) -> dict[str, str]:
        """Return the status of every contribution of the service, page by page."""
        found: dict[str, str] = {}
        cursor: str | None = None
        while True:
            query = {"service_id": self.service_id, "limit": "200"}
            page = await self._http.get(
                f"{self.exchange}/v1/contributions",
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
