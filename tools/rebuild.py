"""``coprod rebuild``: folds from the start beside the live figures, compares, and switches."""

import time
from typing import Annotated, Any

import typer

from tools.client import Services
from tools.deployment import DataOption, JsonOption, find
from tools.failure import ExitCode, Failure
from tools.output import print_json, progress_bar, say

POLL_SECONDS = 0.3
RUNNING = frozenset({"folding", "comparing", "switching"})

TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Stop watching after that.")
]


def rebuild(
    data: DataOption = None, timeout: TimeoutOption = 3600.0, as_json: JsonOption = False
) -> None:
    """Fold every event again beside the figures that are served, compare both, and switch over.

    What is served changes only when all figures are equal, or when the ones served were incomplete.
    Stopping this command does not stop the rebuild.
    """
    services = Services(find(data))
    services.post("insights", "/v1/rebuild")
    outcome = _watched(services, time.monotonic() + timeout)
    if as_json:
        print_json(outcome)
    else:
        say(f"rebuild: {outcome['state']}")


def _watched(services: Services, deadline: float) -> dict[str, Any]:
    with progress_bar("events folded", None) as advance:
        shown = 0
        while True:
            state: dict[str, Any] = services.get("insights", "/v1/rebuild")
            done = int(state.get("folded", 0))
            advance(done - shown)
            shown = done
            if state["state"] not in RUNNING:
                return state
            if time.monotonic() > deadline:
                raise Failure(
                    f"the rebuild is still {state['state']}",
                    "It goes on; `coprod rebuild` watches it again.",
                    code=ExitCode.TIMEOUT,
                )
            time.sleep(POLL_SECONDS)
