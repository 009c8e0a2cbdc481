"""Timeline: the state of a service on one day after another, by moving windows over facts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

from services.insights.facts import Fact, day_number
from services.insights.metrics.defaults import DEFAULTS, Defaults, first_day
from services.insights.metrics.state import ServiceState, as_date, put
from services.insights.metrics.tables import WindowTables


class Timeline:
    """The facts of one service by day, and one state that moves over them, forwards or back.

    A move costs what the days cost that enter or leave a window by it, not all facts again.
    """

    def __init__(self, facts: Iterable[Fact], defaults: Defaults = DEFAULTS) -> None:
        self._by_day: dict[int, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._by_day[fact.day].append(fact)
        self._days = sorted(self._by_day)
        self._tables: dict[int, WindowTables] = {}  # of each day by itself, made when first moved
        self._before = self._days[0] - 1 if self._days else 0
        self._state = ServiceState(as_date(self._before), defaults)

    @property
    def days(self) -> list[int]:
        """The days that have facts, in order."""
        return self._days

    def at(self, as_of: date) -> ServiceState:
        """Return the state as of a day; the next call moves this same state on."""
        old, new = self._state.day, day_number(as_of)
        for window, tables in self._state.windows.items():
            for day, sign in self._crossed(window, old, new):
                tables.merge(self._of(day), sign)
        for day, sign in self._crossed("life", old, new):
            for fact in self._by_day[day]:
                self._state.life.add(fact, sign * fact.sign)
        self._state.as_of = as_of
        self._state.touch()
        return self._state

    def _of(self, day: int) -> WindowTables:
        if day not in self._tables:
            self._tables[day] = WindowTables()
            for fact in self._by_day[day]:
                put(fact, (self._tables[day],), fact.sign)
        return self._tables[day]

    def _crossed(self, window: str, old: int, new: int) -> Iterator[tuple[int, int]]:
        """Yield (day with facts, 1 if it enters the window and -1 if it leaves)."""
        before, after = self._range(window, old), self._range(window, new)
        for day in self._days:
            if (day in after) != (day in before):
                yield day, (1 if day in after else -1)

    def _range(self, window: str, day: int) -> range:
        first = first_day(window, day)
        return range(self._before if first is None else first, day + 1)
