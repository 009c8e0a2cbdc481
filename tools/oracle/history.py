"""What one service's events leave standing: acts that count, decisions, feedback, roles."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Data = Mapping[str, Any]
EPOCH = dt.date(1970, 1, 1)


@dataclass(slots=True)
class History:
    """``acts`` are those that count; ``roles`` the lay persons registered, with first days.

    ``agencies`` run the service; ``linked`` are its other providers now, ``ever_linked`` ever were.
    ``waiting``: acts that do not count yet, with the instant from which they do, None if disputed.
    ``columns``: (first day, last day) -> the acts of these days as columns, made when asked for.
    """

    acts: dict[str, Data] = field(default_factory=dict)
    waiting: dict[str, tuple[Data, str | None]] = field(default_factory=dict)
    decisions: list[Data] = field(default_factory=list)
    allocations: list[Data] = field(default_factory=list)
    feedback: dict[str, Data] = field(default_factory=dict)
    answers: dict[str, Data] = field(default_factory=dict)
    changes: dict[str, Data] = field(default_factory=dict)
    roles: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    agencies: set[str] = field(default_factory=set)
    linked: set[str] = field(default_factory=set)
    ever_linked: set[str] = field(default_factory=set)
    columns: dict[tuple[int, int], Any] = field(default_factory=dict)


def day(moment: str) -> int:
    """Return the UTC day of an ISO 8601 instant or date, counted from 1970-01-01."""
    if len(moment) == len("2026-01-01"):
        return (dt.date.fromisoformat(moment) - EPOCH).days
    return (dt.datetime.fromisoformat(moment).astimezone(dt.UTC).date() - EPOCH).days


def collect(events: Iterable[tuple[str, Data]]) -> History:
    """Play (type name, data) pairs of one service, in the order of each of its partitions."""
    history = History()
    for type_name, data in events:
        name = type_name.split(".", 2)[2].rsplit(".", 1)[0]
        _play(history, name, data)
    return history


def _play(history: History, name: str, data: Data) -> None:
    match name.split("."):
        case ["exchange", "contribution", step]:
            _contribution(history.acts, step, data)
            _wait(history.waiting, step, data)
        case ["exchange", "feedback", "given"]:
            history.feedback[data["feedback_id"]] = data
        case ["exchange", "feedback", "answered"]:
            history.answers[data["feedback_id"]] = data
        case ["exchange", "change", "implemented"]:
            history.changes[data["feedback_id"]] = data
        case ["exchange", "decision", "taken"]:
            history.decisions.append(data)
        case ["exchange", "resource", "allocated"]:
            history.allocations.append(data)
        case ["registry", subject, step]:
            _registry(history, subject, step, data)
        case _:
            pass  # the other events move no figure


def _registry(history: History, subject: str, step: str, data: Data) -> None:
    match subject:
        case "role":
            _role(history, step, data)
        case "service":
            _provider(history, step, data)
        case _:
            pass  # an agency, or somebody's affiliation


def _contribution(acts: dict[str, Data], step: str, data: Data) -> None:
    match step:
        case "confirmed":
            acts[data["act"]["contribution_id"]] = data["act"]
        case "dispute-resolved" if data["outcome"] != "upheld":
            acts[data["act"]["contribution_id"]] = data["act"]
        case "corrected" if data["counted"]:
            acts[data["after"]["contribution_id"]] = data["after"]
        case "disputed" | "voided" | "dispute-resolved":
            acts.pop(data["act"]["contribution_id"], None)
        case _:
            pass  # recorded, or corrected before it counted


def _wait(waiting: dict[str, tuple[Data, str | None]], step: str, data: Data) -> None:
    act = data.get("act") or data["after"]
    name = act["contribution_id"]
    match step:
        case "recorded" if data.get("confirm_due_at") is not None:
            waiting[name] = (act, data["confirm_due_at"])
        case "disputed":
            waiting[name] = (act, None)
        case "corrected" if name in waiting:
            waiting[name] = (act, waiting[name][1])
        case "confirmed" | "dispute-resolved" | "voided":
            waiting.pop(name, None)
        case _:
            pass  # it never waits, or counts already


def _role(history: History, step: str, data: Data) -> None:
    if data["participant_kind"] != "person" or data["party"] == "professional":
        return
    starts = history.roles.setdefault((data["participant_id"], data["party"]), [])
    if step == "assumed":
        starts.append(day(data["since"]))
    elif step == "start-moved":
        starts.remove(day(data["since_before"]))
        starts.append(day(data["since"]))


def _provider(history: History, step: str, data: Data) -> None:
    match step:
        case "registered":
            history.agencies.update(data["agency_ids"])
        case "provider-linked":
            history.linked.add(data["organisation_id"])
            history.ever_linked.add(data["organisation_id"])
        case "provider-unlinked":
            history.linked.discard(data["organisation_id"])
        case _:
            pass  # described or closed
