"""N1 over acts: what comes from people who are not in an organisation that provides the service."""

from services.insights.metrics.figure import Figure
from services.insights.metrics.figures import figures
from tests.support.archetypes import OPEN, Story


def n1(story: Story, lens: str = "minutes") -> Figure:
    return figures(story.state(thresholds=OPEN), "90d", lens)["N1"]


def test_outside_inputs_are_of_other_organisations_and_of_lay_people_by_themselves() -> None:
    story = Story()
    story.registered("town")
    story.linked("charity")
    story.act("p1", 1, minutes=60, giver_org="town")
    story.act("p2", 1, minutes=20, giver_org="charity")
    story.act("p3", 1, minutes=10)
    story.act("p4", 1, minutes=5, giver_org="club")
    story.act("u1", 1, minutes=20)
    story.act("u2", 1, minutes=85, giver_org="town")
    story.opinion("u3", 1, minutes=500)

    found = n1(story)

    # the club's 5 and the lay person's 20 of the 200 minutes of acts; an opinion is no input
    assert (found.numerator, found.denominator, found.value) == (25, 200, 0.125)


def test_a_group_without_an_organisation_is_where_its_party_is() -> None:
    story = Story()
    story.group("f1", 1, minutes=30)
    story.group("p1", 1, minutes=90)

    assert n1(story).value == 0.25


def test_staff_of_an_organisation_that_nobody_linked_are_neither_inside_nor_outside() -> None:
    story = Story()
    story.registered("town")
    story.act("p1", 1, giver_org="charity")
    story.act("u1", 1)

    assert n1(story).reason == "affiliation_unknown"


def test_a_lay_person_may_name_any_organisation() -> None:
    story = Story()
    story.registered("town")
    story.act("p1", 1, giver_org="town")
    story.act("u1", 1, giver_org="club")
    story.opinion("p2", 1, giver_org="charity")

    assert n1(story).value == 0.5


def test_a_link_heals_what_came_before_it_and_an_end_undoes_it() -> None:
    story = Story()
    story.registered("town")
    story.act("p1", 60, giver_org="charity")
    story.act("u1", 1)
    story.linked("charity")

    assert n1(story).value == 0.5
    story.unlinked("charity")
    # an organisation was linked once: that this one is not, is known
    assert n1(story).value == 1.0
    story.linked("charity")
    assert n1(story).value == 0.5
