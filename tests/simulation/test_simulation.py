"""Schedules of bad luck keep every promise; broken protocols do not, and their seeds say where."""

import os
import subprocess
import sys

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation

pytestmark = pytest.mark.simulation
SCHEDULES = 10_000
SECONDS_MAX = 1500
ENOUGH = 1_500  # schedules within which a broken protocol is found out; most need 25


def play(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )


@pytest.mark.timeout(SECONDS_MAX)
def test_no_schedule_breaks_a_promise() -> None:
    played = play("--schedules", str(SCHEDULES))

    assert played.returncode == 0, played.stdout + played.stderr
    assert f"{SCHEDULES} schedules" in played.stdout


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_broken_protocol_is_found_out(mutation: Mutation) -> None:
    played = play("--mutation", mutation.name, "--schedules", str(ENOUGH), "--processes", "2")

    assert played.returncode == 1, played.stdout + played.stderr
    assert "broke a promise; again with: python -m tests.simulation --seed" in played.stdout


def test_a_seed_plays_the_same_schedule_again() -> None:
    mutated = ("--mutation", "a gap is passed over")
    found = play(*mutated, "--schedules", str(ENOUGH), "--processes", "1")
    told = found.stdout.splitlines()[:2]
    seed = told[0].split()[1]

    again = [play(*mutated, "--seed", seed) for _ in range(2)]

    assert [one.returncode for one in again] == [1, 1]
    assert again[0].stdout == again[1].stdout
    assert told[1] in again[0].stdout


def test_schedules_meet_every_kind_of_bad_luck() -> None:
    from tests.simulation.luck import KINDS

    played = play("--schedules", "300")

    met = {pair.rsplit(" ", 1)[0] for pair in played.stdout.splitlines()[-1].split(", ")}
    assert met == set(KINDS)
