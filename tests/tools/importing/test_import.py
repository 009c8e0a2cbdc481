"""Importing for true: what is registered, recorded, corrected, moved and refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tools.importing.files import GOOD, HEADER, write
from tests.tools.importing.office import FILES, Office
from tools.importing.table import REASON_COLUMNS

pytestmark = pytest.mark.postgres

REVISED = (*HEADER, "minutes", "revised_at")


async def test_a_file_registers_who_is_missing_and_records_its_rows(
    office: Office, tmp_path: Path
) -> None:
    header = (*HEADER, "receiver_ids", "receiver_party", "minutes", "phase", "mode", "episode_id")
    rows = [
        (*GOOD, "bob|cid", "family_social", "60", "deliver", "act", "case 7"),
        ("c2", "s1", "2025-05-02T10:00", "bob", "family_social", "ann", "user", "30", "", "", ""),
    ]

    imported = await office.take(write(tmp_path, rows, header))

    assert imported.problems == []
    assert imported.effects == {"recorded": 2}
    assert imported.summary.registered == {"services": 1, "participants": 3, "roles": 3}
    assert {one["status"] for one in await office.contributions("s1")} == {"confirmed"}


async def test_no_id_of_a_person_or_a_contribution_leaves_as_it_stands_in_the_file(
    office: Office, tmp_path: Path
) -> None:
    rows = [("row_xyz", "s1", "2025-05-01", "ann_xyz", "user", "case_xyz", "bob_xyz")]

    await office.take(write(tmp_path, rows, (*HEADER, "episode_id", "receiver_ids")))

    assert "xyz" not in str(await office.contributions("s1"))


async def test_the_same_file_twice_changes_nothing(office: Office, tmp_path: Path) -> None:
    header = (*REVISED, "status", "receiver_ids")
    path = write(
        tmp_path,
        [
            (*GOOD, "30", "", "recorded", "bob"),
            ("c2", *GOOD[1:], "", "", "disputed", "bob|bob|ann"),
            ("c3", *GOOD[1:], "5", "", "voided", ""),
            ("c4", *GOOD[1:], "5", "", "", ""),
            ("c4", *GOOD[1:], "7", "2025-05-03", "", ""),
            ("c5", *GOOD[1:], "5", "2025-05-02", "confirmed", ""),
            ("c5", *GOOD[1:], "6", "2025-05-04", "disputed", ""),
            ("c6", *GOOD[1:], "6", "", "", "bob"),
            ("c6", *GOOD[1:], "8", "2025-05-04", "", "bob"),
            ("c7", *GOOD[1:], "6", "2025-05-04", "confirmed", ""),
            ("c7", *GOOD[1:], "9", "2025-05-05", "voided", ""),
        ],
        header,
    )
    first = await office.take(path)
    before = await office.heads()

    again = await office.take(path)

    assert first.problems == again.problems == []
    assert await office.heads() == before
    assert set(again.effects) <= {"unchanged", "stale"}
    assert again.summary.registered == {"services": 0, "participants": 0, "roles": 0}


async def test_an_edited_row_becomes_a_correction_and_back_again(
    office: Office, tmp_path: Path
) -> None:
    header = (*HEADER, "minutes")
    await office.take(write(tmp_path, [(*GOOD, "30")], header))

    longer = await office.take(write(tmp_path, [(*GOOD, "60")], header))
    back = await office.take(write(tmp_path, [(*GOOD, "30")], header))

    assert longer.effects == back.effects == {"corrected": 1}
    assert [one["act"]["minutes"] for one in await office.contributions("s1")] == [30]


async def test_a_row_moved_to_another_service_is_void_there_and_recorded_here(
    office: Office, tmp_path: Path
) -> None:
    await office.take(write(tmp_path, [GOOD]))

    path = write(tmp_path, [("c1", "s2", *GOOD[2:])])
    refused = await office.take(path)
    moved = await office.take(path, replace(FILES, replace=True))

    assert refused.told() == {(2, "service_id")}
    assert refused.effects == {}
    assert moved.effects == {"moved": 1}
    assert [one["status"] for one in await office.contributions("s1")] == ["voided"]
    assert [one["status"] for one in await office.contributions("s2")] == ["confirmed"]


async def test_a_row_of_an_old_revision_changes_nothing(office: Office, tmp_path: Path) -> None:
    await office.take(write(tmp_path, [(*GOOD, "30", "2025-05-09")], REVISED))

    older = await office.take(write(tmp_path, [(*GOOD, "60", "2025-05-08")], REVISED))
    newer = await office.take(write(tmp_path, [(*GOOD, "90", "2025-05-10")], REVISED))

    assert older.effects == {"stale": 1}
    assert newer.effects == {"corrected": 1}


async def test_a_later_file_with_earlier_days_moves_what_was_imported_back(
    office: Office, tmp_path: Path
) -> None:
    await office.take(write(tmp_path, [GOOD]))

    earlier = await office.take(write(tmp_path, [("c0", "s1", "2025-04-01", "ann", "user")]))

    assert earlier.effects == {"recorded": 1}
    assert earlier.summary.registered == {"services": 0, "participants": 0, "roles": 0}


async def test_the_start_of_a_service_that_no_file_registered_stays(
    office: Office, tmp_path: Path
) -> None:
    await office.registry.post("/v1/agencies", {"agency_id": "local", "name": "Town"})
    await office.registry.post(
        "/v1/services", {"local_id": "s1", "name": "Library", "starts_on": "2025-05-01"}
    )

    imported = await office.take(write(tmp_path, [GOOD, ("c0", "s1", "2025-04-30", "ann", "user")]))

    assert imported.told() == {(3, "occurred_at")}
    assert imported.effects == {"recorded": 1}


async def test_groups_give_and_receive_as_groups(office: Office, tmp_path: Path) -> None:
    header = (*HEADER, "giver_kind", "receiver_ids", "receiver_kind", "receiver_party")
    rows = [
        ("c1", "s1", "2025-05-01", "choir", "family_social", "group", "class", "group", "user"),
        ("c2", "s1", "2025-05-01", "choir", "family_social", "", "ann", "", ""),
    ]

    imported = await office.take(write(tmp_path, rows, header))

    assert imported.problems == []
    acts = [one["act"] for one in await office.contributions("s1")]
    assert {act["giver_kind"] for act in acts} == {"group"}
    assert sorted((len(act["receivers"]), len(act["receiver_groups"])) for act in acts) == [
        (0, 1),
        (1, 0),
    ]


async def test_two_agencies_row_one_are_two_acts(office: Office, tmp_path: Path) -> None:
    path = write(tmp_path, [GOOD])
    await office.take(path)

    other = await office.take(path, replace(FILES, source=FILES.source._replace(agency="north")))

    assert other.effects == {"recorded": 1}
    (here,), (there,) = await office.contributions("s1"), await office.contributions("s1", "north")
    assert here["contribution_id"] != there["contribution_id"]
    assert here["act"]["giver_id"] != there["act"]["giver_id"]


async def test_without_registering_the_unknown_is_reported_and_nothing_is_made(
    office: Office, tmp_path: Path
) -> None:
    path = write(tmp_path, [(*GOOD, "bob")], (*HEADER, "receiver_ids"))

    imported = await office.take(path, replace(FILES, register_missing=False))

    assert imported.told() == {(2, "service_id"), (2, "giver_id"), (2, "receiver_ids")}
    assert await office.heads() == {}


async def test_a_party_other_than_registrys_is_refused(office: Office, tmp_path: Path) -> None:
    await office.take(write(tmp_path, [GOOD]))

    imported = await office.take(
        write(tmp_path, [("c2", "s1", "2025-05-02", "ann", "professional"), ("c3", *GOOD[1:])])
    )

    assert imported.told() == {(2, "giver_party")}
    assert imported.effects == {"recorded": 1}


async def test_rejected_rows_are_written_as_they_were_and_can_be_imported_when_corrected(
    office: Office, tmp_path: Path
) -> None:
    path = write(tmp_path, [GOOD, ("c2", "s1", "someday", "bob", "usr"), ("c3", *GOOD[1:])])
    rejects = tmp_path / "rejects.csv"
    await office.take(path, replace(FILES, rejects=rejects))

    header, row = rejects.read_text(encoding="utf-8-sig").splitlines()
    assert header == ",".join((*REASON_COLUMNS, *HEADER))
    assert row.startswith("3,occurred_at | giver_party,")
    assert row.endswith(",c2,s1,someday,bob,usr")

    rejects.write_text(rejects.read_text().replace("someday", "2025-05-02").replace("usr", "user"))
    corrected = await office.take(rejects)
    assert corrected.effects == {"recorded": 1}


async def test_a_voters_changed_mind_is_a_revision(office: Office, tmp_path: Path) -> None:
    (tmp_path / "votes.csv").write_text(
        "timestamp,datetime,comment-id,voter-id,vote\n"
        "1435654195000,later,0,ann,-1\n"
        "1435654192000,first,0,ann,1\n"
        "1435654196000,the same again,0,ann,-1\n"
        "1435654192000,x,1,ann,0\n"
        "1435654192000,x,1,bob,2\n"
    )

    first = await office.take_polis(tmp_path, "forum")
    again = await office.take_polis(tmp_path, "forum")

    assert first.told() == {(6, "vote")}
    assert first.effects == {"recorded": 2, "corrected": 1, "unchanged": 1}
    assert set(again.effects) == {"unchanged", "stale"}
    acts = {one["act"]["choice"]: one["act"] for one in await office.contributions("forum")}
    assert set(acts) == {"disagree", "pass"}
    assert acts["disagree"]["occurred_at"].startswith("2015-06-30T08:49:52")


async def test_an_item_seen_is_an_act_of_the_group_and_of_no_person(
    office: Office, tmp_path: Path
) -> None:
    path = tmp_path / "repairs.csv"
    path.write_text(
        "id,group_identifier,event_date,problem\n"
        "r_1,Cardiff,2017-04-01,iron\nr_2,Cardiff,2017-04-01,tv\nr_3,,2017-04-31,\n"
    )

    imported = await office.take_open_repair(path, "repair")

    assert imported.told() == {(4, "group_identifier"), (4, "event_date")}
    assert imported.effects == {"recorded": 2}
    assert imported.summary.registered == {"services": 1, "participants": 1, "roles": 1}
    act = (await office.contributions("repair"))[0]["act"]
    assert (act["giver_kind"], act["giver_party"], act["phase"], act["mode"]) == (
        "group",
        "family_social",
        "deliver",
        "act",
    )
    assert act["receivers"] == []


async def test_a_dry_run_names_every_kind_of_error_and_changes_nothing(
    office: Office, tmp_path: Path
) -> None:
    await office.take(write(tmp_path, [GOOD]))
    closed = await office.registry.post("/v1/services", CLOSED)
    await office.registry.post(
        f"/v1/services/{closed['service_id']}/close", {"closed_on": "2025-04-30"}
    )
    before = await office.heads()
    dry = replace(FILES, register_missing=False, dry_run=True)
    path = tmp_path / "wrong.csv"
    path.write_bytes(WRONG.encode().replace(b"LATIN1", b"Ren\xe9"))

    imported = await office.take(path, dry)

    assert imported.told() == {
        (3, "contribution_id"),
        (4, "service_id"),
        (5, "occurred_at"),
        (6, "giver_id"),
        (7, "giver_party"),
        (8, "service_id"),
        (9, "giver_id"),
        (10, "giver_party"),
        (11, "occurred_at"),
        (12, "occurred_at"),
        (13, "occurred_at"),
        (14, "occurred_at"),
        (15, "receiver_ids"),
        (16, "minutes"),
        (17, "phase"),
        (18, "kind"),
        (19, "status"),
        (20, "revised_at"),
        (21, "giver_party"),
        (22, ""),
        (23, "giver_id"),
        (24, "giver_kind"),
        (25, "contribution_id"),
        (26, "giver_party"),
        (26, "minutes"),
        (27, "occurred_at"),
    }
    assert all(one.problem and one.remedy for one in imported.problems)
    assert [one.column for one in imported.summary.header] == ["chanel"]
    assert [one.column for one in imported.summary.notices] == ["notes"]
    assert imported.summary.rows == 26
    assert imported.summary.rejected == 25
    assert await office.heads() == before


CLOSED = {"local_id": "closed", "name": "Closed", "starts_on": "2025-01-01"}
WRONG = """\
contribution_id,service_id,occurred_at,giver_id,giver_party,receiver_ids,minutes,phase,kind,\
status,revised_at,giver_kind,notes,chanel
ok,s1,2025-05-01,ann,user,,,,,,,,,
,s1,2025-05-01,ann,user,,,,,,,,,
a4,,2025-05-01,ann,user,,,,,,,,,
a5,s1,,ann,user,,,,,,,,,
a6,s1,2025-05-01,,user,,,,,,,,,
a7,s1,2025-05-01,ann,,,,,,,,,,
a8,nowhere,2025-05-01,ann,user,,,,,,,,,
a9,s1,2025-05-01,nobody,user,,,,,,,,,
a10,s1,2025-05-01,ann,professional,,,,,,,,,
a11,s1,2025-04-01,ann,user,,,,,,,,,
a12,s1,31/12/2024,ann,user,,,,,,,,,
a13,s1,2025-07-01,ann,user,,,,,,,,,
a14,s1,1825-05-01,ann,user,,,,,,,,,
a15,s1,2025-05-01,ann,user,nobody,,,,,,,,
a16,s1,2025-05-01,ann,user,,1441,,,,,,,
a17,s1,2025-05-01,ann,user,,,delivery,,,,,,
a18,s1,2025-05-01,ann,user,,,,Home Care,,,,,
a19,s1,2025-05-01,ann,user,,,,,done,,,,
a20,s1,2025-05-01,ann,user,,,,,,2025-07-01,,,
a21,s1,2025-05-01,ann
a22,s1,"2025-05-01,ann,user
a23,s1,2025-05-01,LATIN1,user,,,,,,,,,
a24,s1,2025-05-01,ann,user,,,,,,,group,,
ok,s1,2025-05-02,ann,user,,,,,,,,,
a26,s1,2025-05-01,ann,usr,,x,,,,,,,
a27,closed,2025-05-01,ann,user,,,,,,,,,
"""
