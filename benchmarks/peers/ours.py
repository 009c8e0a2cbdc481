"""Our runtime as shipped, with kernels for the small work: exactly-once effect in PostgreSQL.

Group, claims, epochs, dedupe by position, quarantine: all on. Each event is read as the contract
has it; with the variant ``small`` only what this work needs of it, as the peers do. What a batch
means is stored in the transaction that moves the positions, one packed value a partition, and the
memory is made again from there on a claim.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

import asyncpg
import msgspec

from benchmarks.peers.small import Small, decode, pair_of
from benchmarks.peers.stopwatch import Stopwatch, answer, asked
from benchmarks.workload import DEPLOYMENT
from shared.consumer import Batch, Claim, Consumer
from shared.contracts import catalogue, fast_decode
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.eventstore.port import Connection
from shared.http.server import collect_rarely
from shared.log.kafka.log import KafkaLog
from shared.log.port import TopicPartition

TABLE = """
CREATE TABLE small (
    topic text, partition int, last bigint, packed bytea, PRIMARY KEY (topic, partition, last)
)
"""
SAVE = "INSERT INTO small SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[])"
READ = "SELECT packed FROM small WHERE topic = $1 AND partition = $2 ORDER BY last"
pack, unpack = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode


class Kernel:
    """``held``: partition -> its small state."""

    def __init__(self, pool: Any, watch: Stopwatch) -> None:
        self._pool, self._watch = pool, watch
        self.held: dict[TopicPartition, Small] = {}
        self.done = asyncio.Event()
        self.told: dict[str, Any] = {}
        self._rows: dict[TopicPartition, list[tuple[Any, ...]]] = {}

    async def restore(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            at = TopicPartition(claim.topic, claim.partition)
            small = self.held[at] = Small()
            for row in await self._pool.fetch(READ, *at):
                for one in unpack(row["packed"]):
                    _add(small, one)

    async def apply(self, conn: Connection, batch: Batch) -> None:
        self._watch.begin()
        self._rows = {at: [_row(one.act) for one in told] for at, told in batch.messages.items()}
        places = list(self._rows)
        await conn.execute(
            SAVE,
            [at.topic for at in places],
            [at.partition for at in places],
            [batch.positions[at] for at in places],
            [pack(rows) for rows in self._rows.values()],
        )

    async def committed(self, batch: Batch) -> None:  # noqa: ARG002 - of the last apply
        for at, rows in self._rows.items():
            small = self.held[at]
            for row in rows:
                _add(small, row)
            if self._watch.took(len(rows)):
                self.told = self._watch.told()
                self.done.set()

    def whole(self) -> Small:
        """Return the state of all partitions; each service lies in one."""
        whole = Small()
        for small in self.held.values():
            whole.days.update(small.days)
            whole.pairs.update(small.pairs)
            whole.givers.update(small.givers)
        return whole

    async def forget(self, partitions: Sequence[TopicPartition]) -> None:
        for at in partitions:
            del self.held[at]


def _row(act: Any) -> tuple[Any, ...]:
    pair = _pair(act.giver_party, act.receivers[0].party if act.receivers else None)
    at = act.occurred_at
    day = at[:10] if isinstance(at, str) else _text(at.date())
    return (act.service_id, day, act.giver_id, pair, act.minutes)


@cache
def _pair(giver: str, receiver: str | None) -> str:
    return pair_of(giver, [] if receiver is None else [receiver])


@cache
def _text(day: date) -> str:
    return day.isoformat()


def decode_small(names: Sequence[str], datas: Sequence[bytes]) -> Sequence[Any]:
    try:
        return list(map(decode, datas))
    except msgspec.MsgspecError:
        return catalogue.decode_all(names, datas)


def _add(small: Small, row: Sequence[Any]) -> None:
    service, day, giver, pair, minutes = row
    held = small.days[service, day]
    held[0] += 1
    held[1] += minutes
    small.pairs[service, pair] += minutes
    small.givers[service].add(giver)


async def main() -> None:
    bootstrap, topic, dsn, watch = asked()
    log = KafkaLog(bootstrap, topic.removesuffix(EXCHANGE_ACTIVITY.name))
    async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as pool:
        await pool.execute(TABLE)
        await log.start()
        kernel = Kernel(pool, watch)
        consumer = Consumer(
            pool,
            log,
            name="small",
            topics=[EXCHANGE_ACTIVITY],
            handler=kernel,
            deployment=DEPLOYMENT,
            owner=str(os.getpid()),
            decode=decode_small if sys.argv[5:] == ["small"] else fast_decode.decode_all,
        )
        await consumer.start()
        await kernel.done.wait()
        assert consumer.failure() is None
        whole = kernel.whole()
        await consumer.stop()
        await log.stop()
    answer(kernel.told, whole.digest())


if __name__ == "__main__":
    collect_rarely()  # as every service does
    asyncio.run(main())
