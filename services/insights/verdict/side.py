"""Sides: on which side of each threshold of the rule the evidence lies, which is all it asks."""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import NamedTuple, TypeAlias

from services.insights.metrics.thresholds import Thresholds

Share: TypeAlias = Fraction | float
Sides: TypeAlias = tuple[bool, ...]
"""What is seen of one quantity that is known, in the order of its ``FIELDS``."""


class Seen(NamedTuple):
    """On which side of each threshold the evidence lies; what is unknown reaches none.

    ``d_few``, ``planning_few``: a share reaches a tenth that is held back for few lay people.
    """

    enough: bool
    asked: bool  # at least k lay people for their opinion
    resources: bool
    g2_reaches: bool
    d_known: bool = False
    d_reaches: bool = False
    d_exceeds: bool = False
    p_known: bool = False
    p_reaches: bool = False
    e1b_known: bool = False
    e1b_below: bool = False
    k1_known: bool = False
    k1_reaches: bool = False
    unknown_exceeds: bool = False
    opinion_reaches: bool = False
    d_few: bool = False
    planning_few: bool = False

    def moved(self, quantity: str, value: Share, limits: Thresholds) -> "Seen":
        """Return what is seen with one quantity at another value."""
        return beside(self, quantity, SIDES[quantity](value, limits))


@cache
def beside(seen: Seen, quantity: str, sides: Sides) -> Seen:
    """Return what is seen with one quantity on other sides; there are few ways to see."""
    return seen._replace(**dict(zip(FIELDS[quantity], sides, strict=True)))


FIELDS = {
    "d": ("d_known", "d_reaches", "d_exceeds"),
    "p": ("p_known", "p_reaches"),
    "e1b": ("e1b_known", "e1b_below"),
    "k1": ("k1_known", "k1_reaches"),
    "unknown": ("unknown_exceeds",),
    "opinion": ("opinion_reaches",),
}
SIDES: dict[str, Callable[[Share, Thresholds], Sides]] = {
    "d": lambda value, limits: (
        True,
        reaches(value, limits.band_low),
        not reaches(limits.band_high, value),
    ),
    "p": lambda value, limits: (True, reaches(value, limits.band_low)),
    "e1b": lambda value, limits: (True, not reaches(value, limits.e1b_min)),
    "k1": lambda value, limits: (True, reaches(value, limits.k1_max)),
    "unknown": lambda value, limits: (not reaches(limits.unknown_share, value),),
    "opinion": lambda value, limits: (reaches(value, limits.opinion_share),),
}


def reaches(share: Share, threshold: Share) -> bool:
    """``>=``, exactly; on fractions that takes several times as long, and a flip asks it often."""
    return above(share, threshold) >= 0


def above(share: Share, threshold: Share) -> int:
    """Return by how much a share lies above a threshold, in units of both denominators."""
    numerator, denominator = share.as_integer_ratio()
    other, of = threshold.as_integer_ratio()
    return numerator * of - other * denominator
