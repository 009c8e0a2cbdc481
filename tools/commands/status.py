"""``coprod status``: which processes run and where, whether they are ready, how far they are."""

from typing import Any

import typer

from tools.commands.progress import read_progress
from tools.commands.quarantine import records
from tools.deployment import lock, process
from tools.deployment.client import Services, waits_for
from tools.deployment.record import SERVICES, DataOption, Deployment, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, print_table


def status(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show processes, addresses, readiness, lag, positions and what is quarantined.

    Exit code 1 when a service is not ready or something is quarantined.
    """
    deployment = find(data)
    services = Services(deployment)
    state = collect(deployment, services)
    if as_json:
        print_json(state)
    else:
        _print(state)
    if all(not each["answers"] for each in state["services"].values()):
        raise Failure(
            "no service answers",
            "Start the deployment with `coprod up`.",
            code=ExitCode.UNREACHABLE,
        )
    if not state["healthy"]:
        raise typer.Exit(ExitCode.PROBLEM)


def collect(deployment: Deployment, services: Services) -> dict[str, Any]:
    """Return everything that is known now; a service that is away is part of the answer."""
    per_service = {name: _service(name, deployment, services) for name in SERVICES}
    progress = read_progress(services) if all(s["answers"] for s in per_service.values()) else None
    quarantined = sum(each["quarantined"] or 0 for each in per_service.values())
    return {
        "deployment": deployment.deployment,
        "log": deployment.log,
        "data": str(deployment.directory) if deployment.directory else None,
        "supervised": deployment.directory is not None and lock.is_held(deployment.directory),
        "kafka": deployment.kafka.bootstrap if deployment.kafka else None,
        "topic_prefix": deployment.topic_prefix,
        "processes": _processes(deployment),
        "services": per_service,
        "lag": progress.lags() if progress else None,
        "positions": progress.as_json() if progress else None,
        "quarantined": quarantined,
        "healthy": all(each["ready"] for each in per_service.values()) and quarantined == 0,
    }


def _processes(deployment: Deployment) -> dict[str, int]:
    known = {**deployment.processes}
    if deployment.supervisor is not None:
        known["supervisor"] = deployment.supervisor
    return {name: each.pid for name, each in known.items() if process.alive(each)}


def _service(name: str, deployment: Deployment, services: Services) -> dict[str, Any]:
    state: dict[str, Any] = {
        "url": deployment.urls.get(name),
        "answers": False,
        "ready": False,
        "waits_for": None,
        "quarantined": None,
    }
    try:
        answer = services.send("GET", name, "/readyz")
    except Failure as failure:
        return {**state, "waits_for": failure.message}
    state |= {"answers": True, "ready": answer.is_success}
    if not answer.is_success:
        state["waits_for"] = waits_for(answer)
    if name != "registry":  # registry consumes nothing, so it has nothing to quarantine
        state["quarantined"] = _quarantined(name, services)
    return state


def _quarantined(name: str, services: Services) -> int:
    return len(records(services, name, held_only=True))


def _print(state: dict[str, Any]) -> None:
    processes = state["processes"]
    print_table(
        f"deployment {state['deployment'] or '(unknown id)'}, log {state['log'] or '(unknown)'}",
        ("service", "address", "process", "ready", "quarantined", "waits for"),
        [
            (
                name,
                each["url"],
                processes.get(name),
                "yes" if each["ready"] else "no",
                each["quarantined"],
                each["waits_for"],
            )
            for name, each in state["services"].items()
        ],
    )
    others = {name: pid for name, pid in processes.items() if name not in SERVICES}
    if others:
        print_table(None, ("also running", "process"), sorted(others.items()))
    if state["lag"] is not None:
        print_table(None, ("step", "events behind"), state["lag"].items())
