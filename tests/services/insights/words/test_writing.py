from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.insights.words.writing import decimal, number, on, people, percent


def test_no_share_is_rounded_to_nothing_or_to_everything() -> None:
    assert percent(Fraction(1, 1000)).en == "less than 1%"
    assert percent(Fraction(999, 1000)).fr == "plus de 99\N{NO-BREAK SPACE}%"
    assert (percent(Fraction(0)).en, percent(Fraction(1)).en) == ("0%", "100%")


@given(numerator=st.integers(-(10**9), 10**12), denominator=st.integers(1, 10**12))
def test_shares_are_rounded_as_decimals_are(numerator: int, denominator: int) -> None:
    share = Fraction(numerator, denominator)
    exact = Decimal(numerator) / Decimal(denominator)

    thousandths = exact.quantize(Decimal("0.001"), ROUND_HALF_UP)
    whole = (exact * 100).quantize(Decimal(1), ROUND_HALF_UP)

    assert decimal(share).en == f"{thousandths:.3f}"
    assert percent(share).en in (f"{int(whole)}%", "less than 1%", "more than 99%")


def test_french_counts_nought_in_the_singular_and_english_in_the_plural() -> None:
    assert (people(0).fr, people(0).en) == ("0 personne", "0 people")
    assert (people(1).fr, people(1).en) == ("1 personne", "1 person")
    assert (number(12_345).fr, number(12_345).en) == ("12\N{NO-BREAK SPACE}345", "12,345")


def test_the_first_of_a_month_is_an_ordinal_in_french() -> None:
    assert (on(date(2026, 3, 1)).fr, on(date(2026, 8, 9)).en) == ("1er mars 2026", "9 August 2026")


TENTHS = (Fraction(1, 10), Fraction(9, 10))


def test_a_share_near_a_threshold_is_rounded_away_from_it() -> None:
    assert percent(Fraction(996, 10_000), TENTHS).en == "9%"
    assert percent(Fraction(1004, 10_000), TENTHS).en == "11%"
    assert percent(Fraction(1, 10), TENTHS).en == "10%"
    assert percent(Fraction(8996, 10_000), TENTHS).en == "89%"
    assert percent(Fraction(9004, 10_000), TENTHS).fr == "91\N{NO-BREAK SPACE}%"
    assert percent(Fraction(996, 10_000)).en == "10%"
    assert decimal(Fraction(99_996, 1_000_000), TENTHS).en == "0.099"
