"""Members come to the group and go, faster than it settles: by name, and under one that stays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from services.insights.projection.store import FOLDED_TOPICS, consumer_name
from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(420),
]

SEED = 20260412
ROUNDS = 12
BETWEEN_SECONDS = 2.0
RECOVERY_SECONDS_MAX = 60


@pytest.mark.parametrize("name", [None, "visitor"], ids=["dynamic", "static"])
async def test_strangers_take_partitions_and_read_nothing(
    tmp_path: Path, on_brokers: dict[str, Any], trial: Run, name: str | None
) -> None:
    """Every two seconds one joins or leaves; a static one leaves without saying so."""
    kind = "dynamic" if name is None else "static"
    fault = Fault(f"rebalance storm, {kind} members", "F12", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers, replicas={"insights": 2}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        for _ in range(ROUNDS):
            async with _stranger(w, name):
                await asyncio.sleep(BETWEEN_SECONDS)
            await asyncio.sleep(BETWEEN_SECONDS)
        await under_way.recovered()


async def test_replicas_of_ours_end_and_begin_all_the_time(
    tmp_path: Path, on_brokers: dict[str, Any], trial: Run
) -> None:
    fault = Fault("rebalance storm, replicas restarted", "F12", SEED, RECOVERY_SECONDS_MAX)
    async with (
        world(tmp_path, **on_brokers, replicas={"insights": 3}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        for number in range(ROUNDS):
            replica = w.process(f"insights-{1 + number % 3}")
            if number % 2:
                replica.kill()
            else:
                replica.terminate()
            await asyncio.sleep(BETWEEN_SECONDS)
        await under_way.recovered()


@asynccontextmanager
async def _stranger(w: World, name: str | None) -> AsyncIterator[None]:
    """Be a member of insights' group that takes its share and does nothing with it."""
    member = AIOKafkaConsumer(
        *(w.topic_prefix + topic for topic in FOLDED_TOPICS),
        bootstrap_servers=w.bootstrap,
        group_id=w.topic_prefix + consumer_name(1),
        group_instance_id=name,
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=6_000,
        enable_auto_commit=False,
        auto_offset_reset="latest",
    )
    try:
        await member.start()
        yield
    finally:
        await member.stop()
