"""A disk returns other bytes than it was given: found by the checksum, contained, and mended."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition as KafkaPartition

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world
from tests.support.polling import eventually
from tools.commands.progress import read_progress
from tools.deployment.client import Services
from tools.deployment.kafka import jars
from tools.deployment.kafka.local_kafka import KafkaAbsent, LocalKafka
from tools.terminal.failure import ExitCode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(400),
]

SEED = 20260322
NOTICING_SECONDS_MAX = 60.0
TEXT = b'"contribution_id"'  # stands within the content of a record, and so under the checksum
EVERYTHING = -1


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker whose files are at hand."""
    try:
        started = jars.start(tmp_path / "kafka")
    except KafkaAbsent as absent:
        pytest.skip(f"=== NO KAFKA OF ITS OWN, SO NO BIT WAS FLIPPED: {absent} ===")
    yield started
    started.stop()


async def test_a_flipped_bit_stops_one_partition_until_it_is_published_again(
    tmp_path: Path, own_kafka: LocalKafka, trial: Run
) -> None:
    fault = Fault("a bit flipped in the broker's file", "F22", SEED, 60.0)
    (tmp_path / "world").mkdir()
    async with (
        world(tmp_path / "world", log="kafka", bootstrap=own_kafka.bootstrap) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        number = partition_of(running.services[0], EXCHANGE_ACTIVITY.partitions)
        at = TopicPartition(EXCHANGE_ACTIVITY.name, number)
        await w.process("insights").stop()
        await running.reaches(60)
        _flip(tmp_path / "kafka" / "log", f"{w.topic_prefix}{at.topic}-{at.partition}")
        await w.process("insights").start()

        await eventually(lambda: _says(w, f"{at.topic}/{at.partition}"), NOTICING_SECONDS_MAX)
        await eventually(lambda: _others_are_folded(w, at), NOTICING_SECONDS_MAX)
        code, said = await w.coprod("verify")
        assert code == ExitCode.PROBLEM
        assert "can't be read" in said

        await _publish_again(w, at)
        await under_way.recovered()


def _flip(directory: Path, partition: str) -> None:
    """Change one bit of the last record's content, as a failing disk does."""
    (segment,) = (directory / partition).glob("*.log")
    place = segment.read_bytes().rindex(TEXT)
    with segment.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1]))


async def _says(w: World, partition: str) -> bool:
    """Whether insights names the partition among what is not as it should be."""
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{w.process('insights').url}/readyz")
    except httpx.HTTPError:
        return False
    return partition in answer.text


async def _others_are_folded(w: World, broken: TopicPartition) -> bool:
    with closing(Services(w.deployment())) as services:
        progress = await asyncio.to_thread(read_progress, services)
    behind = progress.behind(progress.heads).get("folding in insights", {})
    return set(behind) <= {f"{broken.topic}/{broken.partition}"}


async def _publish_again(w: World, at: TopicPartition) -> None:
    """Delete what can't be read from the log and publish all of the partition once more."""
    admin = AIOKafkaAdminClient(bootstrap_servers=w.bootstrap)
    await admin.start()
    try:
        place = KafkaPartition(w.topic_prefix + at.topic, at.partition)
        await admin.delete_records({place: RecordsToDelete(before_offset=EVERYTHING)})
    finally:
        await admin.close()
    partition = ("--topic", at.topic, "--partition", str(at.partition))
    for command in (
        ("relay", "rewind", "--service", "exchange", *partition, "--to", "0"),
        ("consumer", "reset", "--service", "insights", *partition),
    ):
        code, said = await w.coprod(*command)
        assert code == ExitCode.OK, said
