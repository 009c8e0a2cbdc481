"""Columns: the facts of many chunks side by side, to be folded into states all at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, repeat
from typing import Any

import numpy as np

from services.insights.facts.chunk import Chunk
from services.insights.facts.encoding import TYPES, opened, read_column
from services.insights.facts.fact import ActFact, Fact, WaitingFact
from services.insights.metrics.engine.columnar import Acts, Integers, fold_acts, fold_waiting
from services.insights.metrics.engine.state import ServiceState

ACT, WAITING = TYPES.index(ActFact), TYPES.index(WaitingFact)
FIELDS = ActFact.__struct_fields__
RECEIVERS = FIELDS.index("receivers")
WAITS = WaitingFact.__struct_fields__
NEEDED = [name for name in FIELDS if name in Acts.__slots__ and name != "receivers"]


@dataclass(frozen=True, slots=True)
class Folded:
    """One service's state. ``events``: how many made a fact of a day up to the as-of day.

    ``facts``: all there are; ``late``: those of days before the as-of day.
    """

    state: ServiceState
    events: int
    facts: int
    late: int


def folded(chunks: Iterable[Chunk], as_of: date) -> dict[int, Folded]:
    """Return the state of each service (by code) that the chunks are of, as of a day.

    Raises:
        UnknownFormat: a chunk was packed by another build.
    """
    facts = _Facts()
    for chunk in chunks:
        facts.read(chunk)
    return facts.folded(as_of) if facts.tags else {}


@dataclass(slots=True)
class _Facts:
    """Acts and those that wait by column, all others as they are, each with its place among all."""

    tags: list[int] = field(default_factory=list)
    counts: list[bytes] = field(default_factory=list)
    acts: dict[str, list[int]] = field(
        default_factory=lambda: {name: [] for name in ("service", *NEEDED)}
    )
    waiting: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in WAITS})
    receivers: list[int] = field(default_factory=list)
    persons: list[list[int]] = field(default_factory=list)
    others: list[tuple[int, Fact]] = field(default_factory=list)

    def read(self, chunk: Chunk) -> None:
        before = len(self.tags)
        tags, tables = opened(chunk.packed)
        self.tags += tags
        self.counts.append(chunk.counts)
        for tag, columns in tables.items():
            if tag == ACT:
                self._read_acts(columns, tags.count(tag))
                continue
            if tag == WAITING:
                _extend(self.waiting, WAITS, columns, tags.count(tag))
                continue
            places = [before + place for place, one in enumerate(tags) if one == tag]
            rows = zip(*(read_column(column, len(places)) for column in columns), strict=True)
            sort: Any = TYPES[tag]
            self.others += [(place, sort(*row)) for place, row in zip(places, rows, strict=True)]

    def _read_acts(self, columns: Sequence[Any], count: int) -> None:
        _extend(self.acts, FIELDS, columns, count)
        flat = columns[RECEIVERS]
        self.receivers += [len(pairs) >> 1 for pairs in flat]
        self.persons += flat

    def folded(self, as_of: date) -> dict[int, Folded]:
        tags = np.array(self.tags, dtype=np.int64)
        acts, waiting = _arrays(self.acts), _arrays(self.waiting)
        service, day = (
            self._of_all(tags, {ACT: acts[name], WAITING: waiting[name]}, name)
            for name in ("service", "day")
        )
        per_event = np.frombuffer(b"".join(self.counts), dtype=np.uint8)
        made = per_event[per_event > 0].astype(np.int64)
        starts = np.cumsum(made) - made
        # an event is of one service, whatever its second fact says
        codes, of_event = np.unique(service[starts], return_inverse=True)
        of_fact = np.repeat(of_event, made)
        states = [ServiceState(as_of) for _ in codes]
        fold_acts(states, self._columns(acts, of_fact[tags == ACT]))
        of_state = of_fact[tags == WAITING]
        fold_waiting(states, of_state, waiting["day"], waiting["sign"], waiting["due"])
        for place, fact in self.others:
            states[of_fact[place]].apply((fact,))
        today = states[0].day
        first_day = np.minimum.reduceat(day, starts)
        counted = [
            np.bincount(numbers, minlength=len(codes)).tolist()
            for numbers in (of_event[first_day <= today], of_fact, of_fact[day < today])
        ]
        return {
            code: Folded(state, *counts)
            for code, state, *counts in zip(codes.tolist(), states, *counted, strict=True)
        }

    def _of_all(self, tags: Integers, columns: Mapping[int, Integers], name: str) -> Integers:
        every = np.empty(len(tags), dtype=np.int64)
        for tag, column in columns.items():
            every[tags == tag] = column
        for place, fact in self.others:
            every[place] = getattr(fact, name)
        return every

    def _columns(self, acts: dict[str, Integers], state: Integers) -> Acts:
        flat = np.fromiter(chain.from_iterable(self.persons), dtype=np.int64)
        return Acts(
            state=state,
            receivers=np.array(self.receivers, dtype=np.int64),
            person=flat[::2],
            person_party=flat[1::2],
            **{name: acts[name] for name in NEEDED},
        )


def _extend(
    read: Mapping[str, list[int]], fields: Sequence[str], columns: Sequence[Any], count: int
) -> None:
    for name, values in read.items():
        column = columns[fields.index(name)]
        values.extend(column if isinstance(column, list) else repeat(column, count))


def _arrays(read: Mapping[str, list[int]]) -> dict[str, Integers]:
    return {name: np.array(values, dtype=np.int64) for name, values in read.items()}
