"""Every error is a problem document, with a reason, and without internals or what was sent."""

from collections.abc import AsyncIterator

import httpx
import pytest

PROBLEM = "application/problem+json"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "reason"),
    [
        ("POST", "/v1/names", b'{"name": "taken"}', 409, "name_taken"),
        ("POST", "/v1/names", b'{"name": "odd"}', 422, "odd"),
        ("POST", "/v1/names", b'{"name": ""}', 422, "invalid_request"),
        ("POST", "/v1/names", b'{"name": "a", "colour": 1}', 422, "invalid_request"),
        ("POST", "/v1/names", b'{"name": "a", "day": 0}', 422, "invalid_request"),
        ("POST", "/v1/names", b'{"name": "a", "day": "20260101"}', 422, "invalid_request"),
        ("POST", "/v1/names", b'{"name": "a", "day": "0001-01-01"}', 422, "invalid_request"),
        ("POST", "/v1/names", b'{"name": "a\\u0000"}', 422, "invalid_request"),
        ("POST", "/v1/names", b'{"\\ud800": 1}', 422, "invalid_request"),
        ("POST", "/v1/names", b"{", 400, "malformed_json"),
        ("POST", "/v1/names", b"", 400, "body_missing"),
        ("POST", "/v1/names", b'{"name":' + b"[" * 50_000, 400, "malformed_json"),
        ("POST", "/v1/names", b'{"name": "\xff"}', 400, "malformed_json"),
        ("POST", "/v1/names", b'{"name": 1' + b"0" * 5_000 + b"}", 400, "malformed_json"),
        ("POST", "/v1/names", b'{"name": 1e999999}', 422, "invalid_request"),
        ("POST", "/v1/names", b'{"name": NaN}', 422, "invalid_request"),
        ("POST", "/v1/names", b'{"name": "\\ud800"}', 422, "invalid_request"),
        ("GET", "/v1/words?cursor=%00", b"", 400, "invalid_address"),
        ("GET", "/v1/%00", b"", 400, "invalid_address"),
        ("POST", "/v1/names", b" " * 1_048_577, 413, "body_too_large"),
        ("GET", "/v1/names", b"", 405, "method_not_allowed"),
        ("GET", "/nowhere", b"", 404, "not_found"),
        ("GET", "/v1/words?limit=0", b"", 422, "invalid_request"),
        ("GET", "/v1/words?limit=201", b"", 422, "invalid_request"),
        ("GET", "/v1/words?cursor=AAAA", b"", 422, "invalid_cursor"),
        ("GET", "/v1/words?cursor=WzFd", b"", 422, "invalid_cursor"),
        ("POST", "/v1/failure", b"{}", 500, "internal_error"),
        ("POST", "/v1/database", b"{}", 503, "unavailable"),
    ],
)
async def test_an_error_is_a_problem_with_a_reason(
    http: httpx.AsyncClient, method: str, path: str, content: bytes, status: int, reason: str
) -> None:
    answer = await http.request(method, path, content=content, headers=JSON)

    told = answer.json()
    assert (answer.status_code, told["reason"]) == (status, reason)
    assert answer.headers["Content-Type"] == PROBLEM
    assert told["type"] == f"urn:coprod:problem:{reason}"
    assert told["status"] == status


async def test_a_refusal_says_what_to_do_and_what_it_looked_at(http: httpx.AsyncClient) -> None:
    told = (await http.post("/v1/names", json={"name": "taken"})).json()

    assert told["title"] == "The name is taken"
    assert told["remedy"] == "Choose another name."
    assert told["facts"] == {"name": "taken"}


async def test_each_broken_field_is_named_by_its_place(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/v1/names", json={"name": 7, "colour": "red"}, headers={"If-Match": "3"}
    )

    places = {error["pointer"] for error in answer.json()["errors"]}
    assert places == {"/body/name", "/body/colour", "/header/if-match"}


async def test_a_failure_tells_nothing_of_the_inside(http: httpx.AsyncClient) -> None:
    failed = await http.post("/v1/failure", json={})
    away = await http.post("/v1/database", json={})

    assert "secret" not in failed.text
    assert "ZeroDivision" not in failed.text
    assert failed.headers["Coprod-Correlation-Id"] in failed.json()["remedy"]
    assert "address" not in away.text
    assert away.headers["Retry-After"] == "1"


async def test_what_was_sent_is_not_sent_back(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/names", json={"name": ["Annabelle Quist"]})

    assert answer.status_code == 422
    assert "Annabelle" not in answer.text


async def test_a_body_that_hides_its_size_is_cut_off(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    answer = await http.post("/v1/names", content=endless(), headers=JSON)

    assert answer.status_code == 413
