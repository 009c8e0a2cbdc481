"""An event is declared once, above its model: ``@event(...)`` says all that is true of its type.

Name, topic, key and time stand in the declaration, the privacy class of each field in the model.
Catalogue, schemas, AsyncAPI, the decoders and the place and time of what is stored follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

from shared.contracts.topics import Topic
from shared.contracts.vocabulary import Message

M = TypeVar("M", bound=Message)
When: TypeAlias = str | Callable[[Any], datetime] | None


@dataclass(frozen=True, slots=True)
class EventType:
    """``topic`` is None for an event that stays private to its service; so is ``key_of``."""

    name: str
    model: type[Message]
    topic: Topic | None
    key_of: Callable[[Any], str] | None = None
    time_of: Callable[[Any], datetime] | None = None
    fast: bool = False

    def happened_at(self, event: Message, now: datetime) -> datetime:
        """Return when the event happened; ``now``, when it was decided, if its fields don't say."""
        return now if self.time_of is None else self.time_of(event)


BY_NAME: dict[str, EventType] = {}
BY_MODEL: dict[type[Message], EventType] = {}


def event(
    name: str,
    topic: Topic | None,
    *,
    key: str | None = None,
    time: When = None,
    fast: bool = False,
) -> Callable[[type[M]], type[M]]:
    """Declare a model as an event type.

    Args:
        name: ``SERVICE.AGGREGATE.WHAT_HAPPENED``.
        topic: None for an event that stays in its service.
        key: path of the field that the topic is keyed by; the topic's own word for it by default.
        time: path of the field that says when it happened (of a day: its first moment, UTC), or
            what tells it from the event; None: when it was decided.
        fast: it is decoded for reading at speed (``fast_decode``), as there are so many of it.
    """

    def declare(model: type[M]) -> type[M]:
        declared = EventType(
            name=f"org.coprod.{name}.v1",
            model=model,
            topic=topic,
            key_of=None if topic is None else attrgetter(key or topic.key),
            time_of=_moment_at(time) if isinstance(time, str) else time,
            fast=fast,
        )
        BY_NAME[declared.name] = BY_MODEL[model] = declared
        return model

    return declare


def _moment_at(path: str) -> Callable[[Any], datetime]:
    read = attrgetter(path)
    return lambda event: beginning(read(event))


def beginning(moment: date) -> datetime:
    """Return the moment itself, of a day its first one in UTC."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.min, UTC)
