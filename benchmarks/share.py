"""Share: limits a process to a fraction of a core, by the kernel's own control groups."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 20_000  # short beside a batch: nobody stands still for long
Limit = Callable[[int], None]


class NoControl(Exception):
    """This machine lets nobody here limit a process; the message says what was looked for."""


def quota(share: float) -> int:
    """Return the microseconds of each period, of which the kernel wants at least 1,000."""
    return max(1_000, round(share * PERIOD_US))


@contextmanager
def limiting(share: float) -> Iterator[Limit]:
    """Yield what puts a process, by its id, into a group of its own with that share of a core.

    Raises:
        NoControl: there is no writable cpu controller, of version 2 or 1.
    """
    parent, write = _controller()
    made: list[Path] = []
    numbers = count(1)

    def limit(pid: int) -> None:
        group = parent / f"coprod-bench-{pid}-{next(numbers)}"
        group.mkdir()
        made.append(group)
        write(group, quota(share))
        (group / "cgroup.procs").write_text(str(pid))

    try:
        yield limit
    finally:
        for group in made:
            group.rmdir()  # whoever was in it has ended


def throttled_seconds(pid: int) -> float:
    """Return for how long the process has stood still because its share was used up."""
    (group,) = _controller()[0].glob(f"coprod-bench-{pid}-*")
    told = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    if "throttled_usec" in told:
        return int(told["throttled_usec"]) / 1e6
    return int(told["throttled_time"]) / 1e9


def _controller() -> tuple[Path, Callable[[Path, int], None]]:
    second, first = ROOT / "cgroup.subtree_control", ROOT / "cpu" / "cpu.cfs_quota_us"
    try:
        if second.exists():
            second.write_text("+cpu")
            return ROOT, _write_second
        if first.exists():
            first.parent.joinpath("cgroup.procs").open("a").close()
            return first.parent, _write_first
    except OSError as error:
        raise NoControl(f"control groups are not ours to write: {error}") from None
    raise NoControl(f"no cpu controller below {ROOT}")


def _write_second(group: Path, quota_us: int) -> None:
    (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")


def _write_first(group: Path, quota_us: int) -> None:
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(quota_us))
