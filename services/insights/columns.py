"""Columns: the facts of many chunks side by side, to be folded into states all at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, repeat
from typing import Any

import numpy as np

from services.insights.chunk import Chunk
from services.insights.facts import ActFact, Fact
from services.insights.metrics.bulk import Acts, Integers, fold_acts
from services.insights.metrics.state import ServiceState
from services.insights.packing import TYPES, opened, read_column

ACT = TYPES.index(ActFact)
FIELDS = ActFact.__struct_fields__
RECEIVERS = FIELDS.index("receivers")
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
    """Acts by column, all others as they are, each with its place among all facts."""

    tags: list[int] = field(default_factory=list)
    counts: list[bytes] = field(default_factory=list)
    acts: dict[str, list[int]] = field(
        default_factory=lambda: {name: [] for name in ("service", *NEEDED)}
    )
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
            places = [before + place for place, one in enumerate(tags) if one == tag]
            rows = zip(*(read_column(column, len(places)) for column in columns), strict=True)
            sort: Any = TYPES[tag]
            self.others += [(place, sort(*row)) for place, row in zip(places, rows, strict=True)]

    def _read_acts(self, columns: Sequence[Any], count: int) -> None:
        for name, read in self.acts.items():
            column = columns[FIELDS.index(name)]
            read.extend(column if isinstance(column, list) else repeat(column, count))
        flat = columns[RECEIVERS]
        self.receivers += [len(pairs) >> 1 for pairs in flat]
        self.persons += flat

    def folded(self, as_of: date) -> dict[int, Folded]:
        tags = np.array(self.tags, dtype=np.int64)
        acts = {name: np.array(read, dtype=np.int64) for name, read in self.acts.items()}
        service = self._of_all(tags, acts["service"], "service")
        day = self._of_all(tags, acts["day"], "day")
        per_event = np.frombuffer(b"".join(self.counts), dtype=np.uint8)
        made = per_event[per_event > 0].astype(np.int64)
        starts = np.cumsum(made) - made
        # an event is of one service, whatever its second fact says
        codes, of_event = np.unique(service[starts], return_inverse=True)
        of_fact = np.repeat(of_event, made)
        states = [ServiceState(as_of) for _ in codes]
        fold_acts(states, self._columns(acts, of_fact[tags == ACT]))
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

    def _of_all(self, tags: Integers, of_acts: Integers, name: str) -> Integers:
        every = np.empty(len(tags), dtype=np.int64)
        every[tags == ACT] = of_acts
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
