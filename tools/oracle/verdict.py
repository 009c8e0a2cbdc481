"""The class of one service on one day by the rule of the definitions, in exact fractions."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tools.oracle.acts import Bools
from tools.oracle.figures import WINDOWS, Figures, K, decided
from tools.oracle.history import History

TENTH, HALF, FIFTH = Fraction(1, 10), Fraction(1, 2), Fraction(1, 5)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rule says; ``p`` and ``d`` are the lay shares of planning and of delivery.

    They are None where they are not observed, or held back for the few lay people behind them.
    ``enough``: the evidence reaches the floor; below it the shares are not shown.
    """

    name: str
    p: Fraction | None
    d: Fraction | None
    lens: str
    flags: frozenset[str]
    enough: bool = True


def rule(history: History, as_of: int, window: str) -> Judgement:
    """Return the class as of a day in a window, without margin and without history."""
    counted = Figures(history, as_of, window, "count")
    lens = counted.verdict_lens()
    here = counted if lens == "count" else Figures(history, as_of, window, lens)
    plan = _planning_figures(history, as_of, window, lens)
    delivered = _lay_share(here, here.now.phase("deliver") & here.now.act)
    planned = _lay_share(plan, plan.now.phase("commission", "design") & plan.now.act)
    d, p = delivered.shown, _planning(plan, planned)
    flags = set() if p is not None else {"planning_unobserved"}
    if here.below_floor():
        return Judgement("insufficient_evidence", p, d, lens, frozenset(flags), enough=False)
    if d is not None and d >= TENTH:
        name, more = _delivered(here, p, d)
    else:
        name, more = _undelivered(here, p, delivered.share)
        if delivered.hides or (planned.hides and name != "co_design"):
            name, more = "insufficient_evidence", {"few_lay"} | (more & {"no_delivery_facts"})
    return Judgement(name, p, d, lens, frozenset(flags | more))


def _planning_figures(history: History, as_of: int, window: str, lens: str) -> Figures:
    """Planning is seldom, so it is looked at over 365 days at least."""
    length = WINDOWS[window]
    return Figures(history, as_of, "365d" if length is not None and length < 365 else window, lens)


@dataclass(frozen=True, slots=True)
class LayShare:
    """A lay share of acts, None without any; ``few``: held back for few lay people behind it."""

    share: Fraction | None
    few: bool

    @property
    def shown(self) -> Fraction | None:
        return None if self.few else self.share

    @property
    def hides(self) -> bool:
        """Whether a tenth or more is held back."""
        return self.few and self.share is not None and self.share >= TENTH


def _lay_share(figures: Figures, whole: Bools) -> LayShare:
    total, lay = int(figures.weight[whole].sum()), whole & figures.now.lay
    if total == 0:
        return LayShare(None, few=False)
    share = Fraction(int(figures.weight[lay].sum()), total)
    return LayShare(share, few=0 < len(figures.now.givers(lay)) < K)


def _planning(figures: Figures, planned: LayShare) -> Fraction | None:
    lay, everybody = decided(figures.decisions)
    shares = [planned.shown, Fraction(lay, everybody) if everybody else None]
    found = [share for share in shares if share is not None]
    return sum(found, Fraction(0)) / len(found) if found else None


def _resources_lay(figures: Figures) -> bool:
    number = figures.power()["H3"]
    return number.value is not None and number.value > 0


def _undelivered(figures: Figures, p: Fraction | None, d: Fraction | None) -> tuple[str, set[str]]:
    now = figures.now
    planned = p is not None and p >= TENTH
    asked = now.givers(now.lay & now.opinion & now.person)
    lay = np.count_nonzero(now.lay)
    mostly_asked = lay > 0 and 2 * np.count_nonzero(now.lay & now.opinion) >= lay
    if not planned and len(asked) >= K and mostly_asked:
        return "consultation", set()
    if planned:
        flags = {"co_commission"} if _resources_lay(figures) else set()
        return "co_design", flags | ({"delivery_unobserved"} if d is None else set())
    if d is None:
        return "insufficient_evidence", {"no_delivery_facts"}
    return "conventional", set()


def _delivered(figures: Figures, p: Fraction | None, d: Fraction) -> tuple[str, set[str]]:
    depth, gift_only = _depth(figures), _gift_only(figures)
    if figures.receivers_unknown(figures.lens) or (depth is None and gift_only is None):
        return "volunteering", {"reciprocity_unobservable"}
    if (depth is not None and depth < FIFTH) or (gift_only is not None and gift_only >= 4 * FIFTH):
        return "volunteering", set()
    both = figures.episodes()
    if d > 9 * TENTH and not (both.value is not None and both.value >= HALF):
        return "mutual_aid", set()
    return ("co_production" if p is not None and p >= TENTH else "co_delivery"), set()


def _depth(figures: Figures) -> Fraction | None:
    now = figures.now
    gave = now.givers(now.lay & now.act & now.person)
    return Fraction(len(gave & figures.ever_received), len(gave)) if len(gave) >= K else None


def _gift_only(figures: Figures) -> Fraction | None:
    now = figures.now
    lay = now.lay & now.act & now.person
    total = int(figures.weight[lay].sum())
    if total == 0 or len(now.givers(lay)) < K:
        return None
    never = lay & np.array([who not in figures.ever_received for who in now.giver], dtype=bool)
    return Fraction(int(figures.weight[never].sum()), total)
