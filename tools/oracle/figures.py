"""All metrics of one service on one day, as arrays: the catalogue's definitions, read afresh."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np

from tools.oracle.acts import LAY, Acts, Bools
from tools.oracle.history import Data, History, day

WINDOWS = {"28d": 28, "90d": 90, "365d": 365, "life": None}
K = 5
MILLION = 1_000_000
LEVELS = {"operational": 1, "service": 2, "strategic": 3, "budget": 3}
Z = 1.959963984540054
WEIGHTED = ("A2", "A3", "A4", "E2", "G1", "K1", "M3", "N1")
OF_EXCHANGE = ("A4", "E1", "E1b", "E2", "E3", "F3", "F4", "K1", "K2")


FIELDS = ("phase", "mode", "episode_id", "kind")  # of an act, that figures in ``all`` need


@dataclass(frozen=True, slots=True)
class Number:
    """One figure: its value or the reason why there is none."""

    value: float | None
    n: int
    reason: str | None = None
    interval: tuple[float, float] | None = None


Found = Callable[["Figures"], Number]


@dataclass(frozen=True, slots=True)
class Declared:
    """A figure with a method of its own. ``needs``: fields of an act that coverage looks at too."""

    find: Found
    weighted: bool
    needs: tuple[str, ...]


DECLARED: dict[str, Declared] = {}


def figure(
    id_: str, *, weighted: bool = False, needs: Iterable[str] = ()
) -> Callable[[Found], Found]:
    def declare(find: Found) -> Found:
        DECLARED[id_] = Declared(find, weighted, tuple(needs))
        return find

    return declare


class Figures:
    """Figures of one service, as of one day, in one window and lens."""

    def __init__(self, history: History, as_of: int, window: str, lens: str) -> None:
        self.history, self.as_of, self.lens, self.window = history, as_of, lens, window
        length = WINDOWS[window]
        self.first_day = -(10**9) if length is None else as_of - length + 1
        self.life = _within_days(history, -(10**9), as_of)
        self.now = _within_days(history, self.first_day, as_of)
        self.decisions = self._within(history.decisions, "decided_at")
        self.weight = self.now.weight(lens)
        self.ever_received = self.life.received

    def _within(self, rows: Iterable[Data], field: str, first_day: int | None = None) -> list[Data]:
        start = self.first_day if first_day is None else first_day
        return [row for row in rows if start <= day(row[field]) <= self.as_of]

    # -- what decides whether there is a figure at all

    def evidence(self) -> tuple[int, int, int]:
        """Return acts and decisions in the window, givers, and days of evidence in life."""
        voters = max((sum(row["voters"].values()) for row in self.decisions), default=0)
        ever = self._days_of_evidence()
        span = max(ever) - min(ever) + 1 if ever else 0
        everybody = np.ones(len(self.now.rows), dtype=bool)
        givers = max(len(self.now.givers(everybody)), voters)
        return len(self.now.rows) + len(self.decisions), givers, span

    def _days_of_evidence(self) -> list[int]:
        decisions = self._within(self.history.decisions, "decided_at", -(10**9))
        return [*self.life.day.tolist(), *(day(row["decided_at"]) for row in decisions)]

    def below_floor(self) -> bool:
        items, givers, span = self.evidence()
        return items < 20 or givers < K or span < 28

    def minutes_missing(self) -> bool:
        asked = self.now.act if self.now.act.any() else np.ones(len(self.now.rows), dtype=bool)
        return bool(5 * np.count_nonzero(self.now.timed & asked) < 4 * np.count_nonzero(asked))

    def verdict_lens(self) -> str:
        return "count" if self.minutes_missing() or not self.now.rows else "minutes"

    def receivers_unknown(self, lens: str) -> bool:
        """Whether most of the (lay) delivery went to nobody known.

        A figure without a lens looks at the weight that the verdict uses, so it is one figure.
        """
        weight = self.now.weight(lens)
        delivery = self.now.phase("deliver") & self.now.act
        among = delivery & self.now.lay
        if not among.any():
            among = delivery
        if not among.any():
            return True
        return 2 * int(weight[among & ~self.now.known].sum()) > int(weight[among].sum())

    def all(self) -> dict[str, Number]:
        found = {**self._parties(), **self._exchange(), **self._network(), **self._people()}
        found |= {**self._voice(), **self.power(), **self._concentration()}
        found |= {id_: declared.find(self) for id_, declared in DECLARED.items()}
        released = {name: self._released(name, number) for name, number in found.items()}
        return {**released, "Q4": self.coverage()}

    def _released(self, name: str, number: Number) -> Number:
        family = name.partition(".")[0]
        if self.below_floor():
            return Number(None, number.n, "below_floor")
        weighted = DECLARED[name].weighted if name in DECLARED else family in WEIGHTED
        if self.lens == "minutes" and weighted and self.minutes_missing():
            return Number(None, number.n, "minutes_missing")
        lens = self.lens if weighted else self.verdict_lens()
        if family in OF_EXCHANGE and self.receivers_unknown(lens):
            return Number(None, number.n, "receivers_unknown")
        return number

    # -- shares

    def cases(self, whole: Bools) -> int:
        """How many contributions a weighted share rests on: Kish's effective sample size."""
        weights = self.weight[whole]
        return int(weights.sum()) ** 2 // max(int((weights * weights).sum()), 1)

    def _share(self, part: Bools, whole: Bools) -> Number:
        """A weighted share; k asks for the distinct givers of the denominator."""
        n, total = self.cases(whole), int(self.weight[whole].sum())
        if total == 0:
            return Number(None, n, "no_data")
        if len(self.now.givers(whole)) < K:
            return Number(None, n, "below_k")
        return _wilson(int(self.weight[whole & part].sum()) / total, n)

    def _carried(self, part: Bools, whole: Bools, before: Bools) -> Number:
        """A weighted share of what carries a field, where that is half or more of all before it."""
        if 2 * int(self.weight[whole].sum()) < int(self.weight[before].sum()):
            return Number(None, self.cases(whole), "field_missing")
        return self._share(part, whole)

    def _lay_share(self, whole: Bools) -> Number:
        """A lay share that is held back where only few lay people are behind it."""
        found = self._share(self.now.lay, whole)
        few = 0 < len(self.now.givers(whole & self.now.lay)) < K
        return Number(None, found.n, "few_lay") if few and found.value is not None else found

    def _parties(self) -> dict[str, Number]:
        now = self.now
        everything = np.ones(len(now.rows), dtype=bool)
        sums = [int(self.weight[now.party(name)].sum()) for name in ("professional", *LAY)]
        sizes = [len(now.givers(now.party(name))) for name in ("professional", *LAY)]
        delivered = now.phase("deliver") & now.act
        present = Number(sum(size >= K for size in sizes), len(now.givers(everything)))
        found = {
            "A1": present if now.rows else Number(None, 0, "no_data"),
            "A2": self._balance(sums),
            "A3": self._share(now.lay, everything),
            "A3.assess": self._share(now.lay, now.phase("assess")),
            "G1": self._lay_share(delivered),
            "N1": self._outside(),
        }
        for name in ("commission", "design", "deliver"):
            found[f"A3.{name}"] = self._lay_share(now.phase(name))
        return found

    def _strangers(self) -> Bools:
        """Contributions in the name of an organisation that provides nothing of the service."""
        providers = {None} | self.history.agencies | self.history.linked
        return np.array([org not in providers for org in self.now.org], dtype=bool)

    def _unaffiliated(self) -> Bools:
        """Contributions of whose giver one can't say whether they are staff of a provider."""
        nothing_known = not self.history.ever_linked
        return self._strangers() & self.now.party("professional") & nothing_known

    @figure("L1", weighted=True, needs=["scope"])
    def _system_scope(self) -> Number:
        acts = self.now.act
        scoped = acts & self.now.says("scope")
        return self._carried(self.now.says("scope", "service", "system"), scoped, acts)

    def _outside(self) -> Number:
        now = self.now
        if (self._unaffiliated() & now.act).any():
            return Number(None, self.cases(now.act), "affiliation_unknown")
        alone = np.array([org is None for org in now.org], dtype=bool) & now.lay
        return self._share(alone | self._strangers(), now.act)

    def _balance(self, sums: list[int]) -> Number:
        n, total = len(self.now.rows), sum(sums)
        if total == 0:
            return Number(None, n, "no_data")
        if len(set(self.now.giver)) < K:
            return Number(None, n, "below_k")
        parts = np.array([amount for amount in sums if amount], dtype=float) / total
        return Number(float(-(parts * np.log(parts)).sum() / math.log(3)), n)

    # -- giving and receiving

    @cached_property
    def _edges(self) -> list[tuple[int, str, str, str | None, int]]:
        """Row, giver, receiver, receiver's party and weight in millionths, between persons."""
        found: list[tuple[int, str, str, str | None, int]] = []
        by_row: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
        for row, receiver, party in self.now.receipts(counted_as_received=False):
            by_row[row].append((receiver, party))
        for row, named in by_row.items():
            if not self.now.person[row]:
                continue
            each, left = divmod(int(self.weight[row]) * MILLION, len(named))
            for place, (receiver, party) in enumerate(named):
                weight = each + (place < left)
                found.append((row, self.now.giver[row], receiver, party, weight))
        return found

    def _exchange(self) -> dict[str, Number]:
        now = self.now
        gave = now.givers(now.lay & now.act & now.person)
        receipts = list(now.receipts(counted_as_received=True))
        received = {receiver for _, receiver, _ in receipts}
        lay_received = {receiver for _, receiver, party in receipts if party in LAY}
        lay_edges = [
            (giver, receiver)
            for row, giver, receiver, party, _ in self._edges
            if now.lay[row] and party in LAY
        ]
        givers_of_lay = {giver for giver, _ in lay_edges}
        receivers_of_lay = {receiver for _, receiver in lay_edges}
        return {
            "E1": _people_share(gave & received, gave | lay_received),
            "E1b": _people_share(gave & self.ever_received, gave),
            "E2": self._give_receive_balance(),
            "K1": self._gift_only(),
            "K2": _people_share(givers_of_lay & receivers_of_lay, givers_of_lay | receivers_of_lay),
            "A4": self._cross_party(),
        }

    def _gift_only(self) -> Number:
        lay = self.now.lay & self.now.act & self.now.person
        never = np.array([giver not in self.ever_received for giver in self.now.giver], dtype=bool)
        return self._share(never, lay)

    def _cross_party(self) -> Number:
        rows, total, crossing = set(), 0, 0
        people = set()
        for row, giver, _receiver, party, weight in self._edges:
            if party is None:
                continue
            rows.add(row)
            people.add(giver)
            total += weight
            crossing += weight if party != self.now.rows[row]["giver_party"] else 0
        flowing = np.zeros(len(self.now.rows), dtype=bool)
        flowing[list(rows)] = True
        n = self.cases(flowing)
        if total == 0:
            return Number(None, n, "no_data")
        if len(people) < K:
            return Number(None, n, "below_k")
        return _wilson(crossing / total, n)

    def _give_receive_balance(self) -> Number:
        gave: Counter[str] = Counter()
        got: Counter[str] = Counter()
        for row in np.flatnonzero(self.now.act & self.now.person):
            gave[self.now.giver[row]] += int(self.weight[row]) * MILLION
        for _, _, receiver, _, weight in self._edges:
            got[receiver] += weight
        people = gave.keys() | got.keys()
        total = sum(gave.values()) + sum(got.values())
        if total == 0:
            return Number(None, len(people), "no_data")
        if len(people) < K:
            return Number(None, len(people), "below_k")
        apart = sum(abs(gave[person] - got[person]) for person in people)
        return Number(1 - apart / total, len(people))

    # -- the network

    def _network(self) -> dict[str, Number]:
        now = self.now
        arcs: nx.DiGraph[str] = nx.DiGraph()
        arcs.add_edges_from((giver, receiver) for _, giver, receiver, _, _ in self._edges)
        edges = self._edges
        active = now.givers(now.act & now.person) | {receiver for _, _, receiver, _, _ in edges}
        lay = now.givers(now.act & now.person & now.lay)
        lay |= {receiver for _, _, receiver, party, _ in edges if party in LAY}
        ties: nx.Graph[str] = nx.Graph(arcs)
        ties.add_nodes_from(active)
        largest = max(nx.connected_components(ties), key=len, default=set())
        alone = {person for person in lay if len(set(ties[person])) <= 1}
        return {
            **_reciprocity(arcs),
            "F3": _people_share(largest & active, active),
            "F4": _people_share(alone, lay),
        }

    # -- who takes part, and how long

    def _people(self) -> dict[str, Number]:
        now = self.now
        lay = now.givers(now.lay & now.person)
        more_than_asked = now.givers(now.person & ~now.opinion)
        gave = now.givers(now.person)
        return {
            "J1": _people_share(lay - more_than_asked, lay),
            "J2": self._one_off(),
            "J3": self._staying(),
            "M6": self._new(gave),
            "G2": self.episodes(),
        }

    def _one_off(self) -> Number:
        days = defaultdict(set)
        lay = self.life.givers(self.life.lay & self.life.person)
        for row in np.flatnonzero(self.life.person):
            days[self.life.giver[row]].add(int(self.life.day[row]))
        watched = {who for who in lay if self.as_of - min(days[who]) >= 90}
        return _people_share({who for who in watched if len(days[who]) == 1}, watched)

    def _staying(self) -> Number:
        recent = self.life.person & (self.as_of - self.life.day < 180)
        blocks = defaultdict(set)
        for row in np.flatnonzero(recent):
            blocks[self.life.giver[row]].add((self.as_of - int(self.life.day[row])) // 30)
        lay = self.life.givers(recent & self.life.lay)
        if self.as_of - min(self._days_of_evidence(), default=self.as_of) + 1 < 90:
            return Number(None, len(lay), "observed_too_short")
        return _people_share({who for who in lay if len(blocks[who]) >= 3}, lay)

    def _new(self, gave: set[str]) -> Number:
        if self.window == "life":  # nothing lies before it
            return Number(None, len(gave), "no_data")
        first = _first_days(self.life, self.life.person)
        return _people_share({who for who in gave if first[who] >= self.first_day}, gave)

    def episodes(self) -> Number:
        sides: dict[str, set[bool]] = defaultdict(set)
        givers: set[str] = set()
        for row, act in enumerate(self.now.rows):
            if act.get("episode_id") is None:
                continue
            found = sides[act["episode_id"]]
            givers.add(act["giver_id"])
            if self.now.act[row]:
                found.add(bool(self.now.lay[row]))
        both = sum(len(found) == 2 for found in sides.values())
        if not sides:
            return Number(None, 0, "no_data")
        if len(givers) < K:
            return Number(None, len(sides), "below_k")
        return _wilson(both / len(sides), len(sides))

    # -- voice and power

    def _voice(self) -> dict[str, Number]:
        given = [
            row
            for row in self._within(self.history.feedback.values(), "given_at")
            if self.as_of - day(row["given_at"]) >= 30
        ]
        answered = [row for row in given if self._answered(row)]
        changed = [
            row
            for row in answered
            if row["feedback_id"] in self.history.changes
            and day(self.history.changes[row["feedback_id"]]["implemented_at"]) <= self.as_of
        ]
        return {
            "B3.answered": _rows_share(answered, given),
            "B3.implemented": _rows_share(changed, answered),
        }

    def _answered(self, row: Data) -> bool:
        answer = self.history.answers.get(row["feedback_id"])
        return answer is not None and day(answer["answered_at"]) - day(row["given_at"]) <= 30

    def power(self) -> dict[str, Number]:
        allocations = self._within(self.history.allocations, "allocated_at")
        total = sum(row["amount"] for row in allocations)
        shifted = sum(
            row["amount"]
            for row in allocations
            if row["lay_majority"] or row.get("steward_party") in LAY
        )
        lay, everybody = decided(self.decisions)
        return {
            "H1": Number(lay / everybody, len(self.decisions))
            if everybody
            else Number(None, len(self.decisions), "no_data"),
            "H3": _resources(shifted, total, allocations),
        }

    def coverage(self) -> Number:
        """The mean presence of the fields that the published definitions need (Q4)."""
        now, n = self.now, len(self.now.rows)
        if n == 0:
            return Number(None, 0, "no_data")
        named = [bool(found) for found in now.receivers]
        parties = [
            bool(found) and all(party is not None for _, party in found) for found in now.receivers
        ]
        more = {field for declared in DECLARED.values() for field in declared.needs}
        fields = {*FIELDS, *more}
        blank = [act.get(field) is None for act in now.rows for field in fields]
        present = n + int(now.timed.sum()) + blank.count(False) + sum(named) + sum(parties)
        present += n - int(np.count_nonzero(self._unaffiliated()))
        return Number(present / ((5 + len(fields)) * n), n)

    # -- concentration

    def _concentration(self) -> dict[str, Number]:
        totals: Counter[str] = Counter()
        for row in np.flatnonzero(self.now.lay & self.now.person):
            totals[self.now.giver[row]] += int(self.weight[row])
        stamped = self.life.givers(self.life.lay & self.life.person)
        for found in self.life.receivers:
            stamped |= {receiver for receiver, party in found if party in LAY}
        for (participant, _), starts in self.history.roles.items():
            if any(start <= self.as_of for start in starts):
                stamped.add(participant)
        absent = len(stamped - totals.keys())
        active = sorted(totals.values())
        return {
            "M3.active": _gini(active),
            "M3.registered": _gini([0] * absent + active),
            "M3.top1": _top(active, 1),
            "M3.top10": _top(active, 10),
        }


def _within_days(history: History, first: int, last: int) -> Acts:
    """Return the acts of these days; all lenses, and windows that reach as far back, share them."""
    key = first, last
    if key not in history.columns:
        acts = history.acts.values()
        found = [act for act in acts if first <= day(act["occurred_at"]) <= last]
        history.columns[key] = Acts(found)
    columns: Acts = history.columns[key]
    return columns


def _resources(shifted: int, total: int, allocations: list[Data]) -> Number:
    if total == 0:
        return Number(None, len(allocations), "no_data")
    if len({row["currency"] for row in allocations}) > 1:
        return Number(None, len(allocations), "currencies_mixed")
    return Number(shifted / total, len(allocations))


def decided(decisions: Iterable[Data]) -> tuple[int, int]:
    """Return lay and total vote weight, each times the level of its decision."""
    lay = everybody = 0
    for row in decisions:
        level, weights = LEVELS[row["level"]], row["weights"]
        lay += level * sum(weights.get(party, 0) for party in LAY)
        everybody += level * sum(weights.values())
    return lay, everybody


def _people_share(part: set[str], whole: set[str]) -> Number:
    if not whole:
        return Number(None, 0, "no_data")
    if len(whole) < K:
        return Number(None, len(whole), "below_k")
    return _wilson(len(part) / len(whole), len(whole))


def _rows_share(part: list[Data], whole: list[Data]) -> Number:
    if not whole:
        return Number(None, 0, "no_data")
    if len({row["participant_id"] for row in whole}) < K:
        return Number(None, len(whole), "below_k")
    return _wilson(len(part) / len(whole), len(whole))


def _reciprocity(arcs: Any) -> dict[str, Number]:
    n, people = arcs.number_of_edges(), arcs.number_of_nodes()
    nothing, few = Number(None, n, "no_data"), Number(None, n, "below_k")
    if n == 0:
        return {"E3.r": nothing, "E3.rho": nothing}
    share, density = nx.overall_reciprocity(arcs), nx.density(arcs)
    rho = nothing if density == 1 else Number((share - density) / (1 - density), n)
    if people < K:
        return {"E3.r": few, "E3.rho": few if rho.value is not None else rho}
    return {"E3.r": _wilson(share, n), "E3.rho": rho}


def _first_days(acts: Acts, where: Bools) -> dict[str, int]:
    first: dict[str, int] = {}
    for row in np.flatnonzero(where):
        giver, found = acts.giver[row], int(acts.day[row])
        first[giver] = min(first.get(giver, found), found)
    return first


def _gini(ascending: list[int]) -> Number:
    n, total = len(ascending), sum(ascending)
    if total == 0:
        return Number(None, n, "no_data")
    if n < K:
        return Number(None, n, "below_k")
    ranked = sum(rank * amount for rank, amount in enumerate(ascending, 1))
    return Number(2 * ranked / (n * total) - (n + 1) / n, n)


def _top(ascending: list[int], percent: int) -> Number:
    n, total = len(ascending), sum(ascending)
    if total == 0:
        return Number(None, n, "no_data")
    if n < K:
        return Number(None, n, "below_k")
    return Number(sum(ascending[-(-(percent * n) // 100) * -1 :]) / total, n)


def _wilson(share: float, n: int) -> Number:
    spread = Z * Z / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return Number(share, n, None, (max(0.0, middle - half), min(1.0, middle + half)))
