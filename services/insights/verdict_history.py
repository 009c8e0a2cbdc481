"""History of verdicts: the last day that had evidence for one."""

from collections import deque
from collections.abc import Iterator
from datetime import date

from services.insights.facts import day_number
from services.insights.metrics.defaults import PLANNING_WINDOW, WINDOW_DAYS
from services.insights.metrics.state import ServiceState, as_date
from services.insights.metrics.timeline import Timeline
from services.insights.verdict import Verdict, classify


def last_evidenced(timeline: Timeline, as_of: date, window: str) -> Verdict | None:
    """Return the verdict of the last day up to ``as_of`` that had evidence; None: there was none.

    Looks only at days on which a window's content changes, the newest first; each costs a move of
    the timeline, and a verdict only where the floor is met.
    """
    for day in _turning_days(timeline.days, day_number(as_of), window):
        state = timeline.at(as_date(day))
        if state.view(window).below_floor:
            continue
        verdict = classify(state, window)
        if verdict.evidenced:
            return verdict
    return None


def never_evidenced(state: ServiceState, window: str) -> bool:
    """Whether the state alone shows that no day up to its own had evidence in the window.

    It does where the window never held as much as the floor, wherever it ended.
    """
    if any(amount < 0 for ring in state.rings for amount in ring.given.values()):
        return False  # then what stands for a day is less than what counts as its evidence
    length = WINDOW_DAYS[window]
    held: deque[tuple[int, int]] = deque()
    evidence = 0
    for day, count in sorted(state.life.evidence.items()):
        held.append((day, count))
        evidence += count
        while length is not None and held[0][0] <= day - length:
            evidence -= held.popleft()[1]
        if evidence >= state.defaults.floor_evidence:
            return False
    return True


def _turning_days(days: list[int], last: int, window: str) -> Iterator[int]:
    """Yield, newest first, every day up to ``last`` after which something enters or leaves."""
    lengths = {WINDOW_DAYS[window], WINDOW_DAYS[PLANNING_WINDOW[window]]} - {None}
    turning = {last, *(day - 1 for day in days)}
    for length in lengths:
        turning.update(day + (length or 0) - 1 for day in days)
    if days:
        yield from sorted((day for day in turning if days[0] <= day <= last), reverse=True)
