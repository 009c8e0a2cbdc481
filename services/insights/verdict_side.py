"""Sides: on which side of each threshold of the rule the evidence lies, which is all it asks."""

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from services.insights.metrics.defaults import Defaults


class Seen(NamedTuple):
    """On which side of each threshold the evidence lies; what is unknown reaches none."""

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

    def moved(self, quantity: str, value: Fraction, limits: Defaults) -> "Seen":
        """Return what is seen with one quantity at another value."""
        return self._replace(**SIDES[quantity](value, limits))


SIDES: dict[str, Callable[[Fraction, Defaults], dict[str, bool]]] = {
    "d": lambda value, limits: {
        "d_known": True,
        "d_reaches": reaches(value, limits.band_low),
        "d_exceeds": not reaches(limits.band_high, value),
    },
    "p": lambda value, limits: {"p_known": True, "p_reaches": reaches(value, limits.band_low)},
    "e1b": lambda value, limits: {
        "e1b_known": True,
        "e1b_below": not reaches(value, limits.e1b_min),
    },
    "k1": lambda value, limits: {"k1_known": True, "k1_reaches": reaches(value, limits.k1_max)},
    "unknown": lambda value, limits: {
        "unknown_exceeds": not reaches(limits.unknown_share, value),
    },
    "opinion": lambda value, limits: {
        "opinion_reaches": reaches(value, limits.opinion_share),
    },
}


def reaches(share: Fraction, threshold: Fraction) -> bool:
    """``>=``, which on fractions takes several times as long, and a flip asks it often."""
    return share.numerator * threshold.denominator >= threshold.numerator * share.denominator
