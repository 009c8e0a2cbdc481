"""Records that are gone before they were read: nobody may read on as if nothing had been there."""

from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from services.insights.projection.store import consumer_name
from shared.contracts.topics import EXCHANGE_ACTIVITY
from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world
from tests.support.kafka_cluster import KafkaCluster
from tests.support.polling import eventually
from tools.deployment.client import ready_problem
from tools.terminal.failure import ExitCode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(420),
]

SEED = 20260417
NOTICED_SECONDS_MAX = 60
RECOVERY_SECONDS_MAX = 90
TOPIC = EXCHANGE_ACTIVITY
READ = """
SELECT partition, next_offset, position FROM consumer_position
WHERE consumer = %(consumer)s AND topic = %(topic)s AND position > 0
"""


async def test_a_topic_that_was_deleted_and_made_anew_is_filled_and_read_again(
    tmp_path: Path, cluster: KafkaCluster, on_brokers: dict[str, Any], trial: Run
) -> None:
    fault = Fault("topic deleted and made anew", "F17", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers, replicas={"insights": 2}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        await w.folded(RECOVERY_SECONDS_MAX)
        async with cluster.admin() as admin:
            await admin.delete_topics([w.topic_prefix + TOPIC.name])
        await running.reaches(20)
        await w.provision()
        await eventually(lambda: _complains(w), NOTICED_SECONDS_MAX)
        await _fill_and_read_again(w)
        await under_way.recovered()


@pytest.mark.fast_faults
async def test_what_was_kept_for_less_than_the_lag_stops_the_partition_until_it_is_back(
    tmp_path: Path, cluster: KafkaCluster, on_brokers: dict[str, Any], trial: Run
) -> None:
    fault = Fault("retention shorter than the lag", "F17", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        await w.folded(RECOVERY_SECONDS_MAX)
        await w.process("insights").stop()
        before = await _read(w)
        await _keep_for(cluster, w, milliseconds=1)
        await running.reaches(40)
        await eventually(lambda: _outrun(cluster, w), NOTICED_SECONDS_MAX)
        await _keep_for(cluster, w, milliseconds=-1)

        await w.process("insights").start()
        await eventually(lambda: _complains(w), NOTICED_SECONDS_MAX)
        after = await _read(w)
        lost = await _lost(cluster, w, before)
        assert {at: after[at] for at in lost} == {at: before[at] for at in lost}, "it jumped"
        await _fill_and_read_again(w)
        await under_way.recovered()


async def _fill_and_read_again(w: World) -> None:
    """Do what the operator's manual says of lost records."""
    topic = ("--topic", TOPIC.name)
    for command in (
        ("relay", "rewind", "--service", "exchange", *topic, "--to", "0"),
        ("consumer", "reset", "--service", "insights", *topic),
    ):
        code, said = await w.coprod(*command)
        assert code == ExitCode.OK, said


async def _complains(w: World) -> bool:
    """Tell whether a replica says that records are missing, or can't be delivered any more."""
    told = [await ready_problem(one.url) or "" for one in w.replicas("insights")]
    return any(f"{TOPIC.name}/" in why or f"topic='{TOPIC.name}'" in why for why in told)


async def _read(w: World) -> dict[int, tuple[int, int]]:
    """Return, for each partition, the next offset and the last position taken."""
    rows = await w.postgres.fetch(
        READ, database="insights", consumer=consumer_name(1), topic=TOPIC.name
    )
    return {partition: (offset, position) for partition, offset, position in rows}


async def _outrun(cluster: KafkaCluster, w: World) -> bool:
    return bool(await _lost(cluster, w, await _read(w)))


async def _lost(cluster: KafkaCluster, w: World, read: dict[int, tuple[int, int]]) -> set[int]:
    """Return the partitions whose log begins after what was read."""
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap)
    await consumer.start()
    try:
        places = [KafkaPartition(w.topic_prefix + TOPIC.name, number) for number in read]
        oldest = await consumer.beginning_offsets(places)
    finally:
        await consumer.stop()
    return {at.partition for at, offset in oldest.items() if offset > read[at.partition][0]}


async def _keep_for(cluster: KafkaCluster, w: World, milliseconds: int) -> None:
    kept = {
        **TOPIC.config,
        "min.insync.replicas": "2",
        "unclean.leader.election.enable": "false",
        "retention.ms": str(milliseconds),
    }
    name = w.topic_prefix + TOPIC.name
    async with cluster.admin() as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, kept)])
