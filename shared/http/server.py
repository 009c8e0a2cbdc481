"""Serves one application until it is told to stop, and then lets running requests finish."""

import asyncio
import gc
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from shared.http.file_limits import room_for
from shared.http.protocol import GuardedProtocol

GRACE_SECONDS = 10
CONNECTIONS_MAX = 2_000
ACCEPTED_AT_ONCE = 16  # before any of them can be counted; each of them takes a file
QUEUE_MAX = 2_048  # of connections that the kernel holds until they are accepted
SWEEP_TICKS = 10  # of uvicorn's main loop: once a second
REMINDER_SECONDS = 60.0
GARBAGE_THRESHOLDS = (100_000, 20, 50)
log = structlog.get_logger(__name__)


async def _nothing() -> None:
    """Nobody has to be told."""


class Server(uvicorn.Server):
    """``leaving`` ends what would never end by itself, before running requests are waited for."""

    def __init__(
        self, config: uvicorn.Config, leaving: Callable[[], Awaitable[None]] = _nothing
    ) -> None:
        super().__init__(config)
        self._leaving = leaving
        self._round: list[GuardedProtocol] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(LoopFailures())
        await super().startup(sockets)
        # asyncio has one number for how many are accepted at once and how many may wait
        for listener in (each for server in self.servers for each in server.sockets):
            with listener.dup() as same:
                same.listen(QUEUE_MAX)

    async def on_tick(self, counter: int) -> bool:
        # each once a second, but not all at once: there may be ten thousand
        part, now = counter % SWEEP_TICKS, asyncio.get_running_loop().time()
        if part == 0:
            self._round = list(cast("set[GuardedProtocol]", self.server_state.connections))
        for connection in self._round[part::SWEEP_TICKS]:
            connection.sweep(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._leaving()
        await super().shutdown(sockets)


class LoopFailures:
    """Handles what asyncio reports: that files ran out is said once a minute, not each time.

    asyncio tries again every second, and reports each failure with a traceback.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = float("-inf")
        self._times = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") != "socket.accept() out of system resources":
            loop.default_exception_handler(context)
            return
        self._times += 1
        if self._clock() - self._told_at < REMINDER_SECONDS:
            return
        log.error(
            "connections_not_accepted",
            failure=str(context.get("exception")),
            times=self._times,
            remedy="raise the hard limit of open files (ulimit -Hn)",
        )
        self._told_at, self._times = self._clock(), 0


def serve(
    app: ASGIApp,
    host: str,
    port: int,
    leaving: Callable[[], Awaitable[None]] = _nothing,
    connections: int = CONNECTIONS_MAX,
) -> None:
    """Block until SIGINT or SIGTERM; logs go where ``shared.runtime.telemetry`` sends them."""
    collect_rarely()
    Server(configured(app, room_for(connections), host=host, port=port), leaving).run()


def configured(
    app: ASGIApp, connections: int, *, host: str = "127.0.0.1", port: int = 0
) -> uvicorn.Config:
    """Return how every service is served, with so many connections at a time."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=GuardedProtocol,
        ws="none",
        loop="asyncio",  # a Kafka client on uvloop loses connections silently
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=ACCEPTED_AT_ONCE,
        limit_concurrency=connections,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def collect_rarely() -> None:
    """Spare the collector what was imported, and the many short-lived objects of a batch.

    With Python's own thresholds it takes a quarter of the time of a service under load, and finds
    next to nothing: what a request leaves behind is freed by reference counts.
    """
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
