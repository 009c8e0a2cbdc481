"""What an acknowledgement of a single broker is worth when the machine itself goes dark.

``kill -9`` leaves what was written in the operating system's memory and so says nothing of it; here
the broker is started on its disk as a power cut would have left that.
"""

import os
import signal
from dataclasses import replace

import psutil
import pytest

from shared.contracts.topics import EXCHANGE_ACTIVITY, Topic
from shared.log.kafka.log import KafkaLog
from shared.log.kafka.provisioning import create_topics
from shared.log.port import TopicPartition
from tests.support.disk import Disk, demand_root, disk
from tests.support.kafka_cluster import demand_jars
from tests.support.log import numbered
from tools.deployment.kafka import jars

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.timeout(300)]
ROOM_MEGABYTES = 256
RECORDS = 50
HERE = TopicPartition(EXCHANGE_ACTIVITY.name, 3)
FLUSHED = replace(EXCHANGE_ACTIVITY, config={**EXCHANGE_ACTIVITY.config, "flush.messages": "1"})


async def test_records_flushed_one_by_one_are_all_there() -> None:
    assert await _found_after_a_power_cut(FLUSHED) == RECORDS


async def test_records_in_the_memory_of_the_operating_system_are_not() -> None:
    """Which is why the stores are the truth, and a relay can be rewound."""
    assert await _found_after_a_power_cut(EXCHANGE_ACTIVITY) < RECORDS


async def _found_after_a_power_cut(topic: Topic) -> int:
    demand_root("a power cut under a broker")
    demand_jars()
    with disk(ROOM_MEGABYTES) as whole:
        after = await _acknowledged(whole, topic)
        kafka = jars.start(after.folder / "kafka")
        log = KafkaLog(kafka.bootstrap)
        try:
            await create_topics(kafka.bootstrap, topics=[topic])
            return len(await log.read_all(HERE))
        finally:
            await log.stop()
            kafka.stop()


async def _acknowledged(whole: Disk, topic: Topic) -> Disk:
    """Publish, and cut the power as soon as the last record is acknowledged."""
    kafka = jars.start(whole.folder / "kafka")
    log = KafkaLog(kafka.bootstrap)
    assert kafka.pid is not None
    broker = psutil.Process(kafka.pid)
    try:
        await create_topics(kafka.bootstrap, topics=[topic])
        whole.flush()  # what the broker made of its folder as it started, and that there is a topic
        await log.start()
        for number in range(RECORDS):
            await log.publish(*HERE, numbered(1, number))
    finally:
        os.kill(broker.pid, signal.SIGKILL)
        found = whole.without_power()
        kafka.stop()
        await log.stop()
    return found
