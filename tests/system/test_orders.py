"""No order tells who is who: neither of a topic or a table, nor of codes, nor of an export."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from tests.support.deployment import Up, free_port_base, up
from tools.deployment.record import find

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.timeout(300)]

PEOPLE = [f"p{number:03}" for number in range(400)]  # what their agency calls them, in its order
TAU_MAX = 0.17  # five standard deviations of the random order of so many
HEADER = ("contribution_id", "service_id", "occurred_at", "giver_id", "giver_party", "receiver_ids")
DATABASES = ("registry", "exchange", "insights", "log")
TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND has_table_privilege(oid, 'SELECT')
"""
TOPICS = """
SELECT topic, convert_from(coalesce(value, ''), 'UTF8') FROM log_record
ORDER BY topic, partition, "offset"
"""
CODES = "SELECT value FROM code ORDER BY code"
PARTICIPANTS = "SELECT participant_id, local_id FROM participant_external_id"
ACTS = "SELECT contribution_id, giver_id FROM contribution"
MEETING = """
SELECT convert_from(data, 'UTF8') FROM event
WHERE type LIKE '%contribution.recorded.v1' ORDER BY length(data) DESC LIMIT 1
"""
Names: TypeAlias = Mapping[str, str]
"""What stands for somebody in the deployment -> what their agency calls them."""


@dataclass(frozen=True)
class Town:
    """Everybody gave once, in the order of their ids."""

    running: Up
    folder: Path
    names: Names

    def read(self, database: str, statement: str | sql.Composed) -> list[tuple[Any, ...]]:
        with psycopg.connect(find(self.running.data).database(database)) as connection:
            return connection.execute(statement).fetchall()

    def take(self, acts: Sequence[Sequence[str]]) -> None:
        path = self.folder / "acts.csv"
        with path.open("w", newline="") as out:
            csv.writer(out).writerows((HEADER, *acts))
        for command in (
            ("import", "contributions", str(path), "--register-missing"),
            ("wait", "--timeout", "60"),
        ):
            done = self.running.coprod(*command)
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, names = tmp_path_factory.mktemp("orders"), dict[str, str]()
    with up(folder / "data", free_port_base()) as running:
        assert running.ready["ready"] is True
        town = Town(running, folder, names)
        town.take([(f"c{p}", "lib", "2026-05-01", p, "user", "") for p in PEOPLE])
        people = dict(town.read("registry", PARTICIPANTS))
        names |= people | {act: people[giver] for act, giver in town.read("exchange", ACTS)}
        yield town


def tau(texts: Iterable[str], names: Names) -> float | None:
    """Return Kendall's tau of two orders: people as they come up, and as their agency has them.

    None where not everybody comes up.
    """
    marks = {mark: name for key, name in names.items() for mark in (key, key.encode().hex())}
    place: dict[str, tuple[int, int]] = {}
    for number, text in enumerate(texts):
        for mark, name in marks.items():
            if name not in place and (at := text.find(mark)) >= 0:
                place[name] = (number, at)
    found = [place[name] for name in sorted(place)]
    if len(found) < len(PEOPLE) - 1:
        return None
    pairs = [(one < other) - (one > other) for one, other in combinations(found, 2)]
    return sum(pairs) / len(pairs)


def test_no_table_of_any_service_is_in_the_order_of_an_agencys_ids(town: Town) -> None:
    told = {}
    for database in DATABASES:
        for (table,) in town.read(database, TABLES):
            statement = sql.SQL("SELECT t::text FROM {} AS t ORDER BY tableoid, ctid")
            rows = town.read(database, statement.format(sql.Identifier(table)))
            told[f"{database}.{table}"] = tau((text for (text,) in rows), town.names)

    del told["registry.participant_external_id"]  # says itself who is who, to registry alone
    judged = {table: one for table, one in told.items() if one is not None}
    assert judged.keys() >= {"registry.event", "registry.idempotency", "exchange.contribution"}
    assert {table: one for table, one in judged.items() if abs(one) >= TAU_MAX} == {}


def test_no_topic_is_in_the_order_of_an_agencys_ids(town: Town) -> None:
    told: dict[str, list[str]] = {}
    for topic, value in town.read("log", TOPICS):
        told.setdefault(topic, []).append(value)

    judged = {topic: tau(values, town.names) for topic, values in told.items()}

    for topic in ("registry.participants.v1", "registry.services.v1", "exchange.activity.v1"):
        found = judged[topic]
        assert found is not None
        assert abs(found) < TAU_MAX, topic


def test_codes_and_exports_are_not_in_the_order_of_an_agencys_ids(town: Town) -> None:
    out = town.folder / "facts.parquet"
    exported = town.running.coprod("facts", "export", "--out", str(out))
    assert exported.returncode == 0, exported.stderr

    codes = tau((value for (value,) in town.read("insights", CODES)), town.names)
    facts = tau((str(row) for row in pq.read_table(out).to_pylist()), town.names)

    assert codes is not None
    assert facts is not None
    assert max(abs(codes), abs(facts)) < TAU_MAX


def test_the_receivers_of_an_act_are_not_in_the_order_of_an_agencys_ids(town: Town) -> None:
    town.take([("meeting", "lib", "2026-05-02", PEOPLE[0], "user", "|".join(PEOPLE[1:]))])

    ((said,),) = town.read("exchange", MEETING)
    found = tau([said.partition('"receivers"')[2]], town.names)

    assert found is not None
    assert abs(found) < TAU_MAX
