"""Keeps a deployment's logs small: one that has grown is copied aside and emptied.

The programs hold their logs open for appending, so that their next line begins the emptied file.
A line that is written between the copy and the emptying is lost, as with ``copytruncate`` of
logrotate; the supervisor then need not stand between a program and its log.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.terminal.output import say

BYTES_MAX = 20_000_000
KEPT = 3  # older copies of a log beside it: NAME.1 is the newest
LOOK_SECONDS = 10.0


async def keep_small(logs: Callable[[], Iterable[Path]]) -> None:
    """Look at the logs every few seconds until cancelled; a full disk does not end it."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await asyncio.to_thread(rotate, logs(), BYTES_MAX)
        except OSError as failure:
            say(f"a log could not be rotated: {failure}")


def rotate(logs: Iterable[Path], bytes_max: int) -> None:
    """Copy each log of more than ``bytes_max`` aside, drop its oldest copy, and empty it."""
    for log in logs:
        if log.stat().st_size > bytes_max:
            for number in range(KEPT, 1, -1):
                younger = _copy(log, number - 1)
                if younger.exists():
                    younger.replace(_copy(log, number))
            shutil.copyfile(log, _copy(log, 1))
            os.truncate(log, 0)


def _copy(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
