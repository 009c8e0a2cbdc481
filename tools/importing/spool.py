"""The rows of one import on disk, so that a million of them need no more memory than ten.

A temporary SQLite file holds what was read, what is wrong with it, and what registry answered about
the services and people it names. It is gone when the spool is closed.
"""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tools.importing.problem import Problem
from tools.importing.row import Row

BEFORE_ANY_REVISION = "1970-01-01T00:00:00Z"
_PAGE = 1_000

_SCHEMA = """
CREATE TABLE entry (ordinal INTEGER PRIMARY KEY, row INTEGER NOT NULL UNIQUE,
                    payload BLOB NOT NULL, day TEXT, rejected INTEGER NOT NULL,
                    first_of_several INTEGER NOT NULL DEFAULT 0);
CREATE TABLE seen (contribution TEXT PRIMARY KEY, row INTEGER NOT NULL, revised INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE problem (row INTEGER NOT NULL, number INTEGER NOT NULL, column_name TEXT NOT NULL,
                      value TEXT NOT NULL, problem TEXT NOT NULL, remedy TEXT NOT NULL,
                      PRIMARY KEY (row, number)) WITHOUT ROWID;
CREATE TABLE service (local_id TEXT PRIMARY KEY, service_id TEXT, starts_on TEXT, closed_on TEXT,
                      imported INTEGER NOT NULL DEFAULT 0, wanted TEXT) WITHOUT ROWID;
CREATE TABLE person (local_id TEXT PRIMARY KEY, kind TEXT NOT NULL, participant_id TEXT,
                     wanted INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE member (service TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (service, person))
    WITHOUT ROWID;
CREATE TABLE period (service TEXT NOT NULL, person TEXT NOT NULL, since TEXT NOT NULL,
                     until TEXT, party TEXT NOT NULL, moved INTEGER NOT NULL DEFAULT 0,
                     planned INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (service, person, since))
    WITHOUT ROWID;
"""
# Nothing here outlives the process: what a crash would lose is read from the file again.
_PRAGMAS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -16384",
    "PRAGMA temp_store = FILE",
)


@dataclass(frozen=True, slots=True)
class ServiceFound:
    """``wanted``: planned to be ``registered`` or ``moved`` back; None: as registry knows it."""

    local_id: str
    service_id: str | None
    starts_on: str | None
    closed_on: str | None
    imported: bool
    wanted: str | None


@dataclass(frozen=True, slots=True)
class PersonFound:
    local_id: str
    kind: str
    participant_id: str | None
    wanted: bool


@dataclass(frozen=True, slots=True)
class Period:
    """One party of one person in one service, whole days, ``until`` included."""

    since: str
    until: str | None
    party: str
    planned: bool = False


class Spool:
    """Opened with ``with``; one process, one thread."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="coprod-import-")
        path = Path(self._folder.name) / "rows.sqlite"
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        for pragma in _PRAGMAS:
            self._db.execute(pragma)
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
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
        self._db.execute(
            "INSERT INTO entry (row, payload, day, rejected) VALUES (?, ?, ?, ?)",
            (
                row.row,
                orjson.dumps(values),
                values.get("occurred_at", "")[:10] or None,
                bool(problems),
            ),
        )
        self.add_problems(problems)
        self._add_names(values)

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

    def planned(self) -> dict[str, int]:
        """Return how many services, people and parties are to be registered."""
        return {
            "services": self._one("SELECT count(*) FROM service WHERE wanted = 'registered'"),
            "participants": self._one("SELECT count(*) FROM person WHERE wanted = 1"),
            "roles": self._one("SELECT count(*) FROM period WHERE planned = 1"),
        }

    def earliest_day(self) -> str | None:
        """Return the first day on which something good happened."""
        day = self._one("SELECT min(day) FROM entry WHERE rejected = 0")
        return None if day is None else str(day)

    # ---- services -------------------------------------------------------------------------------

    def service_ids(self) -> list[str]:
        return [
            row[0] for row in self._db.execute("SELECT local_id FROM service ORDER BY local_id")
        ]

    def found_service(self, found: ServiceFound) -> None:
        self._db.execute(
            "UPDATE service SET service_id = ?, starts_on = ?, closed_on = ?, imported = ?"
            " WHERE local_id = ?",
            (found.service_id, found.starts_on, found.closed_on, found.imported, found.local_id),
        )

    def service(self, local_id: str) -> ServiceFound:
        found = self._db.execute(
            "SELECT local_id, service_id, starts_on, closed_on, imported, wanted FROM service"
            " WHERE local_id = ?",
            (local_id,),
        ).fetchone()
        return ServiceFound(*found)

    def want_service(self, local_id: str, wanted: str) -> None:
        self._db.execute("UPDATE service SET wanted = ? WHERE local_id = ?", (wanted, local_id))

    def wanted_services(self) -> list[ServiceFound]:
        return [
            ServiceFound(*row)
            for row in self._db.execute(
                "SELECT local_id, service_id, starts_on, closed_on, imported, wanted FROM service"
                " WHERE wanted IS NOT NULL ORDER BY local_id"
            )
        ]

    # ---- people ---------------------------------------------------------------------------------

    def person_ids(self) -> Iterator[list[str]]:
        """Yield everybody the file names, a page at a time."""
        yield from self._pages("SELECT local_id FROM person WHERE local_id > ? ORDER BY local_id")

    def wanted_people(self) -> Iterator[list[PersonFound]]:
        """Yield those who are to be registered, a page at a time."""
        for ids in self._pages(
            "SELECT local_id FROM person WHERE wanted = 1 AND local_id > ? ORDER BY local_id"
        ):
            yield [self.person(local_id) for local_id in ids]

    def person(self, local_id: str) -> PersonFound:
        found = self._db.execute(
            "SELECT local_id, kind, participant_id, wanted FROM person WHERE local_id = ?",
            (local_id,),
        ).fetchone()
        return PersonFound(*found)

    def found_person(self, local_id: str, participant_id: str, kind: str) -> None:
        """Take registry's word for who somebody is: an id, and person or group."""
        self._db.execute(
            "UPDATE person SET participant_id = ?, kind = ? WHERE local_id = ?",
            (participant_id, kind, local_id),
        )

    def want_person(self, local_id: str) -> None:
        self._db.execute(
            "UPDATE person SET wanted = 1 WHERE local_id = ? AND participant_id IS NULL",
            (local_id,),
        )

    # ---- parties --------------------------------------------------------------------------------

    def members(self, service: str) -> Iterator[list[str]]:
        """Yield the participant ids of known people that the file names in a service, in pages."""
        after = ""
        while page := self._db.execute(
            "SELECT person, participant_id FROM member JOIN person ON local_id = person"
            " WHERE service = ? AND person > ? AND participant_id IS NOT NULL"
            " ORDER BY person LIMIT ?",
            (service, after, _PAGE),
        ).fetchall():
            after = page[-1][0]
            yield [participant_id for _, participant_id in page]

    def found_period(self, service: str, participant_id: str, period: Period) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO period (service, person, since, until, party)"
            " SELECT ?, person, ?, ?, ? FROM member JOIN person ON local_id = person"
            " WHERE service = ? AND participant_id = ?",
            (service, period.since, period.until, period.party, service, participant_id),
        )

    def periods(self, service: str, person: str) -> list[Period]:
        """Return the parties of somebody in a service, the earliest first."""
        return [
            Period(since, until, party, bool(planned))
            for since, until, party, planned in self._db.execute(
                "SELECT since, until, party, planned FROM period"
                " WHERE service = ? AND person = ? ORDER BY since",
                (service, person),
            )
        ]

    def want_period(self, service: str, person: str, party: str) -> None:
        """Plan a party from the file's earliest day on; an empty ``since`` stands for that day."""
        self._db.execute(
            "INSERT INTO period (service, person, since, party, planned) VALUES (?, ?, '', ?, 1)",
            (service, person, party),
        )

    def want_earlier(self, service: str, person: str, since: str) -> None:
        """Plan to move the beginning of a period back to the file's earliest day."""
        self._db.execute(
            "UPDATE period SET moved = 1 WHERE service = ? AND person = ? AND since = ?",
            (service, person, since),
        )

    def wanted_periods(self) -> Iterator[list[tuple[str, str, str, str]]]:
        """Yield (service, person, since, party), in pages; ``since`` is empty for a new party."""
        after = ("", "")
        while page := self._db.execute(
            "SELECT service, person, since, party FROM period"
            " WHERE (planned = 1 OR moved = 1) AND (service, person) > (?, ?)"
            " ORDER BY service, person LIMIT ?",
            (*after, _PAGE),
        ).fetchall():
            after = page[-1][:2]
            yield page

    # ---- inside ---------------------------------------------------------------------------------

    def _entries(self) -> Iterator[tuple[int, bytes, int, int]]:
        # in pages, because the reader of one row may write to the next
        after = 0
        while page := self._db.execute(
            "SELECT ordinal, row, payload, first_of_several, rejected FROM entry WHERE ordinal > ?"
            " ORDER BY ordinal LIMIT ?",
            (after, _PAGE),
        ).fetchall():
            after = page[-1][0]
            for _, *entry in page:
                yield tuple(entry)

    def _seen_before(self, row: Row) -> Problem | None:
        """Return the problem of a later row of a contribution that is no revision."""
        contribution = row.values.get("contribution_id")
        if contribution is None:
            return None
        revised = "revised_at" in row.values
        earlier = self._db.execute(
            "SELECT row, revised FROM seen WHERE contribution = ?", (contribution,)
        ).fetchone()
        if earlier is None:
            self._db.execute("INSERT INTO seen VALUES (?, ?, ?)", (contribution, row.row, revised))
            return None
        if not revised:
            return Problem(
                row.row,
                "contribution_id",
                contribution,
                f"row {earlier[0]} has the same id",
                "give it an id of its own, or say with revised_at when it replaced the other",
            )
        if not earlier[1]:
            self._db.execute("UPDATE entry SET first_of_several = 1 WHERE row = ?", (earlier[0],))
        return None

    def _add_names(self, values: dict[str, Any]) -> None:
        service, giver = values.get("service_id"), values.get("giver_id")
        if service is not None:
            self._db.execute("INSERT OR IGNORE INTO service (local_id) VALUES (?)", (service,))
        kind = values.get("receiver_kind", "person")
        people = [(one, kind) for one in values.get("receiver_ids", ())]
        if giver is not None:
            people.insert(0, (giver, values.get("giver_kind", "person")))
        self._db.executemany("INSERT OR IGNORE INTO person (local_id, kind) VALUES (?, ?)", people)
        if service is not None:
            self._db.executemany(
                "INSERT OR IGNORE INTO member VALUES (?, ?)", [(service, one) for one, _ in people]
            )

    def _pages(self, statement: str) -> Iterator[list[str]]:
        after = ""
        while page := self._db.execute(f"{statement} LIMIT {_PAGE}", (after,)).fetchall():
            ids = [row[0] for row in page]
            after = ids[-1]
            yield ids

    def _one(self, statement: str) -> Any:
        return self._db.execute(statement).fetchone()[0]
