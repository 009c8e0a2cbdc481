"""Failpoints do nothing unless armed, happen once, where they were armed, never in production."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runtime import failpoint
from shared.runtime.settings import ServiceSettings

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoint.arm("")


async def test_a_place_that_is_not_armed_is_passed() -> None:
    failpoint.arm("relay.publishing=error")

    await failpoint.reach("relay.acknowledged")


async def test_an_error_happens_at_the_time_it_was_armed_for_and_once() -> None:
    failpoint.arm("relay.publishing=error@3")

    failures = []
    for time_reached in range(1, 6):
        try:
            await failpoint.reach("relay.publishing")
        except failpoint.Injected:
            failures.append(time_reached)

    assert failures == [3]


async def test_a_pause_lets_others_go_on() -> None:
    failpoint.arm("consumer.committing=pause:0.05, consumer.committed=error")
    begun = time.monotonic()

    paused = asyncio.create_task(failpoint.reach("consumer.committing"))
    with pytest.raises(failpoint.Injected):
        await failpoint.reach("consumer.committed")
    await paused

    assert time.monotonic() - begun >= 0.05


def test_a_kill_leaves_no_time_for_anything() -> None:
    program = (
        "import asyncio; from shared.runtime import failpoint\n"
        "failpoint.arm('command.committed=kill@2')\n"
        "for n in (1, 2):\n"
        "    asyncio.run(failpoint.reach('command.committed')); print(n, flush=True)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"1\n")


@pytest.mark.parametrize(
    "text", ["relay.acknowleged=kill", "relay.acknowledged", "relay.acknowledged=explode@1"]
)
def test_what_would_never_happen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        failpoint.arm(text)


@pytest.mark.parametrize("service", ["registry", "exchange", "insights"])
def test_a_service_in_production_does_not_start_with_failpoints(service: str) -> None:
    ended = _started(service, COPROD_PRODUCTION="true", COPROD_FAILPOINTS="relay.publishing=kill")

    assert ended.returncode != 0
    assert b"COPROD_FAILPOINTS" in ended.stderr


def test_a_service_says_which_failpoint_it_does_not_know() -> None:
    ended = _started("registry", COPROD_FAILPOINTS="relay.nowhere=kill")

    assert ended.returncode != 0
    assert b"relay.nowhere" in ended.stderr


def test_the_image_is_for_production() -> None:
    runtime = (ROOT / "deploy" / "Dockerfile").read_text().rpartition("FROM ")[2]

    assert "COPROD_PRODUCTION=true" in runtime
    assert ServiceSettings(database_url="", log_url="").production is False


def _started(service: str, **settings: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        capture_output=True,
        check=False,
        timeout=60,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COPROD_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "COPROD_LOG": "embedded",
            "COPROD_LOG_URL": "postgresql://nobody@127.0.0.1:1/none",
            **settings,
        },
    )
