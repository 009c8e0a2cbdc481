"""What a deployment may set: windows, floor, k and thresholds, published with every definition."""

from dataclasses import dataclass
from fractions import Fraction

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


@dataclass(frozen=True, slots=True)
class Defaults:
    """Numbers without a source, set here; whoever sets others gives them another ``version``."""

    version: str = "2"
    floor_evidence: int = 20
    floor_givers: int = 5
    floor_days: int = 28
    k: int = 5
    timed_share: Fraction = Fraction(8, 10)
    unknown_share: Fraction = Fraction(1, 2)
    opinion_share: Fraction = Fraction(1, 2)
    band_low: Fraction = Fraction(1, 10)
    band_high: Fraction = Fraction(9, 10)
    e1b_min: Fraction = Fraction(2, 10)
    k1_max: Fraction = Fraction(8, 10)
    g2_shared: Fraction = Fraction(1, 2)
    margin: Fraction = Fraction(2, 100)

    def __hash__(self) -> int:
        # what follows from them is kept by them, and a dozen fractions take long to hash
        return hash(self.version)


DEFAULTS = Defaults()


def first_day(window: str, day: int) -> int | None:
    """Return the first day of a window that ends on ``day``; None: it has no first day."""
    days = WINDOW_DAYS[window]
    return None if days is None else day - days + 1
