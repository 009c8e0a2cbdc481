"""One connection of HTTP/1.1: whatever a client leaves unfinished comes to an end."""

import asyncio
from typing import Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from shared.http import problems

HEAD_BYTES_MAX = 65_536


class HeadTooLarge(Exception):
    """Raised inside the parser, which then stops."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds: a head has 64 KiB, and each part of a request its time.

    The server calls ``sweep`` once a second. An answer may take as long as it takes (a stream
    never ends), but not while the client reads nothing of it. Where there are more connections
    than ``limit_concurrency``, those that have sent no whole request for longest are cut, so that
    silent ones keep nobody out; where all of them are being answered, a new one is told 503.
    """

    head_seconds = 10.0
    request_seconds = 30.0
    unread_seconds = 30.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._connections_max = config.limit_concurrency
        self.limit_concurrency = None  # uvicorn's own use counts silent connections against others
        self._in_head = True
        self._unfinished_bytes = 0  # that ended neither a head nor a piece of a body
        self._awaited_since: float | None = self.loop.time()  # None: a whole request is here
        self._unread_bytes = 0
        self._read_at = self.loop.time()
        self._fault: problems.Problem | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._full():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        self._unfinished_bytes += len(data)
        if self._awaited_since is None:
            self._awaited_since = self.loop.time()
        super().data_received(data)
        if self._unfinished_bytes > HEAD_BYTES_MAX:
            self._end(TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._awaited_since = self.loop.time()

    def on_headers_complete(self) -> None:
        if self._unfinished_bytes > HEAD_BYTES_MAX and self._head_bytes() > HEAD_BYTES_MAX:
            self._fault = TOO_LARGE
            raise HeadTooLarge
        self.scope["headers"] = list(self.headers)  # what comes after a body is no header
        self.app = _too_many if self._full() else self.config.loaded_app
        super().on_headers_complete()
        self._in_head = False
        self._unfinished_bytes = 0

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True
        self._unfinished_bytes = 0
        self._awaited_since = self.loop.time() if self.cycle.response_complete else None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._awaited_since is not None or self.cycle.response_complete:
            self._awaited_since = self.loop.time()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's one sentence
        self._end(self._fault or MALFORMED)

    def sweep(self, now: float) -> None:
        """End the connection if its client has kept it waiting for too long."""
        allowed = self.head_seconds if self._in_head else self.request_seconds
        since = self.waiting_since()
        if self._unread_for(now) > self.unread_seconds:
            self.transport.abort()
        elif since is not None and now - since > allowed:
            self._end(TOO_SLOW)

    def waiting_since(self) -> float | None:
        """Return since when it is the client's turn; None while it is ours."""
        # a next request may come in while the one before is being answered
        behind = self._in_head and self.cycle is not None and not self.cycle.response_complete
        return None if self.pipeline or behind else self._awaited_since

    def _end(self, found: problems.Problem) -> None:
        """Close, and say why, unless an earlier request is still being answered."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        begun = not self._in_head or self._unfinished_bytes > 0
        answered = not self._in_head and self.cycle.response_started
        if begun and not answered and self.waiting_since() is not None:
            self.transport.write(self._answer(found))
        self.transport.close()

    def _answer(self, found: problems.Problem) -> bytes:
        body = found.model_dump_json(exclude_none=True).encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", problems.MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return STATUS_LINE[found.status] + lines + b"\r\n" + body

    def _unread_for(self, now: float) -> float:
        size = self.transport.get_write_buffer_size()
        if size == 0 or size < self._unread_bytes:
            self._read_at = now
        self._unread_bytes = size
        return now - self._read_at

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _full(self) -> bool:
        return self._connections_max is not None and len(self.connections) > self._connections_max

    def _make_room(self) -> None:
        """Cut the tenth that has waited longest: one at a time would look at all for each."""
        others = cast("set[GuardedProtocol]", self.connections) - {self}
        since = {other: at for other in others if (at := other.waiting_since()) is not None}
        for other in sorted(since, key=since.__getitem__)[: len(since) // 10 + 1]:
            self.connections.discard(other)
            other.transport.abort()


async def _too_many(scope: Scope, receive: Receive, send: Send) -> None:
    await problems.response(TOO_MANY, {"Connection": "close"})(scope, receive, send)


MALFORMED = problems.problem(
    400,
    "malformed_request",
    "This is not HTTP that can be understood.",
    remedy="Send HTTP/1.1, as any client library writes it.",
)
TOO_LARGE = problems.problem(
    431,
    "head_too_large",
    f"The head of the request has more than {HEAD_BYTES_MAX} bytes.",
    remedy="Send a shorter address, and fewer or shorter headers.",
)
TOO_SLOW = problems.problem(
    408,
    "request_too_slow",
    "The request did not arrive whole in time, so nothing was done.",
    remedy="Send it again, whole: its head within "
    f"{GuardedProtocol.head_seconds:.0f} s, all of it within "
    f"{GuardedProtocol.request_seconds:.0f} s.",
)
TOO_MANY = problems.problem(
    503,
    "too_many_connections",
    "This process has as many connections as it may.",
    remedy="Try again shortly; the operator can raise COPROD_CONNECTIONS_MAX.",
)
