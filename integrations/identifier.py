"""Reads ids: letters of every script are valid, the traces of a spreadsheet are not.

Otherwise the error of a formula, or a word for nothing, would become a person in the figures.
"""

import re
import unicodedata
from functools import lru_cache

from integrations.text import SAVE_AS, coded, is_utf8
from integrations.translator import InvalidValue
from shared.contracts.vocabulary import composed

LENGTH_MAX = 200
REMEMBERED = 10_000

# Format characters that a script or an emoji is written with; all others cannot be seen.
_WRITTEN = frozenset(
    "\u200c\u200d\u200e\u200f\u061c\u180e"
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
_SIGNS = frozenset({"So", "Co", "Cn"})
_NOTHING = frozenset(
    (
        *("null", "(null)", "[null]", "<null>", "nil", "none", "<none>", "undefined", "\\n"),
        *("(blank)", "nan", "na", "<na>", "n/a", "n.a.", "n.a", "#na", "#nv"),
    )
)
_ERROR = re.compile(r"#\S*[!?]|#[^\W\d_]{1,3}/[^\W\d_]{1,3}|Err:\d+", re.IGNORECASE)
_WHOLE_FLOAT = re.compile(r"([+-]?\d+)[.,]0+")
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?E[+-]\d+|[+-]?\d+[.,]\d+E\d+", re.IGNORECASE)
_QUOTED = re.compile(r"\".*|.*\"|'.*'|'[\d=+@-].*", re.DOTALL)
_AS_TEXT = "format the column as text and export again"


def local_id(text: str) -> str:
    """Return the id, composed (NFC), so that two keyboards write the same id.

    Raises:
        InvalidValue: it is no id; the reason names what it is instead.
    """
    if text.isascii() and text.isdecimal() and len(text) <= LENGTH_MAX:
        return text  # as most are, and about which there is nothing to ask
    return _checked(text)


@lru_cache(REMEMBERED)  # the same people come again and again
def _checked(text: str) -> str:
    plain = composed(text)
    if not (plain.isascii() and plain.isprintable()):
        _refuse_unseen(plain)
    if len(plain) > LENGTH_MAX:
        raise InvalidValue(
            f"it is longer than {LENGTH_MAX} characters", "use the id, not a description"
        )
    refuse_nothing(plain)
    _refuse_artefact(plain)
    return plain


def refuse_nothing(text: str) -> None:
    """Refuse a text that stands for no value.

    Raises:
        InvalidValue: it is a word or a sign for nothing, or the error of a formula.
    """
    if _ERROR.fullmatch(text):
        raise InvalidValue("it is the error of a formula", "mend the formula, or empty the cell")
    if text.lower() in ("true", "false"):
        raise InvalidValue("it is a yes or a no", "write what the column is for")
    if text.lower() in _NOTHING or text == "NaT" or not any(map(_says_something, text)):
        raise InvalidValue("it stands for nothing", "empty the cell, or write what is meant")


def _refuse_unseen(text: str) -> None:
    if not is_utf8(text):
        raise InvalidValue("it is not UTF-8", SAVE_AS)
    for sign in text:
        if sign == "\N{REPLACEMENT CHARACTER}":
            raise InvalidValue(
                "it holds U+FFFD, which stands where a letter was lost",
                f"write the letter again, and {SAVE_AS}",
            )
        if unseen(sign):
            raise InvalidValue(f"it holds {coded(sign)}", "remove it from the id")
    if _misread(text):
        raise InvalidValue(
            "its letters were read in another encoding than they were written in",
            "export it again as CSV UTF-8, and open it as UTF-8",
        )


def unseen(sign: str) -> bool:
    """Tell whether a character is invisible and no script needs it."""
    if ord(sign) & 0xFFFE == 0xFFFE:  # what Unicode gives to nobody
        return True
    return unicodedata.category(sign) in _UNSEEN and sign not in _WRITTEN


def _refuse_artefact(text: str) -> None:
    if text[0] == "=":
        raise InvalidValue("it is a formula", "write what it shows")
    if _QUOTED.fullmatch(text):
        raise InvalidValue(
            "it begins or ends with a quotation mark",
            "remove the mark, or the space between it and the separator",
        )
    if (number := _WHOLE_FLOAT.fullmatch(text)) is not None:
        raise InvalidValue("it is a number with decimals", f"write {number[1]} if that is the id")
    if _SCIENTIFIC.fullmatch(text):
        raise InvalidValue("it is a number that a spreadsheet has shortened", _AS_TEXT)


def _says_something(sign: str) -> bool:
    # unassigned: in a Unicode newer than ours it may be a letter
    return unicodedata.category(sign)[0] in "LNM" or unicodedata.category(sign) in _SIGNS


def _misread(text: str) -> bool:
    """Tell whether the text is UTF-8 that was opened as Windows text: RenÃ© for René."""
    if text.isascii() or "\N{NO-BREAK SPACE}" in text:
        return False
    try:
        text.encode("cp1252").decode()
    except UnicodeError:
        return False
    return True
