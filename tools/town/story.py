"""A story: the people of a service and what happens in it, and so the verdict it should get."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tools.town.deed import Deed, Scene

Play = Callable[["Cast", Scene], Iterator[Deed]]

PROFESSIONAL, USER, FAMILY = "professional", "user", "family_social"


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of one service by party; their ids are the town's own."""

    staff: tuple[str, ...]
    users: tuple[str, ...]
    family: tuple[str, ...]

    def parties(self) -> Iterator[tuple[str, str]]:
        """Yield (person, party)."""
        for party, people in (
            (PROFESSIONAL, self.staff),
            (USER, self.users),
            (FAMILY, self.family),
        ):
            for person in people:
                yield person, party


def cast(service: str, staff: int = 0, users: int = 0, family: int = 0) -> Cast:
    return Cast(
        tuple(f"{service}-staff-{n:02}" for n in range(1, staff + 1)),
        tuple(f"{service}-user-{n:02}" for n in range(1, users + 1)),
        tuple(f"{service}-family-{n:02}" for n in range(1, family + 1)),
    )


@dataclass(frozen=True, slots=True)
class ActKind:
    """A recurring event of a service; ``first_days``: it recurs on so many first days only."""

    name: str
    per_week: float
    play: Play
    first_days: int | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One service. ``verdict`` is what its story means; ``young``: it opened a week ago."""

    service: str
    name: str
    provides: str
    verdict: str
    cast: Cast
    acts: tuple[ActKind, ...]
    young: bool = False
    flags: frozenset[str] = field(default_factory=frozenset[str])
