"""Thresholds: the numbers that a deployment may set, and the windows; published as data."""

from dataclasses import dataclass, field, fields
from fractions import Fraction
from hashlib import sha256
from typing import Any

WINDOW_DAYS: dict[str, int | None] = {"28d": 28, "90d": 90, "365d": 365, "life": None}
"""The windows, in whole days that end on the as-of day; None: all days up to it."""
PLANNING_WINDOW = {"28d": "365d", "90d": "365d", "365d": "365d", "life": "life"}
"""Where planning is read: it is seldom, so never over less than 365 days."""
LENSES = ("count", "minutes")
Z = 1.959963984540054
EDGE_RECEIVERS_MAX = 50
J2_OBSERVED_DAYS = 90
J3_BLOCKS, J3_BLOCK_DAYS, J3_BLOCKS_MIN = 6, 30, 3
J3_OBSERVED_DAYS = 90
ANSWER_DAYS = 30
CATALOGUE = "catalogue"  # the version of the thresholds that the catalogue proposes


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Numbers that the catalogue sets without a source; a deployment may set others.

    ``version`` follows from the numbers, so that other numbers have another version.
    """

    # what it takes for any figure, and for each
    floor_evidence: int = 20
    floor_givers: int = 5
    floor_days: int = 28
    k: int = 5
    timed_share: Fraction = Fraction(8, 10)
    # what the rule of classes compares with
    unknown_share: Fraction = Fraction(1, 2)
    opinion_share: Fraction = Fraction(1, 2)
    band_low: Fraction = Fraction(1, 10)
    band_high: Fraction = Fraction(9, 10)
    e1b_min: Fraction = Fraction(2, 10)
    k1_max: Fraction = Fraction(8, 10)
    g2_shared: Fraction = Fraction(1, 2)
    margin: Fraction = Fraction(2, 100)
    # what the tests of a grade compare with, T1 to T8
    j1_max: Fraction = Fraction(1, 2)
    j2_max: Fraction = Fraction(7, 10)
    j3_min: Fraction = Fraction(3, 10)
    a1_min: int = 3
    l2_min: int = 1
    m2_min: Fraction = Fraction(8, 10)
    f4_slope_max: Fraction = Fraction(0)
    n1_min: Fraction = Fraction(1, 10)
    i1_min: Fraction = Fraction(3, 10)
    h4_over: Fraction = Fraction(0)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", self._version())

    def __hash__(self) -> int:
        return hash(self.version)  # caches ask for it often, and two dozen fractions take long

    def numbers(self) -> dict[str, int | Fraction]:
        return {one.name: getattr(self, one.name) for one in fields(self) if one.init}

    def stamped(self, version: str) -> str:
        """Return the version of a definition that is read with these thresholds."""
        return version if self.version == CATALOGUE else f"{version}+{self.version}"

    def to_json(self) -> dict[str, Any]:
        numbers = {
            name: number if isinstance(number, int) else float(number)
            for name, number in self.numbers().items()
        }
        return {"version": self.version, **numbers}

    def _version(self) -> str:
        numbers = self.numbers()
        if numbers == {one.name: one.default for one in fields(self) if one.init}:
            return CATALOGUE
        return sha256(repr(sorted(numbers.items())).encode()).hexdigest()[:8]


DEFAULTS = Thresholds()


def first_day(window: str, day: int) -> int | None:
    """Return the first day of a window that ends on ``day``; None: it has no first day."""
    days = WINDOW_DAYS[window]
    return None if days is None else day - days + 1
