"""What every test may ask for; the fixtures themselves are in tests/support."""

import pytest

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.pgbouncer",
    "tests.support.kafka",
    "tests.support.kafka_cluster",
    "tests.support.log",
    "tests.support.browser",
    "tests.faults.outcome",
]
NEEDS = {"postgres_admin_dsn": "postgres", "kafka": "kafka", "browser": "browser"}
"""Fixture -> the marker of what it needs: whoever asks for it, however far away, is so marked."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(NEEDS[fixture])
