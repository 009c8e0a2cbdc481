"""The limit for us: aiokafka's ``getmany`` and msgspec, in memory, without any promise."""

import asyncio

from aiokafka import AIOKafkaConsumer

from benchmarks.peers.small import Small, decode
from benchmarks.peers.stopwatch import answer, asked
from shared.http.server import collect_rarely


async def main() -> None:
    bootstrap, topic, _, watch = asked()
    small = Small()
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    done = False
    while not done:
        batch = await consumer.getmany(timeout_ms=200, max_records=5_000)
        if batch:
            watch.begin()
        for records in batch.values():
            for record in records:
                small.add(decode(record.value or b"").act)
            done = watch.took(len(records))
    told = watch.told()
    await consumer.stop()
    answer(told, small.digest())


if __name__ == "__main__":
    collect_rarely()  # as ours: the ratio is one of work, not of garbage
    asyncio.run(main())
