"""Polis: the votes of a public consultation, one opinion act for each voter and comment.

The comments are what was asked and are no acts. A later vote on the same comment is a revision of
the first, which keeps its day; one that repeats the choice says nothing new.
Format: the ``votes.csv`` of a Polis export (timestamp, comment-id, voter-id, vote).
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from tools.importing.moment import as_text
from tools.importing.problem import Problem, shown
from tools.importing.row import Row, RowReader, as_in_file
from tools.importing.run import Feed
from tools.importing.table import Line, Table

SYSTEM = "polis"
FILE_NAME = "votes.csv"
SUMMARY_NAME = "summary.csv"
COLUMNS = ("timestamp", "comment-id", "voter-id", "vote")
FILLED = {"giver_party": "user", "mode": "opinion", "channel": "online"}
CHOICES = {"1": "agree", "-1": "disagree", "0": "pass"}

_CONVERSATION = re.compile(r"^url,\S*/([0-9A-Za-z_-]+)/?\s*$", re.MULTILINE)
_FILLS = frozenset({"contribution_id", "occurred_at", "revised_at", "giver_id", "choice", *FILLED})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VOTES_AT_ONCE = 1_000
_MILLISECONDS_FROM = 100_000_000_000  # as seconds that would be the year 5138

_SCHEMA = """
CREATE TABLE vote (row INTEGER PRIMARY KEY, comment TEXT NOT NULL, voter TEXT NOT NULL,
                   at INTEGER NOT NULL, choice TEXT NOT NULL)
"""
_CHANGES = """
SELECT row, comment, voter, choice, first_at, at FROM (
    SELECT *, min(at) OVER (PARTITION BY comment, voter) AS first_at,
           lag(choice) OVER (PARTITION BY comment, voter ORDER BY at, row) AS before
    FROM vote)
WHERE before IS NOT choice ORDER BY at, row
"""


class Votes:
    """Reads votes twice: all of them to disk, then those that say something new, by time."""

    def __init__(self, table: Table, reader: RowReader, conversation: str) -> None:
        self._table, self._reader, self._conversation = table, reader, conversation
        self.repeats = 0

    def __iter__(self) -> Iterator[Row]:
        # an unnamed SQLite database lies on disk and goes with its connection
        with closing(sqlite3.connect("", isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = OFF")
            db.execute(_SCHEMA)
            votes = map(partial(_vote, at=[*map(self._table.header.index, COLUMNS)]), self._table)
            read = 0
            while some := list(islice(votes, _VOTES_AT_ONCE)):
                yield from (vote for vote in some if isinstance(vote, Row))
                sound = [vote for vote in some if not isinstance(vote, Row)]
                db.executemany("INSERT INTO vote VALUES (?, ?, ?, ?, ?)", sound)
                read += len(sound)
            changes = 0
            for change in db.execute(_CHANGES):
                changes += 1
                yield self._row(*change)
            self.repeats = read - changes

    def _row(self, row: int, comment: str, voter: str, choice: str, first_at: int, at: int) -> Row:
        first = _moment(first_at)
        cells = (
            ("contribution_id", f"{comment}/{voter}"),
            ("occurred_at", first),
            ("revised_at", first if at == first_at else _moment(at)),
            # a voter of one conversation is nobody of another
            ("giver_id", f"{self._conversation}/{voter}"),
            ("choice", choice),
        )
        read = as_in_file(self._reader.read(row, cells), _NAMES)
        return Row(read.row, {**read.values, "id_scope": self._conversation}, read.problems)


_NAMES = {"occurred_at": "timestamp", "revised_at": "timestamp", "giver_id": "voter-id"}


def votes(path: Path, reader: RowReader, conversation: str) -> Feed:
    """Return the votes of an export; ``path`` is its folder, or the file itself.

    The ids of comments and voters are those of one ``conversation`` and say nothing in another.

    Raises:
        Failure: there are no votes.
    """
    table = Table(path / FILE_NAME if path.is_dir() else path, COLUMNS)
    table.require(COLUMNS)
    found = Votes(table, reader, conversation)
    return Feed(
        table,
        found,
        _FILLS,
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


def _vote(line: Line, at: Iterable[int]) -> tuple[int, str, str, int, str] | Row:
    """Return a vote as it is kept, or a row that only has problems."""
    if line.problem is not None:
        return Row(line.row, {}, [line.problem])
    timestamp, comment, voter, vote = (line.cells[column] for column in at)
    if _is_time(timestamp) and comment and voter and vote in CHOICES:
        return line.row, comment, voter, int(timestamp), CHOICES[vote]
    problems = [
        Problem(line.row, column, shown(value), problem, remedy)
        for column, value, problem, remedy in (
            ("timestamp", timestamp, "it is not a time in milliseconds", "leave it as exported"),
            ("comment-id", comment, "it is missing", "leave it as exported"),
            ("voter-id", voter, "it is missing", "leave it as exported"),
            ("vote", vote, "it is not a vote", "use 1 (agree), -1 (disagree) or 0 (pass)"),
        )
        if not _sound(column, value)
    ]
    return Row(line.row, {}, problems)


def _sound(column: str, value: str) -> bool:
    if column == "timestamp":
        return _is_time(value)
    return value in CHOICES if column == "vote" else bool(value)


def _is_time(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 15


def _moment(timestamp: int) -> str:
    milliseconds = timestamp if timestamp >= _MILLISECONDS_FROM else timestamp * 1000
    return as_text(_EPOCH + timedelta(milliseconds=milliseconds))
