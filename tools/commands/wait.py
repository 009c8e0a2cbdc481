"""``coprod wait`` returns once everything acknowledged before it shows in the figures."""

import time
from typing import Annotated

import typer

from tools.commands.progress import Progress, read_progress
from tools.deployment import lock
from tools.deployment.client import Services
from tools.deployment.record import DataOption, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, say

POLL_SECONDS = 0.05

TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0, help="Give up after that long.")
]


def wait(
    data: DataOption = None, timeout: TimeoutOption = 60.0, as_json: JsonOption = False
) -> None:
    """Wait until everything that registry and exchange acknowledged so far is folded by insights.

    Exit code 4 when that is not the case in time; the partitions that lag are named.
    """
    deployment = find(data)
    if deployment.directory is not None and not lock.is_held(deployment.directory):
        timeout = 0  # nobody is there to start again what does not answer
    progress = until_folded(Services(deployment), timeout)
    if as_json:
        print_json({"folded": True, "positions": progress.as_json()})
    else:
        say(f"everything is folded: {sum(progress.heads.values())} events")


def until_folded(services: Services, timeout_seconds: float) -> Progress:
    """Wait for what is acknowledged now; what comes in meanwhile is not waited for.

    A service that is away, for instance because it is being started again, is waited for as well.

    Raises:
        Failure: not in time.
    """
    deadline = time.monotonic() + timeout_seconds
    progress = _patiently_read(services, deadline)
    target = progress.heads
    while behind := progress.behind(target):
        if time.monotonic() > deadline:
            raise Failure(
                f"not within {timeout_seconds:g} s: {_told(behind)}",
                "`coprod status` tells whether a service is down; `coprod quarantine list` what it "
                "could not take.",
                code=ExitCode.TIMEOUT,
            )
        time.sleep(POLL_SECONDS)
        progress = _patiently_read(services, deadline)
    return progress


def _patiently_read(services: Services, deadline: float) -> Progress:
    while True:
        try:
            return read_progress(services)
        except Failure as failure:
            if failure.code is not ExitCode.UNREACHABLE or time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def _told(behind: dict[str, dict[str, int]]) -> str:
    return "; ".join(
        f"{step} lacks {', '.join(f'{n} of {partition}' for partition, n in partitions.items())}"
        for step, partitions in behind.items()
    )
