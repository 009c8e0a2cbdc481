"""Grade of a co-production: tests T1 to T8, each of which passes, fails or is unknown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache, cached_property
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

import orjson

from services.insights.metrics.catalogue import BY_ID
from services.insights.metrics.figure import Figure
from services.insights.metrics.record import without_unknown
from services.insights.metrics.thresholds import DEFAULTS, Thresholds
from services.insights.verdict.side import above
from services.insights.words import table as words


class Grade(StrEnum):
    EMERGING = "emerging"
    ESTABLISHED = "established"
    TRANSFORMATIVE = "transformative"


class Answer(StrEnum):
    PASS = "pass"  # noqa: S105 a word, not a secret
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of one metric with a threshold of the deployment; see ``Thresholds``."""

    metric: str
    relation: str
    at: Fraction | int
    unit: str = ""

    @property
    def threshold(self) -> str:
        return f"{self.relation} {float(self.at):g}{self.unit}"

    def holds(self, value: Fraction) -> bool:
        return _RELATIONS[self.relation](above(value, Fraction(self.at)), 0)


@cache
def tests_of(limits: Thresholds) -> dict[str, tuple[Condition, ...]]:
    """Return every test by id, with its conditions."""
    return {
        "T1": (Condition("J1", "<", limits.j1_max),),
        "T2": (Condition("J2", "<", limits.j2_max), Condition("J3", ">=", limits.j3_min)),
        "T3": (Condition("A1", ">=", limits.a1_min), Condition("G2", ">=", limits.g2_shared)),
        "T4": (Condition("L2", ">=", limits.l2_min, "/year"),),
        "T5": (
            Condition("M2", ">=", limits.m2_min),
            Condition("F4.slope", "<=", limits.f4_slope_max),
        ),
        "T6": (Condition("N1", ">=", limits.n1_min),),
        "T7": (Condition("I1", ">=", limits.i1_min),),
        "T8": (Condition("H4", ">", limits.h4_over),),
    }


_RELATIONS: dict[str, Callable[[int, int], bool]] = {"<": lt, "<=": le, ">=": ge, ">": gt}
TESTS = tests_of(DEFAULTS)
NOT_MEASURED = "not_measured"  # by this version, whatever the service records
ESTABLISHED = ("T1", "T2", "T3", "T6")


class Look(NamedTuple):
    """What one condition says of its figure; None: it is not measured yet."""

    condition: Condition
    figure: Figure | None
    answer: Answer


@dataclass(frozen=True)
class Tested:
    """One test's answer, with what it looked at."""

    id: str
    answer: Answer
    looked_at: tuple[Look, ...]

    @cached_property
    def encoded(self) -> orjson.Fragment:
        """What ``to_json`` says, as bytes to be put into a record."""
        return orjson.Fragment(orjson.dumps(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self._deciding().condition.metric,
            **_told(self._deciding()),
            "missing": self._missing(),
            "conditions": {look.condition.metric: _told(look) for look in self.looked_at},
            "text": words.TESTS[self.id]._asdict(),
        }

    def _deciding(self) -> Look:
        """Return the first condition that makes the answer what it is."""
        return next(look for look in self.looked_at if look.answer is self.answer)

    def _missing(self) -> list[str]:
        """Return the fields that figures without a value rest on; none for what nobody measures."""
        missing: list[str] = []
        for look in self.looked_at:
            if look.figure is not None and look.figure.value is None:
                missing.extend(BY_ID[look.condition.metric].fields)
        return list(dict.fromkeys(missing))


def looked_at(
    figure: Callable[[str], Figure | None], limits: Thresholds
) -> Iterator[tuple[str, list[Figure | None]]]:
    """Yield every test with the figures of its conditions; None: it is not measured yet."""
    for id_, conditions in tests_of(limits).items():
        yield id_, [figure(condition.metric) for condition in conditions]


def all_tested(figures: Mapping[str, Figure], limits: Thresholds = DEFAULTS) -> tuple[Tested, ...]:
    """Return the answer of every test, whatever the class."""
    looks = looked_at(figures.get, limits)
    return tuple(tested(id_, found, limits) for id_, found in looks)


def tested(id_: str, figures: Sequence[Figure | None], limits: Thresholds) -> Tested:
    """Return the answer of one test, which the figures of its conditions decide."""
    looks = tuple(map(_look, tests_of(limits)[id_], figures))
    answers = {look.answer for look in looks}
    answer = next(one for one in (Answer.FAIL, Answer.UNKNOWN, Answer.PASS) if one in answers)
    return Tested(id_, answer, looks)


def published(limits: Thresholds) -> list[dict[str, Any]]:
    """Return every test as ``/v1/definitions`` shows it, with the grades that ask for it."""
    return [
        {
            "id": id_,
            "grades": [Grade.ESTABLISHED] * (id_ in ESTABLISHED) + [Grade.TRANSFORMATIVE],
            "conditions": [
                {"metric": one.metric, "threshold": one.threshold} for one in conditions
            ],
            "text": words.TESTS[id_]._asdict(),
        }
        for id_, conditions in tests_of(limits).items()
    ]


def grade(tests: tuple[Tested, ...]) -> Grade:
    """Return the grade of a co-production; an unknown test never passes."""
    passed = {test.id for test in tests if test.answer is Answer.PASS}
    if passed.issuperset(TESTS):
        return Grade.TRANSFORMATIVE
    return Grade.ESTABLISHED if passed.issuperset(ESTABLISHED) else Grade.EMERGING


def _look(condition: Condition, figure: Figure | None) -> Look:
    exact = figure.exact if figure else None
    if exact is None:
        return Look(condition, figure, Answer.UNKNOWN)
    return Look(condition, figure, Answer.PASS if condition.holds(exact) else Answer.FAIL)


def _told(look: Look) -> dict[str, Any]:
    figure = look.figure
    said = {
        "verdict": look.answer,
        "threshold": look.condition.threshold,
        "value": figure.value if figure else None,
        "interval": figure.shown if figure else None,
        "n": figure.n if figure else None,
        "reason": figure.reason if figure else NOT_MEASURED,
    }
    return without_unknown(said)
