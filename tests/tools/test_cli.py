"""The command line itself: its table, its help and its exit codes."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.disk import demand_root, small_disk
from tools.cli import COMMANDS, make_app
from tools.terminal.failure import ExitCode

HEAVY = ("asyncpg", "psycopg", "numpy", "networkx", "pyarrow", "aiokafka", "fastapi")

HELP_AND_LOADED = f"""
import sys
from tools.cli import make_app
try:
    make_app()(["--help"])
except SystemExit:
    print([name for name in {HEAVY} if name in sys.modules])
"""


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tools", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "COPROD_DATA": "/nonexistent/coprod", **environment},
    )


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_of_the_table_exists(entry: object) -> None:
    target: str = entry.target  # type: ignore[attr-defined]
    module, _, attribute = target.partition(":")

    assert hasattr(import_module(module), attribute)


def test_a_day_to_come_is_refused_before_anything_is_looked_at() -> None:
    refused = run("verify", "--as-of", "2199-01-01", "--rebuild")

    assert refused.returncode == ExitCode.PROBLEM
    assert "2199-01-01 has not come yet" in refused.stderr
    assert "an earlier day" in refused.stderr


@pytest.mark.parametrize("name", [entry.name for entry in COMMANDS])
def test_every_command_explains_itself_and_its_exit_codes(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        make_app()([name, "--help"], prog_name="coprod")

    shown = capsys.readouterr().out
    assert left.value.code == 0
    assert f"Usage: coprod {name}" in shown
    assert "Exit codes: 0" in shown


def test_help_loads_nothing_heavy() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", HELP_AND_LOADED], capture_output=True, text=True, check=True
    )

    assert answer.stdout.splitlines()[-1] == "[]"
    assert all(entry.name in answer.stdout for entry in COMMANDS)


def test_a_missing_deployment_is_exit_code_3_and_says_what_to_do() -> None:
    answer = run("status")

    assert answer.returncode == ExitCode.UNREACHABLE
    assert "coprod up" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_wrong_usage_is_exit_code_2() -> None:
    assert run("verdict", "x", "--window", "7d").returncode == ExitCode.USAGE
    assert run("quarantine", "show", "nonsense").returncode == ExitCode.USAGE
    answer = run("up", "--log", "embedded", "--bootstrap", "h:1", "--data", "nowhere")
    assert answer.returncode == ExitCode.USAGE


def test_services_that_do_not_answer_are_exit_code_3() -> None:
    nowhere = {f"COPROD_{name}_URL": "http://127.0.0.1:9" for name in ("REGISTRY", "EXCHANGE")}

    answer = run("wait", "--timeout", "1", COPROD_INSIGHTS_URL="http://127.0.0.1:9", **nowhere)

    assert answer.returncode == ExitCode.UNREACHABLE
    assert "does not answer" in answer.stderr


@pytest.mark.parametrize("command", ["up", "status", "verify", "down"])
def test_a_file_is_no_directory_of_a_deployment(tmp_path: Path, command: str) -> None:
    file = tmp_path / "file.csv"
    file.write_text("a,b")

    told = run(command, "--data", str(file))

    assert (told.returncode, told.stdout) == (ExitCode.USAGE, "")
    assert str(file) in told.stderr
    assert "Name another directory with --data DIR." in told.stderr
    assert told.stderr.count("\n") == 2


def test_a_directory_that_cannot_be_written_is_told() -> None:
    told = run("up", "--data", "/proc/coprod")

    assert told.returncode == ExitCode.USAGE
    assert "/proc/coprod: no such file or directory" in told.stderr
    assert told.stderr.count("\n") == 2


def test_a_read_only_disk_is_told() -> None:
    demand_root("a disk that is read only")
    with small_disk(1) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

        told = run("up", "--data", str(disk))

    assert told.returncode == ExitCode.USAGE
    assert "read-only file system" in told.stderr
    assert told.stderr.count("\n") == 2


def test_a_record_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "deployment.json").write_text("[]")

    told = run("status", "--data", str(tmp_path))

    assert told.returncode == ExitCode.PROBLEM
    assert "is no record of a deployment" in told.stderr


def test_no_room_for_the_rows_of_an_import_is_told(tmp_path: Path) -> None:
    file = tmp_path / "acts.csv"
    row = f"{'x' * 180}{{}},s,2026-03-02,anna,user\n"  # together more than is kept in memory
    header = "contribution_id,service_id,occurred_at,giver_id,giver_party\n"
    file.write_text(header + "".join(map(row.format, range(50_000))))
    demand_root("a disk that is full")
    with small_disk(1) as disk, httpd() as url:
        arguments = ("import", "contributions", str(file), "--dry-run")
        told = run(*arguments, TMPDIR=str(disk), COPROD_REGISTRY_URL=url, COPROD_EXCHANGE_URL=url)

    assert told.returncode == ExitCode.PROBLEM
    assert "disk is full" in told.stderr
    assert "name another folder with TMPDIR" in told.stderr
    assert "Traceback" not in told.stderr


@contextmanager
def httpd() -> Iterator[str]:
    """Listen, and answer that nothing is there: enough to be reached."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
