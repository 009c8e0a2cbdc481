"""The failures of the command line: their message, remedy and exit code."""

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """Part of the command line's interface: scripts rely on these numbers."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    UNREACHABLE = 3
    TIMEOUT = 4


EXIT_CODES_HELP = (
    "Exit codes: 0 done and fine; 1 done and problems found, or it failed; 2 wrong usage; "
    "3 no deployment found or it does not answer; 4 not within the time given."
)


class Failure(Exception):
    """A command cannot go on. ``remedy`` is what the reader can do about it."""

    def __init__(
        self, message: str, remedy: str | None = None, *, code: ExitCode = ExitCode.PROBLEM
    ) -> None:
        super().__init__(message)
        self.message, self.remedy, self.code = message, remedy, code


_REMEDIES = {
    errno.ENOSPC: "Make room on that disk, and run the same command again.",
    errno.EDQUOT: "Make room on that disk, and run the same command again.",
    errno.ENOENT: "Check the name and the folder.",
}


def failure_of(error: OSError) -> Failure:
    """Return what the operating system refused, and of which file if it is about one."""
    reason = (error.strerror or str(error)).lower()
    message = f"{error.filename}: {reason}" if error.filename else reason
    remedy = "Name a place that you may read and write." if error.filename else None
    return Failure(message, _REMEDIES.get(error.errno or 0, remedy))
