"""The command line itself: its table, its help and its exit codes."""

import subprocess
import sys
from importlib import import_module

import pytest

from tools.cli import COMMANDS, make_app
from tools.failure import ExitCode

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
