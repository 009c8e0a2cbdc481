"""Requests that nobody means: to every operation of a service, one oddity each."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

AT_ONCE = 40  # a service may wait for what it has not heard of yet
JSON = {"Content-Type": "application/json"}
TEXTS = (
    "\0",
    "a\0b",
    "12/2024",
    "../../etc/passwd",
    "%",
    "?#&=;",
    "é\u202e\ufeff\U0001f600",
    " ",
    "",
    "-1",
    "9" * 5_000,
    str(2**31),
    str(2**63),
    "1e999",
    "NaN",
    "0001-01-01",
    "9999-12-31",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "null",
    "x" * 20_000,
)
RAW_TEXTS = ("%ED%A0%80", "%FF%FE", "%C0%80", "%", "%zz", "%2F%2e%2e%2F", "%0d%0aX-Evil:%201")
BODIES = (
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"[" * 100_000,
    b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
    b"\xff",
    b'{"\xed\xa0\x80": 1}',
    b"\xef\xbb\xbf{}",
    b"1" + b"0" * 5_000,
    b'{"a": 1e400}',
    b"{} {}",
)
VALUES: tuple[bytes, ...] = (
    *(b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"', b'"\\udfff\\ud800"', b'""', b'"x/y?z#%"'),
    *(b"null", b"true", b"[]", b"{}", b"-1", b"0", b"1.5", b"1e300", b"-0.0"),
    *(b"9223372036854775807", b"9223372036854775808", b"18446744073709551616"),
    *(
        b"1" + b"0" * 400,
        b'"0001-01-01"',
        b'"9999-12-31T23:59:59-14:00"',
        b'"0001-01-01T00:00:00+14:00"',
    ),
    *(b'"' + b"9" * 5_000 + b'"', b"[" * 200 + b"]" * 200),
)
HEADERS = (
    {"If-Match": "*"},
    {"If-Match": 'W/"1"'},
    {"If-Match": '"' + "9" * 900 + '"'},
    {"Idempotency-Key": "k" * 255},
    {"Last-Event-ID": "9" * 5_000},
    {"Range": "bytes=5-1,,-"},
    {"If-None-Match": "*", "If-Modified-Since": "yesterday"},
    {"Accept": "text/\xe9"},
    {"Content-Encoding": "gzip"},
)


async def failures(client: httpx.AsyncClient, some_id: str) -> list[str]:
    """Return what a service answered that is its own failure, or no problem with a reason."""
    document = (await client.get("/openapi.json")).json()
    places = asyncio.Semaphore(AT_ONCE)

    async def failure(request: httpx.Request) -> str | None:
        request.url = client.base_url.copy_with(raw_path=request.url.raw_path)
        async with places:
            answer = await client.send(request)
        told = answer.headers.get("Content-Type") == "application/problem+json"
        if answer.status_code < 500 and (told or answer.is_success or not answer.content):
            return None
        sent = f"{request.method} {request.url} {request.headers} {request.content!r}"
        return f"{answer.status_code} {answer.text[:300]} to {sent[:1_000]}"

    asked = [failure(request) for request in odd_requests(document, some_id)]
    return [found for found in await asyncio.gather(*asked) if found is not None]


def odd_requests(document: Mapping[str, Any], some_id: str) -> Iterator[httpx.Request]:
    """Yield requests to all that the document describes; ``some_id`` may exist."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from _of(path, method.upper(), operation, document, some_id)


def _of(
    path: str,
    method: str,
    operation: Mapping[str, Any],
    document: Mapping[str, Any],
    some_id: str,
) -> Iterator[httpx.Request]:
    sent = {} if method in {"GET", "DELETE"} else {"headers": JSON, "content": b"{}"}
    places = {
        place: [each["name"] for each in operation.get("parameters", []) if each["in"] == place]
        for place in ("path", "query")
    }
    known = path
    for name in places["path"]:
        known = known.replace(f"{{{name}}}", some_id)
    for text in (*(quote(text, safe="") for text in TEXTS), *RAW_TEXTS):
        for name in places["path"]:
            odd = known if name not in path else path.replace(f"{{{name}}}", text)
            for other in places["path"]:
                odd = odd.replace(f"{{{other}}}", some_id)
            yield _request(method, odd, **sent)
        for name in places["query"]:
            yield _request(method, f"{known}?{name}={text}", **sent)
    for headers in HEADERS:
        yield _request(method, known, **{**sent, "headers": {**sent.get("headers", {}), **headers}})
    yield _request("HEAD" if method == "GET" else method, known, **sent)
    if "requestBody" in operation:
        yield from _bodies(method, known, operation["requestBody"], document, some_id)


def _bodies(
    method: str,
    path: str,
    described: Mapping[str, Any],
    document: Mapping[str, Any],
    some_id: str,
) -> Iterator[httpx.Request]:
    for media_type in described["content"]:
        for body in BODIES:
            yield _request(method, path, content=body, headers={"Content-Type": media_type})
    schema = described["content"].get("application/json", {}).get("schema", {})
    model = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
    for name in model.get("properties", ()):
        for value in VALUES:
            yield _request(method, path, content=_with(model, name, value, some_id), headers=JSON)


def _with(model: Mapping[str, Any], name: str, value: bytes, some_id: str) -> bytes:
    """Return a body with the required fields in some plausible way, and one odd one."""
    fields = {
        required: _plausible(required, some_id)
        for required in model.get("required", ())
        if required != name
    }
    fields[name] = value
    return b"{" + b",".join(b'"%b":%b' % (key.encode(), fields[key]) for key in fields) + b"}"


def _plausible(name: str, some_id: str) -> bytes:
    if name.endswith("_on") or name in {"since", "until"}:
        return b'"2026-01-02"'
    if name.endswith("_at"):
        return b'"2026-01-02T10:00:00Z"'
    plain = {"agency_id": "local", "party": "user", "level": "process", "outcome": "rejected"}
    if name in {"weights", "voters", "changes"}:
        return b"{}"
    if name == "employed":
        return b"true"
    return f'"{plain.get(name, some_id)}"'.encode()


def _request(method: str, path: str, **sent: Any) -> httpx.Request:
    url = httpx.URL("http://localhost").copy_with(raw_path=path.encode())
    headers = {key: value.encode("latin-1") for key, value in sent.pop("headers", {}).items()}
    return httpx.Request(method, url, headers=headers, **sent)
