"""Builders of requests to registry, with defaults for what a test does not care about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

SOURCE = "/agencies/local/systems/import"
BATCH = "application/cloudevents-batch+json"
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Registry:
    http: httpx.AsyncClient

    async def post(
        self, path: str, /, headers: Mapping[str, str] = NO_HEADERS, **body: object
    ) -> httpx.Response:
        return await self.http.post(path, json=body, headers=headers)

    async def get(self, path: str, **query: str | int) -> Any:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def service(self, **changes: object) -> str:
        body = {"local_id": "lib", "name": "Library", "starts_on": "2026-01-01"} | changes
        answer = await self.post("/v1/services", **body)
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["service_id"])

    async def participant(self, **body: object) -> str:
        answer = await self.post("/v1/participants", **body)
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["participant_id"])

    async def bulk(self, *events: Mapping[str, Any]) -> list[Any]:
        answer = await self.http.post(
            "/v1/commands", json=list(events), headers={"Content-Type": BATCH}
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])


def event(event_id: str, command: str, **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": f"org.coprod.registry.{command}",
        "data": data,
    }
