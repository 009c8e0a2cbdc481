"""A Kafka is found where there is one, started where there is none, and missed with a reason."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tools.deployment.kafka import jars
from tools.deployment.kafka.finding import find_kafka
from tools.deployment.kafka.local_kafka import KafkaAbsent, answers, free_port


@pytest.fixture
def listener() -> Iterator[str]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_given_address_comes_first(listener: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP", listener)

    found = find_kafka()
    found.stop()

    assert (found.bootstrap, found.origin) == (listener, "given")
    assert answers(listener)


def test_a_given_address_that_is_silent_is_not_replaced_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP", f"127.0.0.1:{free_port()}")

    with pytest.raises(KafkaAbsent, match="does not answer"):
        find_kafka()


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(KafkaAbsent) as absent:
        find_kafka()

    assert "KAFKA_BOOTSTRAP is not set" in str(absent.value)
    assert "no Docker engine answers" in str(absent.value)
    assert "no java" in str(absent.value)


@pytest.mark.kafka
def test_a_kafka_from_jars_goes_on_with_its_log(tmp_path: Path) -> None:
    try:
        first = jars.start(tmp_path)
    except KafkaAbsent as absent:  # where Docker or a given Kafka serves the other tests
        pytest.skip(f"=== KAFKA FROM ITS JARS WAS NOT TESTED: {absent} ===")
    same = jars.start(tmp_path)
    meta = (tmp_path / "log" / "meta.properties").read_text()

    assert (same.bootstrap, same.pid) == (first.bootstrap, first.pid)
    first.stop()
    assert not answers(first.bootstrap)
    again = jars.start(tmp_path)
    assert answers(again.bootstrap)
    assert (tmp_path / "log" / "meta.properties").read_text() == meta
    again.stop()
