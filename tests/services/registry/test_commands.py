"""What holds for every command: keys, versions, batches, positions."""

import asyncpg
import httpx
import pytest

from services.registry.app import registry_app
from tests.services.registry.client import Registry, event
from tests.support.service import embedded_settings, readiness

pytestmark = pytest.mark.postgres
DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
JAN, FEB = "2026-01-01", "2026-02-01"


async def test_the_same_key_and_body_get_the_same_answer(registry: Registry) -> None:
    headers = {"Idempotency-Key": "k1"}

    first = await registry.post("/v1/participants", headers, channel="paper")
    again = await registry.post("/v1/participants", headers, channel="paper")

    assert first.json() == again.json()
    assert (again.status_code, again.headers["ETag"]) == (201, first.headers["ETag"])
    assert again.headers["Coprod-Position"] == first.headers["Coprod-Position"]


async def test_the_order_of_fields_is_not_another_body(registry: Registry) -> None:
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    bodies = ['{"kind":"person","channel":"paper"}', '{"channel": "paper", "kind": "person"}']

    answers = [
        await registry.http.post("/v1/participants", content=body, headers=headers)
        for body in bodies
    ]

    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("path", ["/v1/participants", "/v1/agencies"])
async def test_a_key_is_not_used_for_another_request(registry: Registry, path: str) -> None:
    headers = {"Idempotency-Key": "k1"}
    await registry.post("/v1/participants", headers, channel="paper")
    bodies: dict[str, dict[str, object]] = {
        "/v1/participants": {"channel": "phone"},
        "/v1/agencies": {"agency_id": "other", "name": "Other"},
    }

    other = await registry.post(path, headers, **bodies[path])

    assert (other.status_code, other.json()["reason"]) == (409, "key_reused")


async def test_a_refusal_is_not_remembered(registry: Registry) -> None:
    headers, body = {"Idempotency-Key": "k1"}, {"name": "Library", "starts_on": JAN}
    refused = await registry.post("/v1/services", headers, agency_id="new", **body)
    await registry.post("/v1/agencies", agency_id="new", name="New")

    accepted = await registry.post("/v1/services", headers, agency_id="new", **body)

    assert (refused.status_code, accepted.status_code) == (404, 201)


async def test_a_command_decided_on_an_old_version_is_refused(registry: Registry) -> None:
    path = f"/v1/services/{await registry.service()}"
    version = (await registry.http.get(path)).headers["ETag"]

    first = await registry.http.patch(path, json={"name": "A"}, headers={"If-Match": version})
    late = await registry.http.patch(path, json={"name": "B"}, headers={"If-Match": version})

    assert (first.status_code, first.headers["ETag"]) == (200, '"2"')
    assert (late.status_code, late.json()["reason"]) == (412, "version_mismatch")


async def test_a_batch_answers_each_item_in_order(registry: Registry) -> None:
    items = await registry.bulk(
        event("1", "register-agency", agency_id="new", name="New"),
        event("2", "register-service", agency_id="new", name="Lib", starts_on=JAN, local_id="l"),
        event("3", "register-service", agency_id="nowhere", name="Lib", starts_on=JAN),
        event("4", "register-service", agency_id="new", name="Lib", starts_on=JAN, colour="red"),
        event("5", "paint-service"),
        {"id": "6"},
        event("7", "register-participant", local_id="42"),
    )

    assert [item["id"] for item in items] == ["1", "2", "3", "4", "5", "6", "7"]
    assert [item["status"] for item in items] == [201, 201, 404, 422, 422, 422, 201]
    assert items[2]["problem"]["reason"] == "unknown_agency"
    assert items[3]["problem"]["errors"][0]["pointer"] == "/data/colour"
    assert items[0]["position"] == "registry.agencies.v1/0:2"


async def test_an_item_may_build_on_those_before_it(registry: Registry) -> None:
    person = await registry.participant()
    (registered,) = await registry.bulk(
        event("1", "register-service", local_id="lib", name="Library", starts_on=JAN)
    )
    service_id = registered["body"]["service_id"]

    items = await registry.bulk(
        event("2", "close-service", service_id=service_id, closed_on=JAN),
        event(
            "3",
            "assume-role",
            service_id=service_id,
            participant_id=person,
            party="user",
            since=FEB,
        ),
    )

    assert items[1]["problem"]["reason"] == "service_closed"


async def test_a_batch_sent_again_changes_nothing(registry: Registry) -> None:
    events = [event(str(n), "register-participant", local_id=f"p{n}") for n in range(300)]

    first = await registry.bulk(*events)
    heads = (await registry.get("/v1/positions"))["heads"]
    again = await registry.bulk(*events)

    assert again == first
    assert (await registry.get("/v1/positions"))["heads"] == heads


async def test_json_lines_are_taken_too(registry: Registry) -> None:
    line = b'{"specversion":"1.0","id":"1","source":"/agencies/local/systems/x",'
    line += b'"type":"org.coprod.registry.register-participant","data":{}}'

    answer = await registry.http.post(
        "/v1/commands",
        content=line + b"\n\nnot json\n",
        headers={"Content-Type": "application/x-ndjson"},
    )

    items = answer.json()["items"]
    assert [(item["id"], item["status"]) for item in items] == [("1", 201), (None, 400)]


async def test_positions_say_what_was_stored_and_published(registry: Registry) -> None:
    found = await registry.get("/v1/positions")

    assert found["deployment"] == "deployment-of-the-tests"
    assert found["heads"] == {"registry.agencies.v1/0": 1}
    assert "coprod_appended_events" in (await registry.http.get("/metrics")).text


async def test_an_unprovisioned_database_is_waited_for(postgres_admin_dsn: str) -> None:
    app = registry_app(embedded_settings(postgres_admin_dsn, postgres_admin_dsn))

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            told = await readiness(client, until="provisioning")
            refused = await client.get("/v1/services")

    assert "the database of registry has no schema" in told
    assert (refused.status_code, refused.json()["reason"]) == (503, "not_ready")


async def test_a_database_that_went_away_is_said(
    registry: Registry, registry_dsn: str, postgres_admin_dsn: str
) -> None:
    name = registry_dsn.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(postgres_admin_dsn)
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await admin.execute(DISCONNECT, name)

    told = await readiness(registry.http, until="not_ready")
    refused = await registry.post("/v1/participants")
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await admin.close()

    assert "its database" in told
    assert (refused.status_code, refused.json()["reason"]) == (503, "unavailable")
    await readiness(registry.http, until='"ready"')
