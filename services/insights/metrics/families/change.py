"""B. Change: whether feedback is answered, and whether the answer changes anything."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing, share
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import plain
from services.insights.metrics.thresholds import ANSWER_DAYS

_FEEDBACK = Reading(
    "feedback",
    "Feedback given in W and at least 30 days before D. Answered: within 30 days of the feedback."
    " Implemented: of those, the ones that a change in place by D names.",
)


def _answered(view: View) -> Figure:
    due = _due(view)
    return _share(len(_in_time(view, due)), due, view.thresholds.k)


def _implemented(view: View) -> Figure:
    answered = _in_time(view, _due(view))
    changed = sum(feedback in view.lifetime.life.changes for feedback in answered)
    return _share(changed, answered, view.thresholds.k)


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


def _in_time(view: View, due: dict[int, set[int]]) -> dict[int, set[int]]:
    answers = view.lifetime.life.answers
    return {
        feedback: people
        for feedback, people in due.items()
        if any(answered - given <= ANSWER_DAYS for given, answered in answers.get(feedback, ()))
    }


def _share(part: int, whole: dict[int, set[int]], k: int) -> Figure:
    people: set[int] = set().union(*whole.values())
    if whole and len(people) < k:
        return missing(Reason.BELOW_K, len(whole))
    return share(part, len(whole), len(whole))


FAMILY = Family(
    id="B",
    clause="chaque partie devient un agent de changement, d'amélioration ou d'évaluation",
    metrics=(
        plain(
            "B3.answered",
            _answered,
            fr="retours qui reçoivent une réponse",
            en="feedback answered",
            formula="feedback given in W, 30 d elapsed: answered within 30 d / all",
            source="Cahn, Coproduction assessment: respect",
            readings=(_FEEDBACK,),
            dated=True,
            interval="feedbacks",
        ),
        plain(
            "B3.implemented",
            _implemented,
            fr="réponses suivies d'un changement",
            en="answers followed by a change",
            formula="of those answered within 30 d: with a change that names them / all",
            source="Cahn, Coproduction assessment: respect, item 4",
            readings=(_FEEDBACK,),
            dated=True,
            interval="feedbacks",
        ),
    ),
)
