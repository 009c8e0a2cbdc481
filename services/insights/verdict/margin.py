"""How firm a class is: what intervals' ends and the margin of announcements would make of it."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

from services.insights.verdict.evidence import Evidence, Grounds
from services.insights.verdict.rule import ServiceClass, rule, ruled
from services.insights.verdict.side import Share

MOVABLE = ("d", "p", "e1b", "k1", "unknown", "opinion")


def moved(evidence: Evidence, quantity: str, value: Fraction) -> ServiceClass:
    """Return the class with one quantity at another value and all others as they are."""
    return ruled(evidence.seen.moved(quantity, value, evidence.thresholds)).service_class


def is_tentative(grounds: Grounds) -> bool:
    """Whether either end of an interval of d, p, E1b or K1 gives another class."""
    seen, limits = grounds.evidence.seen, grounds.evidence.thresholds
    own = ruled(seen).service_class
    return any(
        ruled(seen.moved(quantity, end, limits)).service_class is not own
        for quantity, ends in _intervals(grounds)
        for end in ends
    )


def class_with_margin(evidence: Evidence, previous: ServiceClass | None) -> ServiceClass:
    """Return the class, or ``previous`` while one quantity is within the margin of it."""
    own = rule(evidence).service_class
    if previous is None or own is previous:
        return own
    for quantity in MOVABLE:
        value = getattr(evidence, quantity)
        if value is None:
            continue
        for step in (evidence.thresholds.margin, -evidence.thresholds.margin):
            if moved(evidence, quantity, value + step) is previous:
                return previous
    return own


def _intervals(grounds: Grounds) -> Iterator[tuple[str, Iterable[Share]]]:
    """Yield the ends of the intervals; p moves with its acts, for a vote has no interval."""
    if grounds.evidence.d is not None and grounds.delivery:
        yield "d", grounds.delivery.interval
    if grounds.planning and not grounds.planning.held_back:
        votes, ends = grounds.votes.exact, grounds.planning.interval
        yield "p", ends if votes is None else [(Fraction(end) + votes) / 2 for end in ends]
    yield "e1b", grounds.e1b.interval or ()
    yield "k1", grounds.k1.interval or ()
