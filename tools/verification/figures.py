"""Compares the figures and the class of a service with a recomputation from its events."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tools.oracle.figures import Figures, Number
from tools.oracle.history import Data, History, collect, day
from tools.oracle.verdict import rule
from tools.verification.report import Report

CHECK = "figures equal their recomputation"
INCOMPLETE = "incomplete"  # of the fold, and no finding of the rule
RELATIVE_TOLERANCE = 2e-9  # figures are rounded to 9 significant digits
ABSOLUTE_TOLERANCE = 1e-9  # and zero has none

Answer = Mapping[str, Any]
"""What insights answers for metrics or for a verdict, receipt included."""


class Told(NamedTuple):
    """One event of a service; ``partition`` is "topic/partition", as receipts name it."""

    partition: str
    position: int
    type: str
    data: Data


class Histories:
    """What one service's events say, up to the positions of a receipt.

    ``events`` are in the order of each partition. Receipts with the same positions share a history.
    """

    def __init__(self, events: Sequence[Told]) -> None:
        self._events = events
        self._made: dict[frozenset[tuple[str, int]], History] = {}

    def up_to(self, positions: Mapping[str, int]) -> History:
        key = frozenset(positions.items())
        if key not in self._made:
            self._made[key] = collect(
                (event.type, event.data)
                for event in self._events
                if event.position <= positions.get(event.partition, 0)
            )
        return self._made[key]


def waiting(history: History, as_of: str) -> tuple[int, int, list[int]]:
    """Return how many acts up to the day wait, how many are disputed, and when the first count."""
    found = [due for act, due in history.waiting.values() if day(act["occurred_at"]) <= day(as_of)]
    days = sorted(day(due) for due in found if due is not None)
    return len(days), found.count(None), [*days[:1], *days[-1:]]


def check_metrics(answer: Answer, histories: Histories, report: Report) -> None:
    """Compare every figure of one window and lens."""
    history = histories.up_to(answer["receipt"]["positions"])
    recomputed = Figures(history, day(answer["as_of"]), answer["window"], answer["lens"]).all()
    where = f"{answer['service_id']} {answer['window']} {answer['lens']}"
    _check_figures(where, answer["metrics"], recomputed, report)


def check_verdict(answer: Answer, histories: Histories, report: Report) -> None:
    """Compare the class, its two axes and what waits, in one window."""
    history = histories.up_to(answer["receipt"]["positions"])
    ruling = rule(history, day(answer["as_of"]), answer["window"])
    where = f"{answer['service_id']} {answer['window']}"
    report.compared["classes"] += 1
    if (answer["class"], answer["lens"]) != (ruling.name, ruling.lens):
        report.problem(
            CHECK,
            f"{where}: class {answer['class']} by {answer['lens']}, "
            f"recomputed {ruling.name} by {ruling.lens}",
        )
    flags = frozenset(answer["flags"]) - {INCOMPLETE}
    if flags != ruling.flags:
        report.problem(CHECK, f"{where}: flags {sorted(flags)}, recomputed {sorted(ruling.flags)}")
    _check_waiting(where, answer, history, report)
    if "holds_since" in answer:
        _check_since(where, answer, history, report)
    for axis, share in (("p", ruling.p), ("d", ruling.d)):
        recomputed = None if share is None or not ruling.enough else float(share)
        said = answer["axes"].get(axis)
        if not _close(said, recomputed):
            report.problem(CHECK, f"{where}: axis {axis} {said}, recomputed {recomputed}")


def _check_since(where: str, answer: Answer, history: History, report: Report) -> None:
    """Check that the class is the same on its first day, and another on the day before."""
    first = day(answer["holds_since"])
    before, then = (rule(history, one, answer["window"]).name for one in (first - 1, first))
    report.compared["days since which a class holds"] += 1
    if then != answer["class"] or before == answer["class"]:
        report.problem(
            CHECK,
            f"{where}: {answer['class']} since {answer['holds_since']}, recomputed {before} on the "
            f"day before and {then} on it",
        )


def _check_waiting(where: str, answer: Answer, history: History, report: Report) -> None:
    told = answer["waiting"]
    days = [day(told[name]) for name in ("counts_from", "counts_by") if name in told]
    said = (told["recorded"], told["disputed"], days)
    recomputed = waiting(history, answer["as_of"])
    report.compared["counts of acts that wait"] += 1
    if said != recomputed:
        report.problem(CHECK, f"{where}: waiting {said}, recomputed {recomputed}")


def _check_figures(
    where: str, said: Mapping[str, Any], recomputed: Mapping[str, Number], report: Report
) -> None:
    for name in sorted(said.keys() | recomputed.keys()):
        if name not in said or name not in recomputed:
            side = "recomputation" if name not in recomputed else "service"
            report.problem(CHECK, f"{where} {name}: the {side} has no such figure")
            continue
        report.compared["figures"] += 1
        problem = difference(said[name], recomputed[name])
        if problem is not None:
            report.problem(CHECK, f"{where} {name}: {problem}")


def difference(said: Mapping[str, Any], recomputed: Number) -> str | None:
    """Return how a figure differs from its recomputation; None if it does not."""
    value, reason, interval = (said.get(name) for name in ("value", "reason", "interval"))
    if not _close(value, recomputed.value):
        return f"value {value}, recomputed {recomputed.value} ({recomputed.reason})"
    if reason != recomputed.reason:
        return f"reason {reason}, recomputed {recomputed.reason}"
    if value is None:
        return None
    if said["n"] != recomputed.n:
        return f"n {said['n']}, recomputed {recomputed.n}"
    here, there = interval or (None, None), recomputed.interval or (None, None)
    if not all(_close(one, other) for one, other in zip(here, there, strict=True)):
        return f"interval {interval}, recomputed {recomputed.interval}"
    return None


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)
