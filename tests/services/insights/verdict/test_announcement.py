"""What is announced, and when: a margin, two days, and nothing twice."""

from datetime import timedelta

from services.insights.verdict.announcement import Announced, announce
from services.insights.verdict.grade import Grade
from services.insights.verdict.rule import ServiceClass
from services.insights.verdict.verdict import Verdict, classify
from tests.support.archetypes import DAY, Story, home_visits, names, spread, time_bank

YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)


def evaluated(story: Story) -> tuple[Verdict, Verdict]:
    return classify(story.state(), "90d"), classify(story.state(YESTERDAY), "90d")


def visits_with_receivers(receiving: int) -> Story:
    """35 lay people deliver beside staff; ``receiving`` of them have ever received."""
    story = Story()
    for turn, ago in enumerate(spread(140, 80)):
        story.act(f"f{turn % 35 + 1}", ago + 5, [f"u{turn + 1}"])
        story.act(f"p{turn % 6 + 1}", ago + 5, [f"u{turn + 1}"])
    for person in names("f", receiving):
        story.act("p1", 6, [person])
        for turn in range(10):
            story.act(person, 6, [f"u{turn + 1}"])
    return story


def test_the_first_class_is_announced_once_two_days_agree_on_it() -> None:
    today, yesterday = evaluated(time_bank())

    assert announce(None, today, yesterday) == Announced(ServiceClass.MUTUAL_AID, None, TOMORROW)


def test_a_class_of_one_day_is_not_announced() -> None:
    story = Story()
    for turn in range(30):
        story.act(f"u{turn % 6 + 1}", turn % 27, [f"u{(turn + 1) % 6 + 1}"])
    story.act("u1", 27, ["u2"])
    today, yesterday = evaluated(story)
    before = Announced(ServiceClass.INSUFFICIENT_EVIDENCE, None, YESTERDAY)

    assert today.service_class is ServiceClass.MUTUAL_AID
    assert announce(None, today, yesterday) is None
    assert announce(before, today, yesterday) is before


def test_a_class_within_the_margin_of_the_announced_one_waits() -> None:
    before = Announced(ServiceClass.VOLUNTEERING, None, YESTERDAY)

    seven = evaluated(visits_with_receivers(7))
    eight = evaluated(visits_with_receivers(8))

    assert [verdict.service_class for verdict in seven] == [ServiceClass.CO_DELIVERY] * 2
    assert announce(before, *seven) is before
    assert announce(before, *eight) == Announced(ServiceClass.CO_DELIVERY, None, TOMORROW)


def test_announcing_again_what_stands_changes_nothing() -> None:
    today, yesterday = evaluated(home_visits())
    first = announce(None, today, yesterday)

    assert announce(first, today, yesterday) is first


def test_another_grade_of_the_same_class_keeps_its_day() -> None:
    story = home_visits()
    for turn in range(60):
        story.act(f"u{turn % 8 + 1}", 40, phase="design")
    today, yesterday = evaluated(story)
    before = Announced(ServiceClass.CO_PRODUCTION, Grade.ESTABLISHED, YESTERDAY)

    assert announce(before, today, yesterday) == Announced(
        ServiceClass.CO_PRODUCTION, Grade.EMERGING, YESTERDAY
    )
