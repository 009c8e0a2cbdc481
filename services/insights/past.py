"""Past: what today's verdict needs of the days before: yesterday's, and the last with evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.insights.facts import Fact
from services.insights.metrics.defaults import WINDOW_DAYS
from services.insights.metrics.timeline import Timeline
from services.insights.verdict import Verdict, classify
from services.insights.verdict_history import last_evidenced

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Past:
    """By window. ``evidenced``: the last verdict up to yesterday that had evidence, if any had."""

    yesterday: Mapping[str, Verdict]
    evidenced: Mapping[str, Verdict | None]


NO_PAST = Past({}, {})


def past_of(facts: Sequence[Fact], as_of: date) -> Past:
    """Return what lies before ``as_of``; facts of that day and later change nothing in it."""
    before = as_of - ONE_DAY
    state = Timeline(facts).at(before)
    yesterday = {window: classify(state, window) for window in WINDOW_DAYS}
    evidenced = {
        window: verdict if verdict.evidenced else last_evidenced(facts, before, window)
        for window, verdict in yesterday.items()
    }
    return Past(yesterday, evidenced)
