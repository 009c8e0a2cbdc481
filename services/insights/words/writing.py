"""Writing: counts, shares and dates as French and English write them."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_MONTHS = (
    ("janvier", "January"),
    ("février", "February"),
    ("mars", "March"),
    ("avril", "April"),
    ("mai", "May"),
    ("juin", "June"),
    ("juillet", "July"),
    ("août", "August"),
    ("septembre", "September"),
    ("octobre", "October"),
    ("novembre", "November"),
    ("décembre", "December"),
)
NUMBERS_MAX = 20_000  # kept, for most are said again after the next act
_NO_BREAK = "\N{NO-BREAK SPACE}"


class Text(NamedTuple):
    """The same in both languages: a word, a statement, or a template with named places."""

    fr: str
    en: str


def both(sentences: list[Text]) -> dict[str, list[str]]:
    return {"fr": [one.fr for one in sentences], "en": [one.en for one in sentences]}


def percent(share: Fraction, thresholds: Iterable[Fraction] = ()) -> Text:
    """Return a share in whole percent; 0 and 100 only where it is exactly that.

    What rounds to one of the thresholds and is not, is rounded away from it.
    """
    whole = _away(_rounded(share, 100), 100, share, thresholds)
    if whole == 0 and share > 0:
        return Text(f"moins de 1{_NO_BREAK}%", "less than 1%")
    if whole == 100 and share < 1:
        return Text(f"plus de 99{_NO_BREAK}%", "more than 99%")
    return Text(f"{whole}{_NO_BREAK}%", f"{whole}%")


def decimal(share: Fraction, thresholds: Iterable[Fraction] = ()) -> Text:
    """Return a share with three decimals, rounded away from thresholds as ``percent`` does."""
    thousandths = _away(_rounded(share, 1000), 1000, share, thresholds)
    sign, (whole, rest) = "-" * (share.numerator < 0), divmod(abs(thousandths), 1000)
    return Text(f"{sign}{whole},{rest:03}", f"{sign}{whole}.{rest:03}")


@lru_cache(maxsize=NUMBERS_MAX)
def number(value: int) -> Text:
    text = f"{value:,}"
    return Text(text.replace(",", _NO_BREAK), text)


def counted(value: int, fr: tuple[str, str], en: tuple[str, str]) -> Text:
    """Return a number with its noun; French says one for nought as well."""
    said = number(value)
    return Text(f"{said.fr} {fr[abs(value) > 1]}", f"{said.en} {en[value != 1]}")


def people(value: int) -> Text:
    return counted(value, ("personne", "personnes"), ("person", "people"))


def contributions(value: int) -> Text:
    return counted(value, ("contribution", "contributions"), ("contribution", "contributions"))


def days(value: int) -> Text:
    return counted(value, ("jour", "jours"), ("day", "days"))


def on(day: date) -> Text:
    french, english = _MONTHS[day.month - 1]
    ordinal = "1er" if day.day == 1 else str(day.day)
    return Text(f"{ordinal} {french} {day.year}", f"{day.day} {english} {day.year}")


def _rounded(share: Fraction, parts: int) -> int:
    """Return how many of so many parts of one a share is; a half is rounded away from zero."""
    numerator, denominator = share.as_integer_ratio()
    whole = (2 * abs(numerator) * parts + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def _away(whole: int, parts: int, share: Fraction, thresholds: Iterable[Fraction]) -> int:
    for threshold in thresholds:
        if whole == threshold * parts and share != threshold:
            return whole + (1 if share > threshold else -1)
    return whole


def said(fr: str, en: str, **parts: Text) -> Text:
    """Return the templates filled with each language's words."""
    return Text(
        fr.format(**{name: part.fr for name, part in parts.items()}),
        en.format(**{name: part.en for name, part in parts.items()}),
    )
