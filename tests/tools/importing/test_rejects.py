"""The file of rejected rows: each as it was, and safe to open, correct and import again."""

from pathlib import Path

import pytest

from integrations.columns import COLUMNS
from tests.tools.importing.files import HEADER, feed_of, read
from tools.importing import rejects
from tools.importing.spool import Spool
from tools.importing.table import REASON_COLUMNS, Table
from tools.terminal.failure import Failure

MARK = b"\xef\xbb\xbf"
REASONS = ",".join(REASON_COLUMNS).encode()
FIRST = ",".join(HEADER).encode()


def rejected(path: Path, content: bytes) -> bytes:
    """Write the file, read it, and return what is written of its rejected rows."""
    path.write_bytes(content)
    feed = feed_of(path)
    with Spool() as spool:
        for row in feed.rows:
            spool.add(row)
        rejects.write(rejects.place_of(feed.table), feed.table, spool)
    return rejects.place_of(feed.table).read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


@pytest.mark.parametrize(
    "row",
    [
        b"c1,s1,someday,ann,user",
        b' c1 ,"s1", someday,"ann",  user',
        b"c1,s1,someday,ann",
        b"c1,s1,2025-05-01,ann,user, chloe,60",
        'c1,s1,someday,Ren\u00e9,user,,"two\nlines"'.encode(),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_row_is_kept_byte_for_byte_behind_its_reasons(file: Path, row: bytes, end: bytes) -> None:
    found = rejected(file, FIRST + b",minutes" * (b"60" not in row) + end + row + end)

    assert found.startswith(MARK + REASONS + b"," + FIRST)
    assert found.endswith(b"," + row + end)
    assert b"\n2," in found


def test_own_columns_are_kept_whatever_they_are_called(file: Path) -> None:
    header = FIRST + b",row,column,problem,remedy"

    found = rejected(file, header + b"\nc1,s1,someday,ann,user,A7,B,broken kettle,glue\n")

    assert REASONS + b"," + header + b"\n" in found
    assert found.endswith(b",ann,user,A7,B,broken kettle,glue\n")


def test_a_file_in_another_encoding_stays_in_it_and_excel_reads_it_so(file: Path) -> None:
    found = rejected(file, FIRST + b"\nc1,s1,2025-05-01,Ren\xe9,user\nc2,s1,x,anna,user\n")

    assert not found.startswith(MARK)
    assert b",Ren\xe9,user\n" in found
    assert "\ufffd".encode() not in found
    assert found.decode("cp1252").splitlines()[1].endswith(",René,user")
    assert found.replace(b"Ren\xe9,user", b"").isascii()


def test_a_file_in_two_encodings_is_kept_and_lost_letters_are_nobody(file: Path) -> None:
    found = rejected(
        file, FIRST + "\nc1,s1,x,René,user\n".encode() + b"c2,s1,2025-05-01,Ren\xe9,user\n"
    )

    assert found.startswith(MARK)
    assert b",Ren\xe9,user\n" in found
    # as a spreadsheet saves what it could not read
    file.write_bytes(found.decode("utf-8-sig", "replace").encode())
    assert [one.column for row in read(file)[1:] for one in row.problems] == ["giver_id"]


def test_an_open_quote_takes_no_other_row_along(file: Path) -> None:
    found = rejected(file, FIRST + b'\nc1,s1,"2025-05-01,ann,user\nc2,s1,x,bob,user\n')

    file.write_bytes(found)
    first, second = read(file)
    assert first.values["contribution_id"] == 'c1,s1,"2025-05-01,ann,user'
    assert first.problems
    assert second.values["giver_id"] == "bob"


@pytest.mark.parametrize("giver", ["+33612345678", "@ann", "-7"])
def test_a_cell_that_a_spreadsheet_would_run_is_guarded_and_comes_back(
    file: Path, giver: str
) -> None:
    found = rejected(file, FIRST + f"\nc1,s1,someday,{giver},user\n".encode())

    assert f",'{giver},user\n".encode() in found
    file.write_bytes(found.replace(b"someday", b"2025-05-01"))
    (row,) = read(file)
    assert row.problems == []
    assert row.values["giver_id"] == giver


def test_no_cell_is_left_that_would_run(file: Path) -> None:
    row = b"=1+1,@s1,\"\t=2\",-x,=cmd|' /C calc'!A0\n"

    found = rejected(file, FIRST + b",=own" + b"\n" + row).decode("utf-8-sig")

    cells = [cell for line in found.splitlines() for cell in line.split(",")]
    assert [cell for cell in cells if cell.lstrip('"')[:1] in set("=+-@\t")] == []


@pytest.mark.parametrize("name", [b"=own", b"own"])
def test_a_guarded_name_of_a_column_is_the_same_column(file: Path, name: bytes) -> None:
    row = b"\nc1,s1,2025-05-01,ann,user,1h,x\n"

    found = rejected(file, FIRST + b",\tminutes," + name + row)

    file.write_bytes(found.replace(b",1h,", b",60,"))
    assert [row.values["minutes"] for row in read(file)] == [60]
    assert Table(file, COLUMNS).header[-1] == name.decode()


def test_rejects_of_rejects_have_one_set_of_reasons(file: Path) -> None:
    once = rejected(file, FIRST + b",own\nc1,s1,someday,+1,user,x,surplus\n")

    twice = rejected(file, once)

    assert twice.count(REASONS) == 1
    assert twice.splitlines()[0] == once.splitlines()[0]
    assert twice.endswith(b",c1,s1,someday,'+1,user,x,surplus\n")


def test_rejects_are_for_their_owner_alone(file: Path) -> None:
    place = file.with_name("file.rejects.csv")
    place.write_bytes(MARK + REASONS)
    place.chmod(0o644)

    rejected(file, FIRST + b"\nc1,s1,someday,ann,user\n")

    assert place.stat().st_mode & 0o777 == 0o600


def test_only_a_file_of_rejects_is_replaced_or_taken_away(file: Path) -> None:
    ours, other = file.with_name("ours.csv"), file.with_name("other.csv")
    ours.write_bytes(MARK + REASONS + b"\n")
    other.write_text("something else")
    other.chmod(0o644)

    rejects.check_place(ours, file)
    with pytest.raises(Failure, match="holds no rejected rows"):
        rejects.check_place(other, file)
    rejects.remove_stale(ours)
    rejects.remove_stale(other)

    assert not ours.exists()
    assert other.read_text() == "something else"
    assert other.stat().st_mode & 0o777 == 0o644


def test_a_file_is_not_replaced_by_its_own_rejects_under_another_name(file: Path) -> None:
    file.write_bytes(MARK + REASONS + b"," + FIRST + b"\n")
    link = file.with_name("link.csv")
    link.symlink_to(file)

    with pytest.raises(Failure, match="is the file itself"):
        rejects.check_place(link, file)


def test_a_place_that_can_be_written_is_left_as_it_was(file: Path) -> None:
    place = file.with_name("rejects.csv")

    rejects.check_place(place, file)

    assert not place.exists()
