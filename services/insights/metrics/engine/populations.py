"""Accounts: a window's entries added up as the figures ask for them, and kept up with each change.

An entry below zero is a retraction whose act is still to come, out of quarantine say: it is no
evidence. An account that met one is not ``sound``: what changes next, it can't be told.
"""

from collections.abc import Mapping
from typing import Any

from services.insights.metrics.engine.predicates import Predicates, Question
from services.insights.metrics.engine.tables import (
    EPISODE_BITS,
    EPISODE_LAY_ACT,
    EPISODE_PROFESSIONAL_ACT,
    PERSON_BITS,
    add,
)

PERSON_MASK = (1 << PERSON_BITS) - 1
EPISODE_MASK = (1 << EPISODE_BITS) - 1
COMPLEMENTARY = 1 << EPISODE_LAY_ACT | 1 << EPISODE_PROFESSIONAL_ACT


class Account:
    """Pairs by person and cell, and their sums for each question; see ``Tables``.

    ``turned``: for each question another object once anything changed that it holds for; ``faces``:
    another one once somebody came to those behind it, or left them. Objects and no numbers, which
    would begin again with an account that is made anew.
    """

    def __init__(self, entries: Mapping[int, int], bits: int, asked: Predicates[Any]) -> None:
        self.sound = True
        self._bits, self._mask, self._holds = bits, (1 << bits) - 1, asked.of
        questions = len(asked)
        self._cells: dict[int, dict[int, int]] = {}
        self._where: list[list[dict[int, int]]] = [[] for _ in range(questions)]
        self._people: dict[Question, dict[int, int]] = {}
        self._enough: set[tuple[int, Question]] = set()
        self.totals = [0] * questions
        self.turned = [object()] * questions
        self.faces = [object()] * questions
        for key, amount in entries.items():
            if amount > 0:
                self._cell(key & self._mask)[key >> bits] = amount
            else:
                self.sound = False
        for cell, people in self._cells.items():
            amount = sum(people.values())
            for question in self._holds(cell):
                self.totals[question] += amount

    def people(self, question: Question) -> dict[int, int]:
        """Return person -> pair of the cells that the question holds for; not to be changed."""
        found = self._people.get(question)
        if found is None:
            found = self._people[question] = {}
            for people in self._where[question]:
                for person, amount in people.items():
                    found[person] = found.get(person, 0) + amount
        return found

    def fewer_than(self, k: int, question: Question) -> bool:
        """Whether fewer than ``k`` people are behind it; nobody is counted twice."""
        if question in self._people:
            return len(self._people[question]) < k
        if (k, question) in self._enough:
            return False
        known: set[int] = set()
        for people in self._where[question]:
            known.update(people)
            if len(known) >= k:
                self._enough.add((k, question))
                return False
        return True

    def take(self, changes: Mapping[int, int]) -> None:
        now = object()
        for key, amount in changes.items():
            cell, person = key & self._mask, key >> self._bits
            people = self._cell(cell)
            add(people, person, amount)
            left = people.get(person, 0)
            if left <= 0:
                self.sound = self.sound and left == 0
                self._enough.clear()
            for question in self._holds(cell):
                self.totals[question] += amount
                self.turned[question] = now
                known = self._people.get(question)
                if known is not None:
                    before = len(known)
                    add(known, person, amount)
                    if len(known) != before:
                        self.faces[question] = now

    def _cell(self, cell: int) -> dict[int, int]:
        people = self._cells.get(cell)
        if people is None:
            people = self._cells[cell] = {}
            for question in self._holds(cell):
                self._where[question].append(people)
        return people


class Squares:
    """Sums of squared minutes for each question, which tell how many gifts a share rests on."""

    def __init__(self, entries: Mapping[int, int], asked: Predicates[Any]) -> None:
        self._holds = asked.of
        self.totals = [0] * len(asked)
        self.take(entries)

    def take(self, changes: Mapping[int, int]) -> None:
        for cell, amount in changes.items():
            for question in self._holds(cell):
                self.totals[question] += amount


class Network:
    """Who gave to whom. ``counterparts``: person -> whoever they gave to or received from.

    ``turned``: another object once an arc came or went.
    """

    def __init__(self, edges: Mapping[int, int]) -> None:
        self.sound = all(acts > 0 for acts in edges.values())
        self.mutual = 0
        self.turned = object()
        self.counterparts: dict[int, set[int]] = {}
        self._acts: dict[int, int] = {}
        self._largest: set[int] | None = None
        self.take({key: acts for key, acts in edges.items() if acts > 0})

    @property
    def arcs(self) -> int:
        return len(self._acts)

    @property
    def largest(self) -> int:
        """How many people the largest component connects; it is looked for when edges changed."""
        if self._largest is None:
            self._largest = _largest_component(self.counterparts)
        return len(self._largest)

    def take(self, changes: Mapping[int, int]) -> None:
        acts = self._acts
        for key, change in changes.items():
            before = key in acts
            add(acts, key, change)
            if before != (key in acts):
                self._turn(key, appeared=not before)
            elif acts[key] < 0:
                self.sound = False

    def _turn(self, key: int, *, appeared: bool) -> None:
        giver, receiver = key >> PERSON_BITS, key & PERSON_MASK
        self.turned = object()
        if appeared and self._acts[key] < 0:
            self.sound = False
        if receiver << PERSON_BITS | giver in self._acts:
            self.mutual += 2 if appeared else -2
        elif appeared:
            self._connect(giver, receiver)
        else:
            self._part(giver, receiver)

    def _connect(self, one: int, other: int) -> None:
        self.counterparts.setdefault(one, set()).add(other)
        self.counterparts.setdefault(other, set()).add(one)
        if self._largest is not None and not (one in self._largest and other in self._largest):
            self._largest = None

    def _part(self, one: int, other: int) -> None:
        for person, former in ((one, other), (other, one)):
            self.counterparts[person].discard(former)
            if not self.counterparts[person]:
                del self.counterparts[person]
        self._largest = None


def _largest_component(counterparts: Mapping[int, set[int]]) -> set[int]:
    """Return the most people that are connected through others."""
    largest: set[int] = set()
    unseen = set(counterparts)
    while len(unseen) > len(largest):
        component: set[int] = set()
        border = {unseen.pop()}
        while border:
            component |= border
            border = set().union(*map(counterparts.__getitem__, border)) - component
        unseen -= component
        if len(component) > len(largest):
            largest = component
    return largest


class Episodes:
    """Which kinds of givers met in each episode. ``complementary``: in how many both did."""

    def __init__(self, entries: Mapping[int, int]) -> None:
        self.complementary = 0
        self._roles: dict[int, int] = {}
        self._entries: dict[int, int] = {}
        self.take(entries)

    def __len__(self) -> int:
        return len(self._roles)

    def take(self, changes: Mapping[int, int]) -> None:
        for key, change in changes.items():
            before = key in self._entries
            add(self._entries, key, change)
            if before != (key in self._entries):
                self._turn(key >> EPISODE_BITS, 1 << (key & EPISODE_MASK))

    def _turn(self, episode: int, role: int) -> None:
        before = self._roles.pop(episode, 0)
        after = before ^ role
        if after:
            self._roles[episode] = after
        both = (roles & COMPLEMENTARY == COMPLEMENTARY for roles in (after, before))
        self.complementary += next(both) - next(both)
