from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story


def told() -> Story:
    story = Story()
    story.feedback("u1", 80, answered=30, changed=70)
    story.feedback("u2", 70, answered=31, changed=40)
    story.feedback("u3", 60)
    story.feedback("u4", 30, answered=0)
    story.feedback("u5", 29, answered=1)  # not due yet
    story.feedback("u6", 90, answered=1)  # before the window
    return story


def test_feedback_is_due_after_thirty_days_and_answered_within_them() -> None:
    found = figures(told().state(thresholds=OPEN), "90d")["B3.answered"]

    assert (found.numerator, found.denominator) == (2, 4)


def test_an_answer_is_implemented_once_a_change_names_its_feedback() -> None:
    story = told()
    story.feedback("u7", 50, answered=2, changed=10)
    story.events.append(story.events[-1])  # a second change for the same feedback

    found = figures(story.state(thresholds=OPEN), "90d")["B3.implemented"]

    assert (found.numerator, found.denominator) == (2, 3)


def test_k_counts_the_people_behind_the_feedbacks() -> None:
    story = Story()
    for ago in range(40, 60):
        story.feedback("u1", ago)

    from_one = figures(story.state(thresholds=OPEN), "90d")["B3.answered"]

    assert from_one.denominator == 20
