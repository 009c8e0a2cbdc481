"""Nearest flip: the smallest move of one quantity that gives another class, and what it takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cmp_to_key
from typing import Any, NamedTuple

from services.insights.metrics.figure import rounded
from services.insights.metrics.thresholds import Thresholds
from services.insights.verdict.evidence import Grounds
from services.insights.verdict.rule import ServiceClass, ruled
from services.insights.verdict.side import SIDES, Sides, above, beside

WHOLE, NOTHING = Fraction(1), Fraction(0)
_A_HAIR = Fraction(1, 10**12)
UNKNOWN = "unknown"
NAMES = {"d": "d", "p": "p", "e1b": "E1b", "k1": "K1", "unknown": "unknown", "opinion": "opinion"}


class Past(NamedTuple):
    """The far side of a threshold: what is seen there, and how far it takes to announce it."""

    seen: Sides
    announced_at: Fraction


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a test turns; ``included``: the threshold itself is on the upper side."""

    quantity: str
    at: Fraction
    included: bool
    above: Past
    below: Past

    def past(self, *, up: bool) -> Past:
        return self.above if up else self.below


class Turn(NamedTuple):
    """A threshold past which the class is another; ``up``: the quantity has to rise.

    ``distance`` in ``units`` is how far it is.
    """

    threshold: Threshold
    value: Fraction
    up: bool
    from_class: ServiceClass
    to_class: ServiceClass
    distance: int
    units: int

    @property
    def quantity(self) -> str:
        return self.threshold.quantity


@dataclass(frozen=True, slots=True)
class Step:
    """``add``: how many units; ``numerator`` of ``denominator`` is the share after it."""

    add: int
    numerator: int
    denominator: int

    def to_json(self) -> dict[str, Any]:
        return {
            "add": self.add,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": rounded(self.numerator / self.denominator),
        }


@dataclass(frozen=True, slots=True)
class Lever:
    """A share that units move. ``people``: the denominator stays; else units are added to it.

    ``givers_short``: lay givers that are missing before the share is read at all.
    ``scale`` and ``shift``: the quantity is scale * share + shift.
    """

    numerator: int
    denominator: int
    unit: str
    people: bool = False
    givers_short: int = 0
    scale: Fraction = WHOLE
    shift: Fraction = NOTHING

    @property
    def plain(self) -> bool:
        return self.scale is WHOLE and self.shift is NOTHING


@dataclass(frozen=True, slots=True)
class Flip:
    """``up``: the quantity has to rise; ``to_announce`` is None where no move of it can."""

    quantity: str
    value: Fraction
    threshold: Fraction
    up: bool
    from_class: ServiceClass
    to_class: ServiceClass
    lever: Lever
    to_change: Step
    to_announce: Step | None


def nearest_flip(grounds: Grounds) -> Flip | None:
    """Return the smallest move that gives another class than this one or ``insufficient_evidence``.

    "Smallest" is by distance of the value from the threshold; of equals, the first in ``MOVABLE``.
    That of the unknown share comes last: it says nothing of the service, but of what is recorded.
    """
    nearest = sorted(_turns(grounds), key=lambda turn: (turn.quantity == UNKNOWN, _distance(turn)))
    flips = (_flip(grounds, turn) for turn in nearest)
    return next((flip for flip in flips if flip is not None), None)


def _farther(one: Turn, other: Turn) -> int:
    return one.distance * other.units - other.distance * one.units


_exactly = cmp_to_key(_farther)


def _distance(turn: Turn) -> tuple[float, Any]:
    """Order by distance, exactly: where division can't tell two apart, it is compared crosswise.

    Of equals sorting leaves the order of the thresholds.
    """
    return turn.distance / turn.units, _exactly(turn)


@cache
def _thresholds(limits: Thresholds) -> tuple[Threshold, ...]:
    """Return them in the order of ``MOVABLE``."""
    return (
        _threshold(limits, "d", limits.band_low, included=True),
        _threshold(limits, "d", limits.band_high, included=False),
        _threshold(limits, "p", limits.band_low, included=True),
        _threshold(limits, "e1b", limits.e1b_min, included=True),
        _threshold(limits, "k1", limits.k1_max, included=True),
        _threshold(limits, "unknown", limits.unknown_share, included=False),
        _threshold(limits, "opinion", limits.opinion_share, included=True),
    )


def _threshold(limits: Thresholds, quantity: str, at: Fraction, *, included: bool) -> Threshold:
    over, under = (at, at - _A_HAIR) if included else (at + _A_HAIR, at)
    sides = SIDES[quantity]
    return Threshold(
        quantity,
        at,
        included,
        Past(sides(over, limits), at + limits.margin),
        Past(sides(under, limits), at - limits.margin),
    )


def _turns(grounds: Grounds) -> Iterator[Turn]:
    """Yield the thresholds past which there is another class."""
    evidence = grounds.evidence
    seen = evidence.seen
    own = ruled(seen).service_class
    for threshold in _thresholds(evidence.thresholds):
        value: Fraction | None = getattr(evidence, threshold.quantity)
        if value is None:
            continue
        risen = above(value, threshold.at)
        up = risen < 0 or (risen == 0 and not threshold.included)
        past = threshold.past(up=up)
        other = ruled(beside(seen, threshold.quantity, past.seen)).service_class
        if other not in (own, ServiceClass.INSUFFICIENT_EVIDENCE):
            units = value.denominator * threshold.at.denominator
            yield Turn(threshold, value, up, own, other, abs(risen), units)


def _flip(grounds: Grounds, turn: Turn) -> Flip | None:
    """Return what brings the quantity past its threshold; None where no move of it can."""
    threshold, up = turn.threshold, turn.up
    for lever in _levers(grounds, turn.quantity):
        to_change = _step(lever, threshold, threshold.at, up=up)
        if to_change is not None:
            to_announce = _step(lever, threshold, threshold.past(up=up).announced_at, up=up)
            return Flip(
                turn.quantity,
                turn.value,
                threshold.at,
                up,
                turn.from_class,
                turn.to_class,
                lever,
                to_change,
                to_announce,
            )
    return None


def _step(lever: Lever, threshold: Threshold, target: Fraction, *, up: bool) -> Step | None:
    """Return the fewest units that bring the quantity past ``target``, None where none do."""
    share = target if lever.plain else (target - lever.shift) / lever.scale
    touching = up == threshold.included
    if lever.people:
        return _people_step(lever, share, up=up, touching=touching)
    a, b = lever.numerator, lever.denominator
    s, t = share.numerator, share.denominator
    if (up and s >= t) or (not up and s <= 0):
        return None
    # (share * b - a) / (1 - share) units bring it exactly there, or a / share - b of the others
    missing, each = (s * b - a * t, t - s) if up else (a * t - s * b, s)
    units = -(-missing // each) if touching else missing // each + 1
    units = max(units, lever.givers_short if up else 0, 1)
    return Step(units, a + units if up else a, b + units)


def _people_step(lever: Lever, share: Fraction, *, up: bool, touching: bool) -> Step | None:
    exact, of = share.numerator * lever.denominator, share.denominator
    if up:
        numerator = -(-exact // of) if touching else exact // of + 1
    else:
        numerator = exact // of if touching else -(-exact // of) - 1
    if not 0 <= numerator <= lever.denominator:
        return None
    return Step(abs(numerator - lever.numerator), numerator, lever.denominator)


def _levers(grounds: Grounds, quantity: str) -> list[Lever]:
    weight = "minutes" if grounds.lens == "minutes" else "contributions"
    match quantity:
        case "d" if grounds.delivery:
            part = grounds.delivery
            return [Lever(part.numerator, part.denominator, weight, givers_short=part.givers_short)]
        case "p":
            return _planning_levers(grounds, weight)
        case "e1b":
            return [_of_figure(grounds.e1b.numerator, grounds.e1b.denominator, "people")]
        case "k1":
            return [_of_figure(grounds.k1.numerator, grounds.k1.denominator, weight)]
        case "unknown":
            return [Lever(*grounds.unknown, weight)]
        case _:
            return [Lever(*grounds.opinions, "contributions")]


def _of_figure(numerator: int | None, denominator: int | None, unit: str) -> Lever:
    return Lever(numerator or 0, denominator or 1, unit, people=unit == "people")


def _planning_levers(grounds: Grounds, weight: str) -> list[Lever]:
    """Return planning acts first, then votes: either moves p, by half where p is their mean."""
    levers: list[Lever] = []
    part, votes = grounds.planning, grounds.votes
    if part and part.held_back:
        part = None
    half = Fraction(1, 2) if part and votes.exact is not None else WHOLE
    if part:
        shift = NOTHING if votes.exact is None else votes.exact / 2
        levers.append(
            Lever(
                part.numerator,
                part.denominator,
                weight,
                givers_short=part.givers_short,
                scale=half,
                shift=shift,
            )
        )
    if votes.exact is not None:
        shift = part.exact / 2 if part else NOTHING
        lever = _of_figure(votes.numerator, votes.denominator, "vote_weight")
        levers.append(
            Lever(lever.numerator, lever.denominator, lever.unit, scale=half, shift=shift)
        )
    return levers
