from pathlib import Path

import pytest

from integrations.columns import COLUMNS
from tests.tools.importing.files import GOOD, HEADER, problems_of, read, write
from tools.importing.row import check_header, refuse_header
from tools.terminal.failure import Failure

WHOLE = {
    "contribution_id": "c1",
    "service_id": "s1",
    "occurred_at": "2025-05-01T10:00:00Z",
    "giver_id": "ann",
    "giver_party": "user",
    "giver_kind": "person",
    "receiver_ids": "bob|cid",
    "receiver_kind": "person",
    "receiver_party": "family_social",
    "minutes": "90",
    "phase": "deliver",
    "mode": "act",
    "choice": "agree",
    "kind": "care",
    "scope": "individual",
    "stage": "prevention",
    "knowledge": "lived",
    "episode_id": "e1",
    "organisation_id": "o1",
    "channel": "paper",
    "status": "disputed",
    "revised_at": "2025-05-02",
}


def test_every_column_is_read(tmp_path: Path) -> None:
    assert set(WHOLE) == set(COLUMNS)

    (row,) = read(write(tmp_path, [tuple(WHOLE.values())], tuple(WHOLE)))

    assert row.problems == []
    assert row.values == {
        **WHOLE,
        "receiver_ids": ["bob", "cid"],
        "minutes": 90,
        "revised_at": "2025-05-02T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("column", "value", "remedy"),
    [
        ("giver_party", "usr", "use professional, user, family_social; user is the closest"),
        ("giver_kind", "people", "use person, group"),
        ("receiver_kind", "crowd", "use person, group"),
        ("receiver_party", "neighbour", "use professional, user, family_social"),
        ("minutes", "0", "write whole minutes from 1 to 1440, or leave it empty if unknown"),
        ("minutes", "1441", "split it into one row for each day"),
        ("minutes", "1.5", "write whole minutes from 1 to 1440"),
        ("minutes", "-5", "write whole minutes from 1 to 1440"),
        ("minutes", "9" * 5000, "split it into one row for each day"),
        ("minutes", "²", "write whole minutes from 1 to 1440"),
        ("phase", "delivery", "deliver is the closest"),
        ("mode", "vote", "use act, opinion"),
        ("choice", "yes", "use agree, disagree, pass"),
        ("kind", "Garden Work", "for instance garden_work"),
        ("scope", "all", "use individual, group, service, system"),
        ("stage", "late", "use prevention"),
        ("knowledge", "none", "use lived, professional"),
        ("episode_id", "e" * 201, "use the id"),
        ("organisation_id", "a\x07b", "remove it from the id"),
        ("channel", "mail", "use online, paper, phone, assisted"),
        ("status", "done", "use recorded, confirmed, disputed, voided"),
        ("occurred_at", "soon", "write it as 2024-05-31"),
        ("revised_at", "2025-06-02", "record what has happened"),
        ("receiver_ids", "|".join(map(str, range(1001))), "name the group instead"),
        ("contribution_id", "", "fill it"),
        ("service_id", "", "fill it, or give it with --service ID"),
        ("giver_id", "", "fill it"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_remedy(
    tmp_path: Path, column: str, value: str, remedy: str
) -> None:
    (row,) = read(write(tmp_path, [tuple({**WHOLE, column: value}.values())], tuple(WHOLE)))

    (problem,) = row.problems
    assert (problem.row, problem.column) == (2, column)
    assert remedy in problem.remedy


def test_all_that_is_wrong_with_a_row_is_told_at_once(tmp_path: Path) -> None:
    bad = {**WHOLE, "occurred_at": "x", "giver_id": "", "minutes": "0", "phase": "?"}

    (row,) = read(write(tmp_path, [tuple(bad.values())], tuple(WHOLE)))

    assert [problem.column for problem in row.problems] == [
        "occurred_at",
        "minutes",
        "phase",
        "giver_id",
    ]


def test_a_closed_word_is_read_whatever_its_case_and_columns_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path, [("User ", *GOOD[:4])], (" Giver_Party", *HEADER[:4]))

    (row,) = read(path)

    assert row.values["giver_party"] == "user"
    assert row.problems == []


def test_receivers_are_named_once_and_blanks_are_nobody(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path, [(*GOOD, "bob| |ann|bob|")], (*HEADER, "receiver_ids")))

    assert row.values["receiver_ids"] == ["bob", "ann"]


def test_what_is_set_fills_columns_and_cells_that_are_empty_and_no_other(tmp_path: Path) -> None:
    path = write(
        tmp_path, [("c1", "", "2025-05-01", "ann"), ("c2", "s2", "2025-05-01", "ann")], HEADER[:4]
    )

    rows = read(path, {"service_id": "s1", "giver_party": "user", "minutes": "5"})

    assert [row.values["service_id"] for row in rows] == ["s1", "s2"]
    assert [row.values["giver_party"] for row in rows] == ["user", "user"]
    assert [row.values["minutes"] for row in rows] == [5, 5]
    assert problems_of(rows) == []


def test_a_value_that_does_not_fit_is_not_replaced_by_what_is_set(tmp_path: Path) -> None:
    rows = read(write(tmp_path, [(*GOOD[:4], "boss")]), {"giver_party": "user"})

    assert problems_of(rows) == [(2, "giver_party", "it is not one of the words for this column")]


def test_a_misspelt_column_stops_a_real_run_and_a_foreign_one_is_mentioned() -> None:
    check = check_header(("contribution_id", "service", "occured_at", "giver_id", "notes"), {})

    assert {one.column for one in check.blocking} >= {"occured_at", "service_id", "giver_party"}
    assert [one.column for one in check.notices] == ["notes"]
    with pytest.raises(Failure, match=r"occured_at.*giver_party"):
        refuse_header(check)


def test_a_required_column_may_be_set_instead() -> None:
    header = ("contribution_id", "occurred_at", "giver_id")

    check = check_header(header, {"service_id": "s1", "giver_party": "user"})

    assert check.blocking == []


def test_a_header_without_any_known_column_is_told_with_what_it_has() -> None:
    with pytest.raises(Failure, match=r"No column of this file is known\. It has: id, volunteer"):
        check_header(("id", "volunteer"), {"giver_party": "user"})


@pytest.mark.parametrize(("text", "minutes"), [("60", 60), ("60.0", 60), ("1440.000", 1440)])
def test_minutes_of_a_spreadsheet_are_whole_numbers(
    tmp_path: Path, text: str, minutes: int
) -> None:
    (row,) = read(write(tmp_path, [(*GOOD, text)], (*HEADER, "minutes")))

    assert row.values["minutes"] == minutes


@pytest.mark.parametrize(
    "text",
    [
        *("0", "-30", "1:30", "1 200", "1\u202f200", "90 min", "1h", "+60", "060", "1e2", "0.5"),
        *("60.5", "60.", "NULL", "1441.0", "999999999999", "６０"),  # noqa: RUF001
    ],
)
def test_other_minutes_are_not_guessed(tmp_path: Path, text: str) -> None:
    (row,) = read(write(tmp_path, [(*GOOD, text)], (*HEADER, "minutes")))

    assert [one.column for one in row.problems] == ["minutes"]


def test_what_is_not_read_may_be_in_another_encoding(tmp_path: Path) -> None:
    path = write(
        tmp_path, [(*GOOD, "caf\u00e9"), ("c2", *GOOD[1:4], "\u00e9", "")], (*HEADER, "notes")
    )
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))

    assert problems_of(read(path)) == [(3, "giver_party", "it is not UTF-8")]


def test_a_row_that_a_line_break_has_cut_is_not_taken_by_halves(tmp_path: Path) -> None:
    header = (*HEADER, "notes", "minutes")
    rows = [(*GOOD, "on the"), ("phone", "60"), ("c2", *GOOD[1:], "", "5"), ("c3", *GOOD[1:])]

    cut, rest, whole, short = read(write(tmp_path, rows, header))

    assert "the rest of this one" in cut.problems[0].problem
    assert rest.problems
    assert whole.problems == short.problems == []
