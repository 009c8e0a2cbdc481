"""Brokers die: the leader, each in its turn, a majority, and all of them at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.partitioner import partition_of
from tests.faults.load import Load, load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world
from tests.support.kafka_cluster import Broker, KafkaCluster

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(600),
]

SEED = 20260401
AWAY_SECONDS = 12  # more than clients keep what they know of the brokers
WITHOUT_LOG_SECONDS = 15  # a batch is given up after five
RECOVERY_SECONDS_MAX = 60


@pytest.mark.fast_faults
async def test_while_the_leader_is_dead_another_leads_and_the_figures_follow(
    tmp_path: Path, cluster: KafkaCluster, on_brokers: dict[str, Any], trial: Run
) -> None:
    fault = Fault("leading broker killed", "F4", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        leader = await _leader(cluster, w, running)
        leader.kill()
        await running.reaches(20)
        await under_way.recovered()
        assert not leader.alive
        leader.start()
        await running.reaches(20)


async def test_each_dies_in_its_turn_and_no_client_is_left_without_a_broker_it_knows(
    tmp_path: Path, cluster: KafkaCluster, on_brokers: dict[str, Any], trial: Run
) -> None:
    """A client's list of brokers shrinks with each, and must have grown again by the next."""
    fault = Fault("brokers killed one after another", "F4", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers, replicas={"insights": 2}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        for broker in cluster.brokers.values():
            broker.kill()
            await asyncio.sleep(AWAY_SECONDS)
            await w.folded(RECOVERY_SECONDS_MAX)
            await cluster.mend()
        await under_way.recovered()


async def test_without_a_majority_nothing_is_published_and_later_everything_is(
    tmp_path: Path, cluster: KafkaCluster, on_brokers: dict[str, Any], trial: Run
) -> None:
    """The one that is left has the records, and must not acknowledge what it alone has."""
    fault = Fault("two of three brokers killed", "F4", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        leader = await _leader(cluster, w, running)
        for broker in cluster.brokers.values():
            if broker is not leader:
                broker.kill()
        await _commands_go_on(running)
        await cluster.mend()
        await under_way.recovered()
        assert "NotEnoughReplicas" in w.process("exchange").log_text()


async def test_all_killed_at_once_have_what_they_acknowledged(
    tmp_path: Path, cluster: KafkaCluster, on_brokers: dict[str, Any], trial: Run
) -> None:
    fault = Fault("all brokers killed at once", "F4", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers, replicas={"insights": 2}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        for broker in cluster.brokers.values():
            broker.kill()
        await _commands_go_on(running)
        await cluster.mend()
        await under_way.recovered()


async def _commands_go_on(running: Load) -> None:
    """The log is away, and whoever gives commands must not feel it."""
    before = running.acknowledged
    await asyncio.sleep(WITHOUT_LOG_SECONDS)
    assert running.acknowledged > before


async def _leader(cluster: KafkaCluster, w: World, running: Load) -> Broker:
    """Return the broker that leads the partition of the load's first service."""
    partition = partition_of(running.services[0], EXCHANGE_ACTIVITY.partitions)
    return await cluster.leader_of(w.topic_prefix + EXCHANGE_ACTIVITY.name, partition)
