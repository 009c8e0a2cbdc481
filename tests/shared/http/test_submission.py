"""What comes with a command reaches the one who decides it."""

import re

import httpx
import pytest

from shared.http.problems import HttpRefusal
from shared.http.submission import parse_positions
from tests.shared.http.sample import Sample


async def test_a_command_without_headers_is_the_local_agencys(
    http: httpx.AsyncClient, sample: Sample
) -> None:
    answer = await http.post("/v1/names", json={"name": "a"})

    context = sample.batches[0][0].context
    assert context.provenance.source == "/agencies/local/systems/api"
    assert context.provenance.actor == "anonymous"
    assert context.provenance.correlation_id == answer.headers["Coprod-Correlation-Id"]
    assert (context.idempotency, context.expected_version, context.after) == (None, None, {})


async def test_headers_say_who_decided_what_on_which_version(
    http: httpx.AsyncClient, sample: Sample
) -> None:
    headers = {
        "Coprod-Agency": "town",
        "Coprod-System": "desk",
        "Coprod-Actor": "clerk-7",
        "Coprod-Correlation-Id": "0190cafe-0000-7000-8000-000000000000",
        "Coprod-After": "registry.services.v1/3:17, registry.participants.v1/0:2",
        "Idempotency-Key": "k1",
        "If-Match": '"4"',
    }

    await http.post("/v1/names", json={"name": "a"}, headers=headers)

    context = sample.batches[0][0].context
    assert context.provenance.source == "/agencies/town/systems/desk"
    assert context.provenance.actor == "clerk-7"
    assert context.provenance.correlation_id == headers["Coprod-Correlation-Id"]
    assert context.after == {("registry.services.v1", 3): 17, ("registry.participants.v1", 0): 2}
    assert context.idempotency is not None
    assert (context.idempotency.scope, context.idempotency.key) == (
        "/agencies/town/systems/desk",
        "k1",
    )
    assert context.expected_version == {4}


async def test_a_correlation_id_that_could_carry_a_name_is_replaced(
    http: httpx.AsyncClient, sample: Sample
) -> None:
    await http.post(
        "/v1/names", json={"name": "a"}, headers={"Coprod-Correlation-Id": "Annabelle-Quist"}
    )

    found = sample.batches[0][0].context.provenance.correlation_id
    assert re.fullmatch(r"[0-9a-f-]{36}", found or "")


async def test_the_hash_of_a_request_is_of_its_content(
    http: httpx.AsyncClient, sample: Sample
) -> None:
    bodies = ['{"name":"a","day":"2026-01-01"}', '{"day": "2026-01-01", "name": "a"}']
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}

    for body in (*bodies, '{"name":"b","day":"2026-01-01"}'):
        await http.post("/v1/names", content=body, headers=headers)

    keys = [batch[0].context.idempotency for batch in sample.batches]
    first, same, other = (key.request_hash for key in keys if key is not None)
    assert first == same != other


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("k1", "k1"),
        ('"k1"', "k1"),
        ('"K1"', "K1"),
        ('"two words"', "two words"),
        (r'"a\"b\\c"', r'a"b\c'),
        ('a"b', 'a"b'),
        ("x" * 255, "x" * 255),
    ],
)
async def test_a_key_is_what_stands_in_its_quotes_byte_for_byte(
    http: httpx.AsyncClient, sample: Sample, sent: str, key: str
) -> None:
    await http.post("/v1/names", json={"name": "a"}, headers={"Idempotency-Key": sent})

    ((order,),) = sample.batches
    assert order.context.idempotency is not None
    assert order.context.idempotency.key == key


@pytest.mark.parametrize("sent", ["", '""', '"', '"k1', '"a"b"', "two words", "x" * 256, "é"])
async def test_a_key_that_is_none_is_refused(
    http: httpx.AsyncClient, sample: Sample, sent: str
) -> None:
    headers = {"Idempotency-Key": sent.encode()}

    answer = await http.post("/v1/names", json={"name": "a"}, headers=headers)

    assert (answer.status_code, sample.batches) == (422, [])
    assert answer.json()["errors"][0]["pointer"] == "/header/idempotency-key"


@pytest.mark.parametrize(
    ("sent", "matching"),
    [
        ('"4"', {4}),
        ('"4", "6"', {4, 6}),
        ('W/"4"', set()),  # a weak tag is never the same as another, not even as itself
        ('W/"4" ,"6"', {6}),
        ('"somebody-elses"', set()),
        ("*", {1, 4, 6}),
    ],
)
async def test_if_match_is_read_as_the_standard_says(
    http: httpx.AsyncClient, sample: Sample, sent: str, matching: set[int]
) -> None:
    await http.post("/v1/names", json={"name": "a"}, headers={"If-Match": sent})

    expected = sample.batches[0][0].context.expected_version
    assert expected is not None
    assert {version for version in (0, 1, 4, 6) if version in expected} == matching


@pytest.mark.parametrize("sent", ["4", '"4', '"4" "5"', '*, "4"', 'w/"4"', ""])
async def test_what_is_no_entity_tag_is_refused(http: httpx.AsyncClient, sent: str) -> None:
    answer = await http.post("/v1/names", json={"name": "a"}, headers={"If-Match": sent})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/header/if-match"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "registry.services.v1/16:1", "unknown.topic.v1/0:1", "a/b:c"]
)
def test_a_position_that_cannot_exist_is_refused(text: str) -> None:
    with pytest.raises(HttpRefusal) as refused:
        parse_positions(text)

    assert refused.value.problem.reason == "invalid_position"
