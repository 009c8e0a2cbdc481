"""Lifetime: what the counts over a service's life say of each person, kept until it changes."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from services.insights.facts.fact import AGENCY, LINKED, UNLINKED, ActFact, Fact, RoleFact
from services.insights.metrics.engine.life import PARTY_BITS, PROVISION_BITS, LifeTables
from services.insights.metrics.thresholds import (
    J2_OBSERVED_DAYS,
    J3_BLOCK_DAYS,
    J3_BLOCKS,
    J3_BLOCKS_MIN,
)

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
    """Reads the tables of ``life`` as of a day.

    ``tenures_turned``, ``lay_turned``: another object once somebody's tenure changed that was asked
    for, and once somebody became or ceased to be lay by registration or as a receiver.
    """

    def __init__(self, life: LifeTables, day: int) -> None:
        self.life = life
        self._day = day
        self._tenures: dict[int, Tenure] = {}
        self.tenures_turned = object()
        self.lay_turned = object()

    def tenure(self, person: int) -> Tenure:
        found = self._tenures.get(person)
        if found is None:
            stamped = self.life.days.get(person, NO_DAYS)
            found = self._tenures[person] = _tenure(stamped, self._day)
        return found

    @property
    def evidence_days(self) -> int:
        """Days from the first to the last evidence of the service's life, both included."""
        span = self.evidence_span
        return span[1] - span[0] + 1 if span else 0

    @property
    def observed_days(self) -> int:
        """Days from the first evidence to the as-of day, both included."""
        span = self.evidence_span
        return self._day - span[0] + 1 if span else 0

    @cached_property
    def evidence_span(self) -> tuple[int, int] | None:
        """The first and the last day with evidence; None: there is none."""
        days = self.life.evidence
        return (min(days), max(days)) if days else None

    @cached_property
    def registered_lay(self) -> set[int]:
        """Persons ever registered as lay here, up to the as-of day."""
        mask = (1 << PARTY_BITS) - 1
        return {key >> PARTY_BITS for key in self.life.roles if key & mask in (2, 3)}

    @cached_property
    def received_lay(self) -> set[int]:
        """Persons whom an act ever named as a lay receiver, up to the as-of day."""
        return set(self.life.stamped_lay)

    @property
    def providers(self) -> set[int]:
        """The service's agencies and the organisations that are linked to it, as known now."""
        times = self.life.providers
        found = {key >> PROVISION_BITS for key in times}
        return {one for one in found if _provides(one << PROVISION_BITS, times)}

    @property
    def ever_linked(self) -> bool:
        """Whether an organisation was ever linked to the service, as known now."""
        mask = (1 << PROVISION_BITS) - 1
        return any(key & mask == LINKED for key in self.life.providers)

    def take(self, facts: Iterable[Fact]) -> None:
        """Let go of what these facts, which are in the tables by now, may have changed."""
        for fact in facts:
            if isinstance(fact, ActFact):
                self._look_again(fact.giver)
                self._follow_receivers(fact.receivers)
            elif isinstance(fact, RoleFact):
                self.__dict__.pop("registered_lay", None)
                self.lay_turned = object()
            if not self._spans(fact.day):
                self.__dict__.pop("evidence_span", None)

    def _look_again(self, giver: int) -> None:
        before = self._tenures.pop(giver, None)
        if before is not None and self.tenure(giver) != before:
            self.tenures_turned = object()

    def _follow_receivers(self, receivers: Iterable[tuple[int, int]]) -> None:
        """Keep those who were read up; who was not read yet is read as the tables are by then."""
        known: set[int] | None = self.__dict__.get("received_lay")
        if known is None:
            return
        for person, _ in receivers:
            if (person in self.life.stamped_lay) != (person in known):
                known ^= {person}
                self.lay_turned = object()

    def _spans(self, day: int) -> bool:
        """Whether the day lies where nothing that comes or goes moves the first or last one."""
        span: tuple[int, int] | None = self.__dict__.get("evidence_span")
        if span is None:
            return False
        first, last = span
        return first < day < last or (day in (first, last) and day in self.life.evidence)


def _provides(organisation: int, times: Mapping[int, int]) -> bool:
    linked, unlinked = times.get(organisation | LINKED, 0), times.get(organisation | UNLINKED, 0)
    return organisation | AGENCY in times or linked > unlinked


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
