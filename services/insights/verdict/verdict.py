"""Verdict: what one service is in one window as of one day, and why.

The class is the pure rule on that day, without margin and without history; what is announced is
``verdict_announcement``'s business.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

from services.insights.metrics.catalogue import VERSION
from services.insights.metrics.engine.state import ServiceState
from services.insights.metrics.figure import Reason, rounded
from services.insights.metrics.figures import figure
from services.insights.metrics.record import without_unknown
from services.insights.metrics.thresholds import PLANNING_WINDOW
from services.insights.verdict.evidence import Grounds, gather
from services.insights.verdict.flip import Flip, nearest_flip
from services.insights.verdict.grade import Grade, Tested, grade, looked_at, tested
from services.insights.verdict.margin import is_tentative
from services.insights.verdict.rule import Band, Flag, Ruling, ServiceClass, band, rule
from services.insights.verdict.sentences.flips import flip_json
from services.insights.verdict.sentences.reasons import reasons
from services.insights.words.writing import Text, both


class Following:
    """What follows from the grounds of a verdict, found once, when it is asked for.

    Of days before it mostly never is; windows that hold the same share it.
    """

    def __init__(self, grounds: Grounds, ruling: Ruling) -> None:
        self._grounds = grounds
        self._ruling = ruling

    @cached_property
    def tentative(self) -> bool:
        return is_tentative(self._grounds)

    @cached_property
    def reasons(self) -> tuple[Text, ...]:
        return tuple(reasons(self._grounds, self._ruling))

    @cached_property
    def nearest_flip(self) -> Flip | None:
        return nearest_flip(self._grounds)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``grade`` only of a co-production."""

    window: str
    as_of: date
    ruling: Ruling
    grade: Grade | None
    tests: tuple[Tested, ...]
    grounds: Grounds
    follows: Following = field(compare=False, repr=False)

    @property
    def service_class(self) -> ServiceClass:
        return self.ruling.service_class

    @property
    def flags(self) -> tuple[Flag, ...]:
        return self.ruling.flags

    @property
    def cell(self) -> tuple[Band | None, Band | None]:
        """The bands of planning and delivery."""
        evidence = self.grounds.evidence
        p, d = (evidence.p, evidence.d) if evidence.enough else (None, None)
        return band(p, evidence.thresholds), band(d, evidence.thresholds)

    @property
    def tentative(self) -> bool:
        return self.follows.tentative

    @property
    def reasons(self) -> tuple[Text, ...]:
        return self.follows.reasons

    @property
    def nearest_flip(self) -> Flip | None:
        return self.follows.nearest_flip

    @property
    def evidenced(self) -> bool:
        return self.service_class is not ServiceClass.INSUFFICIENT_EVIDENCE

    def summary(self) -> dict[str, Any]:
        """Return the class with its day: what is kept showing when evidence runs out."""
        said = {
            "as_of": self.as_of.isoformat(),
            "class": self.service_class,
            "grade": self.grade,
            "reasons": both(list(self.reasons)),
        }
        return without_unknown(said)


def class_of(state: ServiceState, window: str) -> ServiceClass:
    """Return the class alone, at a fraction of what the verdict costs."""
    view, plan = state.view(window), state.view(PLANNING_WINDOW[window]).tables
    if view.below_floor:
        return ServiceClass.INSUFFICIENT_EVIDENCE
    return view.once(("class", plan), lambda: rule(gather(state, window).evidence).service_class)


def classify(state: ServiceState, window: str) -> Verdict:
    """Return the verdict of one window; it does not change with the state afterwards."""
    plan = state.view(PLANNING_WINDOW[window]).tables
    found = state.view(window).once(plan, lambda: _classified(state, window))
    return found if found.window == window else replace(found, window=window)


def _classified(state: ServiceState, window: str) -> Verdict:
    grounds = gather(state, window)
    ruling = rule(grounds.evidence)
    view = state.view(window)
    tests = tuple(
        view.tables.kept(id_, looked, partial(tested, id_, looked, state.thresholds))
        for id_, looked in looked_at(partial(figure, view), state.thresholds)
    )
    produced = ruling.service_class is ServiceClass.CO_PRODUCTION
    return Verdict(
        window=window,
        as_of=state.as_of,
        ruling=ruling,
        grade=grade(tests) if produced else None,
        tests=tests,
        grounds=grounds,
        follows=Following(grounds, ruling),
    )


def verdict_json(
    verdict: Verdict,
    *,
    service_id: str,
    receipt: dict[str, Any],
    announced: dict[str, Any] | None,
    last_evidenced: dict[str, Any] | None,
    test_json: Callable[[Tested], object] = Tested.to_json,
) -> dict[str, Any]:
    """Return the verdict as the API and the command line write it.

    ``last_evidenced``: the ``summary`` of the last verdict that had evidence, if there was one.
    ``test_json``: how its tests are put into it.
    """
    grounds, (planning, delivery) = verdict.grounds, verdict.cell
    flip = verdict.nearest_flip
    said = {
        "service_id": service_id,
        "window": verdict.window,
        "as_of": verdict.as_of.isoformat(),
        "class": verdict.service_class,
        "grade": verdict.grade,
        "cell": without_unknown({"p": planning, "d": delivery}),
        "axes": without_unknown(_axes(grounds)),
        "axis_reasons": without_unknown(_axis_reasons(grounds)),
        "flags": list(verdict.flags),
        "tentative": verdict.tentative,
        "tests": {test.id: test_json(test) for test in verdict.tests},
        "reasons": both(list(verdict.reasons)),
        "nearest_flip": flip_json(flip) if flip else None,
        "announced": announced,
        "last_evidenced": last_evidenced,
        "definition_version": grounds.evidence.thresholds.stamped(VERSION),
        "receipt": receipt,
        "lens": grounds.lens,
        "evidence": {
            "acts": grounds.acts,
            "givers": grounds.givers,
            "span_days": grounds.span_days,
        },
    }
    return without_unknown(said)


def _axes(grounds: Grounds) -> dict[str, float | None]:
    """Return p and d; None below the floor, where no figure is shown, and where held back."""
    evidence = grounds.evidence
    return {
        axis: rounded(value) if evidence.enough and value is not None else None
        for axis, value in (("p", evidence.p), ("d", evidence.d))
    }


def _axis_reasons(grounds: Grounds) -> dict[str, Reason | None]:
    """Return why an axis has no value; None of one that is shown."""
    evidence = grounds.evidence
    if not evidence.enough:
        return dict.fromkeys(("p", "d"), Reason.BELOW_FLOOR)
    return {
        "p": _absent(evidence.p, evidence.planning_held_back),
        "d": _absent(evidence.d, evidence.d_held_back),
    }


def _absent(shown: Fraction | None, held_back: Fraction | None) -> Reason | None:
    if shown is not None:
        return None
    return Reason.NO_DATA if held_back is None else Reason.FEW_LAY
