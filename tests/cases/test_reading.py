"""How the files that people send are read, what is refused of them, and what they get back."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.cases.office import Office
from tests.support.data import data
from tests.support.deployment import environment
from tools.terminal.failure import ExitCode

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.timeout(600)]

MARK = b"\xef\xbb\xbf"


def rejects(office: Office, name: str) -> Path:
    return office.folder / f"{Path(name).stem}.rejects.csv"


def through_excel(path: Path) -> Path:
    """Open a file as a Western Excel does and save it as CSV UTF-8."""
    content = path.read_bytes()
    text = content.decode("utf-8-sig" if content.startswith(MARK) else "cp1252", "replace")
    saved = path.with_name("saved.csv")
    saved.write_text(text, encoding="utf-8-sig", newline="")
    return saved


def test_01_last_cells_that_were_left_out_are_empty(office: Office) -> None:
    told = office.take("01-trailing.csv")

    assert (told.code, told.effects) == (ExitCode.OK, {"recorded": 3})
    assert sorted(act["minutes"] or 0 for act in office.standing("c01")) == [0, 60, 60]
    assert sorted(len(act["receivers"]) for act in office.standing("c01")) == [0, 1, 1]


def test_02_a_column_name_may_have_a_line_break(office: Office) -> None:
    told = office.take("02-header-break.csv")

    assert told.effects == {"recorded": 2}
    assert sorted(act["minutes"] for act in office.standing("c02")) == [45, 60]
    assert [one["column"] for one in told["notices"]] == ["notes (optional)"]


def test_03_the_separator_that_excel_is_told_is_read(office: Office) -> None:
    assert office.take("03-sep.csv").effects == {"recorded": 1}


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("03b-title.csv", "line 1 is a title (Volunteer report March 2026)", "before line 3"),
        ("03f-pipe.csv", "separated by | (pipes)", "commas or semicolons"),
        ("03l-header-zwsp.csv", "giver_id, has an invisible mark", "Type the name again"),
        ("16e.csv.gz", "packed (gzip)", "Unpack it"),
        ("16f.xls", "Excel workbook (XLS)", "Save it from the spreadsheet as CSV UTF-8"),
        ("16h-html.csv", "web page (HTML)", "in a browser"),
    ],
)
def test_03_16_what_is_no_table_is_called_what_it_is(
    office: Office, name: str, what: str, remedy: str
) -> None:
    told = office.take(name)

    assert told.code == ExitCode.USAGE
    assert told.said.count("\n") == 2
    assert what in told.said
    assert remedy in told.said


def test_04_ids_are_in_every_script_and_a_plain_terminal_shows_all_counts(office: Office) -> None:
    path = office.file("04-ids.csv")

    done = subprocess.run(
        [
            *(sys.executable, "-m", "tools", "import", "contributions", str(path)),
            *("--register-missing", "--agency", office.agency),
        ],
        capture_output=True,
        check=False,
        env=environment(COPROD_DATA=str(office.running.data), PYTHONIOENCODING="ascii"),
    )

    said = done.stdout.decode("ascii")
    assert done.stderr == b""
    assert "15 rows: 13 recorded; 2 rejected" in said
    assert "U+00AD (soft hyphen)" in said
    assert len({act["giver_id"] for act in office.standing("c04")}) == 13


@pytest.mark.parametrize("command", [("status",), ("verdict", "c04"), ("metrics", "c04")])
def test_04_a_plain_terminal_shows_tables_too(office: Office, command: tuple[str, ...]) -> None:
    office.take("04-ids.csv")
    assert office.running.coprod("wait", "--timeout", "60").returncode == ExitCode.OK
    of_agency = () if command == ("status",) else ("--agency", office.agency)

    done = subprocess.run(
        [sys.executable, "-m", "tools", *command, *of_agency],
        capture_output=True,
        check=False,
        env=environment(COPROD_DATA=str(office.running.data), PYTHONIOENCODING="ascii"),
    )

    assert (done.returncode, done.stderr) == (ExitCode.OK, b"")
    assert done.stdout.isascii()


def test_05_accents_in_another_encoding_survive_the_way_through_excel(office: Office) -> None:
    told = office.take("05-cp1252.csv")

    assert told.wrong() == {(2, "giver_id")}
    assert b";Ren\xe9;user;" in rejects(office, "05-cp1252.csv").read_bytes()
    saved = through_excel(rejects(office, "05-cp1252.csv"))
    back = office.run("contributions", str(saved), "--register-missing")
    assert (back.effects, back["registered"]["participants"]) == ({"recorded": 1}, 1)
    assert "René" in saved.read_text()


def test_05_a_good_name_beside_bad_minutes_stays_the_same_person(office: Office) -> None:
    office.take("05e-good-name-bad-minutes.csv")
    saved = through_excel(rejects(office, "05e-good-name-bad-minutes.csv"))
    saved.write_text(saved.read_text().replace("1h,deliver", "60,deliver"))

    back = office.run("contributions", str(saved), "--register-missing")

    assert (back.effects, back["registered"]["participants"]) == ({"recorded": 1}, 0)
    assert len({act["giver_id"] for act in office.standing("c05e")}) == 1


def test_05_rejects_of_an_earlier_run_do_not_stay_when_all_is_right(office: Office) -> None:
    path = office.file("05e-good-name-bad-minutes.csv")
    office.run("contributions", str(path), "--register-missing")
    left = rejects(office, path.name)
    assert left.stat().st_mode & 0o777 == 0o600

    path.write_text(path.read_text().replace("1h", "60"))
    office.run("contributions", str(path))

    assert not left.exists()


def test_06_artefacts_of_machines_are_nobody(office: Office) -> None:
    told = office.take("06-artefacts.csv")

    assert {one["row"] for one in told.problems} == set(range(2, 11))
    assert told["registered"]["participants"] == 0
    kept = rejects(office, "06-artefacts.csv").read_text(encoding="utf-8-sig")
    assert '"\'=""0012"""' in kept


def test_11_minutes_are_whole_or_refused(office: Office) -> None:
    told = office.take("11-minutes.csv")

    assert told.effects == {"recorded": 1}
    assert {one["row"] for one in told.problems} == set(range(2, 20)) - {4}
    assert [act["minutes"] for act in office.standing("c11")] == [60]
    assert all("split" in one["remedy"] for one in told.problems if one["row"] in (10, 11, 19))


def test_14_times_that_mean_one_thing_are_read(office: Office) -> None:
    told = office.take("14-times.csv")

    refused = {one["row"] - 1 for one in told.problems}
    assert refused.isdisjoint({1, 27, 33})  # Rails, slashes, a small z
    assert refused >= {5, 6, 7, 8, 9, 10, 16, 17, 18, 19, 26, 29, 30, 31, 36}
    acts = {act["occurred_at"] for act in office.standing("c14")}
    assert {"2023-12-14T10:22:31Z", "2023-12-14T00:00:00Z"} <= acts


def test_15_it_is_today_where_the_office_is(office: Office) -> None:
    furthest = "Pacific/Kiritimati"  # there, tomorrow begins fourteen hours before it does in UTC
    today = datetime.now(UTC).astimezone(ZoneInfo(furthest)).date()
    path = office.file("15-nz-evening.csv")
    text = path.read_text()

    path.write_text(text.replace("2026-12-01", today.isoformat()))
    told = office.run(
        *("contributions", str(path), "--register-missing", "--timezone", furthest),
    )
    path.write_text(text.replace("2026-12-01", (today + timedelta(days=1)).isoformat()))
    tomorrow = office.run("contributions", str(path), "--timezone", furthest)

    assert told.effects == {"recorded": 1}
    assert office.standing("c15")[0]["occurred_at"][:10] == today.isoformat()
    assert tomorrow.wrong() == {(2, "occurred_at")}


def test_15_a_file_of_midnights_is_a_file_of_days(office: Office) -> None:
    told = office.take("15-paris.csv", "--timezone", "Europe/Paris")

    assert told.effects == {"recorded": 2}
    assert "read as days of Europe/Paris" in told["notices"][0]["problem"]
    days = {act["occurred_at"] for act in office.standing("c15p")}
    assert days == {"2026-03-01T00:00:00Z"}


def test_19_composed_and_decomposed_letters_are_one_id(office: Office) -> None:
    told = office.take("19-nfc-nfd.csv")

    assert told["registered"]["participants"] == 2
    acts = office.standing("c19")
    assert len({act["giver_id"] for act in acts}) == 1
    assert len({act["receivers"][0]["participant_id"] for act in acts}) == 1


def test_24_rows_that_are_too_wide_keep_every_cell(office: Office) -> None:
    told = office.take("24-wide.csv")

    assert told.wrong() == {(3, ""), (4, ""), (5, "")}
    kept = rejects(office, "24-wide.csv").read_text(encoding="utf-8-sig").splitlines()
    was = data("cases", "24-wide.csv").read_text().splitlines()
    assert [one[-len(row) :] for one, row in zip(kept[1:], was[2:], strict=True)] == was[2:]
    again = office.run("contributions", str(rejects(office, "24-wide.csv")))
    assert again["rejected"] == 3


def test_25_own_columns_are_kept_whatever_they_are_called(office: Office) -> None:
    told = office.take("25-own-columns.csv")

    assert told.wrong() == {(3, "occurred_at")}
    kept = rejects(office, "25-own-columns.csv")
    assert "2,c25,x,anna,user,bruno,60,deliver,act,A8,torn coat\n" in kept.read_text("utf-8-sig")
    kept.write_text(kept.read_text().replace(",x,anna", ",2026-03-02,anna"))
    assert office.run("contributions", str(kept)).effects == {"recorded": 1}


def test_28_a_space_before_a_quote_is_told(office: Office) -> None:
    told = office.take("28-space-quote.csv")

    assert told.wrong() == {(2, "giver_id"), (2, "receiver_ids")}
    assert told.effects == {"recorded": 1}


def test_the_same_said_of_many_rows_is_said_once(office: Office) -> None:
    header = data("cases", "11-minutes.csv").read_text().splitlines()[0]
    path = office.folder / "many.csv"
    row = "{},many,2026-03-02,anna,family,bruno,60,deliver,act"
    path.write_text("\n".join([f"{header},a,b", *(row.format(at) for at in range(240))]))

    done = office.running.coprod("import", "contributions", str(path), "--dry-run")

    said = done.stdout.splitlines()
    assert said[0].startswith("notice: a, b: there is no such column")
    (about,) = [line for line in said if "giver_party" in line and "rows" in line]
    assert about.startswith("240 rows from row 2 on: giver_party 'family': it is not one of")
    assert len(said) < 10


@pytest.mark.parametrize("header", ["id;volunteer;date", "Nom,Prénom"])
def test_a_file_of_unknown_columns_is_never_good(office: Office, header: str) -> None:
    path = office.folder / "foreign.csv"
    path.write_text(f"{header}\n1;anna;2026-03-02\n", encoding="utf-8")

    told = office.run("contributions", str(path), "--register-missing", "--dry-run")

    assert told.code == ExitCode.USAGE
    assert "No column of this file is known. It has: " in told.said
    assert "Traceback" not in told.said


def test_a_file_that_lacks_required_columns_is_never_good(office: Office) -> None:
    path = office.folder / "foreign.csv"
    path.write_text("contribution_id,volunteer\n1,anna\n")

    done = office.running.coprod(
        *("import", "contributions", str(path), "--register-missing", "--dry-run")
    )

    assert done.returncode == ExitCode.PROBLEM
    assert "good" not in done.stdout
    assert "none taken until the header is right" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_a_file_may_come_through_a_pipe(office: Office, name: str) -> None:
    content = data("cases", "05-cp1252.csv").read_bytes()

    done = subprocess.run(
        [
            *(sys.executable, "-m", "tools", "import", "contributions", name),
            *("--register-missing", "--agency", office.agency),
        ],
        input=content,
        capture_output=True,
        check=False,
        cwd=office.folder,
        env=environment(COPROD_DATA=str(office.running.data)),
    )

    assert b"2 rows: 1 recorded; 1 rejected" in done.stdout, done.stderr
    assert b";Ren\xe9;user;" in (office.folder / "stdin.rejects.csv").read_bytes()


def test_counts_are_told_though_the_rejects_find_no_room(office: Office) -> None:
    said = office.text("11-minutes.csv", "--rejects", "/dev/full")

    assert "18 rows: 1 recorded; 17 rejected" in said
    assert "could not be written, /dev/full: no space left on device" in said


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_full_disk_or_a_closed_pipe_behind_the_output_is_no_crash(
    office: Office, options: list[str]
) -> None:
    command = [
        *(sys.executable, "-m", "tools", "import", "contributions"),
        *(str(office.file("11-minutes.csv")), "--dry-run", *options),
    ]
    ours = environment(COPROD_DATA=str(office.running.data))

    with Path("/dev/full").open("wb") as full:
        filled = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, env=ours)
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ours)
    assert reader.stdout is not None
    reader.stdout.close()
    _, said = reader.communicate(timeout=60)

    assert b"no space left on device" in filled.stderr
    assert b"Traceback" not in filled.stderr
    assert said == b""


def test_facts_are_written_as_the_name_says(office: Office) -> None:
    table, other = office.folder / "facts.csv", office.folder / "facts.xlsx"

    written = office.running.coprod("facts", "export", "--out", str(table))
    refused = office.running.coprod("facts", "export", "--out", str(other))
    nowhere = office.running.coprod("facts", "export", "--out", "/proc/facts.csv")

    assert written.returncode == ExitCode.OK, written.stderr
    assert table.read_text().startswith("fact,topic,partition,position,")
    assert table.stat().st_mode & 0o777 == 0o600
    assert (refused.returncode, other.exists()) == (ExitCode.USAGE, False)
    assert ".parquet or .csv" in refused.stderr
    assert nowhere.returncode == ExitCode.PROBLEM
    assert "Traceback" not in nowhere.stderr
