"""What exchange and insights know of registry, against registry's own events."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from shared.contracts.topics import REGISTRY_AGENCIES, REGISTRY_PARTICIPANTS, REGISTRY_SERVICES
from shared.log.port import TopicPartition
from tools.oracle.directory import Directory
from tools.verification.folding import Left
from tools.verification.report import Report
from tools.verification.store import Pool

CHECK = "directories equal their recomputation"
PAGE_EVENTS = 5_000
TOPICS = (REGISTRY_AGENCIES, REGISTRY_SERVICES, REGISTRY_PARTICIPANTS)

EVENTS = """
SELECT position, key, type, data FROM event
WHERE topic = $1 AND partition = $2 AND position > $3 AND position <= $4
ORDER BY position LIMIT $5
"""
POSITIONS = "SELECT topic, partition, position FROM consumer_position WHERE consumer = $1"
OF_EXCHANGE = {
    "agencies": "SELECT agency_id FROM directory_agency",
    "services": "SELECT service_id, starts_on::text, closed_on::text FROM directory_service",
    "providers": "SELECT service_id, organisation_id FROM directory_provider",
    "people": "SELECT participant_id, kind FROM directory_participant",
    "roles": """
        SELECT service_id, participant_id, party, since::text, until::text FROM directory_role
    """,
    "affiliations": """
        SELECT participant_id, organisation_id, employed, since::text, until::text
        FROM directory_affiliation
    """,
}
OF_INSIGHTS = {
    "agencies": """
        SELECT agency_id, name, jurisdiction FROM agency_info
        WHERE projection = (SELECT version FROM projection_active)
    """,
    "services": """
        SELECT service_id, agency_ids, local_id, name, provides, starts_on::text, closed_on::text,
            providers
        FROM service_info WHERE projection = (SELECT version FROM projection_active)
    """,
}
Table = frozenset[tuple[Any, ...]]


async def check_directory(
    consumer: str,
    pools: Mapping[str, Pool],
    left: Mapping[TopicPartition, Left],
    report: Report,
) -> None:
    """Compare every table, at the positions that they were written with.

    What is known of a key one of whose events was left is not compared.
    """
    name = "exchange" if consumer.startswith("exchange") else "insights"
    statements = OF_EXCHANGE if name == "exchange" else OF_INSIGHTS
    async with (
        pools[name].acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        taken = {
            TopicPartition(topic, partition): position
            for topic, partition, position in await connection.fetch(POSITIONS, consumer)
        }
        told = {
            table: frozenset(map(_plain, await connection.fetch(statement)))
            for table, statement in statements.items()
        }
    directory, ignored = await _recomputed(pools["registry"], taken, left)
    due = _of_exchange(directory) if name == "exchange" else _of_insights(directory)
    for table, rows in told.items():
        report.compared["rows of directories"] += len(rows)
        for row in _known(rows ^ due[table], ignored):
            whose = "has" if row in rows else "lacks"
            report.problem(CHECK, f"{name} {whose} among its {table}: {row}")


async def _recomputed(
    registry: Pool, taken: Mapping[TopicPartition, int], left: Mapping[TopicPartition, Left]
) -> tuple[Directory, set[str]]:
    directory, ignored = Directory(), set[str]()
    names = {topic.name for topic in TOPICS}
    for at, upto in sorted(taken.items()):
        if at.topic not in names:
            continue
        skipped = left.get(at, Left()).positions
        after = 0
        while rows := await registry.fetch(EVENTS, *at, after, upto, PAGE_EVENTS):
            directory.play(
                (row["type"], orjson.loads(row["data"]))
                for row in rows
                if row["position"] not in skipped
            )
            ignored.update(row["key"] for row in rows if row["position"] in skipped)
            after = rows[-1]["position"]
    return directory, ignored


def _of_exchange(directory: Directory) -> dict[str, Table]:
    return {
        "agencies": frozenset((agency,) for agency in directory.agencies),
        "services": frozenset(
            (service_id, service["starts_on"], service["closed_on"])
            for service_id, service in directory.services.items()
        ),
        "providers": frozenset(
            (service_id, one) for service_id, found in directory.operators.items() for one in found
        ),
        "people": frozenset(directory.kinds.items()),
        "roles": _spans(directory.roles),
        "affiliations": _spans(directory.affiliations),
    }


def _of_insights(directory: Directory) -> dict[str, Table]:
    return {
        "agencies": frozenset(
            (agency_id, agency["name"], agency.get("jurisdiction"))
            for agency_id, agency in directory.agencies.items()
        ),
        "services": frozenset(
            (
                service_id,
                tuple(service["agency_ids"]),
                service.get("local_id"),
                service["name"],
                service.get("provides"),
                service["starts_on"],
                service["closed_on"],
                tuple(sorted(service["providers"])),
            )
            for service_id, service in directory.services.items()
        ),
    }


def _spans(found: Mapping[tuple[str, str], Mapping[str, Sequence[Any]]]) -> Table:
    return frozenset(
        (*key, what, since, until)
        for key, spans in found.items()
        for since, (what, until) in spans.items()
    )


def _known(rows: Iterable[tuple[Any, ...]], ignored: set[str]) -> list[tuple[Any, ...]]:
    return [row for row in rows if ignored.isdisjoint(one for one in row if isinstance(one, str))]


def _plain(row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)
