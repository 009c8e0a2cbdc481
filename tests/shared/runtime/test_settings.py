"""Settings come from the environment or from secret files, and say at once what is missing."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.runtime.settings import ServiceSettings, load_settings

DSN = "postgresql://registry:secret@db/coprod_registry"


def test_the_environment_says_where_everything_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COPROD_DATABASE_URL", DSN)
    monkeypatch.setenv("COPROD_LOG", "kafka")
    monkeypatch.setenv("COPROD_KAFKA_BOOTSTRAP", "127.0.0.1:9092")
    monkeypatch.setenv("COPROD_PORT", "8401")

    settings = load_settings(tmp_path / "none")

    assert (settings.database_url, settings.log, settings.port) == (DSN, "kafka", 8401)
    assert settings.host == "127.0.0.1"


def test_a_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COPROD_DATABASE_URL", raising=False)
    (tmp_path / "coprod_database_url").write_text(DSN)
    (tmp_path / "coprod_log_url").write_text(DSN)

    assert load_settings(tmp_path).database_url == DSN


def test_a_service_that_cannot_start_says_why_in_a_line_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COPROD_DATABASE_URL", DSN)
    monkeypatch.setenv("COPROD_PORT", "high")
    monkeypatch.setenv("COPROD_LOG_LEVEL", "much")

    with pytest.raises(SystemExit) as refused:
        load_settings(tmp_path)

    port, level = str(refused.value).splitlines()
    assert port.startswith("not started: COPROD_PORT: ")
    assert level.startswith("not started: COPROD_LOG_LEVEL: ")


@pytest.mark.parametrize("log", ["embedded", "kafka"])
def test_a_log_without_an_address_is_refused(log: str) -> None:
    with pytest.raises(ValidationError, match=r"COPROD_LOG_URL|COPROD_KAFKA_BOOTSTRAP"):
        ServiceSettings.model_validate({"database_url": DSN, "log": log})


def test_settings_show_no_password() -> None:
    settings = ServiceSettings(database_url=DSN, log_url=DSN)

    assert "secret" not in repr(settings)


EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing listens there


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.168.1.7", "figures.example"])
def test_nobody_beyond_loopback_is_let_in_without_a_word(host: str) -> None:
    sound = {"database_url": DSN, "log_url": DSN, "host": host}

    with pytest.raises(ValidationError, match="COPROD_ALLOW_UNAUTHENTICATED=true"):
        ServiceSettings.model_validate(sound)
    assert ServiceSettings.model_validate({**sound, "allow_unauthenticated": True}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_let_in(host: str) -> None:
    assert ServiceSettings(database_url=DSN, log_url=DSN, host=host).host_names == []


@pytest.mark.parametrize(
    ("host", "hosts", "names"),
    [
        (EVERYWHERE, "insights,figures.example:8443,", ["insights", "figures.example:8443"]),
        ("192.168.1.7", "", ["192.168.1.7"]),
        ("2001:db8::1", "[::2]:80", ["[::2]:80", "[2001:db8::1]"]),
    ],
)
def test_a_service_answers_under_the_names_it_was_given(
    host: str, hosts: str, names: list[str]
) -> None:
    settings = ServiceSettings(
        database_url=DSN, log_url=DSN, host=host, hosts=hosts, allow_unauthenticated=True
    )

    assert settings.host_names == names


def test_an_address_is_no_host_name() -> None:
    with pytest.raises(ValidationError, match="hosts"):
        ServiceSettings(database_url=DSN, log_url=DSN, hosts="http://figures.example")


def test_a_refused_setting_is_not_shown_with_the_others() -> None:
    with pytest.raises(ValidationError) as refused:
        ServiceSettings(database_url=DSN, log_url=DSN, host="192.168.1.7")

    assert "secret" not in str(refused.value)
    assert "postgresql" not in str(refused.value)
