"""A process is stopped for longer than its share of the work is kept for it, and then goes on.

It does not know that others have taken over: what it then writes must not count.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.faults.load import load
from tests.faults.outcome import Fault, Run
from tests.faults.world import world
from tests.support.polling import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(900),
]

SEED = 20260306
RECOVERY_SECONDS_MAX = 60.0
REPLACED = re.compile("relay_fenced|relay_database_away")  # by the epoch, or with its session
TAKEOVER_SECONDS_MAX = 60.0  # session timeout, a rebalance, and states restored


@pytest.mark.kafka
@pytest.mark.parametrize("replicas", [2, pytest.param(3, id="3")])
@pytest.mark.parametrize("place", ["consumer.taking", "consumer.committing"])
async def test_a_stopped_consumer_is_relieved_and_fenced_when_it_goes_on(
    tmp_path: Path, on_kafka: dict[str, Any], trial: Run, replicas: int, place: str
) -> None:
    """Stopped with a batch in hand: before its transaction, or with the transaction open."""
    fault = Fault(
        f"one of {replicas} insights stopped at {place}", "F6", SEED, RECOVERY_SECONDS_MAX
    )
    async with (
        world(tmp_path, **on_kafka, replicas={"insights": replicas}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        zombie = w.process("insights-2")
        await zombie.restart({"COPROD_FAILPOINTS": f"{place}=stop@5"})
        await eventually(lambda: zombie.paused, 60)

        await w.folded(TAKEOVER_SECONDS_MAX)  # without it
        zombie.resume()
        await under_way.recovered()
        await eventually(lambda: "partition_fenced" in zombie.log_text())

        assert zombie.exit_codes[1:] == []
        assert await w.metric("coprod_consumer_fenced_total", "insights-2") > 0


async def test_a_stopped_relay_is_relieved_and_fenced_when_it_goes_on(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    """Its session in PostgreSQL outlives it for as long as the kernel answers for it."""
    fault = Fault(
        "one of two relays stopped before it notes a page", "F7", SEED, RECOVERY_SECONDS_MAX
    )
    async with (
        world(tmp_path, **on_either, replicas={"exchange": 2}) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        under_way.expect_repeats(1)  # by the heir: what was noted nowhere
        zombie, heir = w.replicas("exchange")
        await heir.stop()
        await zombie.restart({"COPROD_FAILPOINTS": "relay.acknowledged=stop@20"})
        await running.reaches(5)
        await heir.start()
        await eventually(lambda: zombie.paused, 60)

        await w.folded(TAKEOVER_SECONDS_MAX)  # by the heir alone
        assert "silent_relay_ended" in heir.log_text()
        zombie.resume()
        await under_way.recovered()
        await eventually(lambda: REPLACED.search(zombie.log_text()))

        assert len(zombie.exit_codes) == 1  # of its restart above
