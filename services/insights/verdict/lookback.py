"""Past: what a day's verdict needs of the days before it: yesterday's, the last with evidence."""

from collections.abc import Sequence
from datetime import date, timedelta

from services.insights.facts.fact import Fact, WaitingFact
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.timeline import Timeline
from services.insights.metrics.thresholds import WINDOW_DAYS
from services.insights.verdict.history import last_evidenced, never_evidenced
from services.insights.verdict.verdict import Verdict, classify

ONE_DAY = timedelta(days=1)


class PastNeeded(Exception):
    """What was asked has to be folded from the facts first."""


class Past:
    """Looks back from ``as_of``; what is found is kept. Facts of that day on change nothing in it.

    Without a timeline, which it moves, it has only what it found before, and yesterday's state.
    """

    def __init__(self, timeline: Timeline | None, as_of: date) -> None:
        self._timeline = timeline
        self._state: ServiceState | None = None
        self._before = as_of - ONE_DAY
        self._yesterday: dict[str, Verdict] = {}
        self._evidenced: dict[str, Verdict | None] = {}

    def yesterday(self, window: str) -> Verdict:
        """Return the verdict of the day before.

        Raises:
            PastNeeded: it was not found while there was a timeline.
        """
        if window not in self._yesterday:
            state = self._state or self._known().at(self._before)
            self._yesterday = {one: classify(state, one) for one in WINDOW_DAYS}
        return self._yesterday[window]

    def evidenced(self, window: str) -> Verdict | None:
        """Return the last verdict before ``as_of`` that had evidence, if any had.

        Raises:
            PastNeeded: it was not found while there was a timeline.
        """
        if window not in self._evidenced:
            yesterday = self.yesterday(window)
            self._evidenced[window] = yesterday if yesterday.evidenced else self._earlier(window)
        return self._evidenced[window]

    def found(self) -> "Past":
        """Find everything, and let the timeline go; yesterday's state stays and takes facts."""
        for window in WINDOW_DAYS:
            self.evidenced(window)
        self._state, self._timeline = self._known().at(self._before), None
        return self

    def take(self, facts: Sequence[Fact]) -> None:
        """Take facts that came since; what was found is found again when it is asked for."""
        if self._state is None:
            raise PastNeeded
        self._state.apply(facts)
        if not all(isinstance(fact, WaitingFact) for fact in facts):
            self._yesterday, self._evidenced = {}, {}

    def _earlier(self, window: str) -> Verdict | None:
        if self._state is not None and never_evidenced(self._state, window):
            return None
        return last_evidenced(self._known(), self._before, window)

    def _known(self) -> Timeline:
        if self._timeline is None:
            raise PastNeeded
        return self._timeline
