"""Figure: one number with everything that has to stand beside it, formed on exact integers."""

from enum import StrEnum
from fractions import Fraction
from functools import cached_property, lru_cache
from math import sqrt
from typing import Any

import msgspec
import orjson

from services.insights.metrics.thresholds import Z

SHARES_MAX = 20_000  # kept, for most are asked for again: by the other lens, or after the next act
HELD_BACK_MAX = 1_000


class Reason(StrEnum):
    """Why a figure has no value: the first of these that holds."""

    BELOW_FLOOR = "below_floor"
    MINUTES_MISSING = "minutes_missing"
    RECEIVERS_UNKNOWN = "receivers_unknown"
    AFFILIATION_UNKNOWN = "affiliation_unknown"
    FIELD_MISSING = "field_missing"
    OBSERVED_TOO_SHORT = "observed_too_short"
    NO_DATA = "no_data"
    CURRENCIES_MIXED = "currencies_mixed"
    BELOW_K = "below_k"
    FEW_LAY = "few_lay"


class Figure(msgspec.Struct, frozen=True, dict=True):
    """``value`` is None together with a ``reason``.

    ``n`` counts what the interval is over (people, contributions, episodes, arcs, feedbacks).
    ``shown``: the interval, rounded.
    ``quotient``: what the value of what is no share was divided from; a share has it to show.
    """

    value: float | None
    n: int
    reason: Reason | None = None
    quotient: tuple[int, int] | None = None
    interval: tuple[float, float] | None = None
    shown: tuple[float, float] | None = None
    numerator: int | None = None
    denominator: int | None = None
    detail: dict[str, Any] = {}

    @cached_property
    def exact(self) -> Fraction | None:
        """The value before rounding, where it is a fraction."""
        if self.quotient is not None:
            return Fraction(*self.quotient)
        if self.value is None or self.numerator is None:
            return None
        return Fraction(self.numerator, self.denominator)

    def to_json(self, definition_version: str) -> dict[str, Any]:
        """Return the figure as it is sent: a value or a reason, and nothing that it has not."""
        said: dict[str, Any] = {
            "n": self.n,
            "definition_version": definition_version,
            **self.detail,
        }
        if self.value is None:
            said["reason"] = self.reason
        else:
            said["value"] = self.value
        if self.shown is not None:
            said["interval"] = self.shown
        if self.numerator is not None:
            said["numerator"], said["denominator"] = self.numerator, self.denominator
        return said

    def encoded(self, definition_version: str) -> orjson.Fragment:
        """Return ``to_json`` as bytes to be put into a record; encoded once, however often asked.

        A figure that the next act leaves as it is, is the same object then: see ``share``.
        """
        kept: orjson.Fragment | None = self.__dict__.get(definition_version)
        if kept is None:
            kept = orjson.Fragment(orjson.dumps(self.to_json(definition_version)))
            self.__dict__[definition_version] = kept
        return kept


def rounded(value: float | Fraction) -> float:
    """Return the value with 9 significant digits."""
    return float(f"{float(value):.9g}") + 0.0  # no minus nought


def wilson(numerator: int, denominator: int, n: int) -> tuple[float, float]:
    """Return the ends of the Wilson score interval of a share of ``n`` (Wilson 1927)."""
    p, spread = numerator / denominator, Z * Z / n
    middle = p + spread / 2
    reach = Z * sqrt(p * (1 - p) / n + spread / (4 * n))
    low, high = (middle - reach) / (1 + spread), (middle + reach) / (1 + spread)
    # at the ends the formula is 0 and 1 but for the last bits
    return (0.0 if numerator == 0 else low), (1.0 if numerator == denominator else high)


@lru_cache(maxsize=HELD_BACK_MAX)
def missing(reason: Reason, n: int = 0) -> Figure:
    return Figure(None, n, reason)


def exactly(value: Fraction, n: int, **detail: Any) -> Figure:
    """Return a figure that is no share, and so has no interval."""
    return divided(*value.as_integer_ratio(), n, **detail)


def divided(numerator: int, denominator: int, n: int, **detail: Any) -> Figure:
    """Return what ``exactly`` does of a quotient, which need not be in its lowest terms."""
    value = rounded(numerator / denominator)
    return Figure(value, n, quotient=(numerator, denominator), detail=detail)


def within(numerator: int, denominator: int) -> int:
    """Return the numerator of the nearest share.

    Sums can leave the range of a share only while an act that was taken back is still to come, out
    of quarantine say.
    """
    return max(0, min(numerator, denominator))


@lru_cache(maxsize=SHARES_MAX)
def share(numerator: int, denominator: int, n: int) -> Figure:
    """Return a share of ``n`` cases with its interval; of nothing, ``no_data``."""
    numerator = within(numerator, denominator)
    if denominator <= 0 or n <= 0:
        return Figure(None, n, Reason.NO_DATA, numerator=numerator, denominator=denominator)
    low, high = wilson(numerator, denominator, n)
    return Figure(
        rounded(numerator / denominator),
        n,
        interval=(low, high),
        shown=(rounded(low), rounded(high)),
        numerator=numerator,
        denominator=denominator,
    )


@lru_cache(maxsize=SHARES_MAX)
def ratio(numerator: int, denominator: int, n: int) -> Figure:
    """Return a share that has no interval; its numerator and denominator are as they were told."""
    figure = share(numerator, denominator, n)
    exact = figure.exact
    return Figure(
        figure.value,
        n,
        figure.reason,
        exact.as_integer_ratio() if exact is not None else None,
        numerator=numerator,
        denominator=denominator,
    )
