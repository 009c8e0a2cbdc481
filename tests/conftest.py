"""What every test may ask for; the fixtures themselves are in tests/support."""

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.kafka",
    "tests.support.kafka_cluster",
    "tests.support.log",
    "tests.support.browser",
    "tests.faults.outcome",
]
