"""The rebuild: a second fold beside the first, compared with it, and switched to."""

import asyncio

import asyncpg
import pytest

from services.insights.projection.generation import RUNNING, Build, BuildState, Projections
from services.insights.release.rebuild import Rebuild, Rebuilding
from services.insights.service import Insights
from shared.http.problems import HttpRefusal
from tests.services.insights.conftest import Replicas
from tests.services.insights.feed import Feed, registered
from tests.services.insights.projection.test_fold import said, told
from tests.support.archetypes import youth_court
from tests.support.polling import eventually
from tests.support.postgres import AdminOf

pytestmark = pytest.mark.postgres
# A position that no other fold can reach keeps a rebuild from ending.
AHEAD = """
INSERT INTO consumer_position (consumer, topic, partition, position, owner)
VALUES ('insights.fold.v1', 'registry.agencies.v1', 99, 1, 'nobody')
"""
CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND classid::bigint = 1768846185 AND objid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def rebuilt(insights: Insights, *, always: bool = False) -> Build:
    await insights.rebuild.start(always=always)
    while (build := await insights.rebuild.status()).state in RUNNING:
        pass
    return build


async def test_a_rebuild_finds_the_same_and_serves_from_then_on(
    replicas: Replicas, feed: Feed
) -> None:
    first, second = await replicas.start(), await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(first)
    before = await said(first)

    build = await rebuilt(first)

    assert build.state is BuildState.SWITCHED
    assert build.report is not None
    assert build.report["equal"] is True
    assert (build.report["from"], build.report["to"], build.report["services"]) == (1, 2, 1)
    for replica in (first, second):
        await eventually(lambda: replica.fold.store.projection == 2)  # noqa: B023
        await replicas.folded(replica)
        assert await said(replica) == before


async def test_after_a_rebuild_events_are_folded_once(replicas: Replicas, feed: Feed) -> None:
    insights = await replicas.start()
    court = youth_court()
    await feed.tell(told(court)[:100])
    await replicas.folded(insights)
    await rebuilt(insights)
    await eventually(lambda: insights.fold.store.projection == 2)

    await feed.tell(told(court)[100:])
    await replicas.folded(insights)

    assert (await said(insights))[3]["class"] == "co_production"
    chunks = await replicas.pool.fetch(
        "SELECT projection, sum(length(counts)) FROM fact_chunk "
        "GROUP BY projection ORDER BY projection"
    )
    assert [row["projection"] for row in chunks] == [1, 2]


async def test_figures_that_differ_are_reported_and_not_switched_to(
    replicas: Replicas, feed: Feed, as_admin_of: AdminOf
) -> None:
    insights = await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(insights)
    async with as_admin_of(replicas.pool) as admin:
        await admin.execute("DELETE FROM fact_chunk WHERE topic = 'exchange.activity.v1'")

    build = await rebuilt(insights)

    assert (build.state, build.active) == (BuildState.DIFFERENT, 1)
    assert build.report is not None
    first = build.report["differences"][0]
    assert (first["service_id"], first["figure"]) == ("service-1", "28d count A1")
    assert "value" not in first["from"]
    again = await rebuilt(insights, always=True)
    assert (again.state, again.version, again.active) == (BuildState.SWITCHED, 3, 3)


async def test_what_was_skipped_as_unknown_is_taken_in_by_a_rebuild(
    replicas: Replicas, feed: Feed
) -> None:
    first = await replicas.start()
    await feed.tell(told(youth_court()))
    await replicas.folded(first)
    await first.close()
    await replicas.pool.execute(
        "INSERT INTO unknown_event VALUES ($1, 'exchange.activity.v1', 1, 1, "
        "'org.coprod.exchange.contribution.confirmed.v1')",
        first.fold.store.consumer,
    )

    again = await replicas.start()
    before = await said(again)
    build = await rebuilt(again)
    await eventually(lambda: again.fold.store.projection == 2)

    assert "incomplete" in before[0]["flags"]
    assert build.state is BuildState.SWITCHED
    assert "incomplete" not in (await said(again))[0]["flags"]


async def test_one_rebuild_at_a_time(replicas: Replicas, feed: Feed) -> None:
    first, second = await replicas.start(), await replicas.start()
    await feed.tell(told(youth_court()))
    await first.rebuild.start(always=False)

    with pytest.raises(HttpRefusal, match="rebuild_running"):
        await second.rebuild.start(always=False)
    while (await second.rebuild.status()).state in RUNNING:
        pass


async def test_a_rebuild_whose_process_died_is_abandoned(replicas: Replicas, feed: Feed) -> None:
    first = await replicas.start()
    await feed.tell([registered("service-1")])
    await replicas.pool.execute("INSERT INTO projection (state) VALUES ('folding')")

    assert (await first.rebuild.status()).state is BuildState.ABANDONED
    assert (await rebuilt(first)).state is BuildState.SWITCHED


async def test_a_refused_second_rebuild_does_not_let_the_first_outlive_the_process(
    replicas: Replicas, feed: Feed
) -> None:
    first, second = await replicas.start(), await replicas.start()
    await feed.tell([registered("service-1")])
    await replicas.folded(first)
    await _never_caught_up(replicas)
    await first.rebuild.start(always=False)

    with pytest.raises(HttpRefusal, match="rebuild_running"):
        await first.rebuild.start(always=False)
    await first.rebuild.close()

    assert (await second.rebuild.status()).state is BuildState.ABANDONED


async def test_a_rebuild_whose_lock_was_lost_stands_in_the_way_of_no_other(
    replicas: Replicas, feed: Feed
) -> None:
    insights = await replicas.start()
    await feed.tell([registered("service-1")])
    await replicas.folded(insights)
    await _never_caught_up(replicas)
    await insights.rebuild.start(always=False)

    await replicas.pool.execute(CUT_OFF)
    await replicas.pool.execute("DELETE FROM consumer_position WHERE partition = 99")

    async def ended() -> bool:
        return (await insights.rebuild.status()).state not in {*RUNNING, BuildState.ABANDONED}

    await eventually(ended)
    assert (await rebuilt(insights)).state is BuildState.SWITCHED


async def test_a_rebuild_that_can_not_begin_says_so(replicas: Replicas) -> None:
    insights = await replicas.start()
    dsn = "postgresql://nobody@127.0.0.1:1/nowhere"
    async with asyncpg.create_pool(dsn, min_size=0) as away:
        rebuilding = Rebuilding(away, Projections(away), lambda: insights.fold, insights._beside)

        with pytest.raises(OSError, match="Connect"):
            await asyncio.wait_for(Rebuild(rebuilding).start(always=False), 5)


async def _never_caught_up(replicas: Replicas) -> None:
    await replicas.pool.execute(AHEAD)
