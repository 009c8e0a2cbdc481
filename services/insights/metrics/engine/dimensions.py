"""Cell: what the figures tell apart about a gift, as the bits of one small integer.

Everything that was given is kept as one table, (giver, cell) -> contributions and minutes in one
integer. Every share and every set of givers is read from it: adding and taking back are one sum.
"""

from dataclasses import dataclass
from functools import cache

from services.insights.facts.fact import NO_MINUTES, ActFact
from services.insights.metrics.thresholds import EDGE_RECEIVERS_MAX

PROFESSIONAL = 1
LAY = (2, 3)
COMMISSION, DESIGN, DELIVER, ASSESS = 1, 2, 3, 4
ACT, OPINION = 1, 2
NOBODY_NAMED, NAMED, TOO_MANY_NAMED = 0, 1, 2
NO_PARTY_KNOWN, SOME_PARTY_KNOWN, EVERY_PARTY_KNOWN = 0, 1, 2
INDIVIDUAL, GROUP, SERVICE, SYSTEM = 1, 2, 3, 4
CELL_BITS = 21


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One kind of gift; there is one object of each, so that reading compares no fields.

    ``reach``: who received; ``known``: whose party; ``to_lay``: some receiver is lay; ``kind``,
    ``organisation``: the act says one.
    """

    party: int
    phase: int
    mode: int
    reach: int
    known: int
    group: bool
    to_lay: bool
    episode: bool
    timed: bool
    kind: bool
    organisation: bool
    scope: int
    lay: bool


def cell_number(fact: ActFact) -> int:
    """Return the cell of an act; ``cell_of`` reads it."""
    return (
        fact.party
        | fact.phase << 2
        | fact.mode << 5
        | (fact.kind != 0) << 7
        | (fact.organisation != 0) << 8
        | fact.giver_group << 13
        | (fact.episode != 0) << 15
        | (fact.minutes != NO_MINUTES) << 16
        | fact.scope << 18
        | (_reached(fact.receivers) if fact.receivers else 0)
    )


def _reached(receivers: tuple[tuple[int, int], ...]) -> int:
    known = to_lay = 0
    for _, party in receivers:
        known += party != 0
        to_lay |= party in LAY
    count = len(receivers)
    return _reach(count) << 9 | _known(known, count) << 11 | to_lay << 14


@cache
def cell_of(number: int) -> Cell:
    party, phase, mode = number & 3, number >> 2 & 7, number >> 5 & 3
    return Cell(
        party=party,
        phase=phase,
        mode=mode,
        reach=number >> 9 & 3,
        known=number >> 11 & 3,
        group=bool(number >> 13 & 1),
        to_lay=bool(number >> 14 & 1),
        episode=bool(number >> 15 & 1),
        timed=bool(number >> 16 & 1),
        kind=bool(number >> 7 & 1),
        organisation=bool(number >> 8 & 1),
        scope=number >> 18 & 7,
        lay=party in LAY,
    )


def _reach(receivers: int) -> int:
    if not receivers:
        return NOBODY_NAMED
    return NAMED if receivers <= EDGE_RECEIVERS_MAX else TOO_MANY_NAMED


def _known(known: int, receivers: int) -> int:
    if not known:
        return NO_PARTY_KNOWN
    return EVERY_PARTY_KNOWN if known == receivers else SOME_PARTY_KNOWN
