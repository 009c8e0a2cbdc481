"""Tables: the integer counts behind every figure, each of which can be added to and taken from.

An entry that comes back to zero is deleted, so that two ways to the same facts leave equal tables.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from services.insights.facts import KINDS, ActFact, AllocationFact, DecisionFact
from services.insights.metrics.cell import (
    ACT,
    CELL_BITS,
    LAY,
    PROFESSIONAL,
    cell_number,
)
from services.insights.metrics.defaults import EDGE_RECEIVERS_MAX

MILLION = 10**6
PERSON_BITS = 31
RECEIPT_BITS = 5
EPISODE_BITS = 2
EPISODE_OTHER, EPISODE_LAY_ACT, EPISODE_PROFESSIONAL_ACT = 0, 1, 2
LEVEL_WEIGHTS = (0, 1, 2, 3, 3)
NO_HELP_KINDS = frozenset(KINDS.index(kind) + 1 for kind in ("train", "facilitate", "connect"))


class ReceiptCell(NamedTuple):
    """How somebody received; ``help`` is false for being trained, facilitated or connected."""

    party: int
    help: bool
    from_lay: bool
    from_group: bool

    @property
    def lay(self) -> bool:
        return self.party in LAY


def receipt_cell(number: int) -> ReceiptCell:
    return ReceiptCell(
        number & 3, bool(number >> 2 & 1), bool(number >> 3 & 1), bool(number >> 4 & 1)
    )


class Effect(NamedTuple):
    """What one act does to the tables of every window that holds its day.

    ``receipts``: (person and receipt cell, millionths of an act, millionths of a minute);
    ``edges``: giver and receiver; ``flow``: what crossed parties and what flowed in all, in
    millionths of acts and of minutes; ``episode``: episode and what the act is in it, or -1.
    """

    given: int
    minutes: int
    receipts: tuple[tuple[int, int, int], ...]
    edges: tuple[int, ...]
    flow: tuple[int, int, int, int] | None
    episode: int


def effect_of(fact: ActFact) -> Effect:
    minutes = max(fact.minutes, 0)
    receivers = fact.receivers
    if fact.mode != ACT or len(receivers) > EDGE_RECEIVERS_MAX:
        receivers = ()
    receipts, edges, flow = _exchanged(fact, receivers, minutes) if receivers else ((), (), None)
    return Effect(
        given=fact.giver << CELL_BITS | cell_number(fact),
        minutes=minutes,
        receipts=receipts,
        edges=edges,
        flow=flow,
        episode=_in_episode(fact),
    )


def _exchanged(
    fact: ActFact, receivers: tuple[tuple[int, int], ...], minutes: int
) -> tuple[tuple[tuple[int, int, int], ...], tuple[int, ...], tuple[int, int, int, int] | None]:
    how = (fact.kind not in NO_HELP_KINDS) << 2 | (fact.party in LAY) << 3 | fact.giver_group << 4
    shares = list(zip(parted(1, len(receivers)), parted(minutes, len(receivers)), strict=True))
    receipts = tuple(
        (person << RECEIPT_BITS | how | party, acts, time)
        for (person, party), (acts, time) in zip(receivers, shares, strict=True)
    )
    if fact.giver_group:
        return receipts, (), None
    edges = tuple(fact.giver << PERSON_BITS | person for person, _ in receivers)
    return receipts, edges, _flow(fact.party, receivers, shares)


def _flow(
    giver_party: int, receivers: tuple[tuple[int, int], ...], shares: list[tuple[int, int]]
) -> tuple[int, int, int, int]:
    crossed_acts = crossed_time = acts = time = 0
    for (_, party), (share_acts, share_time) in zip(receivers, shares, strict=True):
        if party:
            acts += share_acts
            time += share_time
        if party and party != giver_party:
            crossed_acts += share_acts
            crossed_time += share_time
    return crossed_acts, acts, crossed_time, time


def parted(units: int, parts: int) -> list[int]:
    """Return ``units`` in millionths, in equal parts, the remainder with the first of them."""
    share, remainder = divmod(units * MILLION, parts)
    return [share + 1] * remainder + [share] * (parts - remainder)


def _in_episode(fact: ActFact) -> int:
    if not fact.episode:
        return -1
    role = EPISODE_OTHER
    if fact.mode == ACT:
        role = EPISODE_PROFESSIONAL_ACT if fact.party == PROFESSIONAL else EPISODE_LAY_ACT
    return fact.episode << EPISODE_BITS | role


def count(table: dict[int, int], key: int, sign: int) -> None:
    """Add ``sign`` to one entry; an entry of zero is none."""
    value = table.get(key, 0) + sign
    if value:
        table[key] = value
    else:
        del table[key]


def _add(table: dict[int, list[int]], key: int, amounts: tuple[int, ...], sign: int) -> None:
    entry = table.get(key)
    if entry is None:
        table[key] = [sign * amount for amount in amounts]
        return
    for place, amount in enumerate(amounts):
        entry[place] += sign * amount
    if not any(entry):
        del table[key]


@dataclass(slots=True)
class WindowTables:
    """What happened within one window.

    ``given``: giver and cell -> [contributions, minutes]; ``receipts``: person and receipt cell ->
    [receipts, millionths of acts, millionths of minutes]; ``edges``: giver and receiver -> acts;
    ``episodes``: episode and role -> contributions; ``flow``: as in ``Effect``; ``power``:
    [decisions, lay weight by level, weight by level]; ``voters``: voters in all of one decision ->
    decisions; ``allocations``: currency -> [allocations, lay amount, amount].
    """

    given: dict[int, list[int]] = field(default_factory=dict)
    receipts: dict[int, list[int]] = field(default_factory=dict)
    edges: dict[int, int] = field(default_factory=dict)
    episodes: dict[int, int] = field(default_factory=dict)
    flow: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    power: list[int] = field(default_factory=lambda: [0, 0, 0])
    voters: dict[int, int] = field(default_factory=dict)
    allocations: dict[int, list[int]] = field(default_factory=dict)

    def act(self, effect: Effect, sign: int) -> None:
        """Add (1) or take back (-1) one act."""
        entry = self.given.get(effect.given)
        if entry is None:
            self.given[effect.given] = [sign, sign * effect.minutes]
        else:
            entry[0] += sign
            entry[1] += sign * effect.minutes
            if not (entry[0] or entry[1]):
                del self.given[effect.given]
        for key, acts, time in effect.receipts:
            _add(self.receipts, key, (1, acts, time), sign)
        for edge in effect.edges:
            count(self.edges, edge, sign)
        if effect.flow is not None:
            self.flow = [
                sum_ + sign * part for sum_, part in zip(self.flow, effect.flow, strict=True)
            ]
        if effect.episode >= 0:
            count(self.episodes, effect.episode, sign)

    def decision(self, fact: DecisionFact, sign: int) -> None:
        level = LEVEL_WEIGHTS[fact.level]
        lay = (fact.weight_user + fact.weight_family_social) * level
        self.power[0] += sign
        self.power[1] += sign * lay
        self.power[2] += sign * (lay + fact.weight_professional * level)
        voters = fact.voters_professional + fact.voters_user + fact.voters_family_social
        count(self.voters, voters, sign)

    def allocation(self, fact: AllocationFact, sign: int) -> None:
        _add(self.allocations, fact.currency, (1, fact.amount * fact.lay, fact.amount), sign)
