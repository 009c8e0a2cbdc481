"""Few lay people: what the rule reads of shares that are held back, and what is said of them."""

from typing import Any

import orjson
import pytest

from services.insights.verdict.verdict import classify, verdict_json
from tests.support.archetypes import Story, home_visits, names, spread


def professionals(*, delivered: int = 60, planned: int = 0) -> Story:
    """Six professionals deliver and plan."""
    story = Story()
    for turn, ago in enumerate(spread(delivered, 80)):
        story.act(f"p{turn % 6 + 1}", ago, [f"u{turn % 20 + 1}"])
    for turn, ago in enumerate(spread(planned, 80)):
        story.act(f"p{turn % 6 + 1}", ago, phase="design")
    return story


def deliver(story: Story, acts: int, *, by: int) -> Story:
    for turn in range(acts):
        story.act(f"f{turn % by + 1}", turn % 80, [f"u{turn % 20 + 1}"])
    return story


def plan(story: Story, acts: int, *, by: int) -> Story:
    for turn in range(acts):
        story.act(f"f{turn % by + 1}", turn % 80, phase="design")
    return story


def ask(story: Story) -> Story:
    for person in [*names("u", 200), *names("f", 10)]:
        story.opinion(person, 10)
    return story


def vote(story: Story, *, lay: int, professional: int) -> Story:
    story.decision(40, weights={"user": lay, "professional": professional})
    return story


def told(story: Story) -> tuple[str, set[str], dict[str, Any]]:
    verdict = classify(story.state(), "90d")
    answer = verdict_json(verdict, service_id="s", receipt={}, announced=None, last_evidenced=None)
    return verdict.service_class, set(verdict.flags), dict(orjson.loads(orjson.dumps(answer)))


CASES = {
    # 50 of 110 delivered by two: steps 1, 2 and 3
    "step 1": (ask(deliver(professionals(), 50, by=2)), "insufficient_evidence", {"few_lay"}),
    "step 2": (
        vote(deliver(professionals(), 50, by=2), lay=5, professional=5),
        "insufficient_evidence",
        {"few_lay"},
    ),
    "step 3": (deliver(professionals(), 50, by=2), "insufficient_evidence", {"few_lay"}),
    # 6 of 66 is less than a tenth, whoever knows it
    "step 1, little": (ask(deliver(professionals(), 6, by=2)), "consultation", set()),
    "step 2, little": (
        vote(deliver(professionals(), 6, by=2), lay=5, professional=5),
        "co_design",
        set(),
    ),
    "step 3, little": (deliver(professionals(), 6, by=2), "conventional", set()),
    # 9 of 29 planned by three
    "step 1, planning": (
        ask(plan(professionals(planned=20), 9, by=3)),
        "insufficient_evidence",
        {"few_lay"},
    ),
    "step 2, planning": (
        vote(plan(professionals(planned=20), 9, by=3), lay=5, professional=5),
        "co_design",
        set(),
    ),
    "step 3, planning": (
        plan(professionals(planned=20), 9, by=3),
        "insufficient_evidence",
        {"few_lay"},
    ),
    "step 3, planning and votes": (
        vote(plan(professionals(planned=20), 9, by=3), lay=0, professional=5),
        "insufficient_evidence",
        {"few_lay"},
    ),
    "step 3, nothing delivered": (
        plan(professionals(delivered=0, planned=30), 9, by=3),
        "insufficient_evidence",
        {"few_lay", "no_delivery_facts"},
    ),
    # 2 of 32
    "step 3, little planning": (plan(professionals(planned=30), 2, by=2), "conventional", set()),
    # enough people, or none
    "of five": (deliver(professionals(), 50, by=5), "volunteering", set()),
    "of nobody": (professionals(planned=20), "conventional", set()),
}


@pytest.mark.parametrize("name", CASES)
def test_a_tenth_or_more_of_few_lay_people_leaves_steps_1_to_3_open(name: str) -> None:
    story, expected, flags = CASES[name]

    found, flagged, answer = told(story)

    assert (found, flagged - {"planning_unobserved"}) == (expected, flags)
    assert ("planning_unobserved" in flagged) == ("p" not in answer["axes"])


@pytest.mark.parametrize("acts", [6, 50])
def test_no_text_says_a_share_that_is_held_back_or_what_is_left_of_the_whole(acts: int) -> None:
    for story in (
        deliver(professionals(), acts, by=2),
        ask(deliver(professionals(), acts, by=2)),
        vote(deliver(professionals(), acts, by=2), lay=5, professional=5),
    ):
        _, _, answer = told(story)

        said = " ".join(answer["reasons"]["fr"] + answer["reasons"]["en"])
        assert "d" not in answer["axes"]
        assert answer["axis_reasons"]["d"] == "few_lay"
        assert "d" not in answer["cell"]
        assert "trop peu d'habitants exécutent pour dire leur part" in answer["reasons"]["fr"]
        assert answer.get("nearest_flip", {"metric": None})["metric"] != "d"
        # a share of votes is no share of delivery
        assert "%" not in said.replace("50%", "").replace("50\N{NO-BREAK SPACE}%", "")


def test_few_planners_among_whom_deliver_together_are_said_to_be_few() -> None:
    story = plan(home_visits(), 6, by=3)  # 6 of 18

    found, flags, answer = told(story)

    assert (found, flags) == ("co_delivery", {"planning_unobserved"})
    assert answer["reasons"]["fr"][0] == (
        "co-exécuté ; trop peu d'habitants dans la conception et la décision pour le dire"
    )
    assert (answer["axes"].get("p"), answer["axis_reasons"]["p"]) == (None, "few_lay")


def test_planning_of_few_is_left_out_of_what_votes_say() -> None:
    story = vote(plan(home_visits(), 6, by=3), lay=1, professional=3)

    found, _, answer = told(story)

    assert (found, answer["axes"]["p"]) == ("co_production", 0.25)
    assert (
        "trop peu d'habitants conçoivent pour dire leur part ;"
        " ils ont 25\N{NO-BREAK SPACE}% des voix"
    ) in answer["reasons"]["fr"]


def test_those_who_are_asked_and_deliver_a_little_are_told_how_little() -> None:
    story = ask(deliver(professionals(), 6, by=6))  # 6 of 66

    found, _, answer = told(story)

    assert found == "consultation"
    assert answer["reasons"]["fr"][0] == (
        "on demande l'avis de 210 personnes ;"
        " ils n'assurent que 9\N{NO-BREAK SPACE}% de l'exécution"
    )
