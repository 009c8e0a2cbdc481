"""Lag counts every partition; what nobody of ours reads for long is said."""

from shared.consumer.lag import Lag
from shared.log.port import TopicPartition
from tests.shared.consumer.conftest import CONSUMED
from tests.support.memory_log import MemoryLog
from tests.support.stream import AT, publish


async def test_what_was_never_claimed_is_noticed_too(log: MemoryLog) -> None:
    stored: dict[TopicPartition, tuple[int, int]] = {}

    async def read() -> dict[TopicPartition, tuple[int, int]]:
        return stored

    lag = Lag(log, "reader", [CONSUMED[0].name], read, unread_seconds=0)
    await publish(log, [1, 2])
    await lag.look(held=[])
    first = (lag.records, lag.troubles())
    await lag.look(held=[AT])
    held = (lag.records, lag.troubles())
    stored[AT] = (2, 1)
    await lag.look(held=[])

    assert first[0] == held[0] == 2
    assert "2 of registry.services.v1" in first[1][0]
    assert (lag.records, lag.troubles()) == (0, [])
