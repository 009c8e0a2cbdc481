"""Ready means that the log was reached as well: its address is right, and its topics are there."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import psycopg
import pytest
from fastapi import FastAPI

from services.exchange.app import exchange_app
from services.insights.app import insights_app
from services.registry.app import registry_app
from shared.database.provisioning import database_of
from shared.log.kafka.provisioning import create_topics
from shared.runtime.settings import ServiceSettings
from tests.support.service import embedded_settings, opened, readiness
from tools.deployment.kafka.local_kafka import LocalKafka, free_port

pytestmark = pytest.mark.postgres
APPS: dict[str, Callable[[ServiceSettings], FastAPI]] = {
    "registry": registry_app,
    "exchange": exchange_app,
    "insights": lambda settings: insights_app(settings)[0],
}
Fresh: TypeAlias = Callable[[str], str]


@pytest.mark.parametrize("service", APPS)
async def test_a_service_without_its_kafka_is_not_ready(
    service: str, fresh_database: Fresh
) -> None:
    settings = ServiceSettings(
        database_url=fresh_database(service),
        log="kafka",
        kafka_bootstrap=f"127.0.0.1:{free_port()}",
    )

    async with opened(APPS[service](settings)) as client:
        told = await readiness(client, until="its log")
        works = await client.get("/v1/positions")

    assert '"not_ready"' in told
    assert works.status_code == 200


@pytest.mark.parametrize("service", APPS)
async def test_a_log_that_was_not_provisioned_is_waited_for(
    service: str, fresh_database: Fresh
) -> None:
    settings = ServiceSettings(
        database_url=fresh_database(service),
        log="embedded",
        log_url=fresh_database("registry"),  # a database, but not that of a log
    )

    async with opened(APPS[service](settings)) as client:
        await readiness(client, until="provisioning: the database of its log")


@pytest.mark.parametrize("service", APPS)
async def test_a_log_that_was_away_for_several_attempts_is_found_when_it_is_back(
    service: str, fresh_database: Fresh, postgres_admin_dsn: str
) -> None:
    settings = embedded_settings(fresh_database(service), fresh_database("log"))
    name = database_of(settings.log_url or "")
    with psycopg.connect(postgres_admin_dsn, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")

        async with opened(APPS[service](settings)) as client:
            for _ in range(20):
                await readiness(client, until="does not exist")
                await asyncio.sleep(0.02)
            admin.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")
            await readiness(client, until='"ready"')


@pytest.mark.kafka
async def test_topics_that_come_late_make_it_ready(
    kafka: LocalKafka, topic_prefix: str, fresh_database: Fresh
) -> None:
    settings = ServiceSettings(
        database_url=fresh_database("insights"),
        log="kafka",
        kafka_bootstrap=kafka.bootstrap,
        topic_prefix=topic_prefix,
    )

    async with opened(APPS["insights"](settings)) as client:
        await readiness(client, until="not provisioned yet")
        await create_topics(kafka.bootstrap, topic_prefix)
        await readiness(client, until='"ready"')
