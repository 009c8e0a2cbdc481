"""The compose deployment for true: built, brought up, fed, restarted piece by piece, checked.

It uses whatever Docker engine answers. On stand-in base images this proves the wiring of the file
(images, environment, networks, health, volumes, secrets), not the official images themselves.
"""

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "docker-compose.yml"
MINUTES = 60
pytestmark = [pytest.mark.deploy, pytest.mark.timeout(25 * MINUTES)]


@dataclass(frozen=True)
class Compose:
    project: str
    environment: dict[str, str]

    def __call__(self, *arguments: str, timeout: int = 10 * MINUTES) -> str:
        done = subprocess.run(
            ["docker", "compose", "-p", self.project, "-f", str(FILE), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout

    def coprod(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run the command line of this checkout against the published ports."""
        done = subprocess.run(
            [sys.executable, "-m", "tools", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=5 * MINUTES,
            check=False,
        )
        assert done.returncode in codes, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    subprocess.run(["sh", str(ROOT / "deploy" / "make-secrets.sh")], check=True)
    ports = dict(zip(("REGISTRY", "EXCHANGE", "INSIGHTS"), _free_ports(3), strict=True))
    environment = {
        **os.environ,
        **{f"COPROD_{name}_PORT": str(port) for name, port in ports.items()},
        **{f"COPROD_{name}_URL": f"http://127.0.0.1:{port}" for name, port in ports.items()},
        "COPROD_IMAGE": "coprod:test",
    }
    project = Compose(f"coprod-test-{uuid.uuid4().hex[:8]}", environment)
    try:
        project("build", "--quiet", timeout=15 * MINUTES)
        project("up", "--detach", "--wait", "--wait-timeout", "240")
        yield project
    finally:
        logs = project("logs", "--no-color", "--tail", "60")
        print(logs[-20_000:])
        project("down", "--volumes", "--timeout", "30")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven neighbours who help each other over forty days: a time bank, so mutual aid."""
    path = tmp_path_factory.mktemp("import") / "timebank.csv"
    start = datetime.now(UTC).date() - timedelta(days=45)
    lines = [
        (
            "contribution_id,service_id,occurred_at,giver_id,giver_party,receiver_ids,"
            "receiver_party,minutes,phase,mode"
        )
    ]
    for number in range(42):
        giver, receiver = number % 7, (number + 1 + number // 7) % 7
        if giver == receiver:
            receiver = (receiver + 1) % 7
        day = (start + timedelta(days=number)).isoformat()
        lines.append(f"{number},timebank,{day},p{giver},user,p{receiver},user,60,deliver,act")
    path.write_text("\n".join(lines) + "\n")
    return path


def _verdict(compose: Compose) -> str:
    found = json.loads(compose.coprod("verdict", "timebank", "--json"))
    return str(found["class"])


def test_a_file_is_imported_and_classified(compose: Compose, file: Path) -> None:
    compose.coprod("import", "contributions", str(file), "--register-missing")
    compose.coprod("wait", "--timeout", "60")

    assert _verdict(compose) == "mutual_aid"


def test_verify_is_clean_inside_the_deployment(compose: Compose) -> None:
    compose("run", "--rm", "-T", "coprod", "verify")


@pytest.mark.parametrize("service", ["registry", "exchange", "insights", "kafka", "postgres"])
def test_a_restart_loses_nothing(compose: Compose, file: Path, service: str) -> None:
    compose("restart", "--timeout", "30", service)
    compose("up", "--detach", "--wait", "--wait-timeout", "180", "--no-recreate")
    again = json.loads(
        compose.coprod("import", "contributions", str(file), "--register-missing", "--json")
    )
    compose.coprod("wait", "--timeout", "60")

    assert again["recorded"] == again["corrected"] == 0
    assert _verdict(compose) == "mutual_aid"


def test_verify_is_still_clean(compose: Compose) -> None:
    compose("run", "--rm", "-T", "coprod", "verify")


def test_the_services_do_not_run_as_root_and_cannot_write(compose: Compose) -> None:
    assert compose("exec", "-T", "registry", "id", "-u").strip() == "10001"
    with pytest.raises(AssertionError, match="Read-only file system"):
        compose("exec", "-T", "registry", "touch", "/opt/coprod/x")


def test_ports_are_published_on_loopback_only(compose: Compose) -> None:
    for service, port in (("registry", "8401"), ("exchange", "8402"), ("insights", "8403")):
        assert compose("port", service, port).startswith("127.0.0.1:")
