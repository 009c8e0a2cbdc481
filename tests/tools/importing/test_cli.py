"""What is said of a wrong command line, before any deployment is asked for."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.tools.importing.files import GOOD, HEADER, write
from tools.importing.cli import app
from tools.importing.table import REASON_COLUMNS
from tools.terminal.failure import ExitCode, Failure

OPTIONS = [
    (["--set", "giver_party"], "not of the form COLUMN=VALUE"),
    (["--set", "minuts=5"], "there is no such column"),
    (["--set", "giver_party=boss"], "it is not one of the words"),
    (["--set", "minutes=0"], "minutes go from 1 to 1440"),
    (["--set", "contribution_id=1"], "would give all rows one id"),
    (["--timezone", "Europe/Lutetia"], "there is no such time zone"),
    (["--timezone", "../etc"], "there is no such time zone"),
    (["--agency", "Ville de Paris"], "is not a short name"),
    (["--rejects", "/nowhere/at/all.csv"], "no such file"),
]


def failure_of(arguments: list[str]) -> Failure:
    outcome = CliRunner().invoke(app, arguments)
    assert isinstance(outcome.exception, Failure), outcome.output
    return outcome.exception


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_an_option_that_makes_no_sense_is_told(
    tmp_path: Path, options: list[str], message: str
) -> None:
    failure = failure_of(["contributions", str(write(tmp_path, [GOOD])), *options])

    assert message in failure.message
    assert failure.remedy
    assert failure.code is ExitCode.USAGE


def test_rejects_never_replace_the_file_itself(tmp_path: Path) -> None:
    path = str(write(tmp_path, [GOOD]))

    failure = failure_of(["contributions", path, "--rejects", path])

    assert "is the file itself" in failure.message


def test_a_header_in_doubt_stops_a_real_run(tmp_path: Path) -> None:
    path = write(tmp_path, [(*GOOD, "5")], (*HEADER, "minuts"))

    failure = failure_of(["contributions", str(path)])

    assert "minuts" in failure.message
    assert failure.remedy is not None
    assert "minutes" in failure.remedy


def test_a_file_of_another_format_is_told_by_its_columns(tmp_path: Path) -> None:
    path = str(write(tmp_path, [GOOD]))

    votes = failure_of(["polis", path, "--service", "x"])
    items = failure_of(["open-repair", path, "--service", "x"])

    assert "no column timestamp, comment-id, voter-id, vote" in votes.message
    assert "no column id, group_identifier, event_date" in items.message


def test_rejected_rows_are_never_all_that_there_are(tmp_path: Path) -> None:
    path = str(write(tmp_path, [("2", "x", "y", "z", *GOOD)], (*REASON_COLUMNS, *HEADER)))

    failure = failure_of(["contributions", path, "--complete"])

    assert "it is not complete" in failure.message
