"""The town's chronicle: everything that happens on a day or at a moment, as a function of the seed.

Nothing here remembers: asked twice, it tells the same. So a town that is played again repeats its
commands with their keys, which changes nothing, and a live town goes on from any moment.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from tools.town.deed import Deed, Scene
from tools.town.story import ActKind, Story

AGE_DAYS = 125
AGE_DAYS_WHEN_YOUNG = 7
DAYTIME_HOURS = (8, 20)
SAMPLE = 400


def first_day(story: Story, today: date, age_days: int = AGE_DAYS) -> date:
    """Return the day on which a service of a new town began."""
    return today - timedelta(days=AGE_DAYS_WHEN_YOUNG if story.young else age_days)


def deeds_of_day(seed: int, story: Story, start: date, day: date) -> Iterator[Deed]:
    """Yield the deeds of a service on one day."""
    number = (day - start).days
    for act in story.acts:
        random = _random(seed, story.service, act.name, day)
        for nth in range(_times(act, number, random)):
            key = f"{seed}/{story.service}/{day}/{act.name}/{nth}"
            scene = Scene(key, story.service, _daytime(day, random), random, number)
            yield from act.play(story.cast, scene)


def deeds_at(seed: int, stories: tuple[Story, ...], slot: str, at: datetime) -> list[Deed]:
    """Return the deeds of a slot of live time: one scene in one service."""
    random = _random(seed, "live", slot)
    running = [(story, act) for story in stories for act in story.acts if act.first_days is None]
    story, act = random.choices(running, [act.per_week for _, act in running])[0]
    scene = Scene(f"{seed}/live/{slot}", story.service, at, random, AGE_DAYS, live=True)
    return list(act.play(story.cast, scene))


def deeds_per_scene(stories: tuple[Story, ...]) -> float:
    """Return how many deeds a live scene has on average."""
    at = datetime(2000, 1, 1, tzinfo=UTC)
    return sum(len(deeds_at(0, stories, str(n), at)) for n in range(SAMPLE)) / SAMPLE


def _times(act: ActKind, day_number: int, random: Random) -> int:
    if act.first_days is not None and day_number >= act.first_days:
        return 0
    expected = act.per_week / 7
    return int(expected) + (random.random() < expected - int(expected))


def _daytime(day: date, random: Random) -> datetime:
    first, last = DAYTIME_HOURS
    minutes = random.randrange(first * 60, last * 60)
    return datetime.combine(day, time(), UTC) + timedelta(minutes=minutes)


def _random(seed: int, *of: object) -> Random:
    return Random("/".join(map(str, (seed, *of))))  # noqa: S311 - a story, not a secret
