"""The spool: many rows in little memory, and the order and revisions of rows."""

import resource
import subprocess
import sys
from pathlib import Path

from integrations.open_repair import OpenRepair
from integrations.polis import Polis
from tests.support.data import data
from tests.tools.importing.files import GOOD, HEADER, NOW, feed_of, read, write
from tools.importing.check import check
from tools.importing.feed import records
from tools.importing.polis import votes
from tools.importing.spool import BEFORE_ANY_REVISION, Spool

FEW, MANY = 10_000, 40_000
GROWTH_MAX_BYTES = 10 * 1_048_576


def test_the_memory_of_an_import_does_not_grow_with_its_file(tmp_path: Path) -> None:
    few, many = (_peak_bytes(tmp_path / "rows.csv", count) for count in (FEW, MANY))

    assert many - few < GROWTH_MAX_BYTES


def _peak_bytes(path: Path, count: int) -> int:
    """Return the most memory that a process of its own took to read and check so many rows."""
    with path.open("w") as file:
        file.write(",".join((*HEADER, "receiver_ids")) + "\n")
        file.writelines(f"c{n},s{n % 7},2025-05-01,p{n},user,q{n}\n" for n in range(count))
    run = subprocess.run(
        [sys.executable, "-m", __name__, str(path)], check=True, capture_output=True, text=True
    )
    return int(run.stdout)


def _import_alone(path: Path) -> None:
    with Spool() as spool:
        for row in feed_of(path).rows:
            spool.add(row)
        check(spool, register_missing=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def test_the_same_id_again_is_an_error_of_the_later_row_unless_it_is_a_revision(
    tmp_path: Path,
) -> None:
    rows = [
        (*GOOD, ""),
        (*GOOD, ""),
        ("c1", "s1", "2025-05-02", "ann", "user", ""),
        ("c2", *GOOD[1:], "2025-05-02"),
        ("c2", *GOOD[1:], "2025-05-03"),
        ("c3", *GOOD[1:], ""),
        ("c3", *GOOD[1:], "2025-05-03"),
        ("c4", *GOOD[1:], "2025-05-03"),
        ("c4", *GOOD[1:], ""),
    ]

    with Spool() as spool:
        for row in read(write(tmp_path, rows, (*HEADER, "revised_at"))):
            spool.add(row)

        assert [(one.row, one.problem) for one in spool.problems()] == [
            (4, "row 2 has the same id and says something else"),
            (10, "row 9 has the same id and says something else"),
        ]
        # a row that says the same again is harmless, and told
        assert spool.repeats() == (1, 3, 2)
        # a row without a revision that others revise comes before them, whenever it is imported
        good = sorted(spool.shuffled_rows(0, 1), key=lambda row: row.row)
        assert [row.values.get("revised_at") for row in good] == [
            None,
            "2025-05-02T00:00:00Z",
            "2025-05-03T00:00:00Z",
            BEFORE_ANY_REVISION,
            "2025-05-03T00:00:00Z",
            "2025-05-03T00:00:00Z",
        ]


def test_the_first_row_of_somebody_settles_their_party_and_kind(tmp_path: Path) -> None:
    rows = [
        (*GOOD, "", "bob", "professional"),
        ("c2", *GOOD[1:4], "professional", "", "", ""),
        ("c3", *GOOD[1:], "group", "", ""),
        ("c4", "s2", "2025-04-01", "ann", "professional", "", "", ""),
        ("c5", *GOOD[1:3], "bob", "family_social", "", "", ""),
        ("c6", *GOOD[1:4], "usr", "", "cid", ""),
    ]
    header = (*HEADER, "giver_kind", "receiver_ids", "receiver_party")

    with Spool() as spool:
        for row in read(write(tmp_path, rows, header)):
            spool.add(row)
        check(spool, register_missing=True)

        told = [(one.row, one.column) for one in spool.problems()]
        assert told == [
            (3, "giver_party"),
            (4, "giver_kind"),
            (6, "giver_party"),
            (7, "giver_party"),
        ]
        # cid is named by a rejected row only
        assert spool.directory.planned() == {"services": 2, "participants": 2, "roles": 3}
        assert [one.party for one in spool.directory.periods("s1", "bob")] == ["professional"]


def test_a_service_begins_on_its_own_first_row_and_a_party_on_the_persons(tmp_path: Path) -> None:
    rows = [
        ("c1", "s1", "2025-05-03", "ann", "user", "", ""),
        ("c2", "s1", "2025-05-02", "ann", "user", "bob", "family_social"),
        ("c3", "s1", "2025-05-01", "cid", "user", "bob", ""),
        ("c4", "s2", "2025-04-01", "ann", "user", "", ""),
    ]
    header = (*HEADER, "receiver_ids", "receiver_party")

    with Spool() as spool:
        for row in read(write(tmp_path, rows, header)):
            spool.add(row)
        check(spool, register_missing=True)

        assert [spool.directory.service(one).begins for one in ("s1", "s2")] == [
            "2025-05-01",
            "2025-04-01",
        ]
        begins = {
            (service, person): spool.directory.periods(service, person)[0].begins
            for service, person in (("s1", "ann"), ("s1", "bob"), ("s1", "cid"), ("s2", "ann"))
        }
        assert begins == {
            ("s1", "ann"): "2025-05-02",
            ("s1", "bob"): "2025-05-02",
            ("s1", "cid"): "2025-05-01",
            ("s2", "ann"): "2025-04-01",
        }


def test_every_vote_of_a_consultation_that_says_something_new_is_a_row() -> None:
    feed = votes(data("polis-vtaiwan"), Polis("uber", "vtaiwan", NOW))

    rows = list(feed.rows)

    assert [row.problems for row in rows if row.problems] == []
    assert len(rows) == 49_443 + 16
    assert len({row.values["contribution_id"] for row in rows}) == 49_443
    assert len({row.values["giver_id"] for row in rows}) == 1_921
    assert len(rows) + feed.repeats() == 49_997


def test_every_item_of_the_repair_cafes_is_a_row_of_its_group() -> None:
    path = data("open-repair-wales", "repairs.csv")

    rows = list(records(path, OpenRepair("wales", NOW)).rows)

    late = [row for row in rows if row.problems]
    assert {problem.problem for row in late for problem in row.problems} <= {
        "it lies in the future"
    }
    assert len(rows) == 20_190
    assert len({row.values["giver_id"] for row in rows}) == 189


if __name__ == "__main__":
    _import_alone(Path(sys.argv[1]))
