"""Reads CSV tables: comma or semicolon, with or without BOM, quoted or not.

A broken row does not spoil the next: a quote that does not close costs one line. Only one record is
in memory at a time.
"""

import csv
import os
import shutil
import sys
import tempfile
import weakref
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Self

from integrations.text import SAVE_AS, closest, is_utf8, shown
from tools.importing.beginning import (
    BYTES_LOOKED_AT,
    Beginning,
    NotATable,
    read_beginning,
    refuse_other_kinds,
)
from tools.importing.guard import unguarded
from tools.importing.problem import RowProblem
from tools.terminal.failure import ExitCode, Failure

LINES_IN_A_RECORD_MAX = 200
RECORD_CHARACTERS_MAX = 131_072
STANDARD_INPUT = Path("-")
REASON_COLUMNS = ("coprod_row", "coprod_column", "coprod_problem", "coprod_remedy")
"""What a file of rejected rows has beside their own columns; it is read without them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record: its cells in the order of the header, or the reason why it could not be read.

    ``record`` is its text in the file, and ``fields`` the number of cells in that text.
    """

    row: int
    cells: list[str]
    problem: RowProblem | None = None
    record: str = field(default="", compare=False)
    fields: int = field(default=0, compare=False)


class Table:
    """A file with a header line. Each iteration reads it from its first row.

    ``other_encoding``: no cell read so far has UTF-8 beyond ASCII, and some have another encoding.
    """

    def __init__(self, path: Path, expected: Collection[str]) -> None:
        """Read the header; ``expected`` are the column names that tell the delimiter.

        Raises:
            Failure: there is no such file, or it has no header that could be one.
        """
        self.path = path
        self.bytes_read = 0
        try:
            self.from_pipe = not path.is_file()
            self._file = self._copied() if self.from_pipe else path
            self.size = self._file.stat().st_size
            self.beginning = self._read_beginning(expected)
        except OSError as error:
            raise _unreadable(
                path, (error.strerror or str(error)).lower(), "Check the name and the folder."
            ) from None
        except NotATable as reason:
            raise _unreadable(path, reason.message, reason.remedy) from None
        self.delimiter = self.beginning.delimiter
        names = self.beginning.names
        self.is_rejects = set(REASON_COLUMNS) <= set(names)
        self.kept = [
            at for at, name in enumerate(names) if not self.is_rejects or name not in REASON_COLUMNS
        ]
        self.header = [names[at] for at in self.kept]
        if self.is_rejects:
            self.header = [unguarded(name).strip() for name in self.header]
        self._in_utf8 = not self.beginning.record.isascii()
        self._in_another = False

    @property
    def other_encoding(self) -> bool:
        return self._in_another and not self._in_utf8

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
        with self._file.open("rb") as raw, _text(raw) as text:
            yield from self._lines(raw, text)

    def _copied(self) -> Path:
        """Return a copy of what comes through a pipe, because it is read several times."""
        with _opened(self.path) as source:
            handle, name = tempfile.mkstemp(prefix="coprod-import-")
            weakref.finalize(self, Path(name).unlink)
            with os.fdopen(handle, "wb") as copy:
                shutil.copyfileobj(source, copy)
        return Path(name)

    def _read_beginning(self, expected: Collection[str]) -> Beginning:
        with self._file.open("rb") as raw:
            refuse_other_kinds(raw.read(BYTES_LOOKED_AT))
            raw.seek(0)
            with _text(raw) as text:
                lines = iter(lambda: text.readline(RECORD_CHARACTERS_MAX), "")
                return read_beginning(lines, (*expected, *REASON_COLUMNS))

    def _lines(self, raw: BufferedReader, text: TextIOWrapper) -> Iterator[Line]:
        feed = _Feed(text)
        for _ in range(self.beginning.lines_before):
            next(feed)
        feed.taken.clear()
        reader = csv.reader(feed, delimiter=self.delimiter, strict=True)
        next(reader, None)
        feed.taken.clear()
        for row, cells, broken in _records(reader, feed):
            self.bytes_read = raw.tell()
            if broken is not None:
                yield self._broken(row, feed.taken[0], broken)
                feed.give_back()
            elif any(map(str.strip, cells)):  # spreadsheets leave empty lines behind
                yield self._line(row, cells, "".join(feed.taken))
            feed.taken.clear()
        self.bytes_read = self.size

    def _line(self, row: int, cells: list[str], record: str) -> Line:
        width, fields = len(self.beginning.names), len(cells)
        own = [cells[at].strip() if at < fields else "" for at in self.kept]
        if self.is_rejects:
            own = [unguarded(cell).strip() for cell in own]
        problem = self._not_utf8(row, own)
        if fields > width and any(map(str.strip, cells[width:])):
            remedy = "put values that contain the separator or a line break in quotes"
            said = f"it has {fields} fields, the header {width}"
            problem = RowProblem(row, "", shown(" | ".join(cells)), said, remedy)
        return Line(row, own, problem, record, fields)

    def _broken(self, row: int, line: str, broken: str) -> Line:
        self._is_utf8(line)
        text = line.rstrip("\r\n")
        remedy = "close the quotes, and double those inside a quoted value"
        return Line(row, [text], RowProblem(row, "", shown(text), broken, remedy), line)

    def _not_utf8(self, row: int, cells: list[str]) -> RowProblem | None:
        if self._is_utf8("".join(cells)):
            return None
        at = next(at for at, cell in enumerate(cells) if not is_utf8(cell))
        return RowProblem(row, self.header[at], shown(cells[at]), "it is not UTF-8", SAVE_AS)

    def _is_utf8(self, text: str) -> bool:
        if text.isascii():
            return True
        sound = is_utf8(text)
        self._in_utf8 |= sound
        self._in_another |= not sound
        return sound


class _Feed:
    """Lines for the csv reader; all lines of a broken record but the first are read again."""

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
    """Yield (first line, cells, what is wrong)."""
    while True:
        row = feed.line_number + 1
        try:
            yield row, next(reader), None
        except StopIteration:
            return
        except csv.Error as error:
            yield row, [], f"it cannot be read: {error}"


def _text(raw: BufferedReader) -> TextIOWrapper:
    # surrogateescape: one row in another encoding is that row's problem, not the file's
    return TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _opened(path: Path) -> BinaryIO:
    return sys.stdin.buffer if path == STANDARD_INPUT else path.open("rb")


def _unreadable(path: Path, message: str, remedy: str) -> Failure:
    return Failure(f"{path}: {message}", remedy, code=ExitCode.USAGE)
