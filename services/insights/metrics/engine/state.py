"""State of one service as of one day: tables that facts in any order bring to the same end."""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

from services.insights.facts.fact import (
    EPOCH,
    ActFact,
    AllocationFact,
    AnswerFact,
    ChangeFact,
    ConsultationFact,
    DecisionFact,
    Fact,
    FeedbackFact,
    ProviderFact,
    RoleFact,
    WaitingFact,
    day_number,
)
from services.insights.metrics.engine.life import LifeTables
from services.insights.metrics.engine.tables import Tables
from services.insights.metrics.engine.tenure import Lifetime
from services.insights.metrics.engine.view import View
from services.insights.metrics.engine.window import AGES, RINGS, Window, ring_of, rings_of
from services.insights.metrics.thresholds import DEFAULTS, Thresholds

UNREAD_MAX = 200  # facts; to take more of them costs as much as to read everything anew
NOTHING = Tables()
MOVED_MAX = 40  # days; to move windows over more of them costs as much as to read them anew

Moved: TypeAlias = tuple[int | None, int | None, Tables]
"""One day's tables, with the ring that held them before and after; None: it is still to come."""


class ServiceState:
    """All that the figures of one service as of one day are read from.

    ``day`` is ``as_of``, counted from 1970-01-01; both are fixed for whoever only applies, and a
    new day needs a new state (``timeline``).
    Facts may arrive in any order and in any batches; a fact and its retraction leave no trace.
    """

    def __init__(self, as_of: date, thresholds: Thresholds = DEFAULTS) -> None:
        self.thresholds = thresholds
        self.rings = [Tables() for _ in range(RINGS)]
        self.life = LifeTables()
        self._windows: dict[int, Window] = {}  # by how many rings they span
        self.move(as_of, ())

    def move(self, as_of: date, moved: Sequence[Moved]) -> None:
        """Say of which day the tables are from now on; who moves it has ``moved`` them too."""
        self.as_of = as_of
        self.day = day_number(as_of)
        self._views: dict[str, View] = {}
        self._shared: dict[int, dict[Hashable, Any]] = {}
        windows = self._windows if len(moved) <= MOVED_MAX else {}
        self._read_anew()
        for spanned, window in windows.items():
            if window.move(_change(moved, spanned)):
                self._windows[spanned] = window

    def apply(self, facts: Iterable[Fact]) -> None:
        """Take facts of this service; those of days after ``as_of`` change nothing.

        An act that waits moves no figure: what was read of them stays.
        """
        facts = tuple(facts)
        day, life, rings = self.day, self.life, self.rings
        for fact in facts:
            age = day - fact.day
            if age < 0:
                continue
            tables = rings[bisect_right(AGES, age)]
            if isinstance(fact, ActFact):  # as nearly all are
                life.act(fact, fact.sign)
                tables.act(fact, fact.sign)
            else:
                life.add(fact, fact.sign)
                put(fact, tables, fact.sign)
        figured = [fact for fact in facts if not isinstance(fact, WaitingFact)]
        if not figured:
            return
        self._views.clear()
        self._shared.clear()
        if self._windows:
            self._unread.extend(figured)
            if len(self._unread) > UNREAD_MAX:
                self._read_anew()

    def view(self, window: str) -> View:
        """Return the window as the figures read it, made once between two changes."""
        if window not in self._views:
            self._catch_up()
            spanned = self._spanned(window)
            self._views[window] = View(
                window,
                self._window(spanned),
                self._window(self._spanned("life")),
                self._lifetime,
                self.day,
                self.thresholds,
                self._shared.setdefault(spanned, {}),
            )
        return self._views[window]

    def _spanned(self, window: str) -> int:
        """Return up to which ring there is anything in a window: young services fill no more."""
        rings = rings_of(window)
        while rings > 1 and self.rings[rings - 1] == NOTHING:
            rings -= 1
        return rings

    def _window(self, spanned: int) -> Window:
        if spanned not in self._windows:
            self._windows[spanned] = Window(self.rings[:spanned])
        return self._windows[spanned]

    def _catch_up(self) -> None:
        """Take into what was read before all that was applied since."""
        if not self._unread:
            return
        changes: dict[int, Tables] = {}
        for fact in self._unread:
            age = self.day - fact.day
            if age >= 0:
                put(fact, changes.setdefault(ring_of(age), Tables()), fact.sign)
        for spanned, window in list(self._windows.items()):
            if not all(window.take(change) for ring, change in changes.items() if ring < spanned):
                del self._windows[spanned]
        self._lifetime.take(self._unread)
        self._unread.clear()

    def _read_anew(self) -> None:
        """Forget what was read: it is made again when it is asked for."""
        self._windows = {}
        self._lifetime = Lifetime(self.life, self.day)
        self._unread: list[Fact] = []

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ServiceState):
            return NotImplemented
        mine = (self.as_of, self.thresholds, self.rings, self.life)
        return mine == (other.as_of, other.thresholds, other.rings, other.life)

    __hash__ = None  # type: ignore[assignment]  # a state changes


def _change(moved: Sequence[Moved], spanned: int) -> Tables:
    """Return what came into the first rings, and left them, as the days of tables moved."""
    change = Tables()
    for before, after, tables in moved:
        held, holds = (ring is not None and ring < spanned for ring in (before, after))
        if held != holds:
            change.merge(tables, 1 if holds else -1)
    return change


def put(fact: Fact, tables: Tables, sign: int) -> None:
    """Add one fact to the tables that hold its day (1), or take it from them (-1)."""
    match fact:
        case ActFact():  # as nearly all are
            tables.act(fact, sign)
        case DecisionFact():
            tables.decision(fact, sign)
        case AllocationFact():
            tables.allocation(fact, sign)
        case (
            RoleFact()
            | FeedbackFact()
            | AnswerFact()
            | ChangeFact()
            | ConsultationFact()
            | WaitingFact()
            | ProviderFact()
        ):
            pass  # these count over the service's life, wherever they are read


def as_date(day: int) -> date:
    return EPOCH + timedelta(days=day)
