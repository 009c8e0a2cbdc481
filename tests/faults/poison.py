"""Every kind of record that a consumer can't take, and what is to become of each."""

import base64
from collections.abc import Sequence
from typing import Any

import httpx
from msgspec.structs import replace

from shared.contracts.envelope import headers
from shared.log.port import TopicPartition
from tests.faults.intruder import Raw
from tests.faults.world import World
from tests.support.stream import event

LARGE_BYTES = 10 * 1024**2
CONSUMERS = {"exchange": ("registry",), "insights": ("registry", "exchange")}


def without_position(at: TopicPartition, deployment: str) -> dict[str, Raw]:
    """Kind -> a record that uses up no position, because none can be read or it is not ours."""
    sound = event(1, at)
    ours = [
        (name.encode(), value) for name, value in headers(replace(sound, deployment=deployment))
    ]

    def with_header(name: bytes, value: bytes | None) -> Raw:
        return Raw(b"k", b"{}", [(n, value if n == name else v) for n, v in ours])

    return {
        "no headers at all": Raw(b"k", b"junk"),
        "no key and no value": Raw(None, None),
        "no value": Raw(b"k", None, [(b"ce_id", b"1")]),
        "a null header value": with_header(b"ce_id", None),
        "a header value that is not UTF-8": with_header(b"ce_subject", b"\xff\xfe\x00"),
        "a header name that is not UTF-8": Raw(b"k", b"{}", [(b"\xff\xfe_id", b"1")]),
        "a position that is no number": with_header(b"ce_position", b"seven"),
        "a position before the first": with_header(b"ce_position", b"0"),
        "a time that is none": with_header(b"ce_time", b"yesterday"),
        "a header that stands twice": Raw(b"k", b"{}", [*ours, (b"ce_id", b"2")]),
        "an event of another deployment": Raw(
            b"k",
            b"{}",
            [(n.encode(), v) for n, v in headers(replace(sound, deployment="somebody else's"))],
        ),
        "ten megabytes": Raw(b"k", b"x" * LARGE_BYTES, [(b"ce_id", b"1")]),
    }


async def held(w: World, service: str) -> list[dict[str, Any]]:
    """Return what the service has in quarantine, without the records themselves."""
    async with httpx.AsyncClient(base_url=w.urls[service], timeout=30, trust_env=False) as http:
        entries: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"status": "held", "limit": "200", **({"cursor": cursor} if cursor else {})}
            page = (await http.get("/v1/quarantine", params=query)).raise_for_status().json()
            entries += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return entries


async def content(w: World, service: str, number: int) -> tuple[bytes, bytes | None]:
    """Return key and value of a record as they are kept; a log may know no null key."""
    async with httpx.AsyncClient(base_url=w.urls[service], timeout=60, trust_env=False) as http:
        entry = (await http.get(f"/v1/quarantine/{number}")).raise_for_status().json()
    key, value = (entry[name] for name in ("key_base64", "value_base64"))
    return base64.b64decode(key or ""), None if value is None else base64.b64decode(value)


async def settle(w: World, service: str, action: str, numbers: Sequence[int]) -> list[int]:
    """Retry or discard these, as ``coprod quarantine`` does; return the status of each answer."""
    async with httpx.AsyncClient(base_url=w.urls[service], timeout=30, trust_env=False) as http:
        return [
            (await http.post(f"/v1/quarantine/{number}/{action}", json={})).status_code
            for number in numbers
        ]
