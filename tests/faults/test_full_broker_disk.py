"""The disk of one broker is full: it gives up, the others go on, and it comes back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import REPLICATED
from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import world
from tests.support.disk import demand_root, fill, small_disk
from tests.support.kafka_cluster import KafkaCluster, demand_jars, kafka_cluster
from tests.support.polling import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(600),
]

SEED = 20260409
ROOM_MEGABYTES = 96
NOTICED_SECONDS_MAX = 60
FULL_SECONDS = 10
RECOVERY_SECONDS_MAX = 60


@pytest.fixture
def disk_of_one() -> Iterator[Path]:
    demand_root("a broker whose disk is full")
    with small_disk(ROOM_MEGABYTES) as disk:
        yield disk


@pytest.fixture
def brokers_of_mine(disk_of_one: Path) -> Iterator[KafkaCluster]:
    demand_jars()
    with kafka_cluster(logs={1: disk_of_one / "log"}) as running:
        yield running


async def test_the_others_go_on_and_it_catches_up_once_there_is_room(
    tmp_path: Path, disk_of_one: Path, brokers_of_mine: KafkaCluster, trial: Run
) -> None:
    cluster, full = brokers_of_mine, brokers_of_mine.brokers[1]
    fault = Fault("disk of a broker full", "F9", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, log="kafka", bootstrap=cluster.bootstrap, env=REPLICATED) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        ballast = fill(disk_of_one)
        await eventually(lambda: not full.alive, NOTICED_SECONDS_MAX)
        await asyncio.sleep(FULL_SECONDS)
        await under_way.recovered()

        ballast.unlink()
        await cluster.mend()
        await running.reaches(20)
