"""A real deployment, run by ``coprod up`` on ports and in a directory of its own."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 60.0


def free_port_base() -> int:
    """Return N such that N+1 to N+4 are free now, below the ports that connections are given."""
    while True:
        base = random.randrange(10_000, 32_000)
        if all(_free(base + offset) for offset in (1, 2, 3, 4)):
            return base


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def environment(**changes: str) -> dict[str, str]:
    """Return ours without the variables that would lead a command to another deployment."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("COPROD_")}
    kept = {key: os.environ[key] for key in ("COPROD_KAFKA_HOME",) if key in os.environ}
    return {**inherited, **kept, **changes}


class Up:
    """One run of ``coprod up``. ``ready`` is its machine-readable line."""

    def __init__(self, data: Path, port_base: int, *arguments: str) -> None:
        self.data, self.port_base = data, port_base
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tools", "up", "--data", str(data)),
                *("--port-base", str(port_base), *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self._said: list[str] = []
        self._lines: list[str] = []
        self._listeners = [
            threading.Thread(target=self._listen, args=(stream, heard), daemon=True)
            for stream, heard in (
                (self.process.stdout, self._lines),
                (self.process.stderr, self._said),
            )
        ]
        for listener in self._listeners:
            listener.start()

    @property
    def said(self) -> str:
        return "".join(self._said)

    @property
    def lines(self) -> Sequence[str]:
        return tuple(self._lines)

    @property
    def ready(self) -> dict[str, Any]:
        """The ready line, waited for."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self._lines:
            assert self.process.poll() is None, f"up ended before it was ready:\n{self.said}"
            assert time.monotonic() < deadline, f"not ready in time:\n{self.said}"
            time.sleep(0.02)
        line: dict[str, Any] = json.loads(self._lines[0])
        return line

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "deployment.json").read_text())
        return found

    def pid(self, name: str) -> int:
        """Return the process that now runs the service."""
        return int(self.record()["processes"][name]["pid"])

    def answers(self, service: str) -> bool:
        try:
            answer = httpx.get(f"{self.ready[service]}/readyz", timeout=2, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.is_success

    def coprod(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tools", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            env=environment(COPROD_DATA=str(self.data)),
        )

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(STOP_SECONDS_MAX)
        for listener in self._listeners:
            listener.join(5)
        return code

    def _listen(self, stream: Any, heard: list[str]) -> None:
        with stream:
            for line in stream:
                heard.append(line)  # noqa: PERF402 - a line at a time, others are reading along


@contextmanager
def up(data: Path, port_base: int, *arguments: str) -> Iterator[Up]:
    """Run a deployment for the length of the block; it is stopped cleanly, or else for certain."""
    running = Up(data, port_base, *arguments)
    try:
        yield running
    finally:
        left = running.children()
        if running.process.poll() is None:
            running.stop()
        for process in left:
            if process.is_running():
                process.kill()
