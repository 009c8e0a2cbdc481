"""Health, metrics, pages and the OpenAPI document."""

import httpx
import pytest
from openapi_spec_validator import validate

from shared.http.paging import Key, KeyText, decode_cursor, encode_cursor
from tests.shared.http.sample import WORDS, Sample, WordsKey


async def test_readiness_says_what_it_waits_for(http: httpx.AsyncClient, sample: Sample) -> None:
    sample.waiting.append("provisioning: no schema")

    alive, ready = await http.get("/healthz"), await http.get("/readyz")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json()["detail"] == "Waiting for provisioning: no schema."


async def test_requests_are_counted_by_route_and_not_by_path(http: httpx.AsyncClient) -> None:
    await http.get("/v1/words")
    await http.get("/v1/somebodys-id")

    text = (await http.get("/metrics")).text

    counted = 'coprod_http_requests_total{method="GET",route="/v1/words",status="200"} 1.0'
    assert counted in text
    assert 'route="unmatched",status="404"' in text
    assert "somebodys-id" not in text


async def test_a_list_is_read_page_by_page(http: httpx.AsyncClient) -> None:
    first = (await http.get("/v1/words")).json()
    second = (await http.get("/v1/words", params={"cursor": first["next_cursor"]})).json()
    third = (await http.get("/v1/words", params={"cursor": second["next_cursor"]})).json()

    assert [*first["items"], *second["items"], *third["items"]] == list(WORDS)
    assert third["next_cursor"] is None


def test_a_cursor_holds_any_key() -> None:
    assert decode_cursor(encode_cursor(WordsKey("é / ü")), WordsKey) == WordsKey("é / ü")


class TreesKey(Key, frozen=True, tag="trees"):
    word: KeyText


class LongerKey(Key, frozen=True, tag="words"):
    word: KeyText
    more: int = 1


@pytest.mark.parametrize("key", [TreesKey("elm"), LongerKey("elm"), WordsKey("a\0b")])
async def test_a_cursor_of_another_list_or_of_no_list_is_refused(
    http: httpx.AsyncClient, key: Key
) -> None:
    answer = await http.get("/v1/words", params={"cursor": encode_cursor(key)})

    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_cursor")


async def test_the_openapi_document_is_valid_and_knows_every_error(
    http: httpx.AsyncClient,
) -> None:
    document = (await http.get("/openapi.json")).json()

    validate(document)
    told = document["paths"]["/v1/names"]["post"]["responses"]
    refusals = {"400", "403", "404", "409", "412", "413", "415", "421", "422"}
    assert set(told) == {"200", *refusals, "500", "503"}
    for status, response in told.items():
        if int(status) >= 400:
            assert list(response["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_methods_that_nobody_knows_are_one_series(http: httpx.AsyncClient) -> None:
    for number in range(3):
        assert (await http.request(f"BREW{number}", "/v1/names")).status_code == 405

    told = (await http.get("/metrics")).text
    assert 'method="other"' in told
    assert "BREW" not in told
