"""One supervisor per directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.deployment import lock
from tools.terminal.failure import Failure

HOLD = """
import sys
from pathlib import Path
from tools.deployment import lock
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold_in_another_process(directory: Path) -> "subprocess.Popen[bytes]":
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    return holder


def test_a_second_holder_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    with hold_in_another_process(tmp_path) as holder:
        assert lock.is_held(tmp_path)
        with pytest.raises(Failure, match=str(holder.pid)) as refused, lock.held(tmp_path):
            pass
        holder.kill()

    assert "coprod down" in str(refused.value.remedy)


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    with hold_in_another_process(tmp_path) as holder:
        holder.kill()
        holder.wait()

    assert not lock.is_held(tmp_path)
    with lock.held(tmp_path):
        assert lock.is_held(tmp_path)


def test_a_directory_never_used_is_not_held(tmp_path: Path) -> None:
    assert not lock.is_held(tmp_path)
