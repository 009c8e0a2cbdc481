import unicodedata
from pathlib import Path

import pytest

from integrations.columns import receivers, token
from integrations.identifier import local_id
from integrations.translator import InvalidValue
from tests.tools.importing.files import GOOD, HEADER, read, write


@pytest.mark.parametrize(
    "text",
    [
        "🌹",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family, with emoji joiners
        "أحمد",
        "דנה\u200f",
        "می\u200cخواهم",  # noqa: RUF001
        "山田\u3000花子",
        "anna\u00a0maria",
        "İsmail Işık",  # noqa: RUF001
        "doe, jane",
        "x/y",
        'o"neill',
        "'t Hooft",
        "d'Arc",
        "+33612345678",
        "@anna",
        "0012",
        "5e10",
        "3E4",
        "1.5",
        "2024.10",
        "Nanette",
        "\U0001fae8",  # an emoji younger than this Python
        "Nil Ólafsson",
        "#12",
        "x" * 200,
    ],
)
def test_what_people_call_each_other_is_an_id(text: str) -> None:
    assert local_id(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("an\u00adna", r"U\+00AD \(soft hyphen\)"),
        ("an\u200bna", r"U\+200B \(zero width space\)"),
        ("\ufeffanna", r"U\+FEFF \(zero width no-break space\)"),
        ("an\u202ena", r"U\+202E \(right-to-left override\)"),
        ("an\tna", r"U\+0009 \(tab\)"),
        ("an\nna", r"U\+000A \(line break\)"),
        ("an\u2028na", r"U\+2028 \(line separator\)"),
        ("an\x00na", r"U\+0000 \(null\)"),
        ("an\x1bna", r"U\+001B \(control character\)"),
        ("Ren\ufffd", r"U\+FFFD"),
        ("Ren\udce9", "not UTF-8"),
        ("an\uffffna", r"U\+FFFF \(no character\)"),
        ("(blank)", "nothing"),
        ("RenÃ©", "another encoding"),
        ("#N/A", "error of a formula"),
        ("#REF!", "error of a formula"),
        ("#NAME?", "error of a formula"),
        ("#DIV/0!", "error of a formula"),
        ("#WERT!", "error of a formula"),
        ("#N/D", "error of a formula"),
        ("Err:502", "error of a formula"),
        ("#####", "nothing"),
        ("NULL", "nothing"),
        ("null", "nothing"),
        ("nan", "nothing"),
        ("NaN", "nothing"),
        ("NaT", "nothing"),
        ("None", "nothing"),
        ("\\N", "nothing"),
        ("N/A", "nothing"),
        ("NA", "nothing"),
        ("<NA>", "nothing"),
        ("undefined", "nothing"),
        ("-", "nothing"),
        ("?", "nothing"),
        ("—", "nothing"),
        ("...", "nothing"),
        ("TRUE", "yes or a no"),
        ('="0012"', "formula"),
        ("=A1", "formula"),
        ("12.0", "number with decimals"),
        ("12,00", "number with decimals"),
        ("4.892E+09", "shortened"),
        ("1.2e+05", "shortened"),
        ("1E+15", "shortened"),
        ("1.2E10", "shortened"),
        ("'0012", "quotation mark"),
        ('"anna"', "quotation mark"),
        ('anna"', "quotation mark"),
        ("'anna'", "quotation mark"),
        ("x" * 201, "longer than 200"),
    ],
)
def test_what_a_machine_left_behind_is_nobody(text: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem) as refused:
        local_id(text)

    assert refused.value.remedy


def test_one_name_from_two_keyboards_is_one_id() -> None:
    assert local_id("Rene\u0301") == local_id("Ren\u00e9")
    assert receivers("Zoe\u0308|Zo\u00eb") == ["Zo\u00eb"]


def test_no_kind_of_act_is_a_word_for_nothing() -> None:
    with pytest.raises(InvalidValue, match="nothing"):
        token("nan")


def test_a_receiver_that_is_no_id_spoils_its_row(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path, [(*GOOD, "bob|#N/A")], (*HEADER, "receiver_ids")))

    assert [(one.column, one.value) for one in row.problems] == [("receiver_ids", "bob|#N/A")]
