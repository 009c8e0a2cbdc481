"""Lifetime: what the counts over a service's life say of each person, kept until it changes."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from services.insights.facts import ActFact, Fact
from services.insights.metrics.defaults import (
    J2_OBSERVED_DAYS,
    J3_BLOCK_DAYS,
    J3_BLOCKS,
    J3_BLOCKS_MIN,
)
from services.insights.metrics.life import PARTY_BITS, LifeTables

NO_DAYS: Mapping[int, int] = {}


class Tenure(NamedTuple):
    """One person's days of giving. ``first``: the first of them.

    ``observed``: long enough ago for J2; ``once``: there is but one; ``lately``: within the days
    that J3 looks at, and with a lay stamp; ``stays``: in enough of its blocks.
    """

    first: int
    observed: bool
    once: bool
    lately: bool
    stays: bool


class Lifetime:
    """Reads the tables of ``life`` as of a day."""

    def __init__(self, life: LifeTables, day: int) -> None:
        self.life = life
        self._day = day
        self._tenures: dict[int, Tenure] = {}

    def tenure(self, person: int) -> Tenure:
        found = self._tenures.get(person)
        if found is None:
            stamped = self.life.days.get(person, NO_DAYS)
            found = self._tenures[person] = _tenure(stamped, self._day)
        return found

    @cached_property
    def evidence_days(self) -> int:
        """Days from the first to the last evidence of the service's life, both included."""
        days = self.life.evidence
        return max(days) - min(days) + 1 if days else 0

    @cached_property
    def registered_lay(self) -> set[int]:
        """Persons ever registered as lay here, up to the as-of day."""
        mask = (1 << PARTY_BITS) - 1
        return {key >> PARTY_BITS for key in self.life.roles if key & mask in (2, 3)}

    def take(self, facts: Iterable[Fact]) -> None:
        """Let go of what these facts, which are in the tables by now, may have changed."""
        for fact in facts:
            if isinstance(fact, ActFact):
                self._tenures.pop(fact.giver, None)
        self.__dict__.pop("evidence_days", None)
        self.__dict__.pop("registered_lay", None)


def _tenure(stamped: Mapping[int, int], today: int) -> Tenure:
    days = {one >> 1 for one in stamped}
    recent = range(today - J3_BLOCKS * J3_BLOCK_DAYS + 1, today + 1)
    blocks = {(today - day) // J3_BLOCK_DAYS for day in days if day in recent}
    # there is none only while an act that was taken back is still to come
    first = min(days, default=today)
    return Tenure(
        first=first,
        observed=first <= today - J2_OBSERVED_DAYS,
        once=len(days) == 1,
        lately=any(one & 1 and one >> 1 in recent for one in stamped),
        stays=len(blocks) >= J3_BLOCKS_MIN,
    )
