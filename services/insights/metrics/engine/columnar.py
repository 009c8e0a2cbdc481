"""Bulk: many acts of many services as columns, folded with the same effect as one by one.

Each table is grouped by one sort and filled key by key, so that the cost of an act is a few numbers
in a few arrays; what one by one costs is the calls.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from services.insights.facts.fact import NO_MINUTES
from services.insights.metrics.engine.dimensions import (
    ACT,
    CELL_BITS,
    EVERY_PARTY_KNOWN,
    LAY,
    NAMED,
    NO_PARTY_KNOWN,
    NOBODY_NAMED,
    PROFESSIONAL,
    SOME_PARTY_KNOWN,
    TOO_MANY_NAMED,
)
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.engine.tables import (
    EPISODE_BITS,
    EPISODE_LAY_ACT,
    EPISODE_OTHER,
    EPISODE_PROFESSIONAL_ACT,
    MILLION,
    NO_HELP_KINDS,
    PERSON_BITS,
    RECEIPT_BITS,
    SOURCE_BITS,
    add,
    pair,
)
from services.insights.metrics.engine.window import AGES, RINGS
from services.insights.metrics.thresholds import EDGE_RECEIVERS_MAX

Integers: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
DAY_BITS = 24
DAY_ZERO = 1 << (DAY_BITS - 1)  # days before 1970 are negative, keys are not


@dataclass(frozen=True, slots=True)
class Acts:
    """Columns of acts. ``state``: the number of the state that each is of; ``receivers``: how many.

    ``person`` and ``person_party`` are all receivers of all acts, in order.
    """

    state: Integers
    day: Integers
    sign: Integers
    giver: Integers
    giver_group: Integers
    party: Integers
    phase: Integers
    mode: Integers
    kind: Integers
    scope: Integers
    minutes: Integers
    organisation: Integers
    episode: Integers
    receivers: Integers
    person: Integers
    person_party: Integers


def fold_acts(states: Sequence[ServiceState], acts: Acts) -> None:
    """Take all acts; ``states`` are as of one day, and acts of later days change nothing."""
    if not states:
        return
    day = states[0].day
    acts = _up_to(acts, day)
    slot = acts.state * RINGS + np.searchsorted(AGES, day - acts.day, side="right")
    rings = [ring for state in states for ring in state.rings]
    minutes = np.maximum(acts.minutes, 0)
    cells = _cells(acts)
    key = acts.giver << CELL_BITS | cells
    _add([one.given for one in rings], slot, key, acts.sign, acts.sign * minutes)
    _add([one.squares for one in rings], slot, cells, acts.sign * minutes * minutes)
    named = acts.organisation != 0
    source = (acts.organisation << SOURCE_BITS | _sources(acts))[named]
    weights = acts.sign[named], (acts.sign * minutes)[named]
    _add([one.organisations for one in rings], slot[named], source, *weights)
    in_episode = acts.episode != 0
    roles = (acts.episode << EPISODE_BITS | _roles(acts))[in_episode]
    _add([one.episodes for one in rings], slot[in_episode], roles, acts.sign[in_episode])
    _received(states, acts, slot, minutes)
    _lives(states, acts)


def fold_waiting(
    states: Sequence[ServiceState],
    state: Integers,
    day: Integers,
    sign: Integers,
    due: Integers,
) -> None:
    """Take facts of acts that wait, as columns; ``state`` is the number of each one's."""
    if not states:
        return
    kept = day <= states[0].day
    _add([one.life.waiting for one in states], state[kept], due[kept], sign[kept])


def _up_to(acts: Acts, day: int) -> Acts:
    kept = acts.day <= day
    if kept.all():
        return acts
    persons = np.repeat(kept, acts.receivers)
    return Acts(
        **{
            name: getattr(acts, name)[persons if name.startswith("person") else kept]
            for name in Acts.__slots__
        }
    )


def _cells(acts: Acts) -> Integers:
    """Return what ``cell_number`` does, act by act."""
    known = _of_acts(acts, acts.person_party != 0)
    to_lay = _of_acts(acts, np.isin(acts.person_party, LAY)) > 0
    count = acts.receivers
    reach = np.where(count <= EDGE_RECEIVERS_MAX, NAMED, TOO_MANY_NAMED)
    some = np.where(known == count, EVERY_PARTY_KNOWN, SOME_PARTY_KNOWN)
    cells: Integers = (
        acts.party
        | acts.phase << 2
        | acts.mode << 5
        | (acts.kind != 0).astype(np.int64) << 7
        | (acts.organisation != 0).astype(np.int64) << 8
        | np.where(count == 0, NOBODY_NAMED, reach) << 9
        | np.where(known == 0, NO_PARTY_KNOWN, some) << 11
        | acts.giver_group << 13
        | to_lay.astype(np.int64) << 14
        | (acts.episode != 0).astype(np.int64) << 15
        | (acts.minutes != NO_MINUTES).astype(np.int64) << 16
        | acts.scope << 18
    )
    return cells


def _of_acts(acts: Acts, of_persons: Mask) -> Integers:
    """Return how many of each act's receivers it holds for."""
    so_far = np.concatenate(([0], np.cumsum(of_persons)))
    ends = np.cumsum(acts.receivers)
    return np.asarray(so_far[ends] - so_far[ends - acts.receivers], dtype=np.int64)


def _roles(acts: Acts) -> Integers:
    acting = np.where(acts.party == PROFESSIONAL, EPISODE_PROFESSIONAL_ACT, EPISODE_LAY_ACT)
    return np.where(acts.mode == ACT, acting, EPISODE_OTHER)


def _sources(acts: Acts) -> Integers:
    return np.asarray((acts.party == PROFESSIONAL) << 1 | (acts.mode == ACT), dtype=np.int64)


def _received(
    states: Sequence[ServiceState], acts: Acts, slot: Integers, minutes: Integers
) -> None:
    rings = [ring for state in states for ring in state.rings]
    counted = (acts.mode == ACT) & (acts.receivers <= EDGE_RECEIVERS_MAX)
    of = np.repeat(np.arange(len(acts.day)), acts.receivers)  # receiver -> act
    nth = np.arange(len(of)) - np.repeat(np.cumsum(acts.receivers) - acts.receivers, acts.receivers)
    named = counted[of]
    of, nth = of[named], nth[named]
    person, party = acts.person[named], acts.person_party[named]
    sign, slots = acts.sign[of], slot[of]
    deeds = sign * _part(np.ones_like(of), acts.receivers[of], nth)
    times = sign * _part(minutes[of], acts.receivers[of], nth)
    helps = ~np.isin(acts.kind, list(NO_HELP_KINDS))
    how = helps << 2 | np.isin(acts.party, LAY).astype(np.int64) << 3 | acts.giver_group << 4
    keys = person << RECEIPT_BITS | how[of] | party
    _add([one.receipts for one in rings], slots, keys, deeds, times)
    alone = acts.giver_group[of] == 0
    edges = acts.giver[of] << PERSON_BITS | person
    _add([one.edges for one in rings], slots[alone], edges[alone], sign[alone])
    flowed = alone & (party != 0)
    crossed = flowed & (party != acts.party[of])
    for number, amount in _sums(slots[flowed], deeds[flowed], times[flowed]):
        rings[number].flowed += amount
    for number, amount in _sums(slots[crossed], deeds[crossed], times[crossed]):
        rings[number].crossed += amount


def _part(units: Integers, parts: Integers, nth: Integers) -> Integers:
    """Return what ``parted`` gives to the nth of them."""
    share, remainder = np.divmod(units * MILLION, parts)
    return np.asarray(share + (nth < remainder), dtype=np.int64)


def _lives(states: Sequence[ServiceState], acts: Acts) -> None:
    lives = [state.life for state in states]
    evidence = acts.day + DAY_ZERO
    for number, keys, values in _grouped(acts.state, evidence, acts.sign):
        _fill(lives[number].evidence, (key - DAY_ZERO for key in keys), values)
    alone = acts.giver_group == 0
    stamped = acts.day[alone] << 1 | np.isin(acts.party[alone], LAY)
    gave = acts.giver[alone] << DAY_BITS | (stamped + DAY_ZERO)
    for number, keys, values in _grouped(acts.state[alone], gave, acts.sign[alone]):
        days = lives[number].days
        for key, times in zip(keys, values, strict=True):
            person, day = key >> DAY_BITS, (key & ((1 << DAY_BITS) - 1)) - DAY_ZERO
            of_person = days.setdefault(person, {})
            add(of_person, day, times)
            if not of_person:
                del days[person]
    lay = np.isin(acts.person_party, LAY)
    of = np.repeat(np.arange(len(acts.day)), acts.receivers)[lay]
    _add([life.stamped_lay for life in lives], acts.state[of], acts.person[lay], acts.sign[of])


def _add(tables: Sequence[dict[int, int]], slot: Integers, key: Integers, *sums: Integers) -> None:
    """Add to the table of each slot: one sum an entry, or two that make a pair."""
    for number, keys, values in _grouped(slot, key, *sums):
        _fill(tables[number], keys, values)


def _fill(table: dict[int, int], keys: Iterable[int], values: Iterable[int]) -> None:
    if not table:
        table.update(zip(keys, values, strict=True))
        return
    for key, value in zip(keys, values, strict=True):
        add(table, key, value)


def _sums(slot: Integers, *sums: Integers) -> list[tuple[int, int]]:
    found = _grouped(slot, np.zeros_like(slot), *sums)
    return [(number, value) for number, _, (value,) in found]


def _grouped(
    slot: Integers, key: Integers, *sums: Integers
) -> list[tuple[int, list[int], list[int]]]:
    """Return, for each slot, its distinct keys and what belongs to each; what sums to zero is not.

    With two sums, what belongs to a key is their pair.
    """
    if not len(slot):
        return []
    order = np.lexsort((key, slot))
    slot, key = slot[order], key[order]
    first = np.flatnonzero((np.diff(slot, prepend=-1) != 0) | (np.diff(key, prepend=-1) != 0))
    totals = [np.add.reduceat(amounts[order], first) for amounts in sums]
    kept = np.flatnonzero(np.any(totals, axis=0))
    slot, key = slot[first][kept], key[first][kept]
    values = _values([total[kept] for total in totals])
    keys = key.tolist()
    starts = np.flatnonzero(np.diff(slot, prepend=-1) != 0).tolist()
    return [
        (number, keys[start:end], values[start:end])
        for number, (start, end) in zip(
            slot[starts].tolist(), pairwise([*starts, len(keys)]), strict=True
        )
    ]


def _values(totals: Sequence[Integers]) -> list[int]:
    values: list[list[int]] = [total.tolist() for total in totals]
    return values[0] if len(values) == 1 else list(map(pair, *values))
