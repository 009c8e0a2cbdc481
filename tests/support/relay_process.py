"""A process that does nothing but relay; tests kill it. Arguments: store address, log address."""

import asyncio
import os
import sys

import asyncpg

from shared.log.embedded.log import EmbeddedLog
from shared.outbox.relay import Relay


async def run(store_dsn: str, log_dsn: str) -> None:
    log = EmbeddedLog(log_dsn)
    await log.start()
    async with asyncpg.create_pool(store_dsn, min_size=1, max_size=4) as pool:
        owner, wake = str(os.getpid()), asyncio.Event()
        await Relay(pool, log, deployment="d", owner=owner, wake=wake).run()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2]))
