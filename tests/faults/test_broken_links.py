"""Links that lose, delay, drip, cut and lie: between the services and Kafka, and PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world
from tests.support.kafka_cluster import KafkaCluster
from tests.support.proxy import Proxy, Way, proxy
from tools.deployment.record import SERVICES

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(420),
]

SEED = 20260408
BROKEN_SECONDS = 12.0
BETWEEN_RESETS_SECONDS = 0.4
RECOVERY_SECONDS_MAX = 60
Break: TypeAlias = Callable[[Proxy], None]

LINKS: dict[str, Break] = {
    "dropped": lambda link: link.drop(),
    "dropped on the way there": lambda link: link.drop(Way.UP),
    "dropped on the way back": lambda link: link.drop(Way.DOWN),
    "slow": lambda link: link.delay(0.15, jitter_seconds=0.1),
    "dripping": lambda link: link.drip(bytes_per_second=20_000),
    "half open": lambda link: link.abandon(),
    "refused": lambda link: link.refuse(),
    "reset again and again": lambda link: link.reset(),
}
every_link = pytest.mark.parametrize("how", LINKS)


@pytest.mark.kafka
@every_link
async def test_to_kafka(
    tmp_path: Path, cluster: KafkaCluster, on_brokers: dict[str, Any], trial: Run, how: str
) -> None:
    on_brokers["env"] = {**on_brokers["env"], "COPROD_KAFKA_BOOTSTRAP": cluster.proxied}
    fault = Fault(f"links to Kafka {how}", "F8", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers, replicas={"insights": 2}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        before = running.acknowledged
        await _break(list(cluster.proxies.values()), LINKS[how])
        assert running.acknowledged > before, "commands need no log"
        await under_way.recovered()


@every_link
async def test_to_postgresql(tmp_path: Path, trial: Run, how: str) -> None:
    fault = Fault(f"links to PostgreSQL {how}", "F8", SEED, RECOVERY_SECONDS_MAX)
    async with (
        _behind_a_proxy(tmp_path) as (w, link),
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        await _break([link], LINKS[how])
        await under_way.recovered()


async def _break(links: Sequence[Proxy], how: Break) -> None:
    """Break them for a while; what is over at once is done again and again."""
    until = time.monotonic() + BROKEN_SECONDS
    for link in links:
        how(link)
    while time.monotonic() < until:
        await asyncio.sleep(BETWEEN_RESETS_SECONDS)
        if how is LINKS["reset again and again"]:
            for link in links:
                how(link)
    for link in links:
        link.clear()


@asynccontextmanager
async def _behind_a_proxy(directory: Path) -> AsyncIterator[tuple[World, Proxy]]:
    """Run a deployment whose services reach PostgreSQL, and the log in it, through a proxy."""
    async with world(directory, started=False) as w:
        with proxy(("127.0.0.1", w.postgres.port), seed=SEED) as link:
            await w.provision()
            for service in SERVICES:
                w.add(
                    service,
                    COPROD_DATABASE_URL=_through(link, w, service),
                    COPROD_LOG_URL=_through(link, w, "log"),
                )
            await w.start()
            yield w, link


def _through(link: Proxy, w: World, database: str) -> str:
    return w.database(database).replace(f":{w.postgres.port}/", f":{link.port}/")
