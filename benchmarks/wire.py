"""Wire: a client of one server that costs its machine little, so that the server is measured."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson

Connection: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
IDLE_SECONDS_MAX = 3.0  # servers close what is idle for five


class Refused(Exception):
    """The server answered, and not with success."""


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """``headers``: lower-case name -> value."""

    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(slots=True)
class Wire:
    """Keeps as many connections as there were requests at a time, each with one at a time."""

    url: str
    _idle: list[tuple[float, Connection]] = field(default_factory=list)

    async def post(self, path: str, body: object) -> WireAnswer:
        """Return the answer.

        Raises:
            Refused: its status is none of success.
        """
        address = urlsplit(self.url)
        reader, writer = self._kept() or await asyncio.open_connection(
            address.hostname, address.port
        )
        sent = orjson.dumps(body)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(sent)}\r\n\r\n".encode()
            + sent
        )
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, found, value in (line.partition(":") for line in lines)
            if found
        }
        answered = WireAnswer(headers, await reader.readexactly(int(headers["content-length"])))
        self._idle.append((time.monotonic(), (reader, writer)))
        if not head.startswith("HTTP/1.1 2"):
            raise Refused(f"{path}: {head}: {answered.body.decode()}")
        return answered

    async def close(self) -> None:
        for _, (_, writer) in self._idle:
            writer.close()
        self._idle.clear()

    def _kept(self) -> Connection | None:
        """Return the connection used last, unless the server may be closing it for its idleness."""
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS_MAX:
                return connection
            connection[1].close()
        return None
