"""Four people: ann (u1), bea (u2) and carl (f1) are lay, paul (p1) is a professional."""

from services.insights.metrics.engine.tables import parted
from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story


def circle() -> Story:
    """ann -> bea 60 min, bea -> carl and paul 31 min, paul -> ann 10 min; carl gives nothing."""
    story = Story()
    story.act("u1", 3, ["u2"], minutes=60)
    story.act("u2", 2, ["f1", "p1"], minutes=31)
    story.act("p1", 1, ["u1"], minutes=10)
    return story


def test_cross_party_flow_weighs_edges_between_stamped_parties() -> None:
    found = figures(circle().state(thresholds=OPEN), "90d", "minutes")["A4"]

    # ann -> bea stays within users; the rest crosses: 41 of 101 minutes
    # three acts of 60, 31 and 10 minutes: 101 * 101 / (3600 + 961 + 100) = 2.2
    assert (found.numerator, found.denominator, found.n) == (41_000_000, 101_000_000, 2)
    assert found.value == 0.405940594


def test_receivers_without_a_known_party_are_left_out_of_the_flow() -> None:
    story = circle()
    story.act("u1", 1, ["x1"])

    found = figures(story.state(thresholds=OPEN), "90d", "minutes")["A4"]

    assert (found.denominator, found.n) == (101_000_000, 2)


def test_two_way_share_is_of_all_lay_givers_and_receivers() -> None:
    found = figures(circle().state(thresholds=OPEN), "90d")["E1"]

    # ann and bea gave and received; carl only received
    assert (found.numerator, found.denominator) == (2, 3)


def test_depth_counts_a_receipt_from_any_time_and_from_a_group() -> None:
    story = Story()
    story.act("p1", 400, ["u1"])
    story.act("f2", 300, ["u2"], giver_kind="group")
    for giver in ("u1", "u2", "u3"):
        story.act(giver, 2, ["f1"])

    found = figures(story.state(thresholds=OPEN), "90d")

    assert (found["E1b"].numerator, found["E1b"].denominator) == (2, 3)
    assert found["E1"].numerator == 0  # within the window none of the three received


def test_being_trained_facilitated_or_connected_is_no_receipt_but_an_edge() -> None:
    story = Story()
    for kind in ("train", "facilitate", "connect"):
        story.act("p1", 3, ["u1"], kind=kind)
    story.act("u1", 2, ["u2"])

    found = figures(story.state(thresholds=OPEN), "90d")

    assert found["E1b"].value == 0.0
    assert found["K1"].value == 1.0
    assert found["E3.r"].n == 2


def test_balance_conserves_minutes_and_counts_gifts_to_nobody_named() -> None:
    story = circle()
    story.act("f1", 1, minutes=20)

    found = figures(story.state(thresholds=OPEN), "90d", "minutes")["E2"]

    # gave - received: ann 60-10, bea 31-60, carl 20-15.5, paul 10-15.5; in all 121 + 101
    assert found.value == round(1 - (50 + 29 + 4.5 + 5.5) / 222, 9)


def test_an_act_is_parted_in_millionths_with_the_remainder_first() -> None:
    assert parted(1, 3) == [333_334, 333_333, 333_333]
    assert sum(parted(31, 7)) == 31_000_000


def test_direct_reciprocity_against_chance() -> None:
    story = circle()
    story.act("u2", 1, ["u1"])

    found = figures(story.state(thresholds=OPEN), "90d")

    # arcs: ann-bea both ways, bea->carl, bea->paul, paul->ann; 4 people, 12 possible arcs
    assert (found["E3.r"].numerator, found["E3.r"].denominator) == (2, 5)
    assert found["E3.rho"].value == round((2 / 5 - 5 / 12) / (1 - 5 / 12), 10)


def test_gift_only_minutes_are_of_people_who_never_received() -> None:
    story = circle()
    story.act("f2", 1, ["u2"], minutes=9)
    story.group("f9", 1, minutes=500, phase="design")

    found = figures(story.state(thresholds=OPEN), "90d", "minutes")["K1"]

    # 60, 31 and 9 minutes: 100 * 100 / (3600 + 961 + 81) = 2.2
    assert (found.numerator, found.denominator, found.n) == (9, 100, 2)


def test_roles_overlap_among_lay_people_alone() -> None:
    story = circle()
    story.act("u1", 1, ["u2"])

    found = figures(story.state(thresholds=OPEN), "90d")["K2"]

    # givers to lay people: ann, bea; receivers from lay people: bea, carl
    assert (found.numerator, found.denominator) == (1, 3)


def test_opinions_exchange_nothing() -> None:
    story = circle()
    before = figures(story.state(thresholds=OPEN), "90d")
    story.act("u2", 1, ["p1", "u9"], mode="opinion")

    after = figures(story.state(thresholds=OPEN), "90d")

    for id_ in ("A4", "E1", "E1b", "E2", "E3.r", "E3.rho", "F3", "F4", "K1", "K2"):
        assert after[id_] == before[id_], id_


def test_more_than_fifty_receivers_are_a_group_gift() -> None:
    story = Story()
    story.act("u1", 1, [f"u{number}" for number in range(2, 53)])
    story.act("u2", 1, ["u1"])
    story.act("u2", 1, ["u1"])

    found = figures(story.state(thresholds=OPEN), "90d")

    assert found["E3.r"].n == 1
    assert (found["E1b"].numerator, found["E1b"].denominator) == (1, 2)


def test_where_everybody_gave_to_everybody_there_is_no_chance_to_beat() -> None:
    story = Story()
    for giver, receiver in (("u1", "u2"), ("u2", "u1")):
        story.act(giver, 1, [receiver])

    found = figures(story.state(thresholds=OPEN), "90d")

    assert (found["E3.r"].value, found["E3.rho"].reason) == (1.0, "no_data")
