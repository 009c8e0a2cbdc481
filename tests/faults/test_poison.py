"""Records that no consumer can take: kept byte for byte, out of the way of all the others."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.contracts.topics import EXCHANGE_ACTIVITY, REGISTRY_SERVICES
from shared.log.partitioner import partition_of
from shared.log.port import TopicPartition
from tests.faults.intruder import Raw, intrude
from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.poison import content, held, settle, without_position
from tests.faults.world import World, world
from tests.support.polling import eventually
from tools.failure import ExitCode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

SEED = 20260313
TAKING_SECONDS_MAX = 60.0
ROOM_BYTES = 24 * 1024**2
RUN = 150  # more in a row than a consumer quarantines


@pytest.mark.fast_faults
async def test_poison_of_every_kind_is_kept_whole_and_stops_nothing(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    fault = Fault("poison of every kind", "F13", SEED)
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        number = partition_of(running.services[0], EXCHANGE_ACTIVITY.partitions)
        among = [
            TopicPartition(topic.name, number) for topic in (EXCHANGE_ACTIVITY, REGISTRY_SERVICES)
        ]
        await _let_in_what_is_large(w, among)
        kinds = {at: without_position(at, w.deployment_id) for at in among}
        for at, records in kinds.items():
            await intrude(w, at, list(records.values()))
        await running.reaches(60)

        await _put_away(w, kinds)
        await under_way.recovered()
        assert await w.metric("coprod_consumer_gaps") == 0
        await eventually(lambda: _mirrored(w), TAKING_SECONDS_MAX)
        await _give_up(w)


async def _let_in_what_is_large(w: World, partitions: list[TopicPartition]) -> None:
    """A broker refuses such records, until an operator raises the topic's limit."""
    if w.log != "kafka":
        return
    admin = AIOKafkaAdminClient(bootstrap_servers=w.bootstrap)
    await admin.start()
    try:
        for at in partitions:
            limit = {"max.message.bytes": str(ROOM_BYTES), "retention.ms": "-1"}
            topic = ConfigResource(ConfigResourceType.TOPIC, w.topic_prefix + at.topic, limit)
            await admin.alter_configs([topic])
    finally:
        await admin.close()


async def _put_away(w: World, kinds: dict[TopicPartition, dict[str, Raw]]) -> None:
    """Wait until both consumers hold all that they read of it; compare it byte for byte."""
    for service in ("exchange", "insights"):
        due = Counter(
            (at.topic, record.key or b"", record.value)
            for at, records in kinds.items()
            for record in records.values()
            if service == "insights" or at.topic == REGISTRY_SERVICES.name
        )
        found = await _held(w, service, due.total())
        kept = [(one["topic"], *await content(w, service, one["id"])) for one in found]
        assert Counter(kept) == due


async def _held(w: World, service: str, count: int) -> list[dict[str, Any]]:
    """Wait until the service holds so many records."""
    found: list[dict[str, Any]] = []

    async def all_there() -> bool:
        found[:] = await held(w, service)
        return len(found) >= count

    try:
        await eventually(all_there, TAKING_SECONDS_MAX)
    except AssertionError:
        told = Counter((one["topic"], one["reason"], one["detail"]) for one in found)
        raise AssertionError(f"{service} holds {told}, of {count}") from None
    return found


async def _mirrored(w: World) -> bool:
    """Whether everything in quarantine is in the topics of dead letters too."""
    found = [one for service in ("exchange", "insights") for one in await held(w, service)]
    return all(one["mirrored_at"] is not None for one in found)


async def _give_up(w: World) -> None:
    """Discard everything, once as an operator does."""
    for service in ("exchange", "insights"):
        first, *others = [one["id"] for one in await held(w, service)]
        code, said = await w.coprod("quarantine", "discard", f"{service}/{first}")
        assert code == ExitCode.OK, said
        assert set(await settle(w, service, "discard", others)) == {200}
