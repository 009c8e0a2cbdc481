"""Exchange as its clients see it: beside a real registry, over one embedded log."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.exchange.app import exchange_app
from services.registry.app import registry_app
from tests.support.service import embedded_settings, serving

pytestmark = pytest.mark.postgres
NO_HEADERS: Mapping[str, str] = {}
BATCH = "application/cloudevents-batch+json"


@dataclass(frozen=True, slots=True)
class Town:
    """``after`` is the position of the last thing that registry was told."""

    registry: httpx.AsyncClient
    exchange: httpx.AsyncClient

    async def service(self, **changes: object) -> str:
        body = {"name": "Library", "starts_on": "2026-01-01"} | changes
        answer = await self.registry.post("/v1/services", json=body)
        return str(answer.json()["service_id"])

    async def person(self, service_id: str, party: str = "user") -> str:
        answer = await self.registry.post("/v1/participants", json={})
        participant_id = str(answer.json()["participant_id"])
        role = {"participant_id": participant_id, "party": party, "since": "2026-01-01"}
        await self.registry.post(f"/v1/services/{service_id}/roles", json=role)
        return participant_id

    async def post(
        self, path: str, /, headers: Mapping[str, str] = NO_HEADERS, **body: object
    ) -> httpx.Response:
        return await self.exchange.post(path, json=body, headers=headers)

    async def given(self, **changes: object) -> tuple[str, str, str]:
        """Record a contribution; return its service, its giver and its id."""
        service_id = await self.service()
        giver_id = await self.person(service_id)
        answer = await self.post("/v1/contributions", **act(service_id, giver_id) | changes)
        assert answer.status_code == 201, answer.text
        return service_id, giver_id, str(answer.json()["contribution_id"])


def act(service_id: str, giver_id: str) -> dict[str, Any]:
    return {
        "service_id": service_id,
        "giver_id": giver_id,
        "occurred_at": "2026-03-02T12:00:00Z",
        "minutes": 60,
        "phase": "deliver",
        "mode": "act",
    }


@pytest_asyncio.fixture
async def town(fresh_database: Callable[[str], str]) -> AsyncIterator[Town]:
    log = fresh_database("log")
    registry = registry_app(embedded_settings(fresh_database("registry"), log))
    exchange = exchange_app(embedded_settings(fresh_database("exchange"), log))
    async with serving(registry) as ask_registry, serving(exchange) as ask_exchange:
        await ask_registry.post("/v1/agencies", json={"agency_id": "local", "name": "Town"})
        yield Town(ask_registry, ask_exchange)


async def test_who_was_registered_a_moment_ago_can_give(town: Town) -> None:
    _, giver_id, contribution_id = await town.given()

    found = (await town.exchange.get(f"/v1/contributions/{contribution_id}")).json()
    assert found["status"] == "recorded"
    assert found["act"]["giver_party"] == "user"
    assert found["act"]["giver_in_provider_org"] is False
    assert found["act"]["giver_id"] == giver_id
    assert {each["topic"] for each in found["act"]["directory"]} == {
        "registry.services.v1",
        "registry.participants.v1",
    }


async def test_a_position_of_registry_is_waited_for(town: Town) -> None:
    service_id = await town.service()
    answer = await town.registry.post("/v1/participants", json={})
    giver_id = answer.json()["participant_id"]
    role = {"participant_id": giver_id, "party": "user", "since": "2026-01-01"}
    assumed = await town.registry.post(f"/v1/services/{service_id}/roles", json=role)
    after = {"Coprod-After": assumed.headers["Coprod-Position"]}

    answer = await town.post("/v1/contributions", after, **act(service_id, giver_id))

    assert answer.status_code == 201, answer.text


async def test_a_position_that_never_comes_is_a_503(town: Town) -> None:
    after = {"Coprod-After": "registry.services.v1/3:999999"}

    answer = await town.post("/v1/contributions", after, **act("library", "ann"))

    assert (answer.status_code, answer.json()["reason"]) == (503, "directory_behind")
    assert answer.headers["Retry-After"]


async def test_the_life_of_a_contribution(town: Town) -> None:
    service_id, giver_id, contribution_id = await town.given()
    other = await town.person(service_id, "professional")
    path = f"/v1/contributions/{contribution_id}"

    own = await town.post(f"{path}/confirm", by=giver_id)
    confirmed = await town.post(f"{path}/confirm", by=other)
    again = await town.post(f"{path}/confirm", by=other)
    disputed = await town.post(f"{path}/dispute", by=giver_id, reason_code="wrong_day")
    changes = {"minutes": 30, "kind": "story_time"}
    resolved = await town.post(f"{path}/resolve", by=other, outcome="corrected", changes=changes)
    nothing = await town.post(f"{path}/correct", by=other, changes={"minutes": 30})
    voided = await town.post(f"{path}/void", by=other, reason_code="mistake")

    assert (own.status_code, own.json()["reason"]) == (403, "own_contribution")
    assert [one.status_code for one in (confirmed, disputed, resolved, voided)] == [200] * 4
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert nothing.json()["version"] == resolved.json()["version"] == 4
    shown = await town.exchange.get(path)
    assert shown.headers["ETag"] == '"5"'
    assert (shown.json()["status"], shown.json()["act"]["minutes"]) == ("voided", 30)
    assert shown.json()["act"]["kind"] == "story_time"


async def test_a_version_that_was_read_guards_a_command(town: Town) -> None:
    service_id, _, contribution_id = await town.given()
    other = await town.person(service_id)
    path = f"/v1/contributions/{contribution_id}/confirm"

    stale = await town.post(path, {"If-Match": '"7"'}, by=other)
    fresh = await town.post(path, {"If-Match": '"1"'}, by=other)

    assert (stale.status_code, stale.json()["reason"]) == (412, "version_mismatch")
    assert fresh.status_code == 200


async def test_a_key_gives_the_same_answer_and_refuses_another_request(town: Town) -> None:
    service_id = await town.service()
    body = act(service_id, await town.person(service_id))
    key = {"Idempotency-Key": "k-1"}

    first = await town.post("/v1/contributions", key, **body)
    again = await town.post("/v1/contributions", key, **body)
    other = await town.post("/v1/contributions", key, **body | {"minutes": 61})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Coprod-Position"] == first.headers["Coprod-Position"]
    assert (other.status_code, other.json()["reason"]) == (409, "key_reused")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"service_id": "nowhere"}, "unknown_service"),
        ({"giver_id": "nobody"}, "unknown_participant"),
        ({"minutes": 1441}, "minutes_out_of_range"),
        ({"giver_party": "professional"}, "giver_party_differs"),
        ({"occurred_at": "2025-12-31T12:00:00Z"}, "service_not_started"),
        ({"recorded_by": "system:other"}, "unknown_participant"),
        ({"weather": "fine"}, "invalid_request"),
    ],
)
async def test_refused(town: Town, changes: dict[str, Any], reason: str) -> None:
    service_id = await town.service()
    body = act(service_id, await town.person(service_id))

    answer = await town.post("/v1/contributions", **body | changes)

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["reason"]) == (422, reason)


async def test_contributions_are_listed_in_pages(town: Town) -> None:
    service_id, giver_id, first = await town.given()
    body = act(service_id, giver_id)
    others = [(await town.post("/v1/contributions", **body)).json() for _ in range(3)]
    confirmer = await town.person(service_id)
    await town.post(f"/v1/contributions/{first}/confirm", by=confirmer)

    query = {"service_id": service_id, "status": "recorded", "limit": "2"}
    page = (await town.exchange.get("/v1/contributions", params=query)).json()
    query["cursor"] = page["next_cursor"]
    rest = (await town.exchange.get("/v1/contributions", params=query)).json()

    listed = [item["contribution_id"] for item in (*page["items"], *rest["items"])]
    assert listed == [one["contribution_id"] for one in reversed(others)]
    assert rest["next_cursor"] is None
    assert all(item["confirm_due_at"] for item in page["items"])


async def test_feedback_leads_to_an_answer_and_a_change(town: Town) -> None:
    service_id, giver_id, contribution_id = await town.given()
    staff = await town.person(service_id, "professional")

    given = await town.post(
        "/v1/feedback",
        service_id=service_id,
        participant_id=giver_id,
        about=contribution_id,
        score=2,
        words="The door is too heavy.",
    )
    feedback_id = given.json()["feedback_id"]
    early = await town.post("/v1/changes", feedback_id=feedback_id, level="process")
    answered = await town.post(f"/v1/feedback/{feedback_id}/answer", by=staff)
    change = await town.post("/v1/changes", feedback_id=feedback_id, level="process")

    assert (given.status_code, answered.status_code, change.status_code) == (201, 200, 201)
    assert (early.status_code, early.json()["reason"]) == (409, "feedback_not_answered")


async def test_a_decision_a_resource_and_a_consultation(town: Town) -> None:
    service_id = await town.service()
    votes = {"user": 3, "professional": 2}

    taken = await town.post(
        "/v1/decisions", service_id=service_id, level="budget", weights=votes, voters=votes
    )
    allocated = await town.post(
        "/v1/resources",
        service_id=service_id,
        amount=100_00,
        currency="EUR",
        decision_id=taken.json()["decision_id"],
    )
    opened = await town.post("/v1/consultations", service_id=service_id, title="New hours?")
    closed = await town.post(f"/v1/consultations/{opened.json()['consultation_id']}/close")

    statuses = [one.status_code for one in (taken, allocated, opened, closed)]
    assert statuses == [201, 201, 201, 200], closed.text


async def test_commands_in_bulk_are_answered_one_by_one(town: Town) -> None:
    service_id = await town.service()
    giver_id = await town.person(service_id)

    def event(number: int, **changes: object) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": str(number),
            "source": "/agencies/local/systems/file",
            "type": "org.coprod.exchange.synchronise-contribution",
            "data": act(service_id, giver_id) | {"local_id": str(number)} | changes,
        }

    events = [event(1), event(2, giver_id="nobody"), event(3, status="disputed")]
    answer = await town.exchange.post("/v1/commands", json=events, headers={"Content-Type": BATCH})

    items = answer.json()["items"]
    assert [item["status"] for item in items] == [200, 422, 200]
    assert items[0]["body"]["effect"] == "recorded"
    assert items[0]["position"].startswith("exchange.activity.v1/")
    assert items[1]["problem"]["reason"] == "unknown_participant"


async def test_positions_name_what_is_stored_published_and_taken_in(town: Town) -> None:
    await town.given()

    async with asyncio.timeout(10):
        while True:
            found = (await town.exchange.get("/v1/positions")).json()
            if found["relayed"] == found["heads"]:
                break

    assert sum(found["heads"].values()) == 1
    registry = (await town.registry.get("/v1/positions")).json()
    assert {at for at, n in found["replica"].items() if n} <= registry["heads"].keys()


async def test_the_document_describes_every_command(town: Town) -> None:
    document = (await town.exchange.get("/openapi.json")).json()

    assert "SynchroniseContribution" in document["components"]["schemas"]
