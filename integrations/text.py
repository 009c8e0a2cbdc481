"""Texts of foreign records: whether they are UTF-8, and how they are shown to people."""

import unicodedata
from collections.abc import Iterable
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


def is_utf8(text: str) -> bool:
    """Tell whether text that was decoded with surrogateescape was UTF-8."""
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
    """Return the code and the name of a character that cannot be seen."""
    name = _CONTROLS.get(sign) or unicodedata.name(sign, "no character").lower()
    return f"U+{ord(sign):04X} ({name})"


def closest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the word that is most like the given one, if any is like enough."""
    found = get_close_matches(word, list(words), n=1, cutoff=likeness)
    return found[0] if found else None
