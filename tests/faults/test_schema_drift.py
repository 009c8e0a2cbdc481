"""Builds of different age beside each other: the producer is ahead, then behind again."""

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.load import Load, load
from tests.faults.other_builds import NEWER_TYPE, newer_build, newest, store, this_build
from tests.faults.outcome import Fault, Run, Trial
from tests.faults.world import World, world
from tests.support.polling import eventually
from tools.terminal.failure import ExitCode

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(400),
]

SEED = 20260314
EVENTS = 6
RECORDED = "org.coprod.exchange.contribution.recorded.v1"
PASSED_OVER = "SELECT count(*) FROM unknown_event"


async def test_the_producer_is_ahead_of_the_consumer_and_back_again(
    tmp_path: Path, on_either: dict[str, Any], trial: Run
) -> None:
    fault = Fault("producer N+1 before consumer, and back", "F14", SEED, 60.0)
    async with (
        world(tmp_path, **on_either) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await running.reaches(20)
        await _newer_producer(w, running, under_way)
        await eventually(lambda: _passed_over(w, EVENTS), 30)
        assert await _complete(w)

        await _all_to(w, newer_build(tmp_path))
        assert not await _complete(w), "the build knows what was passed over: figures lack it"
        code, said = await w.coprod("rebuild", "--timeout", "120")
        assert code == ExitCode.OK, said
        await eventually(lambda: _complete(w), 30)
        assert await _passed_over(w, 0)
        await _newer_producer(w, running, under_way)

        await _all_to(w, this_build())
        await under_way.recovered()
        assert await _complete(w)
        await _newer_producer(w, running, under_way)
        await eventually(lambda: _passed_over(w, EVENTS), 30)


async def _newer_producer(w: World, running: Load, under_way: Trial) -> None:
    """Store what a newer exchange does: a new type, and a known one that says more."""
    for number in range(EVENTS):
        service = running.services[number % len(running.services)]
        need = json.dumps({"need_id": str(number), "service_id": service}).encode()
        under_way.others |= await store(w, service, NEWER_TYPE, need)
    known = await newest(w, RECORDED)
    act = {**known["act"], "contribution_id": str(uuid.uuid4())}  # nobody records an act twice
    data = json.dumps({**known, "act": act, "mood": "hopeful"}).encode()
    under_way.others |= await store(w, act["service_id"], RECORDED, data)
    await running.reaches(20)


async def _all_to(w: World, build: dict[str, str]) -> None:
    """Deploy a build, one service after the other, while the load goes on."""
    for service in ("registry", "exchange", "insights"):
        await w.process(service).restart(build)
    await w.ready()


async def _passed_over(w: World, events: int) -> bool:
    rows = await w.postgres.fetch(PASSED_OVER, database="insights")
    return bool(rows[0][0] == events)


async def _complete(w: World) -> bool:
    """Whether insights says that its figures lack nothing that it could know."""
    async with httpx.AsyncClient(base_url=w.urls["insights"], trust_env=False) as http:
        answer = (await http.get("/v1/positions")).raise_for_status()
    return bool(answer.json()["complete"])
