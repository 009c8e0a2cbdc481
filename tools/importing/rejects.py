"""The file of rejected rows: reasons, then the row as it was. Corrected, it can be imported.

The reasons stand first, so that a row keeps all its cells, however many. A cell that a spreadsheet
would run is guarded, and the guard is removed when the file is imported.
"""

import csv
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedWriter, StringIO, TextIOWrapper
from pathlib import Path

from integrations.text import shown
from tools.importing.beginning import cells_of
from tools.importing.guard import guarded, unguarded
from tools.importing.problem import RowProblem
from tools.importing.spool import Spool
from tools.importing.table import REASON_COLUMNS, Line, Table
from tools.terminal.failure import ExitCode, Failure

_MARK = b"\xef\xbb\xbf"  # without it Excel would read UTF-8 as something else
_OWN = (REASON_COLUMNS[0].encode(), _MARK + REASON_COLUMNS[0].encode())
_FOR_ITS_OWNER = 0o600
_END = "\r\n"  # a cell with either of the two is quoted


def place_of(table: Table) -> Path:
    """Return the default place of rejects: beside the input; of a pipe, the working folder."""
    if table.from_pipe:
        return Path("stdin.rejects.csv")
    path = table.path
    if path.is_relative_to("/dev"):  # such as /dev/stdin, behind which a file stands
        path = path.resolve()
    return path.with_name(f"{path.stem}.rejects.csv")


def check_place(path: Path, original: Path) -> None:
    """Make sure before anything is sent that the rejects can be written.

    Raises:
        Failure: they cannot, or they would replace a file that holds something else.
    """
    try:
        there = path.exists()
        if there and original.exists() and path.samefile(original):
            raise _no_place(f"{path} is the file itself")
        if there and path.is_file() and path.stat().st_size and not _is_ours(path):
            raise _no_place(f"{path} is there already, and holds no rejected rows")
        with _writing(path, os.O_APPEND):
            pass
        if not there:
            path.unlink()
    except OSError as error:
        raise _no_place(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _no_place(message: str) -> Failure:
    return Failure(message, "Name another place with --rejects PATH.", code=ExitCode.USAGE)


def remove_stale(path: Path) -> None:
    """Delete the rejects of an earlier run, because nothing is rejected any more."""
    if path.is_file() and _is_ours(path):
        path.unlink()


def write(path: Path, table: Table, spool: Spool) -> None:
    """Write each rejected row with its reasons, byte for byte except for guarded cells.

    Rows in another encoding keep it. If the whole file has that encoding, no UTF-8 mark is written,
    so that Excel reads it right.
    """
    bad = _by_row(spool.problems())
    at, problems = next(bad, (0, []))
    with (
        _writing(path, os.O_TRUNC) as raw,
        TextIOWrapper(raw, "utf-8", "surrogateescape", newline="") as file,
    ):
        if not table.other_encoding:
            raw.write(_MARK)
        file.write(_record(REASON_COLUMNS, table) + _header(table))
        for line in table:
            if line.row == at:
                file.write(_reasons(at, problems, table) + _row(line, table))
                at, problems = next(bad, (0, []))


def _header(table: Table) -> str:
    record = table.beginning.record
    names = cells_of(record, table.delimiter)
    if any(guarded(name) != name for name in names):
        # no guard of a name before the spaces around it, which are no part of it
        record = _record([name.strip() for name in names], table, last=True)
    return _as_it_was(record, table)


def _row(line: Line, table: Table) -> str:
    if line.fields:
        return _as_it_was(line.record, table)
    # an open quote would take the rows behind it along: the whole line becomes one cell
    return _record([guarded(line.cells[0])], table, last=True)


def _as_it_was(record: str, table: Table) -> str:
    cells = cells_of(record, table.delimiter)
    safe = [guarded(cell) for cell in cells]
    if safe == cells and not table.is_rejects:
        return record.rstrip("\r\n") + _line_end(table)
    width = len(table.beginning.names)
    own = [*table.kept, *range(width, len(cells))]
    was = [unguarded(cells[at]) if table.is_rejects else cells[at] for at in own if at < len(cells)]
    return _record([guarded(cell) for cell in was], table, last=True)


def _reasons(row: int, problems: Sequence[RowProblem], table: Table) -> str:
    cells = [
        str(row),
        " | ".join(one.column for one in problems),
        " | ".join(f"{shown(one.value)}: {one.problem}" for one in problems),
        " | ".join(one.remedy for one in problems),
    ]
    if table.other_encoding:
        cells = [cell.encode("ascii", "backslashreplace").decode() for cell in cells]
    return _record([guarded(cell) for cell in cells], table)


def _record(cells: Iterable[str], table: Table, *, last: bool = False) -> str:
    text = StringIO()
    csv.writer(text, delimiter=table.delimiter, lineterminator=_END).writerow(cells)
    return text.getvalue().removesuffix(_END) + (_line_end(table) if last else table.delimiter)


def _line_end(table: Table) -> str:
    record = table.beginning.record
    return record[len(record.rstrip("\r\n")) :] or "\n"


def _by_row(problems: Iterable[RowProblem]) -> Iterator[tuple[int, list[RowProblem]]]:
    group: list[RowProblem] = []
    for problem in problems:
        if group and group[0].row != problem.row:
            yield group[0].row, group
            group = []
        group.append(problem)
    if group:
        yield group[0].row, group


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_OWN[1])).startswith(_OWN)


@contextmanager
def _writing(path: Path, how: int) -> Iterator[BufferedWriter]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | how, _FOR_ITS_OWNER)
    with os.fdopen(handle, "wb") as file:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.fchmod(handle, _FOR_ITS_OWNER)
        yield file
