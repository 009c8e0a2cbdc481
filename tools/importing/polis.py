"""The votes of a Polis export: read from its files, each with the time of the voter's first one."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from integrations.polis import FIELDS, FIRST, Polis, refusals_of
from tools.importing.feed import Feed
from tools.importing.problem import RowProblem
from tools.importing.row import Row, row_of
from tools.importing.table import Line, Table

FILE_NAME = "votes.csv"
SUMMARY_NAME = "summary.csv"

_CONVERSATION = re.compile(r"^url,\S*/([0-9A-Za-z_-]+)/?\s*$", re.MULTILINE)
_VOTES_AT_ONCE = 1_000

_SCHEMA = """
CREATE TABLE vote (row INTEGER PRIMARY KEY, at INTEGER NOT NULL, comment TEXT NOT NULL,
                   voter TEXT NOT NULL, choice TEXT NOT NULL)
"""
_CHANGES = """
SELECT row, CAST(at AS TEXT), comment, voter, choice, CAST(first_at AS TEXT) FROM (
    SELECT *, min(at) OVER (PARTITION BY comment, voter) AS first_at,
           lag(choice) OVER (PARTITION BY comment, voter ORDER BY at, row) AS before
    FROM vote)
WHERE before IS NOT choice ORDER BY at, row
"""


class Votes:
    """Reads all votes to disk first, and then yields those that change a choice, by time."""

    def __init__(self, table: Table, translator: Polis) -> None:
        self._table, self._translator = table, translator
        self.repeats = 0

    def __iter__(self) -> Iterator[Row]:
        # an unnamed SQLite database lies on disk and goes with its connection
        with closing(sqlite3.connect("", isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = OFF")
            db.execute(_SCHEMA)
            at = [*map(self._table.header.index, FIELDS)]
            votes = (_vote(line, at) for line in self._table)
            read = 0
            while some := list(islice(votes, _VOTES_AT_ONCE)):
                yield from (vote for vote in some if isinstance(vote, Row))
                sound = [vote for vote in some if not isinstance(vote, Row)]
                db.executemany("INSERT INTO vote VALUES (?, ?, ?, ?, ?)", sound)
                read += len(sound)
            changes = 0
            for row, *cells in db.execute(_CHANGES):
                changes += 1
                record = dict(zip((*FIELDS, FIRST), cells, strict=True))
                yield row_of(row, self._translator.translate(record))
            self.repeats = read - changes


def votes(path: Path, translator: Polis) -> Feed:
    """Return the votes of an export; ``path`` is its folder, or the file itself.

    Raises:
        Failure: there are no votes.
    """
    table = Table(path / FILE_NAME if path.is_dir() else path, FIELDS)
    table.require(FIELDS)
    found = Votes(table, translator)
    return Feed(
        table,
        found,
        translator.fills,
        repeats=lambda: found.repeats,
        if_another="If it is another conversation, name it: --conversation ID.",
        days_stay=True,
    )


def conversation_of(path: Path) -> str | None:
    """Return the id of the conversation that an export is of, where it says so."""
    summary = (path if path.is_dir() else path.parent) / SUMMARY_NAME
    try:
        text = summary.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None
    named = _CONVERSATION.search(text)
    return named[1] if named else None


def _vote(line: Line, at: list[int]) -> tuple[int, int, str, str, str] | Row:
    """Return a vote as it is kept, or a row that only has problems."""
    if line.problem is not None:
        return Row(line.row, {}, [line.problem])
    record = dict(zip(FIELDS, (line.cells[column] for column in at), strict=True))
    refusals = refusals_of(record)
    if refusals:
        return Row(line.row, {}, RowProblem.each(line.row, refusals))
    timestamp, comment, voter, choice = record.values()
    return line.row, int(timestamp), comment, voter, choice
