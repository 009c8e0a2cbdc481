"""File systems of a test's own: one with little room, and one whose power can be cut."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

CHUNK_BYTES = 1_048_576


def demand_root(what: str) -> None:
    """Skip loudly, or fail in CI, where no file system can be mounted."""
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must be able to mount file systems: {what}")
        pytest.skip(f"=== NOT ROOT, SO THIS WAS NOT TESTED: {what} ===")


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a file system in memory that holds so much and no more."""
    with _folder() as folder, _mounted(folder, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs"):
        yield folder


def fill(disk: Path) -> Path:
    """Write until nothing more fits; return the file that is to be deleted to make room."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(CHUNK_BYTES)):
                pass
            while file.write(b"0"):
                pass
        except OSError:
            return ballast
    return ballast


class Disk:
    """A file system in a file. What was not flushed to it is lost when its power is cut."""

    def __init__(self, stack: ExitStack, image: Path) -> None:
        self._stack, self._image = stack, image
        self.folder = stack.enter_context(_folder())
        stack.enter_context(_mounted(self.folder, "-o", "loop", str(image)))

    def flush(self) -> None:
        """Bring everything written so far onto the disk, as time does."""
        subprocess.run(["sync", "--file-system", str(self.folder)], check=True)

    def without_power(self) -> "Disk":
        """Return the disk as it would be found after a power cut at this moment."""
        found = self._image.with_suffix(".found")
        # what the operating system holds in memory for the file system is not in its file
        subprocess.run(["cp", "--sparse=always", str(self._image), str(found)], check=True)
        return Disk(self._stack, found)


@contextmanager
def disk(megabytes: int) -> Iterator[Disk]:
    """Make a journaling file system in a file, and mount it."""
    with ExitStack() as stack:
        image = stack.enter_context(_folder()) / "image"
        with image.open("wb") as file:
            file.truncate(megabytes * 1_048_576)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        yield Disk(stack, image)


@contextmanager
def _mounted(folder: Path, *arguments: str) -> Iterator[None]:
    subprocess.run(["mount", *arguments, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="coprod-disk-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
