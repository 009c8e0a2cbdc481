"""What is wrong with a row, and what its owner can do about it."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

VALUE_LENGTH_SHOWN_MAX = 80
SAVE_AS = "save the file from the spreadsheet as CSV UTF-8"
_CONTROLS = {
    **{chr(code): "control character" for code in (*range(32), *range(127, 160))},
    "\0": "null",
    "\t": "tab",
    "\n": "line break",
    "\r": "line break",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one row. ``row`` is the line of the file it begins on; the header's is 1.

    ``column`` is empty where the whole row is meant.
    """

    row: int
    column: str
    value: str
    problem: str
    remedy: str

    def as_json(self) -> dict[str, str | int]:
        return {
            "row": self.row,
            "column": self.column,
            "value": self.value,
            "problem": self.problem,
            "remedy": self.remedy,
        }


class Unfit(ValueError):
    """A value does not mean anything here; the caller knows its row and column."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def is_utf8(text: str) -> bool:
    """Tell whether text that was decoded with surrogateescape was UTF-8 in truth."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: str) -> str:
    """Return the value as it can be shown anywhere: short, and bytes that are not UTF-8 by code."""
    text = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if len(text) <= VALUE_LENGTH_SHOWN_MAX:
        return text
    return text[: VALUE_LENGTH_SHOWN_MAX - 3] + "..."


def coded(sign: str) -> str:
    """Return what a character that cannot be seen is called."""
    name = _CONTROLS.get(sign) or unicodedata.name(sign, "no character").lower()
    return f"U+{ord(sign):04X} ({name})"


def closest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    found = get_close_matches(word, list(words), n=1, cutoff=likeness)
    return found[0] if found else None
