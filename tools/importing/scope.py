"""The part of a system in which the ids of a file are unique, where they begin at 1 again."""

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

from tools.importing.row import Row


class UniqueIn(StrEnum):
    """A part of a system in which an id stands for one act only."""

    SYSTEM = "system"
    SERVICE = "service"
    YEAR = "year"
    MONTH = "month"


_DAY_LENGTHS = {UniqueIn.YEAR: 4, UniqueIn.MONTH: 7}  # of 2026-03-02


def scoped(rows: Iterable[Row], parts: Collection[UniqueIn]) -> Iterator[Row]:
    """Yield the rows with the part in which their id is unique; several parts are joined.

    A row whose part cannot be read loses its id, because nobody can tell which act it stands for.
    """
    lengths = [length for part, length in _DAY_LENGTHS.items() if part in parts]
    for row in rows:
        values = dict(row.values)
        words = [values.get("occurred_at", "")[:length] for length in lengths]
        if UniqueIn.SERVICE in parts:
            words.append(values.get("service_id", ""))
        if not all(words):
            values.pop("contribution_id", None)
        elif words:
            values["id_scope"] = " ".join(words)
        yield Row(row.row, values, row.problems)
