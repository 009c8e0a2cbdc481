"""Keeps the rows of one import on disk, so that a million rows need no more memory than ten.

A temporary SQLite file holds the rows, their problems, and the services and people that they name.
Closing the spool deletes it.
"""

import secrets
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from tools.importing import directory
from tools.importing.directory import DirectoryPlan, pages
from tools.importing.problem import RowProblem
from tools.importing.row import Row

BEFORE_ANY_REVISION = "1970-01-01T00:00:00Z"

_SCHEMA = """
CREATE TABLE entry (ordinal INTEGER PRIMARY KEY, row INTEGER NOT NULL UNIQUE,
                    payload BLOB NOT NULL, rejected INTEGER NOT NULL,
                    contribution TEXT, place INTEGER NOT NULL, revised INTEGER NOT NULL,
                    first_of_several INTEGER NOT NULL DEFAULT 0,
                    repeats INTEGER, stores INTEGER);
CREATE TABLE problem (row INTEGER NOT NULL, number INTEGER NOT NULL, column_name TEXT NOT NULL,
                      value TEXT NOT NULL, problem TEXT NOT NULL, remedy TEXT NOT NULL,
                      PRIMARY KEY (row, number)) WITHOUT ROWID;
CREATE TABLE gone (ordinal INTEGER PRIMARY KEY, service TEXT NOT NULL, id_scope TEXT,
                   local_id TEXT NOT NULL, day TEXT NOT NULL);
"""
_ADD = """
INSERT INTO entry (row, payload, rejected, contribution, place, revised)
VALUES (?, ?, ?, ?, ?, ?)
"""
_INDEX = "CREATE INDEX IF NOT EXISTS entry_of_contribution ON entry (contribution)"
_ORDER = "CREATE INDEX IF NOT EXISTS entry_in_its_place ON entry (place, ordinal)"
# Rows after ?1 of a contribution that an earlier row has, with that row: the first of several.
_AGAIN = """
WITH several AS (
    SELECT contribution, min(ordinal) AS first FROM entry WHERE contribution IS NOT NULL
    GROUP BY contribution HAVING count(*) > 1
), again AS (
    SELECT later.row, substr(later.contribution, instr(later.contribution, char(31)) + 1)
           AS local_id,
           later.revised, later.payload = earlier.payload AS same, earlier.row AS first_row,
           earlier.revised AS first_revised
    FROM several JOIN entry AS later USING (contribution)
    JOIN entry AS earlier ON earlier.ordinal = several.first
    WHERE later.ordinal > several.first AND later.ordinal > ?1
)
"""
_REFUSE_AGAIN = f"""
INSERT INTO problem (row, number, column_name, value, problem, remedy)
{_AGAIN}
SELECT row, 1 + (SELECT count(*) FROM problem AS before WHERE before.row = again.row),
       'contribution_id', local_id,
       'row ' || first_row || ' has the same id and says something else', ?2
FROM again WHERE NOT (revised OR same)
"""
_MARK_REPEATS = f"""
{_AGAIN}
UPDATE entry SET repeats = again.first_row FROM again WHERE again.row = entry.row AND again.same
"""
_GROUPS = """
SELECT count(*), count(DISTINCT value), min(row), column_name, value, problem, remedy FROM problem
GROUP BY column_name, problem, remedy ORDER BY min(row), column_name
"""  # what stands beside min() is of the row that has it
_REJECT = "UPDATE entry SET rejected = 1 WHERE row IN (SELECT row FROM problem)"
_MARK_FIRST = f"""
{_AGAIN}
UPDATE entry SET first_of_several = 1
WHERE row IN (SELECT first_row FROM again WHERE revised AND NOT (first_revised OR same))
"""
_ANOTHER_ID = (
    "leave the row that is right; another act needs an id of its own, and a later word on the same "
    "act needs revised_at"
)
_KEPT_MAX = 500  # rows in memory before they are written
# Nothing here outlives the process: what a crash would lose is read from the file again.
_PRAGMAS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -16384",
    "PRAGMA temp_store = FILE",
)


class ProblemGroup(NamedTuple):
    """How many ``rows`` have the same problem, with how many ``values``, and the first of them."""

    rows: int
    values: int
    first: RowProblem


class Repeats(NamedTuple):
    """How many ``rows`` repeat an earlier row; the first is ``row``, and it repeats row ``of``."""

    rows: int = 0
    row: int = 0
    of: int = 0


class Gone(NamedTuple):
    """An act of exchange, in a service of the file, whose id the file lacks."""

    service: str
    id_scope: str | None
    local_id: str
    day: str


class Spool:
    """Opened with ``with``; one process, one thread. ``directory``: whom the file names."""

    directory: DirectoryPlan

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="coprod-import-")
        path = Path(self._folder.name) / "rows.sqlite"
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in _PRAGMAS:
            self._db.execute(pragma)
        self._db.executescript(_SCHEMA + directory.SCHEMA)
        self._db.execute("BEGIN")
        self.directory = DirectoryPlan(self._db)
        self.scopes: set[str | None] = set()
        self._secret = secrets.token_bytes(16)
        self._kept: list[tuple[object, ...]] = []
        self._settled_to = 0
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
        values = row.values
        contribution = _key(values.get("id_scope"), values.get("contribution_id"))
        self.scopes.add(values.get("id_scope"))
        self._kept.append(
            (
                row.row,
                orjson.dumps(values),
                bool(row.problems),
                contribution,
                self._place(contribution or ""),
                "revised_at" in values,
            )
        )
        self._note(row.problems)
        self.directory.add(values)
        if len(self._kept) >= _KEPT_MAX:
            self._write()

    def add_problems(self, problems: Iterable[RowProblem]) -> None:
        """Keep problems in the given order; a row with a problem is not sent."""
        self._settle()
        for problem in problems:
            self._note([problem])
            self._db.execute("UPDATE entry SET rejected = 1 WHERE row = ?", (problem.row,))

    def problems(self) -> Iterator[RowProblem]:
        """Yield every problem, by row."""
        self._settle()
        for found in self._db.execute(
            "SELECT row, column_name, value, problem, remedy FROM problem ORDER BY row, number"
        ):
            yield RowProblem(*found)

    def problem_groups(self) -> Iterator[ProblemGroup]:
        """Yield each problem once, with the number of rows that have it."""
        self._settle()
        for rows, values, *first in self._db.execute(_GROUPS):
            yield ProblemGroup(rows, values, RowProblem(*first))

    def shuffled_rows(self, share: int, shares: int, *, unpreviewed: bool = False) -> Iterator[Row]:
        """Yield a share of the good rows, in an order that does not reveal the order of the file.

        The order is random, and the same for each call. One share holds all rows of a
        contribution, in the order of the file. Rows that repeat an earlier row word for word are
        left out, and so are rows that would store nothing; ``unpreviewed`` leaves out all rows
        that have a preview. If a contribution has several rows and the first has no
        ``revised_at``, it gets one before all others: otherwise importing the file again would
        undo the later rows.
        """
        self._settle()
        self._db.execute(_ORDER)
        good = (
            "SELECT place, ordinal, row, payload, first_of_several FROM entry"
            " WHERE place % ? = ? AND NOT rejected AND repeats IS NULL"
            " AND (stores IS NULL OR stores > ?) AND (place, ordinal) > (?, ?)"
            " ORDER BY place, ordinal LIMIT ?"
        )
        for page in pages(self._db, good, (-1, 0), shares, share, unpreviewed):
            for _, _, *entry in page:
                yield _row(*entry)

    def all_rows(self) -> Iterator[tuple[Row, bool]]:
        """Yield every row, and whether it has a problem so far."""
        self._settle()
        entries = (
            "SELECT ordinal, row, payload, rejected FROM entry WHERE ordinal > ?"
            " ORDER BY ordinal LIMIT ?"
        )
        for page in pages(self._db, entries, (0,)):
            for _, row, payload, rejected in page:
                yield Row(row, orjson.loads(payload)), bool(rejected)

    def counts(self) -> tuple[int, int]:
        """Return how many rows there are, and how many of them have a problem."""
        self._settle()
        rows, rejected = self._db.execute(
            "SELECT count(*), coalesce(sum(rejected), 0) FROM entry"
        ).fetchone()
        return int(rows), int(rejected)

    def repeats(self) -> Repeats:
        """Return how many good rows repeat word for word an earlier row of the same id."""
        self._settle()
        found = self._db.execute(
            "SELECT count(*), coalesce(min(row), 0), coalesce(repeats, 0) FROM entry"
            " WHERE repeats IS NOT NULL AND NOT rejected"
        ).fetchone()
        return Repeats(*found)

    def note_previewed(self, row: int, *, stores: bool) -> None:
        """Note whether sending a row would store anything."""
        self._db.execute("UPDATE entry SET stores = ? WHERE row = ?", (stores, row))

    # ---- what stands and is not in the file -----------------------------------------------------

    def names(self, id_scope: str | None, local_id: str) -> bool:
        """Tell whether the file has a good or bad row of that id."""
        self._settle()
        found = self._db.execute(
            "SELECT 1 FROM entry WHERE contribution = ? LIMIT 1", (_key(id_scope, local_id),)
        )
        return found.fetchone() is not None

    def nameless(self) -> int | None:
        """Return the first row whose id can't be read, if there is one."""
        self._settle()
        row = self._db.execute("SELECT min(row) FROM entry WHERE contribution IS NULL").fetchone()
        return row[0] if row[0] is None else int(row[0])

    def add_gone(self, gone: Iterable[Gone]) -> None:
        self._db.executemany(
            "INSERT INTO gone (service, id_scope, local_id, day) VALUES (?, ?, ?, ?)", gone
        )

    def gone(self) -> Iterator[Gone]:
        """Yield the acts that the file lacks."""
        for found in self._db.execute("SELECT service, id_scope, local_id, day FROM gone"):
            yield Gone(*found)

    def _place(self, contribution: str) -> int:
        """Return the contribution's place in an order that nobody can tell without the secret."""
        digest = blake2b(contribution.encode(), digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest) >> 1  # SQLite has 63 bits above zero

    def _note(self, problems: Iterable[RowProblem]) -> None:
        for problem in problems:
            self._db.execute(
                "INSERT INTO problem SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5"
                " FROM problem WHERE row = ?1",
                (problem.row, problem.column, problem.value, problem.problem, problem.remedy),
            )

    def _write(self) -> None:
        self._db.executemany(_ADD, self._kept)
        self._kept.clear()

    def _settle(self) -> None:
        """Write the rows in memory, and find those whose contribution has an earlier row.

        Such a row has a problem unless it is a revision or a repetition. The index for it is made
        once, over all rows: an index that grows row by row would take most of the reading time.
        """
        self._write()
        last = self._db.execute("SELECT coalesce(max(ordinal), 0) FROM entry").fetchone()[0]
        if last == self._settled_to:
            return
        self._db.execute(_INDEX)
        self._db.execute(_REFUSE_AGAIN, (self._settled_to, _ANOTHER_ID))
        self._db.execute(_MARK_REPEATS, (self._settled_to,))
        self._db.execute(_MARK_FIRST, (self._settled_to,))
        self._db.execute(_REJECT)
        self._settled_to = last


def _key(id_scope: str | None, local_id: str | None) -> str | None:
    """Return the key of a contribution within the file; no id holds the separator."""
    if local_id is None or id_scope is None:
        return local_id
    return f"{id_scope}\x1f{local_id}"


def _row(number: int, payload: bytes, first_of_several: int) -> Row:
    values = orjson.loads(payload)
    if first_of_several:
        values["revised_at"] = BEFORE_ANY_REVISION
    return Row(number, values)
