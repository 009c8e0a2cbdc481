"""What holds a figure back: the floor, k, missing minutes, unknown receivers."""

from datetime import timedelta

from services.insights.metrics.catalogue import BY_ID, DEFINITIONS
from services.insights.metrics.figures import figures, metrics_json
from tests.support.archetypes import DAY, Story, spread, time_bank, with_survey

SHARES = {"A2", "A3", "A3.commission", "A3.design", "A3.deliver", "A3.assess", "G1", "N1"}
GINIS = {"M3.registered", "M3.active", "M3.top1", "M3.top10"}
WEIGHTED = {*SHARES, *GINIS, "A4", "E2", "K1"}
EXCHANGE = {"A4", "E1", "E1b", "E2", "E3.r", "E3.rho", "F3", "F4", "K1", "K2"}
OTHERS = {"A1", "B3.answered", "B3.implemented", "G2", "H1", "H3", "J1", "J2", "J3", "M6", "Q4"}
IDS = WEIGHTED | EXCHANGE | OTHERS
"""What these sets hold is written down once more here, beside the declarations; others may come."""
ALL_WEIGHTED = {one.id for one in DEFINITIONS if one.lens == "weighted"}
ALL_OF_EXCHANGE = {one.id for one in DEFINITIONS if one.exchange}


def reasons(story: Story, lens: str = "count") -> dict[str, str | None]:
    return {id_: one.reason for id_, one in figures(story.state(), "90d", lens).items()}


def test_every_id_is_always_there_once_and_in_order() -> None:
    found = metrics_json(Story().state(), "28d", service_id="s", receipt={"positions": {}})

    assert list(found["metrics"]) == list(BY_ID)
    assert found["metrics"].keys() >= IDS
    assert (found["service_id"], found["window"], found["as_of"]) == ("s", "28d", "2026-06-30")
    assert found["receipt"] == {"positions": {}}
    assert found["metrics"]["A1"].keys() == {"n", "reason", "definition_version"}


def test_nineteen_acts_are_too_few_and_twenty_are_enough() -> None:
    story = Story()
    for turn, ago in enumerate(spread(19, 40)):
        story.act(f"u{turn % 5 + 1}", ago, [f"u{(turn + 1) % 5 + 1}"])

    assert {reason for id_, reason in reasons(story).items() if id_ != "Q4"} == {"below_floor"}
    story.opinion("u1", 1)
    assert reasons(story)["A3"] is None


def test_decisions_are_evidence_and_their_voters_are_givers() -> None:
    story = Story()
    for ago in spread(20, 28):
        story.decision(ago, weights={"user": 5}, voters=4)

    assert reasons(story)["H1"] == "below_floor"
    story.decision(3, weights={"user": 5}, voters=5)
    assert reasons(story)["H1"] is None


def test_the_span_is_of_the_life_and_the_number_of_the_window() -> None:
    story = Story()
    for turn in range(20):
        story.act(f"u{turn % 5 + 1}", 3)
    story.act("u1", 30)

    assert reasons(story)["A3"] is None
    assert figures(story.state(), "28d")["A3"].reason is None
    later = story.state(DAY + timedelta(days=25))
    assert figures(later, "28d")["A3"].reason == "below_floor"


def test_fewer_than_k_people_behind_a_denominator_are_not_shown() -> None:
    story = time_bank()
    for _ in range(9):
        story.act("u1", 1, phase="design")

    assert reasons(story)["A3.design"] == "below_k"
    assert reasons(story)["A3.commission"] == "no_data"


def test_in_minutes_four_fifths_of_the_acts_must_carry_them() -> None:
    story = time_bank()  # 80 acts with minutes
    for _ in range(20):
        story.act("u1", 1, ["u2"], minutes=None)

    assert reasons(story, "minutes")["A3"] is None
    story.act("u1", 1, ["u2"], minutes=None)
    missing = {
        id_ for id_, reason in reasons(story, "minutes").items() if reason == "minutes_missing"
    }
    assert missing == ALL_WEIGHTED
    assert missing & IDS == WEIGHTED
    assert "minutes_missing" not in reasons(story, "count").values()


def test_exchange_is_silent_where_most_lay_delivery_goes_to_nobody_named() -> None:
    story = time_bank()
    for _ in range(80):
        story.act("u1", 1)

    assert reasons(story)["E1b"] is None
    story.act("u1", 1)
    silent = {id_ for id_, reason in reasons(story).items() if reason == "receivers_unknown"}
    assert silent == ALL_OF_EXCHANGE
    assert silent & IDS == EXCHANGE


def test_exchange_is_silent_without_any_delivery() -> None:
    story = Story()
    for turn, ago in enumerate(spread(30, 40)):
        story.act(f"u{turn % 6 + 1}", ago, [f"u{(turn + 1) % 6 + 1}"], phase="design")

    assert reasons(story)["E1b"] == "receivers_unknown"


def test_figures_without_a_lens_are_the_same_in_both() -> None:
    story = time_bank()
    for _ in range(81):
        story.act("u1", 1, minutes=1)  # most acts, but not most minutes

    counts = figures(story.state(), "90d", "count")
    minutes = figures(story.state(), "90d", "minutes")

    for id_ in BY_ID.keys() - ALL_WEIGHTED:
        assert counts[id_] == minutes[id_], id_
    assert counts["K1"].reason == "receivers_unknown"
    assert minutes["K1"].reason is None


def test_a_survey_without_minutes_turns_no_lens() -> None:
    story = with_survey(time_bank())  # 80 acts with minutes, 800 opinions without

    assert reasons(story, "minutes")["A3"] is None
    assert story.state().view("90d").lens == "minutes"


def test_where_nothing_is_an_act_the_minutes_asked_for_are_of_all_contributions() -> None:
    story = Story()
    for turn, ago in enumerate(spread(40, 40)):
        story.opinion(f"u{turn % 6 + 1}", ago, minutes=None if turn < 9 else 10)

    assert reasons(story, "minutes")["A3"] == "minutes_missing"  # 31 of 40 carry them
    story.opinion("u1", 1, minutes=10)
    for _ in range(4):
        story.opinion("u1", 1, minutes=10)
    assert reasons(story, "minutes")["A3"] is None  # 36 of 45


def test_delivery_of_no_weight_is_not_unknown() -> None:
    story = Story()
    for turn, ago in enumerate(spread(90, 40)):
        story.act(f"p{turn % 6 + 1}", ago, [f"u{turn % 6 + 1}"], phase="design")
    for _ in range(10):
        story.act("u1", 1, minutes=None)  # all lay delivery, to nobody named, and of no minutes

    assert story.state().view("90d").lens == "minutes"
    assert reasons(story, "minutes")["A4"] is None
    assert reasons(story, "count")["A4"] == "receivers_unknown"


def test_of_what_weighs_nothing_there_is_no_data_whoever_is_behind_it() -> None:
    story = time_bank()
    story.act("u1", 1, phase="design", minutes=None)
    story.allocation(1, 0)
    story.allocation(1, 0, currency="CHF")

    assert reasons(story, "minutes")["A3.design"] == "no_data"
    assert reasons(story, "count")["A3.design"] == "below_k"
    assert reasons(story)["H3"] == "no_data"


def test_without_a_contribution_no_party_is_counted() -> None:
    story = Story()
    for ago in spread(20, 28):
        story.decision(ago, weights={"user": 5}, voters=5)

    assert reasons(story)["A1"] == "no_data"


def test_a_lay_share_of_few_lay_people_is_not_shown_and_that_of_nobody_is_nought() -> None:
    story = Story()
    for turn, ago in enumerate(spread(60, 40)):
        story.act(f"p{turn % 6 + 1}", ago)
        story.act(f"p{turn % 6 + 1}", ago, phase="design")
        story.act(f"p{turn % 6 + 1}", ago, phase="assess")
    before = figures(story.state(), "90d")

    for number in range(1, 5):
        for phase in ("deliver", "design", "assess"):
            story.act(f"u{number}", 1, phase=phase)

    assert (before["G1"].value, before["A3.deliver"].value, before["A3.design"].value) == (0, 0, 0)
    found = reasons(story)
    assert {id_ for id_, reason in found.items() if reason == "few_lay"} == {
        "G1",
        "A3.deliver",
        "A3.design",
    }
    assert figures(story.state(), "90d")["G1"].numerator is None
    story.group("f1", 1)  # groups count as givers
    assert figures(story.state(), "90d")["G1"].value == round(5 / 65, 10)
