"""Timeline: the state of a service on one day after another, by moving windows over facts."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from services.insights.facts.fact import UNDATED, Fact, day_number
from services.insights.metrics.engine.state import Moved, ServiceState, as_date, put
from services.insights.metrics.engine.tables import Tables
from services.insights.metrics.engine.window import ring_of
from services.insights.metrics.thresholds import DEFAULTS, Thresholds


class Timeline:
    """The facts of one service by day, and one state that moves over them, forwards or back.

    A move costs what the days cost that enter or leave a window by it, not all facts again.
    """

    def __init__(self, facts: Iterable[Fact], thresholds: Thresholds = DEFAULTS) -> None:
        self._by_day: dict[int, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._by_day[fact.day].append(fact)
        undated = self._by_day.pop(UNDATED, [])
        self._days = sorted(self._by_day)
        self._tables: dict[int, Tables] = {}  # of each day by itself, made when first moved
        self._before = self._days[0] - 1 if self._days else 0
        self._state = ServiceState(as_date(self._before), thresholds)
        self._state.apply(undated)

    @property
    def days(self) -> list[int]:
        """The days that have facts, in order."""
        return self._days

    def at(self, as_of: date) -> ServiceState:
        """Return the state as of a day; the next call moves this same state on."""
        old, new = self._state.day, day_number(as_of)
        moved: list[Moved] = []
        for day in self._days:
            before, after = self._ring(day, old), self._ring(day, new)
            if before != after:
                self._move(day, before, after)
                moved.append((before, after, self._of(day)))
        self._state.move(as_of, moved)
        return self._state

    def _move(self, day: int, before: int | None, after: int | None) -> None:
        rings = self._state.rings
        if before is not None:
            rings[before].merge(self._of(day), -1)
        if after is not None:
            rings[after].merge(self._of(day), 1)
        if before is None or after is None:
            sign = 1 if before is None else -1
            for fact in self._by_day[day]:
                self._state.life.add(fact, sign * fact.sign)

    def _of(self, day: int) -> Tables:
        if day not in self._tables:
            self._tables[day] = Tables()
            for fact in self._by_day[day]:
                put(fact, self._tables[day], fact.sign)
        return self._tables[day]

    def _ring(self, day: int, as_of: int) -> int | None:
        """Return the ring that holds the day as of another; None: it is still to come."""
        return ring_of(as_of - day) if day <= as_of else None
