"""Open Repair Data Standard: an item seen at a repair event is an act delivered by the group.

The data names no person, so none is invented: the giver is the group, and who received is unknown.
Format: the table of the standard (id, group_identifier, event_date and others, which are not read).
"""

from collections.abc import Iterator
from pathlib import Path

from tools.importing.row import Row, RowReader, as_in_file
from tools.importing.run import Feed
from tools.importing.table import Line, Table

SYSTEM = "open-repair"
FILLED = {
    "giver_kind": "group",
    "giver_party": "family_social",
    "phase": "deliver",
    "mode": "act",
    "kind": "repair",
}

IF_RENUMBERED = (
    "A release that numbers its items anew is imported whole, in place of the one before: with "
    "--replace --complete --void-missing."
)

_COLUMNS = {"contribution_id": "id", "giver_id": "group_identifier", "occurred_at": "event_date"}


def items(path: Path, reader: RowReader) -> Feed:
    """Return the items of a file.

    Raises:
        Failure: it is no file of the standard.
    """
    table = Table(path, _COLUMNS.values())
    table.require(_COLUMNS.values())
    columns = frozenset({*_COLUMNS, *FILLED})
    return Feed(table, _rows(table, reader), columns, if_another=IF_RENUMBERED)


def _rows(table: Table, reader: RowReader) -> Iterator[Row]:
    at = [(column, table.header.index(name)) for column, name in _COLUMNS.items()]
    for line in table:
        if line.problem is not None and line.problem.column in ("", *_COLUMNS.values()):
            yield Row(line.row, {}, [line.problem])
        else:
            yield as_in_file(reader.read(line.row, _cells(line, at)), _COLUMNS)


def _cells(line: Line, at: list[tuple[str, int]]) -> list[tuple[str, str]]:
    return [(column, line.cells[number]) for column, number in at]
