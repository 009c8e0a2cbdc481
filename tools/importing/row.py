"""Rows: the cells of a line as values, with every problem that they have; and the header."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from integrations.columns import COLUMNS, REQUIRED
from integrations.moment import are_days
from integrations.text import closest, shown
from integrations.translator import Translation, Translator
from tools.importing.problem import RowProblem
from tools.importing.table import Line, Table
from tools.terminal.failure import ExitCode, Failure

LIKENESS_OF_A_TYPING_ERROR = 0.75


class Row(msgspec.Struct, frozen=True):
    """The valid values by column, and the ``problems`` of the others."""

    row: int
    values: dict[str, Any]
    problems: list[RowProblem] = []


def row_of(number: int, translation: Translation) -> Row:
    """Return a translation of one contribution as a row."""
    values = translation.commands[0].data if translation.commands else {}
    return Row(number, values, RowProblem.each(number, translation.refusals))


def rows_of(table: Table, translator: Translator) -> Iterator[Row]:
    """Yield a row for each line of the table; only the columns that the translator reads count."""
    read = [(at, name) for at, name in enumerate(table.header) if name in translator.reads]
    before: tuple[Line, Row] | None = None
    for line in table:
        row = _row(line, read, translator)
        if before is not None:
            yield _cut(before[1]) if row.problems and _is_rest(line, before[0]) else before[1]
        before = line, row
    if before is not None:
        yield before[1]


def _row(line: Line, read: Sequence[tuple[int, str]], translator: Translator) -> Row:
    if line.problem is not None and line.problem.column == "":
        return Row(line.row, {}, [line.problem])
    row = row_of(line.row, translator.translate({name: line.cells[at] for at, name in read}))
    if line.problem is None or line.problem.column not in translator.reads:
        return row  # a cell that is not read spoils nothing
    problems = [one for one in row.problems if one.column != line.problem.column]
    return Row(row.row, row.values, [line.problem, *problems])


def _is_rest(line: Line, before: Line) -> bool:
    """Tell whether two lines are one row that an unquoted line break cut."""
    whole = len(before.cells)
    return line.fields < whole > before.fields and line.fields + before.fields - 1 == whole


def _cut(row: Row) -> Row:
    problem = RowProblem(
        *(row.row, "", "", "the line below is no row, and seems to be the rest of this one"),
        "join the two, with the value that has the line break in quotes",
    )
    return Row(row.row, row.values, [problem, *row.problems])


def days_in(table: Table) -> bool:
    """Tell whether a contributions file knows only days, though it writes them as midnights."""
    if "occurred_at" not in table.header:
        return False
    at = table.header.index("occurred_at")
    return are_days(line.cells[at] for line in table if line.fields)


@dataclass(frozen=True, slots=True)
class HeaderCheck:
    """``blocking`` problems stop a real run, because the meaning of the file is in doubt."""

    blocking: list[RowProblem]
    notices: list[RowProblem]
    required: dict[str, str]  # columns that no row may lack, each with the remedy


def check_header(header: Sequence[str], filled: Iterable[str]) -> HeaderCheck:
    """Compare a header with the known columns.

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
    blocking: list[RowProblem] = []
    notices: list[RowProblem] = []
    for name in header:
        if name not in COLUMNS:
            misspelt = _meant(name, header) is not None
            (blocking if misspelt else notices).append(_unknown_column(name))
    absent = [name for name in REQUIRED if name not in given]
    blocking.extend(
        RowProblem(1, name, "", "this required column is missing", _absent_remedy(name))
        for name in absent
    )
    required = {name: _missing_remedy(name) for name in REQUIRED if name in given}
    return HeaderCheck(blocking, notices, required)


def refuse_header(check: HeaderCheck) -> None:
    """Stop a real run if the header has blocking problems.

    Raises:
        Failure: it has; the message names every such column.
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


def _unknown_column(name: str) -> RowProblem:
    near = closest(name, COLUMNS, LIKENESS_OF_A_TYPING_ERROR)
    meant = f"rename it to {near} if that is meant" if near else f"known: {', '.join(COLUMNS)}"
    return RowProblem(1, name, shown(name), "there is no such column, so it is not read", meant)


def _absent_remedy(name: str) -> str:
    if name == "contribution_id":
        return "add it, with an id of its own for each row"
    if name == "service_id":
        return "name the service of all rows with --service ID"
    return f"add it, or give one value for all rows with --set {name}=VALUE"


def _missing_remedy(name: str) -> str:
    option = "--service ID" if name == "service_id" else f"--set {name}=VALUE"
    return "fill it" if name == "contribution_id" else f"fill it, or give it with {option}"
