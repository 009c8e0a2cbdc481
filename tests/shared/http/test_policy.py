"""Who may ask, under which name, and what browsers are told about the answers."""

import httpx
import pytest

from tests.shared.http.sample import Sample, sample_app

NAMED = ("insights", "figures.example:8443", "[2001:db8::1]")


@pytest.fixture
async def named(sample: Sample) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(sample_app(sample, hosts=NAMED))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:9000",
        "localhost.",
        "127.0.0.1:8403",
        "[::1]:8403",
        "insights",
        "insights:8403",
        "figures.example:8443",
        "[2001:db8::1]:80",
    ],
)
async def test_it_answers_under_its_own_names(named: httpx.AsyncClient, host: str) -> None:
    assert (await named.get("/v1/words", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("rebound.example", (421, "misdirected_request")),
        ("localhost.rebound.example", (421, "misdirected_request")),
        ("figures.example", (421, "misdirected_request")),
        ("192.168.1.7:8403", (421, "misdirected_request")),
        ("[::2]", (421, "misdirected_request")),
        ("", (400, "invalid_host")),
        ("localhost:port", (400, "invalid_host")),
        ("localhost@rebound.example", (400, "invalid_host")),
        ("localhost, rebound.example", (400, "invalid_host")),
    ],
)
async def test_under_any_other_name_it_does_nothing(
    named: httpx.AsyncClient, sample: Sample, host: str, expected: tuple[int, str]
) -> None:
    read = await named.get("/v1/words", headers={"Host": host})
    written = await named.post("/v1/names", json={"name": "a"}, headers={"Host": host})

    for answer in (read, written):
        assert (answer.status_code, answer.json()["reason"]) == expected
    assert sample.batches == []


async def test_two_hosts_are_none(named: httpx.AsyncClient) -> None:
    answer = await named.get("/v1/words", headers=[("Host", "localhost"), ("Host", "insights")])

    assert answer.json()["reason"] == "invalid_host"


@pytest.mark.parametrize(
    "marks",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:8404"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "BREW"])
async def test_a_page_of_another_site_changes_nothing(
    http: httpx.AsyncClient, sample: Sample, method: str, marks: dict[str, str]
) -> None:
    answer = await http.request(method, "/v1/names", json={"name": "a"}, headers=marks)

    assert (answer.status_code, answer.json()["reason"]) == (403, "foreign_page")
    assert sample.batches == []


@pytest.mark.parametrize(
    ("host", "marks"),
    [
        ("localhost", {}),
        ("localhost", {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}),
        ("localhost:80", {"Origin": "http://localhost"}),
        ("127.0.0.1:8403", {"Origin": "http://127.0.0.1:8403"}),
        ("insights", {"Origin": "https://insights"}),  # behind a proxy that speaks TLS
    ],
)
async def test_a_page_of_ours_and_a_program_may(
    named: httpx.AsyncClient, host: str, marks: dict[str, str]
) -> None:
    answer = await named.post("/v1/names", json={"name": "a"}, headers={"Host": host, **marks})

    assert answer.status_code == 201


async def test_a_page_of_another_site_may_link_here(http: httpx.AsyncClient) -> None:
    marks = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    assert (await http.get("/v1/words", headers=marks)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/words"), ("GET", "/nowhere"), ("POST", "/v1/failure"), ("HEAD", "/healthz")],
)
async def test_every_answer_says_what_browsers_may_do_with_it(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    body = {} if method == "POST" else None
    headers = (await http.request(method, path, json=body)).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/healthz", "/v1/words", "/metrics", "/openapi.json"])
async def test_head_is_get_without_its_body(http: httpx.AsyncClient, path: str) -> None:
    got, head = await http.get(path), await http.head(path)

    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


async def test_head_of_what_never_ends_ends(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=2) as client:
        for _ in range(3):
            assert (await client.head("/v1/endless")).status_code == 200
        counted = (await client.get("/metrics")).text

    assert (
        'coprod_http_requests_total{method="GET",route="/v1/endless",status="200"} 3.0' in counted
    )


async def test_nobody_is_sent_elsewhere(http: httpx.AsyncClient) -> None:
    read, written = await http.get("/v1/words/"), await http.post("/v1/names/", json={})

    assert (read.status_code, written.status_code) == (404, 404)
