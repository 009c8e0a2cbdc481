"""A command is carried out whole or not at all, and only as plain JSON."""

import asyncio
import gzip
from urllib.parse import urlsplit

import httpx
import pytest

from tests.shared.http.sample import Sample

LINE = (
    b'{"specversion":"1.0","id":"%d","source":"/agencies/a/systems/b",'
    b'"type":"org.coprod.sample.name","data":{"name":"n"}}\n'
)
LINES = b"".join(LINE % number for number in range(100))
BULK = b"POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
CUT = LINES[: len(LINES) * 2 // 5]
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: %d\r\n\r\n%b" % (len(LINES), CUT),
        b"Content-Length: %d\r\n\r\n" % len(LINES),
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(CUT), CUT),
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(LINES), CUT),
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n" % (len(CUT), CUT),
    ],
    ids=["shorter than said", "only announced", "no last chunk", "half a chunk", "no last line"],
)
async def test_a_request_that_did_not_arrive_whole_does_nothing(
    url: str, sample: Sample, sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(BULK + sent)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    async with httpx.AsyncClient(trust_env=False) as http:
        counted = (await http.get(f"{url}/metrics")).text

    assert answer == b""
    assert sample.batches == []
    assert 'status="499"' in counted


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "GZIP"])
async def test_a_compressed_body_is_not_read_as_something_else(
    http: httpx.AsyncClient, sample: Sample, encoding: str
) -> None:
    headers = {**JSON, "Content-Encoding": encoding}

    answer = await http.post("/v1/names", content=gzip.compress(b'{"name": "a"}'), headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (415, "unsupported_encoding")
    assert sample.batches == []


@pytest.mark.parametrize(
    ("media_type", "body", "expected"),
    [
        ("text/plain", b'{"name": "a"}', (415, "unsupported_media_type")),
        ("application/x-www-form-urlencoded", b"name=a", (415, "unsupported_media_type")),
        ("multipart/form-data; boundary=x", b"--x--", (415, "unsupported_media_type")),
        ("", b"", (415, "unsupported_media_type")),
        ("application/json", b"", (400, "body_missing")),
        ("Application/JSON; charset=utf-8", b'{"name": "a"}', (201, None)),
    ],
)
async def test_only_json_is_a_command(
    http: httpx.AsyncClient, media_type: str, body: bytes, expected: tuple[int, str | None]
) -> None:
    headers = {"Content-Type": media_type} if media_type else {}

    answer = await http.post("/v1/names", content=body, headers=headers)

    assert (answer.status_code, answer.json().get("reason")) == expected
