"""The README's commands work as they stand there, in their order, for somebody who pastes them."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from shared.contracts.topics import TOPICS
from tests.support.deployment import free_port_base, up
from tools.cli import COMMANDS

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
LINES_MAX = 150
KNOWN = {entry.name for entry in COMMANDS}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands(program: str) -> list[list[str]]:
    """Return the words of every command of the README that this program runs."""
    lines = [line for block in blocks("sh") for line in block.splitlines() if line]
    return [words for line in lines if (words := shlex.split(line))[0] == program]


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= LINES_MAX


def test_every_command_is_run_by_a_test_here() -> None:
    programs = {shlex.split(line)[0] for block in blocks("sh") for line in block.splitlines()}

    assert programs == {"make", "coprod", "deploy/make-secrets.sh", "docker"}


def test_its_make_targets_exist() -> None:
    assert commands("make")
    for words in commands("make"):
        subprocess.run([*words, "--dry-run"], cwd=ROOT, check=True, capture_output=True)


def test_its_file_is_imported_and_asked_about(tmp_path: Path) -> None:
    file = tmp_path / "acts.csv"
    file.write_text(blocks("csv")[0])
    starting, *following = [words[1:] for words in commands("coprod")]
    assert starting[0] == "up"

    with up(tmp_path / "data", free_port_base(), *starting[1:]) as running:
        assert running.ready["ready"] is True
        for words in following:
            done = running.coprod(*(str(file) if word == file.name else word for word in words))
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"


def test_its_other_commands_exist() -> None:
    named = set(re.findall(r"`coprod ([a-z]+(?: [a-z-]+)?)", README))
    named |= {word for word in re.findall(r"`([a-z]+)(?: [a-z]+)?`", README) if word in KNOWN}
    assert {name.split()[0] for name in named} <= KNOWN


def test_its_deployment_is_a_compose_file_and_secrets_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    folder.mkdir()
    shutil.copy(ROOT / "deploy" / "make-secrets.sh", folder)
    for _ in range(2):
        subprocess.run([str(folder / "make-secrets.sh")], check=True, capture_output=True)

    compose = yaml.safe_load((ROOT / "deploy" / "docker-compose.yml").read_text())
    wanted = {folder / one["file"] for one in compose["secrets"].values()}
    assert wanted == set((folder / "secrets").iterdir())
    assert len({file.read_text() for file in wanted}) == len(wanted)
    for words in commands("docker"):
        assert words[:4] == ["docker", "compose", "-f", "deploy/docker-compose.yml"]


def test_the_places_it_names_exist() -> None:
    named = re.findall(r"`((?:services|shared|tools|docs|deploy|tests)/[A-Za-z0-9_./*-]+)`", README)

    assert named
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_its_topics_are_those_that_are_provisioned() -> None:
    assert {topic.name for topic in TOPICS} == set(
        re.findall(r"`((?:registry|exchange|insights)\.[a-z]+\.v1)`", README)
    )
