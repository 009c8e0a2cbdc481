from hypothesis import given
from hypothesis import strategies as st

from services.insights.metrics.engine.populations import Network
from services.insights.metrics.engine.tables import PERSON_BITS
from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story


def test_connectedness_is_the_largest_component_of_all_active_people() -> None:
    story = Story()
    story.act("u1", 1, ["u2"])
    story.act("p1", 1, ["u2"])
    story.act("u3", 1, ["u4"])
    story.act("u5", 1)

    found = figures(story.state(thresholds=OPEN), "90d")["F3"]

    assert (found.numerator, found.denominator) == (3, 6)


def test_isolation_counts_lay_people_with_one_counterpart_or_none() -> None:
    story = Story()
    story.act("u1", 1, ["u2"])
    story.act("p1", 1, ["u2"])
    story.act("p1", 1, ["u3"])
    story.act("u4", 1)

    found = figures(story.state(thresholds=OPEN), "90d")["F4"]

    # u2 has u1 and p1; u1, u3 and u4 have one or none; p1 is no lay person
    assert (found.numerator, found.denominator) == (3, 4)


def test_active_lay_people_gave_an_act_or_were_named_in_a_persons_act_by_a_lay_stamp() -> None:
    story = Story()
    story.act("p1", 1, ["u1"], kind="train")  # trained, so named
    story.group("f9", 1, receivers=["u2"])  # named by a group alone
    story.opinion("u3", 1, receivers=["u4"])  # nothing was done
    story.act("u5", 1)  # gave to nobody known
    story.act("p1", 1, ["p2", "x1"])

    found = figures(story.state(thresholds=OPEN), "90d")["F4"]

    # u1 has p1, u5 nobody
    assert (found.numerator, found.denominator) == (2, 2)


def test_a_lone_giver_is_a_component_of_one() -> None:
    story = Story()
    story.act("u1", 1, ["u1", "u2"])
    story.act("u3", 1)

    found = figures(story.state(thresholds=OPEN), "90d")["F3"]

    assert (found.numerator, found.denominator) == (2, 3)


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), max_size=40))
def test_a_network_kept_up_is_one_made_anew(turned: list[tuple[int, int]]) -> None:
    """Each pair appears, or goes away again; what is known of the whole is asked in between."""
    kept, edges = Network({}), set[int]()

    for giver, receiver in turned:
        key = giver << PERSON_BITS | receiver
        if giver == receiver:
            continue
        kept.take({key: -1 if key in edges else 1})
        edges ^= {key}
        anew = Network(dict.fromkeys(edges, 1))
        assert (kept.largest, kept.mutual, kept.arcs) == (anew.largest, anew.mutual, anew.arcs)
        assert kept.counterparts == anew.counterparts
        assert kept.sound
