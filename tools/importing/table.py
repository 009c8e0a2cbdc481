"""Reading a table as offices make them: comma or semicolon, with or without BOM, quoted or not.

A broken row never takes others with it: a quote that does not close costs one line, not the rest.
Nothing but the record at hand is in memory.
"""

import csv
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Self

from tools.failure import ExitCode, Failure
from tools.importing.problem import Problem, closest, is_utf8, shown

DELIMITERS = (",", ";")
LINES_IN_A_RECORD_MAX = 200
RECORD_CHARACTERS_MAX = 131_072
_SAVE_AS = "Save it from the spreadsheet as CSV UTF-8."


@dataclass(frozen=True, slots=True)
class Line:
    """One record: its cells in the order of the header, or the reason why it could not be read."""

    row: int
    cells: list[str]
    problem: Problem | None = None


class Table:
    """A file with a header line. Iterating reads it from its first row; it can be read again."""

    def __init__(self, path: Path, expected: Collection[str]) -> None:
        """Read the header; ``expected`` are the column names that tell the delimiter.

        Raises:
            Failure: there is no such file, or it has no header that could be one.
        """
        self.path = path
        self.size = _size(path)
        self.bytes_read = 0
        first = self._first_line()
        self.delimiter = max(DELIMITERS, key=lambda sign: _recognised(first, sign, expected))
        self.header = _header(first, self.delimiter, path)

    def require(self, names: Iterable[str]) -> None:
        """Make sure that the file is of the expected format.

        Raises:
            Failure: it lacks columns; the message names them.
        """
        missing = [name for name in names if name not in self.header]
        if missing:
            found = {name: closest(name, self.header) for name in missing}
            near = [f"{other} for {name}" for name, other in found.items() if other]
            raise _unreadable(
                self.path,
                f"it has no column {', '.join(missing)}",
                f"Rename {', '.join(near)}?" if near else "Is it a file of this format?",
            )

    def __iter__(self) -> Iterator[Line]:
        with self.path.open("rb") as raw, _text(raw) as text:
            yield from self._lines(raw, text)

    def _first_line(self) -> str:
        with self.path.open("rb") as raw:
            start = raw.read(4)
            if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise _unreadable(self.path, "it is UTF-16, not UTF-8", _SAVE_AS)
            if start == b"PK\x03\x04":
                raise _unreadable(self.path, "it is a spreadsheet or an archive", _SAVE_AS)
            raw.seek(0)
            with _text(raw) as text:
                line = text.readline(RECORD_CHARACTERS_MAX)
        if not line.strip():
            raise _unreadable(self.path, "it has no header line", "Name the columns in line 1.")
        if "\t" in line and not set(DELIMITERS) & set(line):
            raise _unreadable(self.path, "it is separated by tabs", "Use comma or semicolon.")
        if not is_utf8(line):
            raise _unreadable(self.path, "its header is not UTF-8", _SAVE_AS)
        return line

    def _lines(self, raw: BufferedReader, text: TextIOWrapper) -> Iterator[Line]:
        feed = _Feed(text)
        reader = csv.reader(feed, delimiter=self.delimiter, strict=True)
        next(reader, None)
        feed.taken.clear()
        for row, cells, broken in _records(reader, feed):
            self.bytes_read = raw.tell()
            line = self._line(row, cells, broken)
            if line is not None and line.problem is not None and line.problem.column == "":
                feed.give_back()
            feed.taken.clear()
            if line is not None:
                yield line
        self.bytes_read = self.size

    def _line(self, row: int, cells: list[str], broken: str | None) -> Line | None:
        if broken is not None:
            remedy = "close the quotes, and double those inside a quoted value"
            return Line(row, cells, Problem(row, "", shown(_joined(cells)), broken, remedy))
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            return None  # the empty lines that spreadsheets leave behind
        width = len(self.header)
        if any(cells[width:]) or len(cells) < width:
            problem = f"it has {len(cells)} fields, the header {width}"
            remedy = "put values that contain the separator or a line break in quotes"
            return Line(row, cells, Problem(row, "", shown(_joined(cells)), problem, remedy))
        cells = cells[:width]
        return Line(row, cells, _not_utf8(row, cells, self.header))


class _Feed:
    """Lines for the csv reader; those of a broken record but its first can be read afresh."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._returned: deque[str] = deque()
        self.taken: list[str] = []
        self.line_number = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= LINES_IN_A_RECORD_MAX:
            raise csv.Error(f"a quote does not close within {LINES_IN_A_RECORD_MAX} lines")
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        self.line_number += 1
        return line

    def give_back(self) -> None:
        self._returned.extendleft(reversed(self.taken[1:]))
        self.line_number -= len(self.taken) - 1
        del self.taken[1:]


def _records(
    reader: Iterator[list[str]], feed: _Feed
) -> Iterator[tuple[int, list[str], str | None]]:
    """Yield (first line, cells, what is broken)."""
    while True:
        row = feed.line_number + 1
        try:
            yield row, next(reader), None
        except StopIteration:
            return
        except csv.Error as error:
            first = feed.taken[0] if feed.taken else ""
            yield row, [first.rstrip("\r\n")], f"it cannot be read: {error}"


def _text(raw: BufferedReader) -> TextIOWrapper:
    # surrogateescape: one row in another encoding is that row's problem, not the file's
    return TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _size(path: Path) -> int:
    try:
        with path.open("rb"):
            return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, (error.strerror or str(error)).lower(), None) from None


def _cells(line: str, delimiter: str) -> list[str]:
    cells = next(csv.reader([line], delimiter=delimiter), [])
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _recognised(line: str, delimiter: str, expected: Collection[str]) -> tuple[int, int]:
    names = _cells(line, delimiter)
    return len(set(names) & set(expected)), len(names)


def _header(line: str, delimiter: str, path: Path) -> list[str]:
    names = _cells(line, delimiter)
    for position, name in enumerate(names, start=1):
        if not name:
            raise _unreadable(path, f"column {position} has no name", "Name it in line 1.")
        if names.index(name) != position - 1:
            raise _unreadable(path, f"two columns are named {name}", "Rename or remove one.")
    return names


def _joined(cells: list[str]) -> str:
    return " | ".join(cells)


def _not_utf8(row: int, cells: list[str], header: list[str]) -> Problem | None:
    if "".join(cells).isascii():
        return None
    for name, cell in zip(header, cells, strict=True):
        if not is_utf8(cell):
            return Problem(row, name, shown(cell), "it is not UTF-8", _SAVE_AS)
    return None


def _unreadable(path: Path, message: str, remedy: str | None) -> Failure:
    return Failure(f"{path}: {message}", remedy, code=ExitCode.USAGE)
