"""One supervisor per data directory: the kernel drops the lock when its process dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.terminal.failure import Failure

FILE_NAME = "lock"


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the directory while the block runs.

    Raises:
        Failure: another process holds it; the message names that process.
    """
    with (directory / FILE_NAME).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(
                f"a deployment already runs in {directory} (process {_holder(directory)})",
                "Use it, stop it with `coprod down`, or start another one with --data DIR "
                "and another --port-base.",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def is_held(directory: Path) -> bool:
    """Tell whether a supervisor is alive in the directory."""
    try:
        with (directory / FILE_NAME).open("r", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _holder(directory: Path) -> str:
    return (directory / FILE_NAME).read_text(encoding="ascii").strip() or "unknown"
