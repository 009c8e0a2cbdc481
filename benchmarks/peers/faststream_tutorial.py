"""FastStream as its tutorial writes it: a model, a handler, a message at a time, no promise."""

import asyncio

from faststream import FastStream
from faststream.kafka import KafkaBroker
from pydantic import BaseModel

from benchmarks.peers import small
from benchmarks.peers.stopwatch import answer, asked


class Receiver(BaseModel):
    party: str


class Act(BaseModel):
    service_id: str
    giver_id: str
    giver_party: str
    occurred_at: str
    minutes: int
    receivers: list[Receiver] = []


class Confirmed(BaseModel):
    act: Act


async def main() -> None:
    bootstrap, topic, _, watch = asked()
    held, done = small.Small(), asyncio.Event()
    broker = KafkaBroker(bootstrap, logger=None)
    app = FastStream(broker, logger=None)

    @broker.subscriber(topic, auto_offset_reset="earliest")
    async def on_confirmed(message: Confirmed) -> None:
        watch.begin()
        held.add(message.act)  # type: ignore[arg-type]  # the same fields
        if watch.took(1):
            done.set()

    await app.start()
    await done.wait()
    told = watch.told()
    await app.stop()
    answer(told, held.digest())


if __name__ == "__main__":
    asyncio.run(main())
