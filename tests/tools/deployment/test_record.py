"""Where a deployment is found, and what is written down of it."""

import stat
from pathlib import Path

import pytest

from tools.deployment import record
from tools.deployment.record import SERVICES, Deployment, Identity, Kafka, find, read, write
from tools.terminal.failure import ExitCode, Failure

VARIABLES = (
    *(f"COPROD_{name.upper()}_URL" for name in SERVICES),
    *("COPROD_DATA", "COPROD_READONLY_URL", "COPROD_READONLY_PASSWORD"),
    *("COPROD_LOG", "COPROD_KAFKA_BOOTSTRAP", "COPROD_TOPIC_PREFIX"),
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def made(**changes: object) -> Deployment:
    return Deployment(deployment="d1", log="embedded", urls={"registry": "http://r"}).model_copy(
        update=changes
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    kafka = Kafka(bootstrap="127.0.0.1:9", origin="jars")
    written = made(kafka=kafka, processes={"registry": Identity(pid=7, started=1.5)})

    write(written, tmp_path)

    assert read(tmp_path) == written.model_copy(update={"directory": tmp_path})


def test_passwords_are_for_the_owner_alone(tmp_path: Path) -> None:
    write(made(passwords={"registry": "secret"}), tmp_path)

    mode = (tmp_path / record.FILE_NAME).stat().st_mode

    assert stat.S_IMODE(mode) == 0o600


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    write(made(), tmp_path)
    write(made(deployment="d2"), tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [record.FILE_NAME]


def test_the_option_comes_before_everything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(made(deployment="named"), tmp_path)
    monkeypatch.setenv("COPROD_REGISTRY_URL", "http://elsewhere")

    assert find(tmp_path).deployment == "named"


def test_addresses_come_before_the_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(made(deployment="named"), tmp_path)
    monkeypatch.setenv("COPROD_DATA", str(tmp_path))
    monkeypatch.setenv("COPROD_INSIGHTS_URL", "http://insights:8403/")

    found = find()

    assert found.urls == {"insights": "http://insights:8403"}
    assert found.deployment is None


def test_the_directory_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(made(deployment="environment"), tmp_path)
    monkeypatch.setenv("COPROD_DATA", str(tmp_path))

    assert find().deployment == "environment"


def test_the_default_directory_is_in_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / ".coprod").mkdir()
    write(made(deployment="default"), tmp_path / ".coprod")

    assert find().deployment == "default"


def test_no_deployment_says_how_to_get_one() -> None:
    with pytest.raises(Failure) as failed:
        find()

    assert failed.value.code is ExitCode.UNREACHABLE
    assert "coprod up" in str(failed.value.remedy)


def test_an_unknown_address_names_its_variable() -> None:
    with pytest.raises(Failure, match="exchange") as failed:
        made().url("exchange")

    assert "COPROD_EXCHANGE_URL" in str(failed.value.remedy)


def test_the_readonly_password_is_put_into_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPROD_REGISTRY_URL", "http://r")
    monkeypatch.setenv("COPROD_READONLY_URL", "postgresql://coprod_readonly@db:5432")
    monkeypatch.setenv("COPROD_READONLY_PASSWORD", "p/w")

    found = find()

    expected = "postgresql://coprod_readonly:p%2Fw@db:5432/coprod_exchange"
    assert found.readonly_database("exchange") == expected


def test_a_kafka_in_the_environment_is_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPROD_REGISTRY_URL", "http://r")
    monkeypatch.setenv("COPROD_KAFKA_BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("COPROD_TOPIC_PREFIX", "p.")

    found = find()

    assert (found.log, found.topic_prefix) == ("kafka", "p.")
    assert found.kafka == Kafka(bootstrap="kafka:9092")
