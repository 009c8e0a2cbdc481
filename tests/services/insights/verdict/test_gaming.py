"""Ways to look better than one is, and what the rule already makes of them."""

from services.insights.metrics.figures import figures
from services.insights.verdict.verdict import classify
from tests.support import archetypes as told
from tests.support.archetypes import Story


def test_splitting_one_act_into_many_moves_no_share_of_minutes() -> None:
    whole, split = told.meals_on_wheels(), Story()
    for event in whole.events:
        act = event.act  # type: ignore[attr-defined]
        for _ in range(3):
            split.events.append(
                event.model_copy(update={"act": act.model_copy(update={"minutes": 10})})
            )

    before, after = (figures(story.state(), "90d", "minutes") for story in (whole, split))

    for id_ in ("A2", "A3", "A4", "E1b", "E2", "G1", "K1", "M3.active"):
        assert before[id_].value == after[id_].value, id_


def test_token_receipts_raise_depth_but_not_the_balance_of_minutes() -> None:
    story = told.meals_on_wheels()
    for number in range(1, 11):
        story.act("p1", 5, [f"f{number}"], minutes=1)

    found = figures(story.state(), "90d", "minutes")

    assert found["E1b"].value == 1.0
    assert (found["E2"].value or 0) < 0.05


def test_opinions_logged_as_acts_of_no_phase_deliver_nothing() -> None:
    story = told.desk_311()
    for number in range(1, 401):
        story.act(f"u{number}", 10, phase=None)

    assert classify(story.state(), "90d").service_class == "conventional"


def test_training_the_volunteers_does_not_make_them_receivers() -> None:
    story = told.meals_on_wheels(trained=True)

    assert figures(story.state(), "90d")["E1b"].value == 0.0


def test_leaving_out_people_who_only_receive_does_not_move_the_rule() -> None:
    story = told.professional_with_co_deliverers()
    kept = Story(events=[event for event in story.events if _concerns_givers(event)])

    before, after = (classify(one.state(), "90d") for one in (story, kept))

    assert before.grounds.evidence.e1b == after.grounds.evidence.e1b
    assert (figures(story.state(), "90d")["E1"].value or 1) < (
        figures(kept.state(), "90d")["E1"].value or 0
    )


def _concerns_givers(event: object) -> bool:
    act = event.act  # type: ignore[attr-defined]
    return all(int(one.participant_id[1:]) <= 50 for one in act.receivers)


def test_a_ring_of_mutual_favours_shows_as_all_reciprocal() -> None:
    story = Story()
    for turn in range(60):
        giver, receiver = turn % 6 + 1, (turn % 6 ^ 1) + 1
        story.act(f"u{giver}", turn, [f"u{receiver}"])

    found = figures(story.state(), "90d")

    assert (found["E3.r"].value, found["F4"].value) == (1.0, 1.0)
    assert (found["F3"].value or 1) < 0.5
