"""An event is declared once, above its model: ``@event(...)`` says all that is true of its type.

Name, topic, key and time stand in the declaration, the privacy class of each field in the model.
Catalogue, schemas, AsyncAPI, the decoders, and topic and time of what is stored follow from it. The
key with which it is stored is still that of its stream.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

from shared.contracts.topics import Topic
from shared.contracts.vocabulary import Message

M = TypeVar("M", bound=Message)
Upcast: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns data of one version into data of the next. It is pure, and never changed again."""
When: TypeAlias = str | Callable[[Any], datetime] | None


@dataclass(frozen=True, slots=True)
class EventType:
    """The newest version of a type; ``earlier`` leads there, from version 1 on.

    ``topic`` is None for an event that stays private to its service; so is ``key_of``.
    """

    name: str
    model: type[Message]
    topic: Topic | None
    key_of: Callable[[Any], str] | None = None
    time_of: Callable[[Any], datetime] | None = None
    fast: bool = False
    earlier: tuple[Upcast, ...] = ()

    @property
    def versions(self) -> tuple[str, ...]:
        """The names of all versions, the newest and current one last."""
        stem = self.name.rpartition(".v")[0]
        return tuple(f"{stem}.v{number}" for number in range(1, len(self.earlier) + 2))

    def upcast(self, type_name: str, data: dict[str, Any]) -> dict[str, Any]:
        """Return what data of that version mean in the newest one."""
        for step in self.earlier[self.versions.index(type_name) :]:
            data = step(data)
        return data

    def happened_at(self, event: Message, now: datetime) -> datetime:
        """Return when the event happened; ``now``, when it was decided, if its fields don't say."""
        return now if self.time_of is None else self.time_of(event)


BY_NAME: dict[str, EventType] = {}
"""Name of each version, also of an earlier one -> its type as it is now."""
BY_MODEL: dict[type[Message], EventType] = {}


def event(
    name: str,
    topic: Topic | None,
    *,
    key: str | None = None,
    time: When = None,
    fast: bool = False,
    earlier: tuple[Upcast, ...] = (),
) -> Callable[[type[M]], type[M]]:
    """Declare a model as an event type.

    Args:
        name: ``SERVICE.AGGREGATE.WHAT_HAPPENED``.
        topic: None for an event that stays in its service.
        key: path of the field that the topic is keyed by; the topic's own word for it by default.
        time: path of the field that says when it happened (of a day: its first moment, UTC), or
            what tells it from the event; None: when it was decided.
        fast: it is decoded for reading at speed (``fast_decode``), as there are so many of it.
        earlier: for each version that came before, what makes the next of it; an event keeps the
            version and the bytes it was stored with, and is turned into the newest when it is read.
    """

    def declare(model: type[M]) -> type[M]:
        declared = EventType(
            name=f"org.coprod.{name}.v{len(earlier) + 1}",
            model=model,
            topic=topic,
            key_of=None if topic is None else attrgetter(key or topic.key),
            time_of=_moment_at(time) if isinstance(time, str) else time,
            fast=fast,
            earlier=earlier,
        )
        BY_MODEL[model] = declared
        BY_NAME.update(dict.fromkeys(declared.versions, declared))
        return model

    return declare


def _moment_at(path: str) -> Callable[[Any], datetime]:
    read = attrgetter(path)
    return lambda event: beginning(read(event))


def beginning(moment: date) -> datetime:
    """Return the moment itself, of a day its first one in UTC."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.min, UTC)
