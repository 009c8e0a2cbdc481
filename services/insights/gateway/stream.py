"""The live stream: ``GET /v1/stream?service=…`` as server-sent events, on bare ASGI.

Each service's first event is ``snapshot``, every later one ``change``; both carry the whole record,
or with ``view=glance`` the verdicts alone. A ``heartbeat`` says that nothing was new for
``HEARTBEAT_SECONDS``: whoever hears nothing at all for twice as long has lost the stream. Nobody
waits for a slow client: per client and service only the newest snapshot waits, and who takes
nothing for ``PATIENCE_SECONDS`` is let go.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import parse_qsl

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.types import Receive, Scope, Send

from services.insights.release.hub import Follower, Latest, View
from shared.http.problems import HttpRefusal, problem, response

HEARTBEAT_SECONDS = 15.0
PATIENCE_SECONDS = 20.0
RETRY_MILLISECONDS = 1000
HEARTBEAT = b"event: heartbeat\ndata: {}\n\n"
AT_ONCE_BYTES = 65_536  # that wait for one client go out together
SERVICES_MAX = 200
VIEWS: dict[str, View] = {"full": "full", "glance": "glance"}
HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"coprod-release", b"exact; not-for-publication"),
)
log = structlog.get_logger(__name__)


class StreamGauges:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.clients = Gauge("coprod_sse_clients", "Clients of the live stream", registry=registry)
        self.sent = Counter("coprod_sse_events", "Events sent to clients", registry=registry)
        self.dropped = Counter(
            "coprod_sse_dropped", "Clients let go for reading too slowly", registry=registry
        )


class EventStream:
    """``resolve`` turns a service's name, its id or an agency's own, into its id, or refuses."""

    def __init__(
        self,
        latest: Latest,
        resolve: Callable[[str], Awaitable[str]],
        gauges: StreamGauges,
        *,
        clients_max: int,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._latest = latest
        self._resolve = resolve
        self._gauges = gauges
        self._clients_max = clients_max
        self._heartbeat_seconds = heartbeat_seconds
        self._patience_seconds = patience_seconds
        self._clients: set[asyncio.Task[None]] = set()
        self._closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            services, view = await self._asked(scope)
        except HttpRefusal as refusal:
            await response(refusal.problem)(scope, receive, send)
            return
        if self._closing or len(self._clients) >= self._clients_max:
            await response(_FULL)(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            await send(_started())
            await send({"type": "http.response.body", "body": b""})
            return
        last = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1")
        with self._latest.follow(services, last) as follower:
            await self._serve(follower, view, receive, send)

    async def close(self) -> None:
        """Let every client go; they come back by themselves, to whoever serves then."""
        self._closing = True
        for task in list(self._clients):
            task.cancel()

    async def _serve(self, follower: Follower, view: View, receive: Receive, send: Send) -> None:
        writing = asyncio.create_task(self._write(follower, view, send))
        leaving = asyncio.create_task(_left(receive))
        self._clients.add(writing)
        self._gauges.clients.set(len(self._clients))
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, leaving):
                task.cancel()
            outcomes = await asyncio.gather(writing, leaving, return_exceptions=True)
            self._clients.discard(writing)
            self._gauges.clients.set(len(self._clients))
        if isinstance(outcomes[0], TimeoutError):
            self._gauges.dropped.inc()
            log.info("slow_client_dropped", patience_seconds=self._patience_seconds)
        elif self._closing:
            # a response that simply stops would be logged as the application's fault
            with suppress(OSError, TimeoutError):
                await self._send(send, {"type": "http.response.body", "body": b""})

    async def _write(self, follower: Follower, view: View, send: Send) -> None:
        await self._send(send, _started())
        await self._chunk(send, f"retry: {RETRY_MILLISECONDS}\n".encode())
        while True:
            frames = _waiting(follower, view)
            if frames:
                await self._chunk(send, frames[0] if len(frames) == 1 else b"".join(frames))
                self._gauges.sent.inc(len(frames))
            elif not await follower.wait(self._heartbeat_seconds):
                await self._chunk(send, HEARTBEAT)

    async def _chunk(self, send: Send, body: bytes) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": True})

    async def _send(self, send: Send, message: dict[str, object]) -> None:
        # the server holds this back for as long as the client's buffer is full
        async with asyncio.timeout(self._patience_seconds):
            await send(message)

    async def _asked(self, scope: Scope) -> tuple[frozenset[str] | None, View]:
        names: list[str] = []
        view = "full"
        for key, value in parse_qsl(
            scope["query_string"].decode("latin-1"), keep_blank_values=True
        ):
            match key:
                case "service":
                    names.append(value)
                case "view" if value in VIEWS:
                    view = value
                case _:
                    raise HttpRefusal(
                        422,
                        "invalid_request",
                        f"The stream does not know {key}={value[:40]}.",
                        remedy="Use service (repeatable) and view=full or view=glance.",
                    )
        if len(names) > SERVICES_MAX:
            raise HttpRefusal(
                422,
                "too_many_services",
                f"At most {SERVICES_MAX} services can be named.",
                remedy="Name none to follow all of them.",
            )
        services = [await self._resolve(name) for name in names]
        return frozenset(services) if services else None, VIEWS[view]


_FULL = problem(
    503,
    "stream_full",
    "This process serves as many streams as it may.",
    remedy="Try again shortly, or ask another replica.",
)


def _started() -> dict[str, object]:
    # whatever stands between adds headers of this one answer to the list
    return {"type": "http.response.start", "status": 200, "headers": [*HEADERS]}


def _waiting(follower: Follower, view: View) -> list[bytes]:
    """Take the next frames, up to ``AT_ONCE_BYTES`` and the one that goes beyond."""
    frames: list[bytes] = []
    size = 0
    while size < AT_ONCE_BYTES and (taken := follower.take()) is not None:
        kind, entry = taken
        frames.append(entry.frame(view, kind))
        size += len(frames[-1])
    return frames


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
