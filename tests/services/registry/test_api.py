"""Registry as its clients see it, over HTTP and a real database."""

import asyncio
from urllib.parse import quote

import pytest

from tests.services.registry.client import Registry

pytestmark = pytest.mark.postgres
JAN, FEB, MAR = "2026-01-01", "2026-02-01", "2026-03-01"


async def test_a_service_can_be_registered_found_and_read(registry: Registry) -> None:
    answer = await registry.post("/v1/services", local_id="lib", name="Library", starts_on=JAN)

    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Coprod-Position"].startswith("registry.services.v1/")
    service_id = answer.json()["service_id"]
    found = await registry.get("/v1/services", agency_id="local", local_id="lib")
    assert [item["service_id"] for item in found["items"]] == [service_id]
    assert await registry.get(f"/v1/services/{service_id}") == {
        "service_id": service_id,
        "agency_id": "local",
        "local_id": "lib",
        "name": "Library",
        "provides": None,
        "starts_on": JAN,
        "closed_on": None,
        "imported": False,
        "providers": ["local"],
        "version": 1,
    }


async def test_a_service_of_an_unknown_agency_is_refused(registry: Registry) -> None:
    answer = await registry.post("/v1/services", agency_id="nowhere", name="Library", starts_on=JAN)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["reason"] == "unknown_agency"
    assert "remedy" in answer.json()


async def test_the_same_local_id_is_the_same_service(registry: Registry) -> None:
    first = await registry.service()

    again = await registry.post("/v1/services", local_id="lib", name="Library", starts_on=JAN)
    other = await registry.post("/v1/services", local_id="lib", name="Books", starts_on=JAN)

    assert (again.status_code, again.json()["service_id"]) == (200, first)
    assert (other.status_code, other.json()["reason"]) == (409, "service_registered_otherwise")


async def test_a_service_is_described_and_its_start_moved_back_and_closed(
    registry: Registry,
) -> None:
    path = f"/v1/services/{await registry.service(starts_on=FEB)}"

    described = await registry.http.patch(path, json={"name": "Books", "starts_on": JAN})
    later = await registry.http.patch(path, json={"starts_on": MAR})
    closed = await registry.post(f"{path}/close", closed_on=MAR)

    assert (described.status_code, closed.status_code) == (200, 200)
    assert (later.status_code, later.json()["reason"]) == (422, "start_not_earlier")
    shown = await registry.get(path)
    assert (shown["name"], shown["starts_on"], shown["closed_on"]) == ("Books", JAN, MAR)


@pytest.mark.parametrize("organisation", ["friends", "42/2024", "a/end", "?#%2F&;=+"])
async def test_providers_are_linked_and_unlinked(registry: Registry, organisation: str) -> None:
    path = f"/v1/services/{await registry.service()}"

    await registry.post(f"{path}/providers", organisation_id=organisation)
    linked = (await registry.get(path))["providers"]
    await registry.http.delete(f"{path}/providers/{quote(organisation, safe='')}")

    assert linked == ["local", organisation]
    assert (await registry.get(path))["providers"] == ["local"]


async def test_a_participant_is_shown_with_what_only_registry_knows(registry: Registry) -> None:
    person = await registry.participant(
        local_id="42", channel="paper", details={"name": "Ann", "contact": "ann@example.org"}
    )
    await registry.post(
        f"/v1/participants/{person}/affiliations", organisation_id="org/1", employed=True, since=JAN
    )
    path = f"/v1/participants/{person}/affiliations/{quote('org/1', safe='')}"
    await registry.post(f"{path}/end", until=FEB)

    shown = await registry.get(f"/v1/participants/{person}")

    assert shown["details"] == {"name": "Ann", "contact": "ann@example.org"}
    assert shown["external_ids"] == [{"agency_id": "local", "system": "api", "local_id": "42"}]
    assert shown["affiliations"] == [
        {"organisation_id": "org/1", "employed": True, "since": JAN, "until": FEB}
    ]
    assert shown["version"] == 3


async def test_requests_at_once_with_one_local_id_mean_one_participant(
    registry: Registry,
) -> None:
    people = await asyncio.gather(*(registry.participant(local_id="42") for _ in range(8)))

    assert len(set(people)) == 1


async def test_an_id_is_the_same_however_its_letters_are_composed(registry: Registry) -> None:
    composed, decomposed = "Ren\u00e9", "Rene\u0301"

    person = await registry.participant(local_id=composed)
    service = await registry.service(local_id=composed)
    found = await registry.get("/v1/services", agency_id="local", local_id=decomposed)
    asked = {"agency_id": "local", "system": "api", "participants": [decomposed]}
    lookup = await registry.post("/v1/directory/lookup", **asked)

    assert await registry.participant(local_id=decomposed) == person
    assert [item["service_id"] for item in found["items"]] == [service]
    assert lookup.json()["participants"][composed]["participant_id"] == person


async def test_an_id_that_lost_a_letter_is_nobodys(registry: Registry) -> None:
    answer = await registry.post("/v1/participants", local_id="Ren\ufffd")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/body/local_id"


async def test_two_systems_have_their_own_ids(registry: Registry) -> None:
    headers = {"Coprod-System": "other"}

    other = await registry.post("/v1/participants", headers, local_id="42")

    assert other.json()["participant_id"] != await registry.participant(local_id="42")


async def test_without_a_local_id_each_registration_is_somebody_new(registry: Registry) -> None:
    assert await registry.participant() != await registry.participant()


async def test_a_role_is_assumed_moved_back_and_ended(registry: Registry) -> None:
    service_id, person = await registry.service(), await registry.participant()
    path = f"/v1/services/{service_id}/roles"

    assumed = await registry.post(path, participant_id=person, party="user", since=FEB)
    moved = await registry.post(f"{path}/{person}/move-start", party="user", since=JAN)
    ended = await registry.post(f"{path}/{person}/end", until=FEB)
    other = await registry.post(path, participant_id=person, party="professional", since=MAR)

    statuses = [answer.status_code for answer in (assumed, moved, ended, other)]
    assert statuses == [201, 200, 200, 201]
    periods = (await registry.get(path))["items"]
    assert [(p["party"], p["since"], p["until"], p["version"]) for p in periods] == [
        ("user", JAN, FEB, 3),
        ("professional", MAR, None, 4),
    ]


async def test_a_role_needs_a_known_service_and_participant(registry: Registry) -> None:
    body = {"participant_id": "nobody", "party": "user", "since": JAN}

    nowhere = await registry.post("/v1/services/nowhere/roles", **body)
    nobody = await registry.post(f"/v1/services/{await registry.service()}/roles", **body)

    assert (nowhere.status_code, nowhere.json()["reason"]) == (404, "unknown_service")
    assert (nobody.status_code, nobody.json()["reason"]) == (404, "unknown_participant")


async def test_lists_go_on_from_their_cursor(registry: Registry) -> None:
    registered = {await registry.service(local_id=f"s{number}") for number in range(5)}

    found, cursor = [], {}
    for _ in range(3):
        page = await registry.get("/v1/services", limit=2, **cursor)
        found += [item["service_id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}

    assert page["next_cursor"] is None
    assert found == sorted(registered)


async def test_lists_of_roles_go_on_from_their_cursor(registry: Registry) -> None:
    path = f"/v1/services/{await registry.service()}/roles"
    people = [await registry.participant() for _ in range(3)]
    for person in people:
        await registry.post(path, participant_id=person, party="user", since=JAN)

    first = await registry.get(path, limit=2)
    second = await registry.get(path, limit=2, cursor=first["next_cursor"])

    shown = [role["participant_id"] for role in first["items"] + second["items"]]
    assert shown == sorted(people)
    foreign = await registry.http.get("/v1/agencies", params={"cursor": first["next_cursor"]})
    assert (foreign.status_code, foreign.json()["reason"]) == (422, "invalid_cursor")


async def test_importers_look_up_what_they_know_by_their_own_ids(registry: Registry) -> None:
    service_id = await registry.service(imported=True)
    person = await registry.participant(local_id="42")
    await registry.post(
        f"/v1/services/{service_id}/roles", participant_id=person, party="user", since=JAN
    )

    found = await registry.post(
        "/v1/directory/lookup",
        agency_id="local",
        system="api",
        service_local_ids=["lib", "unknown"],
        participants=["42", "unknown"],
    )
    roles = await registry.post(
        "/v1/directory/roles", service_id=service_id, participant_ids=[person, "nobody"]
    )

    assert found.json()["services"] == {
        "lib": {"service_id": service_id, "starts_on": JAN, "closed_on": None, "imported": True}
    }
    assert found.json()["participants"] == {"42": {"participant_id": person, "kind": "person"}}
    assert roles.json()["roles"] == {person: [{"party": "user", "since": JAN, "until": None}]}
