"""A broker that hangs: it keeps its connections and its place, and answers nobody."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.partitioner import partition_of
from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import world
from tests.support.kafka_cluster import KafkaCluster

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(420),
]

SEED = 20260402
HUNG_SECONDS = 20
RECOVERY_SECONDS_MAX = 60


async def test_another_leads_while_it_hangs_and_what_it_believes_afterwards_harms_nothing(
    tmp_path: Path, cluster: KafkaCluster, on_brokers: dict[str, Any], trial: Run
) -> None:
    fault = Fault("leading broker hung", "F4", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers, replicas={"insights": 2}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        partition = partition_of(running.services[0], EXCHANGE_ACTIVITY.partitions)
        topic = w.topic_prefix + EXCHANGE_ACTIVITY.name
        leader = await cluster.leader_of(topic, partition)
        leader.pause()
        await asyncio.sleep(HUNG_SECONDS)
        await under_way.recovered()
        leader.resume()
        await running.reaches(40)
