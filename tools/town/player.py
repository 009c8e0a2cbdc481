"""Plays the town through the public HTTP APIs of registry and exchange.

Every command has a key made of the seed and of what happens, so that playing a town again changes
nothing and goes on from where it was. When the town's services began is remembered by registry.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tools.bulk import CommandOutcome, Envelope, ServiceClient, batches, command
from tools.terminal.failure import Failure
from tools.town.chronicle import (
    AGE_DAYS,
    deeds_at,
    deeds_of_day,
    deeds_per_scene,
    first_day,
)
from tools.town.deed import Deed, DeedStep
from tools.town.resident import name_of
from tools.town.stories import STORIES

SYSTEM = "town"
DEFAULT_SEED = 1
REGISTRY = "org.coprod.registry."
EXCHANGE = "org.coprod.exchange."
TICK_SECONDS = 0.25
CONFIRMED_AFTER_SECONDS = 2.0
BEHIND_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class TownOptions:
    """``rate``: live deeds a second, 0 for none; ``seconds``: how long, None until interrupted."""

    seed: int = DEFAULT_SEED
    days: int = AGE_DAYS
    rate: float = 1.0
    seconds: float | None = None


@dataclass
class Played:
    """How many commands were accepted and refused so far."""

    accepted: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def agency_of(seed: int) -> str:
    return "town" if seed == DEFAULT_SEED else f"town-{seed}"


async def play(urls: dict[str, str], options: TownOptions, tell: Callable[[str], None]) -> Played:
    """Make the town, play its past, and then let it live; ``tell`` hears how it goes.

    ``urls``: where registry and exchange are. Cancel it to stop.

    Raises:
        Failure: a service stays away, or refuses what the town is made of.
    """
    async with AsyncExitStack() as stack:
        registry, exchange = [
            await stack.enter_async_context(await ServiceClient.reach(name, urls[name]))
            for name in ("registry", "exchange")
        ]
        town = Town(registry, exchange, options)
        await town.settle()
        tell(f"the town stands: {len(STORIES)} services, {len(town.people)} people")
        await town.relive(tell)
        await town.live(tell)
        return town.played


class Town:
    """One town. ``people``: its own ids of them to registry's; ``starts``: service -> first day."""

    def __init__(
        self, registry: ServiceClient, exchange: ServiceClient, options: TownOptions
    ) -> None:
        self._registry, self._exchange, self._options = registry, exchange, options
        self._agency = agency_of(options.seed)
        self._source = f"/agencies/{self._agency}/systems/{SYSTEM}"
        self._services: dict[str, str] = {}
        self.people: dict[str, str] = {}
        self.starts: dict[str, date] = {}
        self.played = Played()

    async def settle(self) -> None:
        """Register agency, services and people, or find those of an earlier run."""
        await self._register([self._registration("register-agency", "agency", self._agency_data())])
        await self._settle_services()
        await self._settle_people()

    async def relive(self, tell: Callable[[str], None]) -> None:
        """Play the past up to yesterday, one service after the other."""
        today = datetime.now(UTC).date()
        for story in STORIES:
            before = self.played.accepted
            start = self.starts[story.service]
            days = (start + timedelta(days=n) for n in range((today - start).days))
            deeds = (
                deed for day in days for deed in deeds_of_day(self._options.seed, story, start, day)
            )
            await self._perform(list(deeds))
            tell(f"{story.service}: {self.played.accepted - before} commands")

    async def live(self, tell: Callable[[str], None]) -> None:
        """Play live deeds at the given rate until the time is over."""
        if self._options.rate <= 0:
            return
        tell(f"life goes on, {self._options.rate:g} deeds a second")
        loop = asyncio.get_running_loop()
        end = None if self._options.seconds is None else loop.time() + self._options.seconds
        slots = _Slots(deeds_per_scene(STORIES) / self._options.rate)
        begun: deque[tuple[float, list[_Course]]] = deque()
        while end is None or loop.time() < end:
            fresh = [_Course(deed) for deed in self._now(slots)]
            due = list(_due(begun, loop.time()))
            await self._step(due)
            await self._step(fresh)
            going = [course for course in (*due, *fresh) if course.next_step is not None]
            if going:
                begun.append((loop.time() + CONFIRMED_AFTER_SECONDS, going))
            await asyncio.sleep(TICK_SECONDS)

    # ---- the town itself ------------------------------------------------------------------------

    def _agency_data(self) -> dict[str, Any]:
        return {
            "agency_id": self._agency,
            "name": f"Ville imaginaire · Imaginary town ({self._agency})",
        }

    async def _settle_services(self) -> None:
        await self._find_services()
        today = datetime.now(UTC).date()
        new = [story for story in STORIES if story.service not in self._services]
        await self._register(
            self._registration(
                "register-service",
                story.service,
                {
                    "local_id": story.service,
                    "name": story.name,
                    "provides": story.provides,
                    "starts_on": first_day(story, today, self._options.days).isoformat(),
                },
            )
            for story in new
        )
        if new:
            await self._find_services()

    async def _find_services(self) -> None:
        answer = await self._registry.post(
            "/v1/directory/lookup",
            {
                "agency_id": self._agency,
                "system": SYSTEM,
                "service_local_ids": [story.service for story in STORIES],
                "participants": [],
            },
        )
        for service, found in answer["services"].items():
            self._services[service] = found["service_id"]
            self.starts[service] = date.fromisoformat(found["starts_on"])

    async def _settle_people(self) -> None:
        members = [(story.service, *one) for story in STORIES for one in story.cast.parties()]
        outcomes = await self._register(
            self._registration(
                "register-participant",
                person,
                {"local_id": person, "details": {"name": name_of(person)}},
            )
            for _, person, _ in members
        )
        for outcome in outcomes:
            self.people[outcome.about] = outcome.body["participant_id"]
        await self._register(
            self._registration("assume-role", f"role/{person}", self._role(service, person, party))
            for service, person, party in members
        )

    def _role(self, service: str, person: str, party: str) -> dict[str, Any]:
        return {
            "service_id": self._services[service],
            "participant_id": self.people[person],
            "party": party,
            "since": self.starts[service].isoformat(),
        }

    def _registration(self, kind: str, about: str, data: dict[str, Any]) -> Envelope:
        key = f"town/{self._options.seed}/{kind}/{about}"
        return Envelope(command(self._source, key, REGISTRY + kind, data), about)

    async def _register(self, envelopes: Iterable[Envelope]) -> list[CommandOutcome]:
        outcomes: list[CommandOutcome] = []
        for batch in batches(envelopes):
            outcomes.extend(await self._registry.commands(batch))
        for outcome in outcomes:
            if outcome.problem is not None:
                raise Failure(
                    f"registry refused {outcome.about}: {outcome.problem.get('detail')}",
                    outcome.problem.get("remedy"),
                )
        return outcomes

    # ---- what happens in it ---------------------------------------------------------------------

    def _now(self, slots: "_Slots") -> Iterator[Deed]:
        for slot, at in slots.due(datetime.now(UTC)):
            yield from deeds_at(self._options.seed, STORIES, slot, at)

    async def _perform(self, deeds: Sequence[Deed]) -> None:
        """Play deeds to their end: the first steps of all, then the second steps, and so on."""
        courses = [_Course(deed) for deed in deeds]
        while courses:
            await self._step(courses)
            courses = [course for course in courses if course.next_step is not None]

    async def _step(self, courses: Sequence["_Course"]) -> None:
        """Play the next step of each deed."""
        envelopes = (self._envelope(course) for course in courses)
        for batch in batches(envelopes):
            for outcome in await self._exchange.commands(batch, self._registry.positions):
                self._note(outcome)

    def _envelope(self, course: "_Course") -> Envelope:
        step = course.take()
        data = self._translated(step.data)
        if step.refers is not None:
            data[step.refers] = course.id_of_first
        key = f"town/{course.deed.key}/{step.command}"
        return Envelope(command(self._source, key, EXCHANGE + step.command, data), course)

    def _translated(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the data with registry's ids in place of the town's own."""
        told = dict(data)
        told.update({name: self.people[data[name]] for name in _PERSON_FIELDS if name in data})
        if "service_id" in data:
            told["service_id"] = self._services[data["service_id"]]
        if "receivers" in data:
            told["receivers"] = [self.people[one] for one in data["receivers"]]
        return told

    def _note(self, outcome: CommandOutcome) -> None:
        course: _Course = outcome.about
        if outcome.problem is None:
            self.played.accepted += 1
            course.accepted(outcome.body)
        else:
            self.played.refused += 1
            reason = str(outcome.problem.get("reason"))
            self.played.reasons[reason] = self.played.reasons.get(reason, 0) + 1
            course.refused()


_PERSON_FIELDS = ("giver_id", "participant_id", "by")
_ID_FIELDS = ("contribution_id", "feedback_id", "decision_id", "consultation_id")


class _Course:
    """A deed that is being played: its next step, and the id that its first step got."""

    def __init__(self, deed: Deed) -> None:
        self.deed = deed
        self.id_of_first: str | None = None
        self._steps = deque(deed.steps)

    @property
    def next_step(self) -> DeedStep | None:
        return self._steps[0] if self._steps else None

    def take(self) -> DeedStep:
        return self._steps.popleft()

    def accepted(self, body: dict[str, Any]) -> None:
        if self.id_of_first is None:
            self.id_of_first = next((body[name] for name in _ID_FIELDS if name in body), None)

    def refused(self) -> None:
        self._steps.clear()  # the steps after it would have nothing to refer to


class _Slots:
    """Live time in equal slots since 1970; each is due once, and a late player skips some."""

    def __init__(self, length_seconds: float) -> None:
        self._length = length_seconds
        self._next = int(datetime.now(UTC).timestamp() / length_seconds)

    def due(self, now: datetime) -> Iterator[tuple[str, datetime]]:
        current = int(now.timestamp() / self._length)
        self._next = max(self._next, current - int(BEHIND_SECONDS_MAX / self._length))
        while self._next <= current:
            begins = datetime.fromtimestamp(round(self._next * self._length, 3), UTC)
            yield f"{self._next}x{self._length:g}", begins
            self._next += 1


def _due(begun: "deque[tuple[float, list[_Course]]]", now: float) -> Iterator[_Course]:
    while begun and begun[0][0] <= now:
        yield from begun.popleft()[1]
