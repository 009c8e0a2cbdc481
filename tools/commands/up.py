"""``coprod up`` and ``coprod down``: a deployment in the foreground of a terminal, and its end."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer

from tools.deployment import lock, process, record
from tools.deployment.record import DataOption, Deployment
from tools.deployment.supervisor import UpOptions, run, stop_leftovers
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import say

DOWN_SECONDS_MAX = 60.0

LogOption = Annotated[
    Literal["embedded", "kafka"] | None,
    typer.Option("--log", help="Where events travel [default: as before, else embedded]."),
]
BootstrapOption = Annotated[
    str | None,
    typer.Option("--bootstrap", metavar="HOST:PORT", help="A Kafka that runs already."),
]
PortBaseOption = Annotated[
    int,
    typer.Option(
        "--port-base",
        min=1024,
        max=65_000,
        help="registry, exchange, insights and PostgreSQL listen on N+1 to N+4 of loopback.",
    ),
]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Remove what this directory made before, topics included.")
]


def up(
    log: LogOption = None,
    bootstrap: BootstrapOption = None,
    data: DataOption = None,
    port_base: PortBaseOption = 8400,
    fresh: FreshOption = False,
) -> None:
    """Start a deployment and keep it running in the foreground; Ctrl-C stops all of it.

    One line of JSON on standard output tells when it is ready and where; all else goes to standard
    error. A second `up` on the same directory goes on with what is there.
    """
    run(options(log, bootstrap, data, port_base, fresh=fresh), _forever)


def options(
    log: Literal["embedded", "kafka"] | None,
    bootstrap: str | None,
    data: Path | None,
    port_base: int,
    *,
    fresh: bool,
) -> UpOptions:
    """Return what was asked for, checked as far as the options alone allow.

    Raises:
        Failure: an address without a Kafka to use it.
    """
    if log == "embedded" and bootstrap is not None:
        raise Failure(
            "--bootstrap names a Kafka, --log embedded wants none",
            "Leave one of the two out.",
            code=ExitCode.USAGE,
        )
    return UpOptions(record.directory_of(data), log, bootstrap, port_base, fresh)


async def _forever(deployment: Deployment) -> None:
    announce(deployment)
    await asyncio.Event().wait()


def announce(deployment: Deployment) -> None:
    """Print the one line that programs wait for, and say the same to people."""
    urls = deployment.urls
    line = {
        "ready": True,
        **urls,
        "dashboard": f"{urls['insights']}/",
        "data": str(deployment.directory),
        "log": deployment.log,
        "pids": {
            "supervisor": os.getpid(),
            **{name: each.pid for name, each in deployment.processes.items()},
        },
    }
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()
    say(f"ready; the dashboard is at {urls['insights']}/ (exact figures: not for publication)")
    say("Ctrl-C stops everything")


def down(data: DataOption = None) -> None:
    """Stop the deployment that `up` runs in the directory, and wait until it has stopped."""
    directory = record.directory_of(data)
    deployment = record.read(directory)
    if deployment is None:
        raise Failure(
            f"there is no deployment in {directory}",
            "Name its directory with --data DIR or COPROD_DATA.",
            code=ExitCode.UNREACHABLE,
        )
    asyncio.run(_down(directory, deployment))


async def _down(directory: Path, deployment: Deployment) -> None:
    supervisor = deployment.supervisor
    if lock.is_held(directory) and supervisor is not None and process.alive(supervisor):
        os.kill(supervisor.pid, signal.SIGTERM)
        if not await process.gone(supervisor, DOWN_SECONDS_MAX):
            raise Failure(
                f"process {supervisor.pid} has not stopped within {DOWN_SECONDS_MAX:.0f} s",
                f"See {directory / 'logs'}; `kill -9 {supervisor.pid}` and `coprod down` end it.",
                code=ExitCode.TIMEOUT,
            )
        say("stopped")
    else:
        await stop_leftovers(directory, deployment)
        say("nothing is running")
