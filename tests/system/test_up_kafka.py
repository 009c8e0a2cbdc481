"""``coprod up --log kafka``: on a Kafka that is there, and on one that it starts itself."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.support.deployment import Up, free_port_base, up
from tools.deployment.kafka.local_kafka import LocalKafka
from tools.terminal.failure import ExitCode

pytestmark = [pytest.mark.system, pytest.mark.kafka, pytest.mark.postgres]


def topics_of(bootstrap: str, prefix: str) -> set[str]:
    async def listed() -> set[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            return {name for name in await admin.list_topics() if name.startswith(prefix)}
        finally:
            await admin.close()

    return asyncio.run(listed())


def folded(deployment: Up) -> None:
    answer = deployment.coprod("wait", "--timeout", "60")
    assert answer.returncode == ExitCode.OK, answer.stderr
    verified = deployment.coprod("verify")
    assert verified.returncode == ExitCode.OK, verified.stdout + verified.stderr


def test_fresh_removes_the_topics_of_this_directory_alone(
    tmp_path: Path, kafka: LocalKafka
) -> None:
    arguments = ("--log", "kafka", "--bootstrap", kafka.bootstrap)
    with up(tmp_path / "other", free_port_base(), *arguments) as other:
        assert other.ready
        others = other.record()["topic_prefix"]
        other.stop()
    data, base = tmp_path / "data", free_port_base()
    with up(data, base, *arguments) as first:
        assert first.ready
        before = first.record()["topic_prefix"]
        folded(first)
        first.stop()

    with up(data, base, *arguments, "--fresh") as second:
        assert second.ready
        after = second.record()["topic_prefix"]
        second.stop()

    assert topics_of(kafka.bootstrap, before) == set()
    assert topics_of(kafka.bootstrap, after)
    assert topics_of(kafka.bootstrap, others)


def test_a_kafka_of_its_own_is_replaced_when_it_dies(tmp_path: Path) -> None:
    with up(tmp_path / "data", free_port_base(), "--log", "kafka") as deployment:
        assert deployment.ready
        before = deployment.record()["kafka"]
        if "kafka" not in deployment.record()["processes"]:
            pytest.skip("a Kafka in a container is the engine's to watch")
        psutil.Process(deployment.pid("kafka")).kill()
        deadline = time.monotonic() + 90
        while deployment.record()["kafka"] == before:
            assert time.monotonic() < deadline, deployment.said
            time.sleep(0.1)
        while not all(deployment.answers(name) for name in ("registry", "exchange", "insights")):
            assert time.monotonic() < deadline, deployment.said
            time.sleep(0.1)

        folded(deployment)


def test_a_kafka_that_does_not_answer_is_an_error_that_says_so(tmp_path: Path) -> None:
    arguments = ("--log", "kafka", "--bootstrap", "127.0.0.1:9")
    with up(tmp_path / "data", free_port_base(), *arguments) as refused:
        assert refused.ended() == ExitCode.UNREACHABLE

    assert "--bootstrap" in refused.said
