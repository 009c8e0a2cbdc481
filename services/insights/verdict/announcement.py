"""Announcement: what is said aloud of a service, later and more seldom than its class changes.

A pure function of two evaluations, today's and yesterday's, both on the facts known now: an import
or a rebuild announces once, and a class that lasts one day is never announced.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.insights.metrics.record import without_unknown
from services.insights.verdict.grade import Grade
from services.insights.verdict.margin import class_with_margin
from services.insights.verdict.rule import ServiceClass
from services.insights.verdict.verdict import Verdict

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Announced:
    """``since``: the day on which the class was announced, the one after the day evaluated."""

    service_class: ServiceClass
    grade: Grade | None
    since: date

    def to_json(self) -> dict[str, Any]:
        said = {
            "class": self.service_class,
            "grade": self.grade,
            "since": self.since.isoformat(),
        }
        return without_unknown(said)


def announce(previous: Announced | None, today: Verdict, yesterday: Verdict) -> Announced | None:
    """Return what is announced from today on; ``previous`` itself where nothing changes.

    Another class is announced once two successive days agree on it and no quantity is within the
    margin of the class announced before. The first announcement needs two days as well.
    """
    before = previous.service_class if previous else None
    now = class_with_margin(today.grounds.evidence, before)
    earlier = class_with_margin(yesterday.grounds.evidence, before)
    if now is not earlier or now is not today.service_class:
        return previous
    if previous is not None and now is previous.service_class:
        if today.grade is not yesterday.grade or today.grade is previous.grade:
            return previous
        return Announced(now, today.grade, previous.since)
    return Announced(now, today.grade, today.as_of + ONE_DAY)
