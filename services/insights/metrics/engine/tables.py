"""Tables: the integer counts behind every figure, each of which can be added to and taken from.

An entry that comes back to zero is deleted, so that two ways to the same facts leave equal tables.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache

from services.insights.facts.fact import KINDS, ActFact, AllocationFact, DecisionFact
from services.insights.metrics.engine.dimensions import (
    ACT,
    CELL_BITS,
    LAY,
    PROFESSIONAL,
    cell_number,
)
from services.insights.metrics.thresholds import EDGE_RECEIVERS_MAX

MILLION = 10**6
PERSON_BITS = 31
RECEIPT_BITS = 5
PAIR_BITS = 64
PAIR_MASK = (1 << PAIR_BITS) - 1
EPISODE_BITS = 2
SOURCE_BITS = 2
FROM_PROFESSIONAL, BY_ACT = 2, 1
EPISODE_OTHER, EPISODE_LAY_ACT, EPISODE_PROFESSIONAL_ACT = 0, 1, 2
LEVEL_WEIGHTS = (0, 1, 2, 3, 3)
NO_HELP_KINDS = frozenset(KINDS.index(kind) + 1 for kind in ("train", "facilitate", "connect"))


@dataclass(frozen=True, slots=True, eq=False)
class ReceiptCell:
    """One way to receive; ``help`` is false for being trained, facilitated or connected."""

    lay: bool
    help: bool
    from_lay: bool
    from_group: bool


@cache
def receipt_cell(number: int) -> ReceiptCell:
    return ReceiptCell(
        lay=number & 3 in LAY,
        help=bool(number >> 2 & 1),
        from_lay=bool(number >> 3 & 1),
        from_group=bool(number >> 4 & 1),
    )


def pair(count_weight: int, minutes_weight: int) -> int:
    """Return two weights as one integer; pairs add and subtract like the weights themselves."""
    return count_weight + (minutes_weight << PAIR_BITS)


def halves(pairs: Iterable[int], lens: str) -> list[int]:
    """Return one weight of each pair: the minutes, or the count."""
    if lens == "minutes":
        return [value >> PAIR_BITS for value in pairs]
    return [value & PAIR_MASK for value in pairs]


@lru_cache(maxsize=10_000)
def shares(minutes: int, receivers: int) -> tuple[int, ...]:
    """Return what each of that many receivers has of one act: pairs of millionths."""
    parts = zip(parted(1, receivers), parted(minutes, receivers), strict=True)
    return tuple(pair(acts, time) for acts, time in parts)


def parted(units: int, parts: int) -> list[int]:
    """Return ``units`` in millionths, in equal parts, the remainder with the first of them."""
    share, remainder = divmod(units * MILLION, parts)
    return [share + 1] * remainder + [share] * (parts - remainder)


def _in_episode(fact: ActFact) -> int:
    role = EPISODE_OTHER
    if fact.mode == ACT:
        role = EPISODE_PROFESSIONAL_ACT if fact.party == PROFESSIONAL else EPISODE_LAY_ACT
    return fact.episode << EPISODE_BITS | role


def _source(fact: ActFact) -> int:
    how = FROM_PROFESSIONAL * (fact.party == PROFESSIONAL) | BY_ACT * (fact.mode == ACT)
    return fact.organisation << SOURCE_BITS | how


def add(table: dict[int, int], key: int, amount: int) -> None:
    """Add what is not zero to one entry; an entry of zero is none."""
    value = table.get(key, 0) + amount
    if value:
        table[key] = value
    else:
        del table[key]


@dataclass(slots=True)
class Tables:
    """What happened within some days.

    ``given``: giver and cell -> contributions and minutes, as a pair; ``squares``: cell -> the sum
    of each contribution's minutes squared; ``organisations``: organisation and how it gave -> pair;
    ``receipts``: person and receipt cell -> millionths of acts and of minutes, as a pair;
    ``edges``: giver and receiver -> acts; ``episodes``: episode and role -> contributions;
    ``crossed``, ``flowed``: pairs; ``power``: [decisions, lay weight by level, weight by level];
    ``voters``: voters in all of one decision -> decisions; ``allocations``: currency ->
    [allocations, lay amount, amount].
    """

    given: dict[int, int] = field(default_factory=dict)
    squares: dict[int, int] = field(default_factory=dict)
    organisations: dict[int, int] = field(default_factory=dict)
    receipts: dict[int, int] = field(default_factory=dict)
    edges: dict[int, int] = field(default_factory=dict)
    episodes: dict[int, int] = field(default_factory=dict)
    crossed: int = 0
    flowed: int = 0
    power: list[int] = field(default_factory=lambda: [0, 0, 0])
    voters: dict[int, int] = field(default_factory=dict)
    allocations: dict[int, list[int]] = field(default_factory=dict)

    def act(self, fact: ActFact, sign: int) -> None:
        minutes, cell = max(0, fact.minutes), cell_number(fact)
        weight = sign * pair(1, minutes)
        add(self.given, fact.giver << CELL_BITS | cell, weight)
        if minutes:
            add(self.squares, cell, sign * minutes * minutes)
        if fact.organisation:
            add(self.organisations, _source(fact), weight)
        if fact.episode:
            add(self.episodes, _in_episode(fact), sign)
        if fact.receivers and fact.mode == ACT and len(fact.receivers) <= EDGE_RECEIVERS_MAX:
            self._received(fact, minutes, sign)

    def _received(self, fact: ActFact, minutes: int, sign: int) -> None:
        giver_party, giver_group, receivers = fact.party, fact.giver_group, fact.receivers
        helps, lay = fact.kind not in NO_HELP_KINDS, giver_party in LAY
        how = helps << 2 | lay << 3 | giver_group << 4
        edge = fact.giver << PERSON_BITS
        receipts, edges = self.receipts, self.edges
        for (person, party), share in zip(receivers, shares(minutes, len(receivers)), strict=True):
            amount = sign * share
            add(receipts, person << RECEIPT_BITS | how | party, amount)
            if giver_group:
                continue
            add(edges, edge | person, sign)
            if party:
                self.flowed += amount
                if party != giver_party:
                    self.crossed += amount

    def merge(self, other: "Tables", sign: int) -> None:
        """Add (1) or take back (-1) everything that is in other tables, as if fact by fact."""
        for mine, theirs in (
            (self.given, other.given),
            (self.squares, other.squares),
            (self.organisations, other.organisations),
            (self.receipts, other.receipts),
            (self.edges, other.edges),
            (self.episodes, other.episodes),
            (self.voters, other.voters),
        ):
            for key, amount in theirs.items():
                add(mine, key, sign * amount)
        self.crossed += sign * other.crossed
        self.flowed += sign * other.flowed
        self.power = [
            mine + sign * theirs for mine, theirs in zip(self.power, other.power, strict=True)
        ]
        for currency, amounts in other.allocations.items():
            self.allocate(currency, [sign * amount for amount in amounts])

    def decision(self, fact: DecisionFact, sign: int) -> None:
        level = LEVEL_WEIGHTS[fact.level]
        lay = (fact.weight_user + fact.weight_family_social) * level
        self.power[0] += sign
        self.power[1] += sign * lay
        self.power[2] += sign * (lay + fact.weight_professional * level)
        voters = fact.voters_professional + fact.voters_user + fact.voters_family_social
        add(self.voters, voters, sign)

    def allocation(self, fact: AllocationFact, sign: int) -> None:
        amount = sign * fact.amount
        self.allocate(fact.currency, [sign, amount * fact.lay, amount])

    def allocate(self, currency: int, amounts: list[int]) -> None:
        before = self.allocations.pop(currency, [0, 0, 0])
        entry = [old + new for old, new in zip(before, amounts, strict=True)]
        if any(entry):
            self.allocations[currency] = entry
