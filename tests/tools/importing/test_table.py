import os
import threading
from pathlib import Path

import pytest

from integrations.columns import COLUMNS
from tests.tools.importing.files import GOOD, HEADER, read, write
from tools.importing.table import Line, Table
from tools.terminal.failure import ExitCode, Failure


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


def test_last_cells_may_be_left_out_and_surplus_ones_are_told(file: Path) -> None:
    found = lines(file, b"contribution_id,giver_id,phase\na,1\nb\nc,2,,3\nd,3,,\n")

    told = [line.problem.problem if line.problem else None for line in found]
    assert told == [None, None, "it has 4 fields, the header 3", None]
    assert [line.cells for line in found[:2]] == [["a", "1", ""], ["b", "", ""]]


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
        (b"\n\ncontribution_id,giver_id\n", "line 1 is empty; the columns are named in line 3"),
        (b"Report\r\n\r\ncontribution_id;giver_id\r\n", r"title \(Report\).* line 3"),
        (b"Report,,,\r\ncontribution_id\tgiver_id\r\n", r"title .* line 2"),
        ("contribution_id".encode("utf-16"), "UTF-16"),
        ("contribution_id".encode("utf-16-le"), "UTF-16"),
        ("contribution_id".encode("utf-32"), "UTF-32"),
        (b"PK\x03\x04whatever", "archive"),
        (b"PK\x03\x04..[Content_Types].xml", "XLSX"),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "ODS"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "XLS"),
        (b"%PDF-1.7", "PDF"),
        (b"  <!DOCTYPE html><p>", "HTML"),
        (b"<html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b'[{"giver_id": 1}]', "JSON"),
        (b'{"giver_id": 1}', "JSON"),
        (b"contribution_id,,giver_id\n", "column 2 has no name"),
        (b"contribution_id\tgiver_id\n", "separated by tabs"),
        (b"contribution_id|giver_id\n", r"separated by \| \(pipes\)"),
        (b"sep=|\ncontribution_id|giver_id\n", r"separated by \| \(pipes\)"),
        (b"contribution_id:giver_id\n", "separated by colons"),
        (b"giver_id,giver_id\n", "two columns are named giver_id"),
        (b"contribution_id,caf\xe9\n", "not UTF-8"),
        (b'contribution_id,"giver_id\n', "quotes in its header are broken"),
        ("contribution_id,giver_id\u200b\n".encode(), r"column 2, giver_id,.*U\+200B"),
        ("contribution_id,\ufeffgiver_id\n".encode(), r"column 2, giver_id,.*U\+FEFF"),
        ("contribution_id,giver\u00ad_id\n".encode(), r"column 2, giver_id,.*U\+00AD"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(file: Path, content: bytes, message: str) -> None:
    with pytest.raises(Failure, match=message) as refused:
        lines(file, content)

    assert refused.value.code is ExitCode.USAGE
    assert refused.value.remedy


@pytest.mark.parametrize("told", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
def test_a_line_for_excel_that_names_the_separator_is_read(file: Path, told: str) -> None:
    found = lines(file, f"{told}contribution_id;giver_id\r\na;ann, bob\r\n".encode())

    assert [(line.row, line.cells) for line in found] == [(3, ["a", "ann, bob"])]


def test_a_name_broken_over_lines_is_one_column(file: Path) -> None:
    file.write_bytes(b'contribution_id,"notes\r\n(optional)",giver_id\r\na,,ann\r\n')

    table = Table(file, COLUMNS)

    assert table.header == ["contribution_id", "notes (optional)", "giver_id"]
    assert [(line.row, line.cells) for line in table] == [(3, ["a", "", "ann"])]


def test_quotes_behind_a_space_are_no_part_of_a_name(file: Path) -> None:
    file.write_bytes(b'contribution_id, "giver_id"\na,ann\n')

    assert Table(file, COLUMNS).header == ["contribution_id", "giver_id"]


def test_what_comes_through_a_pipe_is_read_as_often_as_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[b"contribution_id,giver_id\na,1\n"])
    writer.start()

    table = Table(pipe, COLUMNS)

    writer.join()
    assert table.from_pipe
    assert list(table) == list(table) == [Line(2, ["a", "1"])]


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no such file") as refused:
        Table(tmp_path / "nothing.csv", COLUMNS)

    assert refused.value.remedy
