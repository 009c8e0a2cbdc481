"""The rows of one import on disk, so that a million of them need no more memory than ten.

A temporary SQLite file holds what was read, what is wrong with it, and what is known of the
services and people it names. It is gone when the spool is closed.
"""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from tools.importing import known
from tools.importing.known import PAGE, Known
from tools.importing.problem import Problem
from tools.importing.row import Row

BEFORE_ANY_REVISION = "1970-01-01T00:00:00Z"

_SCHEMA = """
CREATE TABLE entry (ordinal INTEGER PRIMARY KEY, row INTEGER NOT NULL UNIQUE,
                    payload BLOB NOT NULL, day TEXT, rejected INTEGER NOT NULL,
                    first_of_several INTEGER NOT NULL DEFAULT 0);
CREATE TABLE seen (contribution TEXT PRIMARY KEY, row INTEGER NOT NULL, revised INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE problem (row INTEGER NOT NULL, number INTEGER NOT NULL, column_name TEXT NOT NULL,
                      value TEXT NOT NULL, problem TEXT NOT NULL, remedy TEXT NOT NULL,
                      PRIMARY KEY (row, number)) WITHOUT ROWID;
"""
# Nothing here outlives the process: what a crash would lose is read from the file again.
_PRAGMAS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -16384",
    "PRAGMA temp_store = FILE",
)


class Spool:
    """Opened with ``with``; one process, one thread. ``known``: services and people it names."""

    known: Known

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="coprod-import-")
        path = Path(self._folder.name) / "rows.sqlite"
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in _PRAGMAS:
            self._db.execute(pragma)
        self._db.executescript(_SCHEMA + known.SCHEMA)
        self._db.execute("BEGIN")
        self.known = Known(self._db)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, row: Row) -> None:
        """Keep a row, its problems and the services and people it names."""
        problems = list(row.problems)
        again = self._seen_before(row)
        if again is not None:
            problems.append(again)
        values = row.values
        day = values["occurred_at"][:10] if "occurred_at" in values else None
        self._db.execute(
            "INSERT INTO entry (row, payload, day, rejected) VALUES (?, ?, ?, ?)",
            (row.row, orjson.dumps(values), day, bool(problems)),
        )
        if problems:
            self.add_problems(problems)
        self.known.add(values)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Keep problems in the order they come; a row that has one is not sent."""
        for problem in problems:
            self._db.execute(
                "INSERT INTO problem SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5"
                " FROM problem WHERE row = ?1",
                (problem.row, problem.column, problem.value, problem.problem, problem.remedy),
            )
            self._db.execute("UPDATE entry SET rejected = 1 WHERE row = ?", (problem.row,))

    def problems(self) -> Iterator[Problem]:
        """Yield every problem, by row."""
        for found in self._db.execute(
            "SELECT row, column_name, value, problem, remedy FROM problem ORDER BY row, number"
        ):
            yield Problem(*found)

    def good_rows(self) -> Iterator[Row]:
        """Yield the rows without a problem, in the order in which they were added.

        The first of several rows of one contribution that lacks a ``revised_at`` gets one before
        all others, so that importing the file again does not take the later ones back.
        """
        for number, payload, first, rejected in self._entries():
            if not rejected:
                values = orjson.loads(payload)
                if first:
                    values["revised_at"] = BEFORE_ANY_REVISION
                yield Row(number, values)

    def all_rows(self) -> Iterator[tuple[Row, bool]]:
        """Yield every row with whether it has a problem so far."""
        for number, payload, _, rejected in self._entries():
            yield Row(number, orjson.loads(payload)), bool(rejected)

    def counts(self) -> tuple[int, int]:
        """Return how many rows there are, and how many of them have a problem."""
        rows, rejected = self._db.execute(
            "SELECT count(*), coalesce(sum(rejected), 0) FROM entry"
        ).fetchone()
        return int(rows), int(rejected)

    def earliest_day(self) -> str | None:
        """Return the first day on which something good happened."""
        day = self._db.execute("SELECT min(day) FROM entry WHERE rejected = 0").fetchone()[0]
        return None if day is None else str(day)

    def _entries(self) -> Iterator[tuple[int, bytes, int, int]]:
        # in pages, because the reader of one row may write to the next
        after = 0
        while page := self._db.execute(
            "SELECT ordinal, row, payload, first_of_several, rejected FROM entry WHERE ordinal > ?"
            " ORDER BY ordinal LIMIT ?",
            (after, PAGE),
        ).fetchall():
            after = page[-1][0]
            for _, row, payload, first, rejected in page:
                yield row, payload, first, rejected

    def _seen_before(self, row: Row) -> Problem | None:
        """Return the problem of a later row of a contribution that is no revision."""
        contribution = row.values.get("contribution_id")
        if contribution is None:
            return None
        revised = "revised_at" in row.values
        added = self._db.execute(
            "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (contribution, row.row, revised)
        )
        if added.rowcount:
            return None
        first, first_revised = self._db.execute(
            "SELECT row, revised FROM seen WHERE contribution = ?", (contribution,)
        ).fetchone()
        if not revised:
            return Problem(
                row.row,
                "contribution_id",
                contribution,
                f"row {first} has the same id",
                "give it an id of its own, or say with revised_at when it replaced the other",
            )
        if not first_revised:
            self._db.execute("UPDATE entry SET first_of_several = 1 WHERE row = ?", (first,))
        return None
