"""``coprod facts export``: the facts behind the figures as one file, in constant memory."""

import asyncio
import csv
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import asyncpg
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from services.insights.facts.encoding import unpack
from tools.commands.fact_table import codes_of, flat, row, schema
from tools.commands.group import group
from tools.deployment.record import DataOption, JsonOption, find
from tools.terminal.failure import ExitCode, Failure
from tools.terminal.output import print_json, progress_bar, say

Write: TypeAlias = Callable[[pa.RecordBatch], object]
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CHUNKS = """
SELECT topic, partition, first_position, last_position, counts, packed FROM fact_chunk
WHERE projection = $1 AND (topic, partition, last_position) > ($2, $3, $4)
ORDER BY topic, partition, last_position LIMIT 50
"""
CHUNK_COUNT = "SELECT count(*) FROM fact_chunk WHERE projection = $1"
SERVING = "SELECT version FROM projection_active"
NAMES = "SELECT code, value FROM code WHERE code = ANY($1::integer[])"


@contextmanager
def _parquet(out: Path) -> Iterator[Write]:
    with (
        out.open("wb") as file,
        pq.ParquetWriter(file, schema(), compression="zstd") as writer,
    ):
        yield writer.write_batch


@contextmanager
def _csv(out: Path) -> Iterator[Write]:
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, schema().names)
        writer.writeheader()
        yield lambda batch: writer.writerows(map(flat, batch.to_pylist()))


WRITERS: Mapping[str, Callable[[Path], AbstractContextManager[Write]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
}

app = group("Export the facts behind the figures.")


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A .parquet or a .csv.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every fact of the serving projection: one row a fact, retractions with sign -1.

    In a .csv, who received stands in one cell: PARTICIPANT:PARTY|PARTICIPANT:PARTY.
    The file holds pseudonymous personal data; it is not for publication.
    """
    if out.suffix.lower() not in WRITERS:
        raise Failure(
            f"{out}: facts are written as {' or '.join(WRITERS)}",
            "Give the file one of these endings.",
            code=ExitCode.USAGE,
        )
    written = asyncio.run(_export(find(data).readonly_database("insights"), out))
    if as_json:
        print_json({"file": str(out), "facts": written})
    else:
        say(f"{written} facts written to {out}")


async def _export(dsn: str, out: Path) -> int:
    """Write to ``out``, and there only when it is whole."""
    written = 0
    unfinished = out.with_name(f".{out.name}.part")
    try:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
            projection = await pool.fetchval(SERVING)
            with (
                progress_bar("chunks", await pool.fetchval(CHUNK_COUNT, projection)) as advance,
                WRITERS[out.suffix.lower()](unfinished) as write,
            ):
                async for batch in _batches(pool, projection):
                    write(batch)
                    written += batch.num_rows
                    advance(1)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return written


async def _batches(pool: Pool, projection: int) -> AsyncIterator[pa.RecordBatch]:
    after: tuple[str, int, int] = ("", 0, 0)
    while chunks := await pool.fetch(CHUNKS, projection, *after):
        for chunk in chunks:
            yield await _batch(pool, chunk)
        last = chunks[-1]
        after = (last["topic"], last["partition"], last["last_position"])


async def _batch(pool: Pool, chunk: asyncpg.Record) -> pa.RecordBatch:
    facts_of_chunk = unpack(chunk["packed"])
    codes = await pool.fetch(NAMES, list(codes_of(facts_of_chunk)))
    names = {code["code"]: code["value"] for code in codes}
    positions = [
        position
        for position, count in enumerate(chunk["counts"], chunk["first_position"])
        for _ in range(count)
    ]
    rows = [
        row(fact, chunk["topic"], chunk["partition"], position, names)
        for position, fact in zip(positions, facts_of_chunk, strict=True)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=schema())
