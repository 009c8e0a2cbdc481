"""Logs are one line an event, and a traceback shows no value of a variable."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.runtime.telemetry import configure_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _fail(name: str) -> None:
    raise RuntimeError(f"it broke for somebody of {len(name)} letters")


def _fail_with(message: str) -> None:
    raise RuntimeError(message)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_value(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging("json" if log_format == "json" else "console", "info")
    log = structlog.get_logger("test")

    try:
        _fail("Annabelle Quist")
    except RuntimeError:
        log.exception("command_failed", correlation_id="c1")

    told = capsys.readouterr().err
    assert "it broke" in told
    assert "_fail" in told
    assert "Annabelle" not in told.replace('_fail("Annabelle Quist")', "")


def test_other_libraries_log_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")

    logging.getLogger("somebody.else").warning("it is %s", "late")

    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["logger"]) == (
        "it is late",
        "warning",
        "somebody.else",
    )


def test_what_somebody_sent_does_not_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = "\x1b]0;owned\x07\x9b2J\u202egpj\r\nINFO forged"
    configure_logging("console", "info")
    log = structlog.get_logger("test")

    log.warning("refused", path=sent)
    logging.getLogger("somebody.else").warning("it is %s", sent)
    try:
        _fail_with(sent)
    except RuntimeError:
        log.exception("failed")

    told = capsys.readouterr().err
    assert [sign for sign in told if not sign.isprintable() and sign != "\n"] == []
    assert "\nINFO" not in told
    assert "\\x1b]0;owned" in told
