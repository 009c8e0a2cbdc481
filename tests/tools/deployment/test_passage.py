"""A folder lets the server's user through, and nobody else."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tools.deployment.passage import let_through

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands files to another user")

SERVER, STRANGER = 54_321, 54_322  # numbers of users need no names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder with a readable file, below folders that everybody may pass."""
    for path in (tmp_path, *tmp_path.parents):
        if not path.stat().st_mode & stat.S_IXOTH:
            let_through(path, SERVER)
            let_through(path, STRANGER)
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "file").write_text("read")
    (private / "file").chmod(0o644)
    return private


def reads(path: Path, uid: int) -> bool:
    return _does(uid, "cat", str(path))


def lists(path: Path, uid: int) -> bool:
    return _does(uid, "ls", str(path))


def _does(uid: int, *argv: str) -> bool:
    done = subprocess.run(
        argv, user=uid, group=uid, extra_groups=[], cwd="/", capture_output=True, check=False
    )
    return done.returncode == 0


def test_only_the_one_who_was_let_through_passes(folder: Path) -> None:
    assert not reads(folder / "file", SERVER)

    let_through(folder, SERVER)
    let_through(folder, SERVER)

    assert reads(folder / "file", SERVER)
    assert not lists(folder, SERVER)
    assert not reads(folder / "file", STRANGER)
    assert not folder.stat().st_mode & stat.S_IRWXO


def test_a_folder_that_everybody_passes_is_left_alone(folder: Path) -> None:
    folder.chmod(0o711)

    let_through(folder, SERVER)

    assert os.listxattr(folder) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o711


def test_one_let_through_keeps_out_nobody_who_was_before(folder: Path) -> None:
    let_through(folder, STRANGER)
    folder.chmod(0o750)

    let_through(folder, SERVER)

    assert reads(folder / "file", STRANGER)
    assert reads(folder / "file", SERVER)
    assert stat.S_IMODE(folder.stat().st_mode) & 0o070 == 0o050
