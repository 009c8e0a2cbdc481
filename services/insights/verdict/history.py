"""History of verdicts: the last day that had evidence for one, and since when a class holds."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from services.insights.facts.fact import day_number
from services.insights.metrics.engine.state import ServiceState, as_date
from services.insights.metrics.engine.timeline import Timeline
from services.insights.metrics.thresholds import PLANNING_WINDOW, WINDOW_DAYS
from services.insights.verdict.rule import ServiceClass
from services.insights.verdict.verdict import Verdict, class_of, classify


@dataclass(frozen=True, slots=True)
class Held:
    """The class of one day, and the day since which the rule gives it without a break.

    ``since`` is None where there never was another: before the first fact there is no evidence.
    """

    service_class: ServiceClass
    since: date | None

    def covers(self, day: int, service_class: ServiceClass) -> bool:
        """Whether this class held on that day already; it is one up to which this was found."""
        return self.service_class is service_class and (
            self.since is None or day_number(self.since) <= day
        )

    def then(self, next_day: Verdict) -> "Held":
        """Return what holds on the day after."""
        if next_day.service_class is self.service_class:
            return self
        return Held(next_day.service_class, next_day.as_of)


def held(
    timeline: Timeline,
    as_of: date,
    windows: Iterable[str],
    known: Mapping[str, Held] = MappingProxyType({}),
    known_to: int = 0,
) -> dict[str, Held]:
    """Return, by window, the class of a day and since when it holds.

    Looks only at days on which a window's content changes, the newest first, until the class was
    another one in each of them; or until what is ``known`` goes on, which is still true of days
    before ``known_to``.
    """
    turning = {one: set(_turning_days(timeline.days, day_number(as_of), one)) for one in windows}
    state = timeline.at(as_of)
    now = {window: class_of(state, window) for window in turning}
    found = {one: Held(now[one], _never_another(timeline, now[one])) for one in turning}
    for day in sorted(set().union(*turning.values()), reverse=True):
        state = timeline.at(as_date(day))
        for window in [one for one, days in turning.items() if day in days]:
            before = known.get(window)
            if day < known_to and before and before.covers(known_to - 1, now[window]):
                found[window] = before
                del turning[window]
            elif class_of(state, window) is not now[window]:
                found[window] = Held(now[window], as_date(day + 1))
                del turning[window]
        if not turning:
            break
    return found


def _never_another(timeline: Timeline, service_class: ServiceClass) -> date | None:
    if service_class is ServiceClass.INSUFFICIENT_EVIDENCE or not timeline.days:
        return None
    return as_date(timeline.days[0])


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
        if evidence >= state.thresholds.floor_evidence:
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
