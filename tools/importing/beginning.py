"""Reads how a file begins: its delimiter and its column names, or what it is instead of a table.

The sender gets one line that says what is wrong with the beginning, and what to do about it.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from integrations.identifier import unseen
from integrations.text import coded, is_utf8, shown

DELIMITERS = (",", ";")
BYTES_LOOKED_AT = 4_096
LINES_LOOKED_AT = 20
_NAMES_OF_A_HEADER = 2  # one word of a title may be a column's name by chance
_OTHER_DELIMITERS = {"\t": "tabs", "|": "| (pipes)", ":": "colons", "^": "^", "~": "~"}
_SEP_LINE = re.compile(r"\"?sep=([^\r\n])\"?\s*", re.IGNORECASE)
_SAVE_AS = "Save it from the spreadsheet as CSV UTF-8."
_UNPACK = "Unpack it, and import what is in it."
_SAVED_OTHERWISE = "Open it where it came from and save it as CSV UTF-8."

_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "it is packed (gzip)", _UNPACK),
    (b"BZh", "it is packed (bzip2)", _UNPACK),
    (b"\xfd7zXZ\x00", "it is packed (xz)", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "it is packed (zstandard)", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "it is packed (7-Zip)", _UNPACK),
    (b"Rar!", "it is packed (RAR)", _UNPACK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an Excel workbook (XLS)", _SAVE_AS),
    (b"\xff\xfe\x00\x00", "it is UTF-32, not UTF-8", _SAVE_AS),
    (b"\x00\x00\xfe\xff", "it is UTF-32, not UTF-8", _SAVE_AS),
    (b"\xff\xfe", "it is UTF-16, not UTF-8", _SAVE_AS),
    (b"\xfe\xff", "it is UTF-16, not UTF-8", _SAVE_AS),
    (b"%PDF", "it is a PDF", _SAVED_OTHERWISE),
    (b"{\\rtf", "it is a text document (RTF)", _SAVED_OTHERWISE),
    (b"PAR1", "it is a Parquet file", "Write it as CSV."),
    (b"SQLite format 3", "it is a database (SQLite)", "Write the table as CSV."),
)
_TEXTS: tuple[tuple[str, str, str], ...] = (
    (
        r"<(!doctype\s+html|html|head|body|table)\b",
        "it is a web page (HTML), not a table",
        "Look at it in a browser: it may say why there is no file, as when a session ended.",
    ),
    (r"<[?!a-z]", "it is XML, not a table", "Export it as CSV UTF-8."),
    (r"[\[{]\s*($|[\[{\"\]}])", "it is JSON, not a table", "Export it as CSV UTF-8."),
)


class NotATable(Exception):
    """The file is no table: what it is instead, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


@dataclass(frozen=True, slots=True)
class Beginning:
    """``record`` is the text of the header in the file; ``lines_before`` precede it."""

    lines_before: int
    delimiter: str
    record: str
    names: tuple[str, ...]


def refuse_other_kinds(start: bytes) -> None:
    """Look at the first ``BYTES_LOOKED_AT`` bytes of a file.

    Raises:
        NotATable: the bytes are of another kind of file.
    """
    for mark, kind, remedy in _KINDS:
        if start.startswith(mark):
            raise NotATable(kind, remedy)
    if start.startswith(b"PK\x03\x04"):
        raise _zipped(start)
    if start.startswith(b"\x00") or start[1:2] == b"\x00":
        raise NotATable("it is UTF-16, not UTF-8", _SAVE_AS)
    text = start.decode("utf-8-sig", "replace").lstrip()
    for pattern, kind, remedy in _TEXTS:
        if re.match(pattern, text, re.IGNORECASE):
            raise NotATable(kind, remedy)


def read_beginning(lines: Iterator[str], expected: Collection[str]) -> Beginning:
    """Read the header; ``expected`` are the column names that tell the delimiter.

    Raises:
        NotATable: it has none that could be one.
    """
    first = next(lines, "")
    told = _SEP_LINE.fullmatch(first)
    if told is not None:
        if told[1] not in DELIMITERS:
            raise _separated(told[1])
        first = next(lines, "")
    following = list(islice(lines, LINES_LOOKED_AT))
    delimiters = DELIMITERS if told is None else (told[1],)
    found = [_header((first, *following), sign) for sign in delimiters]
    best = max(found, key=lambda one: (_recognised(one.names, expected), len(one.names)))
    if not is_utf8(best.record):
        raise NotATable("its header is not UTF-8", _SAVE_AS)
    if not _recognised(best.names, expected):
        _say_what_it_is(first, following, expected)
        if not all(one.names for one in found):
            raise NotATable("the quotes in its header are broken", "Close them in line 1.")
    _check_names(best.names, expected)
    return Beginning(int(told is not None), best.delimiter, best.record, best.names)


def cells_of(record: str, delimiter: str) -> list[str]:
    """Return the cells of one record as they stand in the file."""
    return next(csv.reader(record.splitlines(keepends=True), delimiter=delimiter), [])


def _zipped(start: bytes) -> NotATable:
    if b"opendocument" in start:
        return NotATable("it is a spreadsheet (ODS)", _SAVE_AS)
    if b"[Content_Types].xml" in start or b"xl/" in start:
        return NotATable("it is a spreadsheet (XLSX)", _SAVE_AS)
    return NotATable("it is an archive (ZIP) or a spreadsheet", f"{_UNPACK} Or: {_SAVE_AS}")


def _header(lines: Sequence[str], delimiter: str) -> Beginning:
    """Read the first record of the lines; a name may go over several lines."""
    taken: list[str] = []

    def counted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    try:
        cells = next(csv.reader(counted(), delimiter=delimiter, strict=True), [])
    except csv.Error:  # with this delimiter it is no header
        cells = []
    names = [" ".join(cell.split()).strip('"').lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return Beginning(0, delimiter, "".join(taken), tuple(names))


def _recognised(names: Iterable[str], expected: Collection[str]) -> int:
    return len({_visible(name) for name in names} & set(expected))


def _visible(name: str) -> str:
    return "".join(sign for sign in name if not unseen(sign)).strip()


def _say_what_it_is(first: str, following: Sequence[str], expected: Collection[str]) -> None:
    """Find out why no column is known.

    Raises:
        NotATable: it has another separator, or the header stands further down.
    """
    for sign in _OTHER_DELIMITERS:
        if _recognised(_header((first,), sign).names, expected) >= _NAMES_OF_A_HEADER:
            raise _separated(sign)
    what = f"a title ({shown(first.strip())})" if first.strip(' \t\r\n,;"') else "empty"
    for number, line in enumerate(following, start=2):
        for sign in (*DELIMITERS, *_OTHER_DELIMITERS):
            if _recognised(_header((line,), sign).names, expected) >= _NAMES_OF_A_HEADER:
                raise NotATable(
                    f"line 1 is {what}; the columns are named in line {number}",
                    f"Remove what stands before line {number}.",
                )
    if what == "empty":
        raise NotATable("it has no header line", "Name the columns in line 1.")


def _check_names(names: Sequence[str], expected: Collection[str]) -> None:
    for position, name in enumerate(names, start=1):
        if not name:
            raise NotATable(f"column {position} has no name", "Name it in line 1.")
        if names.index(name) != position - 1:
            raise NotATable(f"two columns are named {shown(name)}", "Rename or remove one.")
        marks = [sign for sign in name if unseen(sign)]
        if marks and _visible(name) in expected:
            raise NotATable(
                f"column {position}, {_visible(name)}, has an invisible mark in its name: "
                + ", ".join(map(coded, marks)),
                "Type the name again in line 1.",
            )


def _separated(sign: str) -> NotATable:
    named = _OTHER_DELIMITERS.get(sign, sign)
    return NotATable(
        f"its columns are separated by {named}",
        "Save it with commas or semicolons between the columns.",
    )
