"""``coprod rebuild``: folds from the start beside the live figures, compares, and switches."""

import time
from typing import Annotated, Any

import typer

from tools.deployment.client import Services, accepted, problem_of
from tools.deployment.record import DataOption, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, print_table, progress_bar, say

POLL_SECONDS = 0.3
RUNNING = frozenset({"folding", "comparing", "switching"})
SWITCHED = "switched"

TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Stop watching after that.")
]
AlwaysOption = Annotated[
    bool, typer.Option("--always", help="Switch also where figures differ from those served.")
]


def rebuild(
    data: DataOption = None,
    always: AlwaysOption = False,
    timeout: TimeoutOption = 3600.0,
    as_json: JsonOption = False,
) -> None:
    """Fold every event again beside the figures that are served, compare both, and switch over.

    What is served changes only when all figures are equal, or when the ones served were incomplete;
    otherwise the exit code is 1. Stopping this command does not stop the rebuild, and starting it
    again watches the one that runs.
    """
    build = rebuilt(Services(find(data)), timeout, always=always)
    if as_json:
        print_json(build)
    else:
        _print(build)
    if build["state"] != SWITCHED:
        raise typer.Exit(ExitCode.PROBLEM)


def rebuilt(services: Services, timeout_seconds: float, *, always: bool = False) -> dict[str, Any]:
    """Start a rebuild, or watch the one that runs, and return how it ended.

    Raises:
        Failure: not in time, or insights does not answer.
    """
    asked = {"switch": "always" if always else "when_equal"}
    answer = services.send("POST", "insights", "/v1/rebuild", body=asked)
    if problem_of(answer) == "rebuild_running":
        say("a rebuild runs already; watching it")
    else:
        accepted(answer)
    return _watched(services, time.monotonic() + timeout_seconds)


def _watched(services: Services, deadline: float) -> dict[str, Any]:
    heads = services.get("insights", "/v1/positions")["folded"]
    with progress_bar("events folded", sum(heads.values())) as advance:
        shown = 0
        while True:
            build: dict[str, Any] = services.get("insights", "/v1/rebuild")
            advance(build["folded"] - shown)
            shown = build["folded"]
            if build["state"] not in RUNNING:
                return build
            if time.monotonic() > deadline:
                raise Failure(
                    f"the rebuild is still {build['state']}",
                    "It goes on; `coprod rebuild` watches it again.",
                    code=ExitCode.TIMEOUT,
                )
            time.sleep(POLL_SECONDS)


def _print(build: dict[str, Any]) -> None:
    report = build["report"] or {}
    if "failure" in report:
        say(f"the rebuild {build['state']}: {report['failure']}")
        return
    say(
        f"{build['state']}: {report.get('figures', 0)} figures of {report.get('services', 0)} "
        f"services compared, {report.get('differences_count', 0)} differ"
    )
    if report.get("differences"):
        columns = ("service_id", "figure", "from", "to")
        rows = [[found[column] for column in columns] for found in report["differences"]]
        print_table("differences", columns, rows)
