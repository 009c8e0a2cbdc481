"""What an id in a file stands for, and what importing a file may do to what was there."""

from pathlib import Path

import pytest

from tests.cases.office import Office

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.timeout(600)]
LAST_YEAR, THIS_YEAR, ELSEWHERE = "07-2024.csv", "07-2025.csv", "07b-other-service.csv"
MINUTES_OF_LAST_YEAR = [30] * 40


def minutes(office: Office, service: str) -> list[int]:
    return sorted(act["minutes"] for act in office.standing(service))


def test_the_same_file_again_changes_nothing(office: Office) -> None:
    office.take("27-full.csv")

    again = office.take("27-full.csv")

    assert again.effects == {"unchanged": 2}
    assert minutes(office, "c27") == [45, 60]


def test_a_dry_run_foretells_that_last_year_would_be_corrected_and_a_real_run_stops(
    office: Office,
) -> None:
    assert office.take(LAST_YEAR, "--dry-run").foretold == {"recorded": 40}
    office.take(LAST_YEAR)

    foreseen = office.take(THIS_YEAR, "--dry-run")
    stopped = office.take(THIS_YEAR)

    assert foreseen.foretold == stopped.foretold == {"corrected": 30}
    assert foreseen["first"]["corrected"] == {
        "row": 2,
        "contribution_id": "1",
        "changes": ["minutes", "occurred_at"],
    }
    assert (foreseen.code, stopped.code) == (1, 1)
    assert stopped.effects == {}
    assert stopped["registered"] == {}
    assert "--ids-unique-in" in stopped["stopped"]["remedy"]
    assert "--replace" in stopped["stopped"]["remedy"]
    assert minutes(office, "c07") == MINUTES_OF_LAST_YEAR
    told = office.text(THIS_YEAR, "--dry-run")
    assert "30 corrected (foretold)" in told
    assert "corrected, first: row 2, id 1: minutes, occurred_at" in told
    assert "A real run would stop: of 30 acts that it names and that stand already" in told


def test_a_file_says_that_its_ids_begin_anew_each_year(office: Office) -> None:
    office.take(LAST_YEAR)

    this_year = office.take(THIS_YEAR, "--ids-unique-in", "year")
    again = office.take(THIS_YEAR, "--ids-unique-in", "year")

    assert this_year.effects == {"recorded": 30}
    assert again.effects == {"unchanged": 30}
    assert minutes(office, "c07") == MINUTES_OF_LAST_YEAR + [45] * 30
    assert office.take(LAST_YEAR).effects == {"unchanged": 40}
    doubled = office.take(LAST_YEAR, "--ids-unique-in", "year", "--dry-run")
    assert (doubled["rejected"], doubled.foretold) == (40, {})
    assert "without --ids-unique-in" in doubled.problems[0]["remedy"]


def test_what_is_meant_to_replace_replaces(office: Office) -> None:
    office.take(LAST_YEAR)

    replaced = office.take(THIS_YEAR, "--replace")

    assert replaced.effects == {"corrected": 30}
    assert minutes(office, "c07") == [30] * 10 + [45] * 30


def test_a_file_of_another_service_takes_nothing_from_this_one(office: Office) -> None:
    office.take(LAST_YEAR)

    foreseen = office.take(ELSEWHERE, "--dry-run")
    stopped = office.take(ELSEWHERE)

    assert foreseen.foretold == stopped.foretold == {"moved": 10}
    assert stopped.effects == {}
    assert minutes(office, "c07") == MINUTES_OF_LAST_YEAR
    assert office.acts("c07b") == []

    beside = office.take(ELSEWHERE, "--ids-unique-in", "service")
    assert beside.effects == {"recorded": 10}
    assert minutes(office, "c07") == MINUTES_OF_LAST_YEAR
    assert minutes(office, "c07b") == [45] * 10


def test_few_rows_of_another_service_are_refused_one_by_one(office: Office) -> None:
    office.take(LAST_YEAR)
    file = office.folder / "few.csv"
    lines = office.file(ELSEWHERE).read_text().splitlines()
    file.write_text("\n".join([*lines[:3], lines[3].replace("3,", "new,", 1)]) + "\n")

    told = office.run("contributions", str(file), "--register-missing")

    assert told.effects == {"recorded": 1}
    assert told.wrong() == {(2, "service_id"), (3, "service_id")}
    assert all("--replace" in one["remedy"] for one in told.problems)
    moved = office.run("contributions", str(file), "--register-missing", "--replace")
    assert moved.effects == {"moved": 2, "unchanged": 1}
    assert len(office.standing("c07")) == 38


def test_a_few_acts_that_all_get_another_day_are_other_acts(office: Office) -> None:
    header = "contribution_id,service_id,occurred_at,giver_id,giver_party,minutes\n"
    for month, expected in (("03", {"recorded": 3}), ("04", {})):
        file = office.folder / f"{month}.csv"
        rows = [f"{n},few,2026-{month}-0{n},anna,user,{n}\n" for n in (1, 2, 3)]
        file.write_text(header + "".join(rows))

        told = office.run("contributions", str(file), "--register-missing")
        assert told.effects == expected

    monthly = office.run(
        "contributions", str(file), "--register-missing", "--ids-unique-in", "month"
    )
    assert monthly.effects == {"recorded": 3}


def test_a_complete_file_tells_what_is_gone_and_takes_it_back_where_that_is_little(
    office: Office,
) -> None:
    office.take(LAST_YEAR)
    whole = office.file(LAST_YEAR)
    lines = whole.read_text().splitlines()
    fewer = office.folder / "fewer.csv"
    fewer.write_text("\n".join(lines[:-3]) + "\n")
    take = ("contributions", str(fewer), "--register-missing", "--complete")

    told = office.run(*take)
    assert told["missing"]["gone"] == 3
    assert {one["local_id"] for one in told["gone"]} == {"38", "39", "40"}
    assert told.effects == {"unchanged": 37}
    assert len(office.standing("c07")) == 40

    foreseen = office.run(*take, "--void-missing", "--dry-run")
    assert foreseen.foretold == {"unchanged": 37, "voided": 3}
    assert office.run(*take, "--void-missing").effects == {"unchanged": 37, "voided": 3}
    assert len(office.standing("c07")) == 37
    again = office.run(*take, "--void-missing")
    assert (again["missing"]["gone"], again.effects) == (0, {"unchanged": 37})

    back = office.take(LAST_YEAR)
    assert back.effects == {"unchanged": 37, "restored": 3}
    assert minutes(office, "c07") == MINUTES_OF_LAST_YEAR


def test_a_complete_file_that_lacks_much_takes_nothing_back_unless_told(office: Office) -> None:
    office.take(LAST_YEAR)
    lines = office.file(LAST_YEAR).read_text().splitlines()
    half = office.folder / "half.csv"
    half.write_text("\n".join(lines[:21]) + "\n")
    take = ("contributions", str(half), "--register-missing", "--complete", "--void-missing")

    stopped = office.run(*take)

    assert "20 of 40 acts" in stopped["stopped"]["problem"]
    assert stopped.effects == {}
    assert len(office.standing("c07")) == 40
    assert office.run(*take, "--replace").effects == {"unchanged": 20, "voided": 20}
    assert len(office.standing("c07")) == 20


def test_a_complete_file_with_an_id_that_nobody_can_read_takes_nothing_back(
    office: Office,
) -> None:
    office.take("27-full.csv")
    broken = office.folder / "broken.csv"
    broken.write_text(
        "contribution_id,service_id,occurred_at,giver_id,giver_party\n"
        "1,c27,2026-03-02,anna,user\n,c27,2026-03-03,bruno,user\n"
    )

    take = ("contributions", str(broken), "--complete", "--void-missing")
    assert office.run(*take, "--replace").effects == {}

    told = office.run(*take)

    assert "the id of row 3 can't be read" in told["stopped"]["problem"]
    assert len(office.standing("c27")) == 2


def test_what_a_complete_file_lacks_is_told_only_of_its_own_services_and_years(
    office: Office,
) -> None:
    office.take(LAST_YEAR, "--ids-unique-in", "year")
    office.take(THIS_YEAR, "--ids-unique-in", "year")

    told = office.take(THIS_YEAR, "--ids-unique-in", "year", "--complete")
    other = office.take(ELSEWHERE, "--complete", "--ids-unique-in", "year")

    assert told["missing"]["gone"] == other["missing"]["gone"] == 0


def test_void_missing_needs_a_complete_file(office: Office) -> None:
    told = office.take("27-full.csv", "--void-missing")

    assert told.code == 2
    assert "--complete" in told.said


@pytest.mark.parametrize("service", ["forum-b", "forum-a"])
def test_two_conversations_of_one_agency_are_two(office: Office, service: str) -> None:
    first = office.take_polis("09-polis-a.csv", "forum-a", "--conversation", "a")

    second = office.take_polis("09-polis-b.csv", service, "--conversation", "b")
    again = office.take_polis("09-polis-a.csv", "forum-a", "--conversation", "a")

    assert first.effects == {"recorded": 3}
    assert second.effects == {"recorded": 2}
    assert again.effects == {"unchanged": 3}
    acts = office.standing("forum-a") + (office.standing(service) if service == "forum-b" else [])
    assert sorted(act["choice"] for act in acts) == ["agree"] * 4 + ["disagree"]
    assert len({act["giver_id"] for act in acts}) == 4


def test_conversations_of_two_services_are_two_without_a_word(office: Office) -> None:
    office.take_polis("09-polis-a.csv", "forum-a")

    second = office.take_polis("09-polis-b.csv", "forum-b")

    assert second.effects == {"recorded": 2}
    acts = [act for service in ("forum-a", "forum-b") for act in office.standing(service)]
    assert len({act["giver_id"] for act in acts}) == 4


def test_another_conversation_of_the_same_service_is_noticed_by_its_days(office: Office) -> None:
    office.take_polis("09-polis-a.csv", "forum")

    stopped = office.take_polis("09-polis-b.csv", "forum")

    assert stopped.effects == {}
    assert "--conversation" in stopped["stopped"]["remedy"]
    assert sorted(act["choice"] for act in office.standing("forum")) == [
        "agree",
        "agree",
        "disagree",
    ]


def test_an_export_names_its_conversation(office: Office, tmp_path: Path) -> None:
    for name, conversation in (("09-polis-a.csv", "3abc"), ("09-polis-b.csv", "4def")):
        folder = office.folder / f"{name}-forum"
        folder.mkdir()
        (folder / "summary.csv").write_text(f"topic,Parks\nurl,https://pol.is/{conversation}\n")

        assert office.take_polis(name, "forum")["rejected"] == 0

    assert len(office.standing("forum")) == 5


def test_a_release_that_numbers_its_items_anew_is_not_taken_for_corrections(
    office: Office,
) -> None:
    file = office.folder / "items.csv"
    header = "id,group_identifier,event_date\n"
    file.write_text(header + "".join(f"dk_{n},Aarhus,2024-01-{n:02}\n" for n in range(1, 31)))
    office.run("open-repair", str(file), "--service", "repair")
    shifted = [f"dk_{n},Aarhus,2024-01-{n + (n > 20):02}\n" for n in range(1, 31)]
    file.write_text(header + "".join(shifted) + "dk_31,Aarhus,2024-01-21\n")

    stopped = office.run("open-repair", str(file), "--service", "repair")

    assert stopped.foretold == {"recorded": 1, "corrected": 10, "unchanged": 20}
    assert stopped.effects == {}
    assert "--complete --void-missing" in stopped["stopped"]["remedy"]


def test_what_was_voided_and_is_given_again_comes_back(office: Office) -> None:
    office.take("13-void-restore-1.csv")

    assert office.take("13-void-restore-2.csv").effects == {"unchanged": 1, "voided": 1}
    foreseen = office.take("13-void-restore-1.csv", "--dry-run")
    back = office.take("13-void-restore-1.csv")
    again = office.take("13-void-restore-1.csv")

    assert foreseen.foretold == back.effects == {"unchanged": 1, "restored": 1}
    assert again.effects == {"unchanged": 2}
    assert sorted(one["status"] for one in office.acts("c13")) == [
        "confirmed",
        "confirmed",
        "voided",
    ]


def test_the_same_line_twice_is_harmless_and_told(office: Office) -> None:
    told = office.take("18-identical.csv")

    assert told.code == 0
    assert told.effects == {"recorded": 2, "unchanged": 1}
    assert told["repeated"] == 1
    assert len(office.standing("c18")) == 2
    assert "first: row 3 as row 2" in office.text("18-identical.csv", "--dry-run")


def test_one_id_with_two_contents_is_an_error_of_the_later_row(office: Office) -> None:
    told = office.take("18b-different.csv")

    assert told.wrong() == {(3, "contribution_id")}
    assert told.problems[0]["problem"] == "row 2 has the same id and says something else"
    assert minutes(office, "c18b") == [60]


def test_a_receivers_party_is_checked_as_a_givers_is(office: Office) -> None:
    told = office.take("26-receiver-party.csv")

    assert told.wrong() == {(3, "receiver_party"), (5, "receiver_party")}
    assert told.effects == {"recorded": 2}
    parties = {each["party"] for act in office.standing("c26") for each in act["receivers"]}
    assert parties == {"family_social"}


def test_a_column_that_is_not_in_the_file_says_nothing(office: Office) -> None:
    office.take("27-full.csv")
    before = office.standing("c27")

    foreseen = office.take("27-fewer-columns.csv", "--dry-run")
    fewer = office.take("27-fewer-columns.csv")

    assert foreseen.foretold == fewer.effects == {"unchanged": 2}
    assert office.standing("c27") == before


def test_an_empty_cell_of_a_column_that_is_there_takes_away(office: Office) -> None:
    office.take("27-full.csv")
    file = office.folder / "emptied.csv"
    text = office.file("27-full.csv").read_text()
    file.write_text(text.replace("bruno,60,deliver", ",,"))

    told = office.run("contributions", str(file))

    assert told.effects == {"corrected": 1, "unchanged": 1}
    (emptied,) = [act for act in office.standing("c27") if act.get("minutes") is None]
    assert (emptied["receivers"], emptied["phase"], emptied["mode"]) == ([], None, "act")


def test_rows_that_say_no_phase_and_mode_are_told_loudly_with_the_remedy(office: Office) -> None:
    told = office.text("26-receiver-party.csv")

    warning = next(line for line in told.splitlines() if line.startswith("warning: "))
    assert "no verdict can follow" in warning
    assert "--set phase=deliver --set mode=act" in warning
    filled = office.take(
        "26-receiver-party.csv", "--set", "phase=deliver", "--set", "mode=act", "--replace"
    )
    assert filled["warnings"] == []
    assert filled.effects == {"corrected": 2}


def test_an_organisation_that_nobody_linked_is_told_with_how_to_link_it(office: Office) -> None:
    file = office.folder / "staff.csv"
    file.write_text(
        "contribution_id,service_id,occurred_at,giver_id,giver_party,organisation_id,phase,mode\n"
        "1,care,2026-03-02,pro,professional,Care Co,deliver,act\n"
        "2,care,2026-03-02,anna,user,Choir,deliver,act\n"
    )

    told = office.run("contributions", str(file), "--register-missing")

    (warning,) = told["warnings"]
    assert warning["value"] == "Care Co"
    address, _, body = warning["remedy"].partition("POST ")[2].partition(" ")
    assert office.post(address, body).is_success
    assert office.run("contributions", str(file))["warnings"] == []


def test_a_service_and_a_role_begin_on_their_own_first_row(office: Office) -> None:
    file = office.folder / "two.csv"
    file.write_text(
        "contribution_id,service_id,occurred_at,giver_id,giver_party\n"
        "1,late,2026-03-05,anna,user\n2,late,2026-03-03,bruno,user\n"
        "3,early,2026-01-02,anna,user\n"
    )

    office.run("contributions", str(file), "--register-missing")

    assert office.service("late")["starts_on"] == "2026-03-03"
    assert office.service("early")["starts_on"] == "2026-01-02"
    assert office.begins("late") == ["2026-03-03", "2026-03-05"]
    assert office.begins("early") == ["2026-01-02"]
