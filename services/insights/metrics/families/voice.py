"""Voice: whether feedback is answered, and whether the answer changes anything (B3)."""

from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing, share
from services.insights.metrics.thresholds import ANSWER_DAYS


def voice(view: View) -> dict[str, Figure]:
    due = _due(view)
    answered = {feedback: people for feedback, people in due.items() if _answered(view, feedback)}
    changed = {feedback for feedback in answered if feedback in view.lifetime.life.changes}
    return {
        "B3.answered": _share(len(answered), due, view.thresholds.k),
        "B3.implemented": _share(len(changed), answered, view.thresholds.k),
    }


def _due(view: View) -> dict[int, set[int]]:
    """Return the feedbacks given in the window 30 days ago or longer, with who gave them."""
    first, last = view.first_day, view.day - ANSWER_DAYS
    due: dict[int, set[int]] = {}
    for feedback, given in view.lifetime.life.feedback.items():
        people = {
            person for day, person in given if day <= last and (first is None or day >= first)
        }
        if people:
            due[feedback] = people
    return due


def _answered(view: View, feedback: int) -> bool:
    answers = view.lifetime.life.answers.get(feedback, {})
    return any(answered - given <= ANSWER_DAYS for given, answered in answers)


def _share(part: int, whole: dict[int, set[int]], k: int) -> Figure:
    people: set[int] = set().union(*whole.values())
    if whole and len(people) < k:
        return missing(Reason.BELOW_K, len(whole))
    return share(part, len(whole), len(whole))
