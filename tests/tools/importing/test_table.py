from pathlib import Path

import pytest

from tests.tools.importing.files import GOOD, HEADER, read, write
from tools.failure import ExitCode, Failure
from tools.importing.columns import COLUMNS
from tools.importing.table import Line, Table


def lines(path: Path, content: bytes) -> list[Line]:
    path.write_bytes(content)
    return list(Table(path, COLUMNS))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


@pytest.mark.parametrize("sign", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_ways_in_which_offices_write_a_table_are_read_alike(
    file: Path, sign: str, mark: bytes, end: str
) -> None:
    rows = [sign.join(HEADER), sign.join(GOOD), "", sign * 4, sign.join(("c2", *GOOD[1:]))]

    found = lines(file, mark + end.join(rows).encode())

    assert [(line.row, line.cells[0]) for line in found] == [(2, "c1"), (5, "c2")]


def test_the_delimiter_is_the_one_under_which_the_header_makes_sense(tmp_path: Path) -> None:
    header = ("contribution_id", "service_id", "occurred_at", "giver_id", "giver_party", "note, b")
    row = (*GOOD, "a, b, c, d, e")

    found = read(write(tmp_path, [row], header, ";"))

    assert found[0].values["giver_id"] == "ann"


def test_values_may_contain_the_delimiter_and_line_breaks_in_quotes(file: Path) -> None:
    found = lines(file, b'contribution_id,giver_id\r\n"a,1","two\r\nlines"\r\nb,2\r\n')

    assert [(line.row, line.cells) for line in found] == [
        (2, ["a,1", "two\r\nlines"]),
        (4, ["b", "2"]),
    ]


def test_a_quote_that_does_not_close_costs_its_own_line_only(file: Path) -> None:
    body = b'contribution_id,giver_id\na,1\nb,"2\n' + b"".join(
        b"c%d,3\n" % number for number in range(1000)
    )

    found = lines(file, body)

    assert [line.row for line in found if line.problem] == [3]
    assert len(found) == 1002
    assert found[-1] == Line(1003, ["c999", "3"])


def test_a_quote_that_swallows_a_line_gives_it_back(file: Path) -> None:
    found = lines(file, b'contribution_id,giver_id\nb,"2\nc,3\nd,"4"\n')

    assert [(line.row, bool(line.problem)) for line in found] == [(2, True), (3, False), (4, False)]


def test_a_row_of_another_width_is_told_by_its_fields(file: Path) -> None:
    found = lines(file, b"contribution_id,giver_id\na\nb,2,3\nc,3,\n")

    told = [line.problem.problem if line.problem else None for line in found]
    assert told == ["it has 1 fields, the header 2", "it has 3 fields, the header 2", None]


def test_a_row_that_is_not_utf8_takes_no_other_with_it(file: Path) -> None:
    found = lines(file, b"contribution_id,giver_id\na,Ren\xe9\nb,Ren\xc3\xa9\n")

    assert found[0].problem is not None
    assert (found[0].problem.column, found[0].problem.problem) == ("giver_id", "it is not UTF-8")
    assert found[1] == Line(3, ["b", "René"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no header line"),
        (b"\n\na,b\n", "no header line"),
        ("contribution_id".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04whatever", "a spreadsheet"),
        (b"contribution_id,,giver_id\n", "column 2 has no name"),
        (b"contribution_id\tgiver_id\n", "separated by tabs"),
        (b"giver_id,giver_id\n", "two columns are named giver_id"),
        (b"contribution_id,caf\xe9\n", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(file: Path, content: bytes, message: str) -> None:
    with pytest.raises(Failure, match=message) as refused:
        lines(file, content)

    assert refused.value.code is ExitCode.USAGE


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no such file"):
        Table(tmp_path / "nothing.csv", COLUMNS)
