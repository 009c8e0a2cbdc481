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
from tests.faults.other_builds import store
from tests.faults.outcome import Fault, Run
from tests.faults.poison import content, held, settle, without_position
from tests.faults.world import World, world
from tests.support.polling import eventually
from tools.terminal.failure import ExitCode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

SEED = 20260313
TAKING_SECONDS_MAX = 60.0
ROOM_BYTES = 24 * 1024**2
RUN, SOUND_RUN_MAX = 150, 100  # more in a row than a consumer quarantines unless told to
CONFIRMED = "org.coprod.exchange.contribution.confirmed.v1"
UNREADABLE = (
    b"{}",
    b"not JSON",
    b'{"act": null}',
    b"\xff\xfe",
    b'{"act": {"giver_id": "\\u0000"}}',
)
COUNT = "SELECT count(*) FROM quarantine"


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


async def test_events_that_no_build_can_read_cost_themselves_and_no_other(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    """They come from a store, with positions that are dense and that nothing else will fill."""
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(w, running, Fault("events that nobody can read", "F13", SEED)) as under_way,
    ):
        await under_way.warmed()
        for data in UNREADABLE:
            service = running.services[len(data) % len(running.services)]
            under_way.others |= await store(w, service, CONFIRMED, data)

        found = await _held(w, "insights", len(UNREADABLE))
        await running.reaches(40)
        await under_way.recovered()

        assert {one["reason"] for one in found} == {"invalid_data"}
        assert None not in {one["position"] for one in found}
        numbers = [one["id"] for one in found]
        assert set(await settle(w, "insights", "retry", numbers)) == {409}
        await eventually(lambda: _mirrored(w), TAKING_SECONDS_MAX)
        await _give_up(w)


async def test_a_bad_release_stops_its_consumer_instead_of_filling_the_quarantine(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run
) -> None:
    fault = Fault("a bad release: 150 broken events in a row", "F13", SEED, 60.0)
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED, rate=10) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        insights = w.process("insights")
        broken = b'{"of": "a bad release"}'
        under_way.others |= await store(w, running.services[0], CONFIRMED, broken, RUN)
        await eventually(lambda: len(insights.exit_codes) >= 2, TAKING_SECONDS_MAX)
        assert "TooManyBroken" in insights.log_text()
        quarantined = await w.postgres.fetch(COUNT, database="insights")
        assert quarantined[0][0] <= SOUND_RUN_MAX

        await insights.restart({"COPROD_BROKEN_RUN_MAX": str(10 * RUN)})
        await w.ready()
        await under_way.recovered()
        await _held(w, "insights", RUN)
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
    """Discard everything, of each service once as an operator does."""
    for service in ("exchange", "insights"):
        numbers = [one["id"] for one in await held(w, service)]
        if not numbers:
            continue
        first, *others = numbers
        code, said = await w.coprod("quarantine", "discard", f"{service}/{first}")
        assert code == ExitCode.OK, said
        assert set(await settle(w, service, "discard", others)) == {200}
