"""Streams: how many clients one process holds, and how soon each of them has what changed.

    python -m benchmarks.streams [--clients 10000] [--services 20] [--seconds 60] [--bytes 1000]
        [--loaders 2] [--json FILE]

The shipped gateway (``Latest``, ``EventStream``, the server and its settings) in a process of its
own; every service changes once a second, and every client follows one. What is timed is each frame,
from the moment the gateway is given the change until the client has read it; ``delivered`` is the
share of the frames that every client's every second asks for, which is less than 1 where one was
overtaken by the next. Memory is told before anybody came, with everybody in, and at the end. The
clients run in processes of their own on the same cores, which is part of what is measured: say so
when quoting.
"""

import argparse
import asyncio
import json
import multiprocessing
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from services.insights.gateway.stream import EventStream, StreamGauges
from services.insights.release.hub import Latest
from services.insights.release.snapshot import Snapshot, Version
from shared.http.file_limits import room_for
from shared.http.server import serve
from tests.support.deployment import free_port_base

GIVEN = re.compile(rb'"given":(\d+)')
OPENING_AT_ONCE = 200
OPENING_SECONDS_MAX = 120
SETTLING_SECONDS = 3
MARKS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
GOAL_P99_MS = 500


def gateway(port: int, clients: int, services: int, size: int) -> None:
    latest = Latest("bench")

    async def resolve(name: str) -> str:
        return name

    @asynccontextmanager
    async def changing(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_change(latest, services, size))
        yield
        task.cancel()

    stream = EventStream(
        latest, resolve, StreamGauges(CollectorRegistry()), clients_max=room_for(clients)
    )

    async def leaving() -> None:
        await stream.close()

    app = FastAPI(lifespan=changing)
    app.router.routes.append(Route("/v1/stream", stream))
    serve(app, "127.0.0.1", port, leaving, connections=clients + 100)


async def _change(latest: Latest, services: int, size: int) -> None:
    """Change each service once a second, one after the other, by the clock."""
    number, begun = 0, time.monotonic()
    while True:
        service = f"service-{number % services}"
        given = b'{"given":%d,"rest":"' % time.monotonic_ns()
        body = given + b"x" * (size - len(given) - 2) + b'"}'
        named = {"service_id": service, "local_id": None, "name": service}
        latest.offer(Snapshot(named, Version(1, 1, number, 1, 0), "bench", body, body))
        number += 1
        await asyncio.sleep(begun + number / services - time.monotonic())


class Client(asyncio.Protocol):
    def __init__(self, request: bytes, waits: list[float], lost: list[int]) -> None:
        self._request, self._waits, self._lost = request, waits, lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        for given in GIVEN.findall(data):
            self._waits.append((now - int(given)) / 1e9)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._lost.append(1)


def source(number: int) -> tuple[str, int] | None:
    """Return the address that a loader connects from: each has some 28,000 ports of its own."""
    return (f"127.0.0.{number + 2}", 0) if sys.platform == "linux" else None


def loader(port: int, numbers: range, services: int, told: "Connection[Any, Any]") -> None:
    room_for(len(numbers))
    asyncio.run(_load(port, numbers, services, told))


async def _load(port: int, numbers: range, services: int, told: "Connection[Any, Any]") -> None:
    waits: list[float] = []
    lost: list[int] = []
    loop = asyncio.get_running_loop()

    async def connect(number: int) -> Any:
        request = f"GET /v1/stream?service=service-{number % services} HTTP/1.1\r\nHost: x\r\n\r\n"
        made = await loop.create_connection(
            lambda: Client(request.encode(), waits, lost),
            "127.0.0.1",
            port,
            local_addr=source(numbers.start),
        )
        return made[0]

    clients = []
    for start in range(0, len(numbers), OPENING_AT_ONCE):
        some = numbers[start : start + OPENING_AT_ONCE]
        clients += await asyncio.gather(*map(connect, some))
    told.send("open")
    await asyncio.to_thread(told.recv)
    waits.clear()
    await asyncio.to_thread(told.recv)
    told.send((list(waits), len(lost)))
    for client in clients:
        client.abort()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clients", type=int, default=10_000)
    arguments.add_argument("--services", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--bytes", type=int, default=1_000)
    arguments.add_argument("--loaders", type=int, default=2)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    spawn, port = multiprocessing.get_context("spawn"), free_port_base() + 1
    given = (port, asked.clients, asked.services, asked.bytes)
    server = spawn.Process(target=gateway, args=given, daemon=True)
    server.start()
    try:
        found = measured(asked, spawn, port, psutil.Process(server.pid))
    finally:
        server.terminate()
        server.join(15)
    print(json.dumps(found))
    print(f"goal: {asked.clients} clients, a change a second each, p99 <= {GOAL_P99_MS} ms")
    if asked.json:
        asked.json.write_text(json.dumps(found))


def measured(
    asked: argparse.Namespace, spawn: Any, port: int, server: psutil.Process
) -> dict[str, Any]:
    _await(port)
    empty = memory(server)
    pipes = []
    for number in range(asked.loaders):
        here, there = multiprocessing.Pipe()
        numbers = range(number, asked.clients, asked.loaders)
        spawn.Process(
            target=loader, args=(port, numbers, asked.services, there), daemon=True
        ).start()
        pipes.append(here)
    for pipe in pipes:
        assert pipe.poll(OPENING_SECONDS_MAX), "the clients did not come in"
        pipe.recv()
    time.sleep(SETTLING_SECONDS)
    cpu, begun = server.cpu_times(), time.monotonic()
    for pipe in pipes:
        pipe.send("begin")
    held = _watched(server, asked.seconds)
    seconds, after = time.monotonic() - begun, server.cpu_times()
    for pipe in pipes:
        pipe.send("end")
    waits: list[float] = []
    lost = 0
    for pipe in pipes:
        some, gone = pipe.recv()
        waits += some
        lost += gone
    waits.sort()
    used = after.user + after.system - cpu.user - cpu.system
    return {
        "clients": asked.clients,
        "lost": lost,
        "frames_per_second": round(len(waits) / seconds),
        "delivered": round(len(waits) / seconds / asked.clients, 3),
        **{name: round(waits[int(len(waits) * at)] * 1000, 1) for name, at in MARKS.items()},
        "server_cpu_share": round(used / seconds, 2),
        "server_mb": {"empty": empty, "begun": held[0], "most": max(held), "ended": held[-1]},
        "kb_per_client": round((held[0] - empty) * 1024 / asked.clients, 1),
    }


def memory(process: psutil.Process) -> float:
    return round(process.memory_info().rss / 2**20, 1)


def _watched(server: psutil.Process, seconds: float) -> list[float]:
    """Return the server's memory, second by second."""
    held, ends = [memory(server)], time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        time.sleep(min(1, left))
        held.append(memory(server))
    return held


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "the gateway did not start"
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
