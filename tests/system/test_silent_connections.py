"""Connections that say nothing, or begin and never end, keep nobody else from being answered."""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.support.deployment import Up, environment, free_port_base, up

pytestmark = [pytest.mark.system, pytest.mark.postgres]

USUAL_FILES = 1_024
SILENT = 1_100
MEMORY_BYTES_MAX = 64 * 1_048_576
LOG_BYTES_MAX = 65_536
ANSWER_SECONDS_MAX = 1.0
ENDED_WITHIN_SECONDS = 20.0
BEGINNINGS = (
    b"",
    b"GET /v1/positions HT",
    b"POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nA: b\r\n",
)


@contextmanager
def usual_limits() -> Iterator[None]:
    """Begin what is begun here with the files that a login shell allows; have many ourselves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL_FILES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4 * SILENT), hard))


@contextmanager
def crowd(url: str) -> Iterator[list[socket.socket]]:
    """Hold many connections: some silent, some with the beginning of a request."""
    there = urlsplit(url)
    with ExitStack() as held:
        sockets = []
        for number in range(SILENT):
            one = socket.create_connection((str(there.hostname), there.port), timeout=5)
            held.callback(one.close)
            one.sendall(BEGINNINGS[number % len(BEGINNINGS)])
            sockets.append(one)
        yield sockets


def answered(url: str) -> None:
    began = time.monotonic()
    answer = httpx.get(url, trust_env=False, timeout=5)
    seconds = time.monotonic() - began
    assert answer.status_code == 200, answer.text
    assert seconds < ANSWER_SECONDS_MAX


def ended(sockets: list[socket.socket]) -> None:
    """Wait until the other side has ended every one of them."""
    deadline = time.monotonic() + ENDED_WITHIN_SECONDS
    for one in sockets:
        one.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            while one.recv(65_536):
                pass
        except ConnectionError:
            pass


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Up]:
    with ExitStack() as stack:
        with usual_limits():
            deployment = stack.enter_context(up(tmp_path / "data", free_port_base()))
            assert deployment.ready["ready"] is True
        yield deployment


@pytest.mark.parametrize("service", ["registry", "exchange", "insights"])
def test_others_are_answered_within_a_second(running: Up, service: str) -> None:
    url = running.ready[service]
    process = psutil.Process(running.pid(service))
    written = running.data / "logs" / f"{service}.log"
    before, said = process.memory_info().rss, written.stat().st_size

    with crowd(url) as sockets:
        for _ in range(5):
            answered(f"{url}/v1/positions")
        assert process.memory_info().rss - before < MEMORY_BYTES_MAX
        ended(sockets)

    answered(f"{url}/v1/positions")
    assert written.stat().st_size - said < LOG_BYTES_MAX


def test_where_no_more_files_may_be_had_the_silent_ones_give_way(tmp_path: Path) -> None:
    port = free_port_base() + 1
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    settings = environment(
        COPROD_DATABASE_URL=nowhere, COPROD_LOG_URL=nowhere, COPROD_PORT=str(port)
    )
    said = tmp_path / "exchange.log"
    with said.open("wb") as log, usual_limits():
        process = subprocess.Popen(
            ["sh", "-c", f"ulimit -n {USUAL_FILES}; exec {sys.executable} -m services.exchange"],
            env={**os.environ, **settings},
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}/healthz"
        _until_it_listens(url, process)

        with crowd(url):
            for _ in range(5):
                answered(url)
        answered(url)
    finally:
        process.terminate()
        process.wait(20)

    told = said.read_text()
    assert "connections_limited" in told
    assert "Traceback" not in told
    assert len(told) < LOG_BYTES_MAX


def _until_it_listens(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("it did not begin to listen")
