from services.insights.metrics.figures import figures
from shared.contracts.vocabulary import Level, Party
from tests.support.archetypes import OPEN, Story


def test_votes_weigh_by_the_level_of_the_decision() -> None:
    story = Story()
    story.decision(3, weights={"user": 3, "professional": 1}, level=Level.OPERATIONAL)
    story.decision(2, weights={"family_social": 1, "professional": 1}, level=Level.SERVICE)
    story.decision(1, weights={"professional": 4}, level=Level.STRATEGIC)
    story.decision(1, weights={"user": 2}, level=Level.BUDGET)

    found = figures(story.state(thresholds=OPEN), "90d")["H1"]

    # lay 3*1 + 1*2 + 0 + 2*3 = 11 of 4*1 + 2*2 + 4*3 + 2*3 = 26
    assert (found.numerator, found.denominator, found.n, found.interval) == (11, 26, 4, None)


def test_resources_are_lay_by_majority_or_by_steward() -> None:
    story = Story()
    story.allocation(3, 700, lay_majority=True)
    story.allocation(2, 200, steward_party=Party.USER)
    story.allocation(1, 300, steward_party=Party.PROFESSIONAL)

    found = figures(story.state(thresholds=OPEN), "90d")["H3"]

    assert (found.numerator, found.denominator, found.value) == (900, 1200, 0.75)


def test_two_currencies_are_never_added() -> None:
    story = Story()
    story.allocation(3, 700, lay_majority=True)
    story.allocation(2, 200, currency="CHF")

    assert figures(story.state(thresholds=OPEN), "90d")["H3"].reason == "currencies_mixed"


def test_no_decision_is_no_power_at_all() -> None:
    assert figures(Story().state(thresholds=OPEN), "90d")["H1"].reason == "no_data"
