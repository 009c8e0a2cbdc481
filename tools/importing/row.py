"""Rows: from the cells of a line to values that mean something, with everything that is wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tools.importing.columns import COLUMNS, REQUIRED, Parse, parsers
from tools.importing.moment import are_days
from tools.importing.problem import Problem, Unfit, closest, shown
from tools.importing.table import Line, Table
from tools.terminal.failure import ExitCode, Failure

LIKENESS_OF_A_TYPING_ERROR = 0.75


class Row(msgspec.Struct, frozen=True):
    """Values by column, those that are fit; ``problems`` says what is wrong with the others."""

    row: int
    values: dict[str, Any]
    problems: list[Problem] = []


class RowReader:
    """Reads the cells of any source in the columns of a contributions file."""

    def __init__(
        self,
        filled: Mapping[str, str],
        timezone: ZoneInfo,
        now: datetime,
        required: Sequence[str] = REQUIRED,
        *,
        days: bool = False,
    ) -> None:
        """``filled`` is what stands where the file has no such column or an empty cell.

        ``days``: the file tells days, and writes them as midnights.

        Raises:
            Failure: a filled column does not exist, or its value does not fit it.
        """
        self._parsers = parsers(timezone, now, days=days)
        self._filled = _parse_filled(filled, self._parsers)
        self._required = required

    def read(self, row: int, cells: Iterable[tuple[str, str]]) -> Row:
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        unfit: set[str] = set()
        for column, text in cells:
            if text:
                try:
                    values[column] = self._parsers[column](text)
                except Unfit as reason:
                    unfit.add(column)
                    problems.append(
                        Problem(row, column, shown(text), reason.problem, reason.remedy)
                    )
        for column, value in self._filled.items():
            if column not in values and column not in unfit:
                values[column] = value
        problems.extend(
            Problem(row, column, "", "it is missing", _missing_remedy(column))
            for column in self._required
            if column not in values and column not in unfit
        )
        return Row(row, values, problems)


def rows_of(lines: Iterable[Line], header: Sequence[str], reader: RowReader) -> Iterator[Row]:
    """Yield a row for each line of a contributions file; columns it does not know are left out."""
    known = [(at, name) for at, name in enumerate(header) if name in COLUMNS]
    before: tuple[Line, Row] | None = None
    for line in lines:
        row = _row(line, known, reader)
        if before is not None:
            yield _cut(before[1]) if row.problems and _is_rest(line, before[0]) else before[1]
        before = line, row
    if before is not None:
        yield before[1]


def _row(line: Line, known: Sequence[tuple[int, str]], reader: RowReader) -> Row:
    if line.problem is not None and line.problem.column == "":
        return Row(line.row, {}, [line.problem])
    row = reader.read(line.row, [(name, line.cells[at]) for at, name in known])
    if line.problem is None or line.problem.column not in COLUMNS:
        return row  # what is not read spoils nothing
    problems = [one for one in row.problems if one.column != line.problem.column]
    return Row(row.row, row.values, [line.problem, *problems])


def _is_rest(line: Line, before: Line) -> bool:
    """Tell whether two lines make one whole row, which a line break without quotes cut."""
    whole = len(before.cells)
    return line.fields < whole > before.fields and line.fields + before.fields - 1 == whole


def _cut(row: Row) -> Row:
    problem = Problem(
        *(row.row, "", "", "the line below is no row, and seems to be the rest of this one"),
        "join the two, with the value that has the line break in quotes",
    )
    return Row(row.row, row.values, [problem, *row.problems])


def days_in(table: Table) -> bool:
    """Tell whether a contributions file tells days only, though it may write them as midnights."""
    if "occurred_at" not in table.header:
        return False
    at = table.header.index("occurred_at")
    return are_days(line.cells[at] for line in table if line.fields)


def as_in_file(row: Row, names: Mapping[str, str]) -> Row:
    """Return the row with its problems under the names that the file has for the columns."""
    problems = [
        Problem(one.row, names.get(one.column, one.column), one.value, one.problem, one.remedy)
        for one in row.problems
    ]
    return Row(row.row, row.values, problems)


@dataclass(frozen=True, slots=True)
class HeaderCheck:
    """``blocking`` problems stop a real run: what the file means cannot be known for sure."""

    blocking: list[Problem]
    notices: list[Problem]
    required: tuple[str, ...]  # columns whose absence is worth saying row by row


def check_header(header: Sequence[str], filled: Iterable[str]) -> HeaderCheck:
    """Compare a header with the columns that there are.

    Raises:
        Failure: it has none of them.
    """
    if not set(header) & set(COLUMNS):
        raise Failure(
            f"No column of this file is known. It has: {', '.join(map(shown, header))}",
            f"Rename them in line 1 to what they are of: {', '.join(COLUMNS)}.",
            code=ExitCode.USAGE,
        )
    given = {*header, *filled}
    blocking: list[Problem] = []
    notices: list[Problem] = []
    for name in header:
        if name not in COLUMNS:
            misspelt = _meant(name, header) is not None
            (blocking if misspelt else notices).append(_unknown_column(name))
    absent = [name for name in REQUIRED if name not in given]
    blocking.extend(
        Problem(1, name, "", "this required column is missing", _absent_remedy(name))
        for name in absent
    )
    return HeaderCheck(blocking, notices, tuple(name for name in REQUIRED if name in given))


def refuse_header(check: HeaderCheck) -> None:
    """Stop a real run where the header leaves doubt.

    Raises:
        Failure: it names every column concerned.
    """
    if check.blocking:
        complaints = (f"column {one.column}: {one.problem}" for one in check.blocking)
        raise Failure(
            "the header cannot be right; " + "; ".join(complaints),
            " ".join(f"{one.column}: {one.remedy}." for one in check.blocking),
            code=ExitCode.USAGE,
        )


def _meant(name: str, header: Sequence[str]) -> str | None:
    absent = [column for column in COLUMNS if column not in header]
    return closest(name, absent, LIKENESS_OF_A_TYPING_ERROR)


def _unknown_column(name: str) -> Problem:
    near = closest(name, COLUMNS, LIKENESS_OF_A_TYPING_ERROR)
    meant = f"rename it to {near} if that is meant" if near else f"known: {', '.join(COLUMNS)}"
    return Problem(1, name, shown(name), "there is no such column, so it is not read", meant)


def _absent_remedy(name: str) -> str:
    if name == "contribution_id":
        return "add it, with an id of its own for each row"
    if name == "service_id":
        return "name the service of all rows with --service ID"
    return f"add it, or give one value for all rows with --set {name}=VALUE"


def _missing_remedy(name: str) -> str:
    option = "--service ID" if name == "service_id" else f"--set {name}=VALUE"
    return "fill it" if name == "contribution_id" else f"fill it, or give it with {option}"


def _parse_filled(filled: Mapping[str, str], parse: Mapping[str, Parse]) -> dict[str, Any]:
    values = {}
    for column, text in filled.items():
        if column not in COLUMNS:
            near = closest(column, COLUMNS)
            raise Failure(
                f"--set {column}: there is no such column",
                f"Did you mean {near}?" if near else f"Columns: {', '.join(COLUMNS)}.",
                code=ExitCode.USAGE,
            )
        try:
            values[column] = parse[column](text.strip())
        except Unfit as reason:
            raise Failure(
                f"--set {column}={text}: {reason.problem}", reason.remedy, code=ExitCode.USAGE
            ) from None
    return values
