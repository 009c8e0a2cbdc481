"""The log repeats itself: relays set back under load, whole batches published once more."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.topics import EVENT_TOPICS
from shared.log.port import LogRecord, TopicPartition
from tests.faults.intruder import copied, log_of
from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world
from tests.support.log import position_of
from tools.terminal.failure import ExitCode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

SEED = 20260311
REWINDS = 5
BATCHES = 40
RANGE_MAX = 80
PRODUCERS = {topic.name: topic.producer for topic in EVENT_TOPICS}
RELAYED = "SELECT topic, partition, position FROM relay WHERE position > 0"


async def test_relays_set_back_again_and_again_double_nothing(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    chance = random.Random(SEED)
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(w, running, Fault("relays rewound under load", "F11", SEED)) as under_way,
    ):
        await under_way.warmed()
        again = 0
        for _ in range(REWINDS):
            await running.reaches(10)
            at, relayed = chance.choice(await _relayed(w))
            to = chance.randrange(relayed)
            again += relayed - to
            await _rewind(w, at, to)
        under_way.expect_repeats(again)


@pytest.mark.fast_faults
async def test_batches_published_once_more_change_no_figure(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    chance = random.Random(SEED)
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(w, running, Fault("batches published again", "F11", SEED)) as under_way,
    ):
        await under_way.warmed()
        again = 0
        async with log_of(w) as log:
            for _ in range(BATCHES):
                at, _position = chance.choice(await _relayed(w))
                records = await log.read_all(at)
                start = chance.choice(_starts(records))
                batch = records[start : start + chance.randint(1, RANGE_MAX)]
                await log.publish(*at, [copied(record) for record in batch])
                again += len(batch)
        under_way.expect_repeats(again)


def _starts(records: Sequence[LogRecord]) -> list[int]:
    """Return where a relay set back could begin: it leaves out nothing after what stands last."""
    positions = [position_of(record) for record in records]
    return [at for at, position in enumerate(positions) if position <= positions[-1] + 1]


async def _relayed(w: World) -> list[tuple[TopicPartition, int]]:
    """Return the partitions that hold events, and the position up to which they do."""
    found = []
    for service in ("registry", "exchange"):
        rows = await w.postgres.fetch(RELAYED, database=service)
        found += [(TopicPartition(topic, number), position) for topic, number, position in rows]
    return found


async def _rewind(w: World, at: TopicPartition, to: int) -> None:
    code, said = await w.coprod(
        *("relay", "rewind", "--service", PRODUCERS[at.topic], "--topic", at.topic),
        *("--partition", str(at.partition), "--to", str(to)),
    )
    assert code == ExitCode.OK, said
