"""Cell: what the figures tell apart about a gift, as the bits of one small integer.

Everything that was given is kept as one table (giver, cell) -> [contributions, minutes]. Every
share and every set of givers is read from it: adding and taking back are one integer addition.
"""

from functools import cache
from typing import NamedTuple

from services.insights.facts import NO_MINUTES, ActFact
from services.insights.metrics.defaults import EDGE_RECEIVERS_MAX

PROFESSIONAL = 1
LAY = (2, 3)
COMMISSION, DESIGN, DELIVER, ASSESS = 1, 2, 3, 4
ACT, OPINION = 1, 2
NOBODY_NAMED, NAMED, TOO_MANY_NAMED = 0, 1, 2
NO_PARTY_KNOWN, SOME_PARTY_KNOWN, EVERY_PARTY_KNOWN = 0, 1, 2
CELL_BITS = 18


class Cell(NamedTuple):
    """``reach``: who received; ``known``: whose party; ``to_lay``: some receiver is lay."""

    party: int
    phase: int
    mode: int
    outside: int
    reach: int
    known: int
    group: bool
    to_lay: bool
    episode: bool
    timed: bool

    @property
    def lay(self) -> bool:
        return self.party in LAY

    @property
    def act(self) -> bool:
        return self.mode == ACT

    @property
    def delivery(self) -> bool:
        return self.phase == DELIVER and self.mode == ACT

    @property
    def planning(self) -> bool:
        return self.phase in (COMMISSION, DESIGN) and self.mode == ACT

    @property
    def gift_of_person(self) -> bool:
        """Whether the exchange metrics see it as given: no group's gift, and no opinion."""
        return self.mode == ACT and not self.group


def cell_number(fact: ActFact) -> int:
    """Return the cell of an act; ``cell_of`` reads it."""
    known = sum(1 for _, party in fact.receivers if party)
    reach, parties = _reach(len(fact.receivers), known)
    return (
        fact.party
        | fact.phase << 2
        | fact.mode << 5
        | fact.outside << 7
        | reach << 9
        | parties << 11
        | fact.giver_group << 13
        | any(party in LAY for _, party in fact.receivers) << 14
        | bool(fact.episode) << 15
        | (fact.minutes != NO_MINUTES) << 16
    )


@cache
def cell_of(number: int) -> Cell:
    return Cell(
        party=number & 3,
        phase=number >> 2 & 7,
        mode=number >> 5 & 3,
        outside=number >> 7 & 3,
        reach=number >> 9 & 3,
        known=number >> 11 & 3,
        group=bool(number >> 13 & 1),
        to_lay=bool(number >> 14 & 1),
        episode=bool(number >> 15 & 1),
        timed=bool(number >> 16 & 1),
    )


def _reach(receivers: int, known: int) -> tuple[int, int]:
    if not receivers:
        return NOBODY_NAMED, NO_PARTY_KNOWN
    parties = SOME_PARTY_KNOWN if known else NO_PARTY_KNOWN
    if known == receivers:
        parties = EVERY_PARTY_KNOWN
    return (NAMED if receivers <= EDGE_RECEIVERS_MAX else TOO_MANY_NAMED), parties
