"""The services and people that a file names: what registry knows of them, and what is planned.

Each gets a random ``place``, and they are registered in the order of their places. So the order of
the log reveals nothing of the agency's own ids, which often follow numbers or names.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

SCHEMA = """
CREATE TABLE service (local_id TEXT PRIMARY KEY, service_id TEXT, starts_on TEXT, closed_on TEXT,
                      imported INTEGER NOT NULL DEFAULT 0, begins TEXT,
                      place INTEGER NOT NULL DEFAULT (random())) WITHOUT ROWID;
CREATE TABLE person (local_id TEXT PRIMARY KEY, kind TEXT NOT NULL, participant_id TEXT,
                     wanted INTEGER NOT NULL DEFAULT 0,
                     place INTEGER NOT NULL DEFAULT (random())) WITHOUT ROWID;
CREATE INDEX wanted_person ON person (place, local_id) WHERE wanted = 1;
CREATE TABLE member (service TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (service, person))
    WITHOUT ROWID;
CREATE TABLE period (service TEXT NOT NULL, person TEXT NOT NULL, since TEXT NOT NULL,
                     until TEXT, party TEXT NOT NULL, begins TEXT,
                     place INTEGER NOT NULL DEFAULT (random()),
                     PRIMARY KEY (service, person, since)) WITHOUT ROWID;
CREATE INDEX wanted_period ON period (place, service, person) WHERE begins IS NOT NULL;
"""
PAGE = 1_000
BEFORE_ANY_PLACE = -(2**63)
RECENT_MAX = 10_000

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ServiceFound:
    """``begins``: the day on which it is planned to begin; None: as registry knows it."""

    local_id: str
    service_id: str | None = None
    starts_on: str | None = None
    closed_on: str | None = None
    imported: bool = False
    begins: str | None = None


@dataclass(frozen=True, slots=True)
class PersonFound:
    local_id: str
    kind: str
    participant_id: str | None = None
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class PartyPeriod:
    """One party of one person in one service, in whole days; ``until`` is the last one.

    ``begins``: the day on which the import plans to begin it. A period that registry does not know
    has an empty ``since``, because later rows may have earlier days.
    """

    since: str
    until: str | None
    party: str
    begins: str | None = None

    @property
    def planned(self) -> bool:
        return not self.since


def pages(
    db: sqlite3.Connection, statement: str, after: tuple[str | int, ...], *given: object
) -> Iterator[list[Any]]:
    """Yield the rows of a statement a page at a time, so that others may write in between.

    Its parameters are those ``given``, the key of the last row read (at first ``after``), and how
    many rows a page has. The key stands first in each row.
    """
    while page := db.execute(statement, (*given, *after, PAGE)).fetchall():
        after = page[-1][: len(after)]
        yield page


class _Recent(Generic[K, V]):
    """A cache of at most ``RECENT_MAX`` values, which is emptied when it is full."""

    def __init__(self, load: Callable[[K], V]) -> None:
        self._load = load
        self._values: dict[K, V] = {}

    def get(self, key: K) -> V:
        value = self._values.get(key)
        if value is None:
            value = self._load(key)
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        if len(self._values) >= RECENT_MAX:
            self._values.clear()
        self._values[key] = value

    def drop(self, key: K) -> None:
        self._values.pop(key, None)


class DirectoryPlan:
    """What an import knows of services and people, by the file's own ids; kept in the spool."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._services: _Recent[str, ServiceFound] = _Recent(self._load_service)
        self._people: _Recent[str, PersonFound] = _Recent(self._load_person)
        self._periods: _Recent[tuple[str, str], tuple[PartyPeriod, ...]] = _Recent(
            self._load_periods
        )
        # only so that the next rows of the same services and people cost nothing
        self._added_services: _Recent[str, bool] = _Recent(self._add_service)
        self._added: _Recent[tuple[str, str, str], bool] = _Recent(self._add)

    def add(self, values: dict[str, Any]) -> None:
        """Note whom a row names; if rows differ in the kind of a person, the first row counts."""
        service = values.get("service_id", "")
        if service:
            self._added_services.get(service)
        if "giver_id" in values:
            self._added.get((service, values["giver_id"], values.get("giver_kind", "person")))
        for receiver in values.get("receiver_ids", ()):
            self._added.get((service, receiver, values.get("receiver_kind", "person")))

    def planned(self) -> dict[str, int]:
        """Return how many services, people and parties are to be registered."""
        statements = {
            "services": "SELECT count(*) FROM service WHERE service_id IS NULL AND begins > ''",
            "participants": "SELECT count(*) FROM person WHERE wanted = 1",
            "roles": "SELECT count(*) FROM period WHERE since = ''",
        }
        return {what: self._db.execute(s).fetchone()[0] for what, s in statements.items()}

    # ---- services -------------------------------------------------------------------------------

    def service_ids(self) -> list[str]:
        return [
            row[0] for row in self._db.execute("SELECT local_id FROM service ORDER BY local_id")
        ]

    def service(self, local_id: str) -> ServiceFound:
        return self._services.get(local_id)

    def found_service(self, found: ServiceFound) -> None:
        self._db.execute(
            "UPDATE service SET service_id = ?, starts_on = ?, closed_on = ?, imported = ?"
            " WHERE local_id = ?",
            (found.service_id, found.starts_on, found.closed_on, found.imported, found.local_id),
        )
        self._services.drop(found.local_id)

    def want_service(self, service: ServiceFound, day: str) -> None:
        """Plan that a service begins on that day, or on an earlier one that was planned."""
        if service.begins is None or day < service.begins:
            self._db.execute(
                "UPDATE service SET begins = ? WHERE local_id = ?", (day, service.local_id)
            )
            self._services.put(service.local_id, replace(service, begins=day))

    def wanted_services(self) -> list[ServiceFound]:
        wanted = "SELECT local_id FROM service WHERE begins IS NOT NULL ORDER BY place"
        return [self._load_service(row[0]) for row in self._db.execute(wanted).fetchall()]

    # ---- people ---------------------------------------------------------------------------------

    def person_ids(self) -> Iterator[list[str]]:
        """Yield everybody the file names, a page at a time."""
        everybody = "SELECT local_id FROM person WHERE local_id > ? ORDER BY local_id LIMIT ?"
        for page in pages(self._db, everybody, ("",)):
            yield [local_id for (local_id,) in page]

    def person(self, local_id: str) -> PersonFound:
        return self._people.get(local_id)

    def found_people(self, found: Iterable[PersonFound]) -> None:
        """Note the id and the kind (person or group) that registry has of each person."""
        for one in found:
            self._db.execute(
                "UPDATE person SET participant_id = ?, kind = ? WHERE local_id = ?",
                (one.participant_id, one.kind, one.local_id),
            )
            self._people.drop(one.local_id)

    def want_person(self, local_id: str) -> None:
        person = self.person(local_id)
        if person.participant_id is None and not person.wanted:
            self._db.execute("UPDATE person SET wanted = 1 WHERE local_id = ?", (local_id,))
            self._people.put(local_id, replace(person, wanted=True))

    def wanted_people(self) -> Iterator[list[PersonFound]]:
        """Yield the people to register, a page at a time."""
        wanted = (
            "SELECT place, local_id FROM person WHERE wanted = 1 AND (place, local_id) > (?, ?)"
            " ORDER BY place, local_id LIMIT ?"
        )
        for page in pages(self._db, wanted, (BEFORE_ANY_PLACE, "")):
            yield [self._load_person(local_id) for _, local_id in page]

    # ---- parties --------------------------------------------------------------------------------

    def members(self, service: str) -> Iterator[dict[str, str]]:
        """Yield the people of a service whom registry knows, in pages: its id -> the file's."""
        members = (
            "SELECT person, participant_id FROM member JOIN person ON local_id = person"
            " WHERE service = ? AND person > ? AND participant_id IS NOT NULL"
            " ORDER BY person LIMIT ?"
        )
        for page in pages(self._db, members, ("",), service):
            yield {participant_id: person for person, participant_id in page}

    def periods(self, service: str, person: str) -> tuple[PartyPeriod, ...]:
        """Return the parties of somebody in a service, the earliest first."""
        return self._periods.get((service, person))

    def put_period(self, service: str, person: str, period: PartyPeriod) -> None:
        """Keep a period that registry knows, or that is planned."""
        self._db.execute(
            "INSERT OR REPLACE INTO period (service, person, since, until, party, begins)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (service, person, period.since, period.until, period.party, period.begins),
        )
        self._periods.drop((service, person))

    def wanted_periods(self) -> Iterator[list[tuple[str, str, PartyPeriod]]]:
        """Yield (service, person, the period that is to begin another day), a page at a time."""
        wanted = (
            "SELECT place, service, person, since, until, party, begins FROM period"
            " WHERE begins IS NOT NULL AND (place, service, person) > (?, ?, ?)"
            " ORDER BY place, service, person LIMIT ?"
        )
        for page in pages(self._db, wanted, (BEFORE_ANY_PLACE, "", "")):
            yield [(service, person, PartyPeriod(*rest)) for _, service, person, *rest in page]

    # ---- inside ---------------------------------------------------------------------------------

    def _add_service(self, local_id: str) -> bool:
        self._db.execute("INSERT OR IGNORE INTO service (local_id) VALUES (?)", (local_id,))
        return True

    def _add(self, named: tuple[str, str, str]) -> bool:
        service, person, kind = named
        self._db.execute(
            "INSERT OR IGNORE INTO person (local_id, kind) VALUES (?, ?)", (person, kind)
        )
        if service:
            self._db.execute("INSERT OR IGNORE INTO member VALUES (?, ?)", (service, person))
        return True

    def _load_service(self, local_id: str) -> ServiceFound:
        found = self._db.execute(
            "SELECT service_id, starts_on, closed_on, imported, begins FROM service"
            " WHERE local_id = ?",
            (local_id,),
        ).fetchone()
        service_id, starts_on, closed_on, imported, begins = found
        return ServiceFound(local_id, service_id, starts_on, closed_on, bool(imported), begins)

    def _load_person(self, local_id: str) -> PersonFound:
        kind, participant_id, wanted = self._db.execute(
            "SELECT kind, participant_id, wanted FROM person WHERE local_id = ?", (local_id,)
        ).fetchone()
        return PersonFound(local_id, kind, participant_id, bool(wanted))

    def _load_periods(self, at: tuple[str, str]) -> tuple[PartyPeriod, ...]:
        found = self._db.execute(
            "SELECT since, until, party, begins FROM period"
            " WHERE service = ? AND person = ? ORDER BY since",
            at,
        )
        return tuple(PartyPeriod(*row) for row in found)
