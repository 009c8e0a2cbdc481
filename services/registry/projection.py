"""What events change in registry's read models, in the statement that appends them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from shared.contracts.vocabulary import Message
from shared.eventstore.port import Recorded

Columns: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """A change that the database's ``change_read_models`` knows by its name.

    ``unsaid``: columns that the event does not say, as they are where nobody says them.
    """

    name: str
    columns: Callable[[Any], Columns]
    unsaid: Columns = field(default_factory=dict)


def fields(*names: str) -> Callable[[Any], Columns]:
    return lambda event: {name: getattr(event, name) for name in names}


def project(
    recorded: Sequence[Recorded],
    changes: Mapping[type[Message], Change],
    unsaid: Mapping[str, Columns],
) -> Sequence[Columns]:
    """Return what ``change_read_models`` is to do, in the order of the events.

    ``unsaid`` holds by stream what its submission says beside the event.
    """
    return [_change(one, changes[type(one.event)], unsaid) for one in recorded]


def _change(recorded: Recorded, change: Change, unsaid: Mapping[str, Columns]) -> Columns:
    said = unsaid.get(recorded.stream_id, {}) if change.unsaid else {}
    columns = {**change.columns(recorded.event), **change.unsaid, **said}
    return {"change": change.name, "version": recorded.version, **columns}
