"""``coprod up`` as people use it: it starts, mends, refuses, goes on, starts afresh."""

import json
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.deployment import Up, free_port_base, up
from tools.terminal.failure import ExitCode

pytestmark = [pytest.mark.system, pytest.mark.postgres]

SERVICES = ("registry", "exchange", "insights")
BACK_SECONDS_MAX = 20.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Up]:
    with up(tmp_path / "data", free_port_base()) as deployment:
        assert deployment.ready["ready"] is True
        yield deployment


def until(condition: Callable[[], object], seconds: float = BACK_SECONDS_MAX) -> float:
    """Wait for the condition and return how many seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not so within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def register_agency(deployment: Up, agency: str) -> None:
    answer = httpx.post(
        f"{deployment.ready['registry']}/v1/agencies",
        json={"agency_id": agency, "name": agency.title()},
        headers={"Coprod-Agency": agency},
        trust_env=False,
    )
    answer.raise_for_status()


def agencies(deployment: Up) -> set[str]:
    answer = httpx.get(f"{deployment.ready['registry']}/v1/agencies", trust_env=False)
    answer.raise_for_status()
    return {item["agency_id"] for item in answer.json()["items"]}


def test_it_tells_where_everything_is_and_stops_without_a_trace(running: Up) -> None:
    children = running.children()

    status = running.coprod("status", "--json")
    assert status.returncode == ExitCode.OK, status.stderr
    state = json.loads(status.stdout)
    assert set(running.ready["pids"]) == {"supervisor", "postgres", *SERVICES}
    assert state["healthy"]
    assert set(state["processes"]) == set(running.ready["pids"])
    assert len(running.lines) == 1

    assert running.stop(signal.SIGINT) == ExitCode.OK
    assert children
    assert not any(process.is_running() for process in children)
    assert running.coprod("status").returncode == ExitCode.UNREACHABLE


def test_a_killed_service_is_back_and_nothing_is_lost(running: Up) -> None:
    for number, name in enumerate(SERVICES):
        register_agency(running, f"agency-{number}")
        killed = running.pid(name)
        psutil.Process(killed).kill()

        until(partial(_replaced, running, name, killed))
        until(partial(running.answers, name))

    waited = running.coprod("wait", "--timeout", "30")
    assert waited.returncode == ExitCode.OK, waited.stderr
    assert agencies(running) >= {"agency-0", "agency-1", "agency-2"}
    verified = running.coprod("verify")
    assert verified.returncode == ExitCode.OK, verified.stdout + verified.stderr


def _replaced(running: Up, name: str, killed: int) -> bool:
    now = running.record()["processes"].get(name)
    return now is not None and now["pid"] != killed


def test_a_killed_database_is_started_again(running: Up) -> None:
    psutil.Process(running.pid("postgres")).kill()

    until(lambda: all(running.answers(name) for name in SERVICES), 60)
    until(partial(_accepts, running), 60)

    assert "after" in agencies(running)


def _accepts(running: Up) -> bool:
    try:
        register_agency(running, "after")
    except httpx.HTTPError:
        return False
    return True


def test_a_second_one_on_the_same_directory_is_refused(running: Up) -> None:
    with up(running.data, free_port_base()) as second:
        assert second.ended() == ExitCode.PROBLEM
        assert str(running.process.pid) in second.said
        assert "coprod down" in second.said

    assert all(running.answers(name) for name in SERVICES)


def test_down_ends_it(running: Up) -> None:
    answer = running.coprod("down")

    assert answer.returncode == ExitCode.OK, answer.stderr
    assert running.ended() == ExitCode.OK
    assert running.coprod("down").returncode == ExitCode.OK


def test_after_a_kill_of_everything_the_next_one_goes_on(tmp_path: Path) -> None:
    data, base = tmp_path / "data", free_port_base()
    with up(data, base) as first:
        register_agency(first, "kept")
        left = first.children()
        first.process.kill()
        first.ended()

        with up(data, base) as second:
            assert "kept" in agencies(second)
            assert second.record()["deployment"]
            assert not any(process.is_running() for process in left)
            second.stop()

    with up(data, base, "--fresh") as third:
        assert agencies(third) == set()


def test_a_busy_port_says_what_to_do(tmp_path: Path) -> None:
    base = free_port_base()
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", base + 2))
        busy.listen()

        with up(tmp_path / "data", base) as refused:
            assert refused.ended() == ExitCode.PROBLEM

    assert str(base + 2) in refused.said
    assert "--port-base" in refused.said


@pytest.mark.parametrize("name", ["postgres", "registry"])
def test_stopping_in_the_middle_of_starting_leaves_nothing(tmp_path: Path, name: str) -> None:
    with up(tmp_path / "data", free_port_base()) as starting:
        log = tmp_path / "data" / "logs" / f"{name}.log"

        def begun() -> bool:
            assert starting.process.poll() is None, starting.said
            return log.exists()

        until(begun, 60)
        children = starting.children()

        assert starting.stop(signal.SIGINT) == ExitCode.OK

    assert not any(process.is_running() for process in children)
    assert starting.lines == ()


def test_what_it_keeps_is_its_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    data.chmod(0o755)

    with up(data, free_port_base()) as running:
        assert running.ready["ready"] is True
        register_agency(running, "a")
        out = tmp_path / "facts.parquet"
        assert running.coprod("facts", "export", "--out", str(out)).returncode == 0

        kept = [data, out, *(path for path in data.rglob("*") if "postgres" not in path.parts)]
        open_to_others = [path for path in kept if path.stat().st_mode & stat.S_IRWXO]
        # the group's bits of a folder with a list are its mask, not what the group may do
        open_to_group = [path for path in kept if path.is_file() and path.stat().st_mode & 0o070]
        assert (open_to_others, open_to_group) == ([], [])
