"""What benchmarks hold their results to is itself held to examples."""

import csv
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from benchmarks import commands, imports, replicas, share, truth
from benchmarks.workload import Size, messages
from shared.contracts import exchange
from shared.log.port import OutgoingRecord

PAGE = [OutgoingRecord(b"k", b"v", ())]


def test_the_truth_is_what_still_counts_at_the_end() -> None:
    first, second, third = list(messages(Size(3, plain=True)))
    assert isinstance(first, exchange.ContributionConfirmed)
    assert isinstance(second, exchange.ContributionConfirmed)
    assert isinstance(third, exchange.ContributionConfirmed)
    shorter = second.act.model_copy(update={"minutes": 7})

    found = truth.of(
        [
            first,
            second,
            third,
            exchange.ContributionCorrected(before=second.act, after=shorter, by="x", counted=True),
            exchange.ContributionVoided(act=first.act, by="x", reason_code="mistake", counted=True),
        ]
    )

    assert found == truth.Truth(5, 2, 7 + (third.act.minutes or 0))


def test_recording_makes_no_fact() -> None:
    both = Size(10, recorded=True, plain=True)

    assert truth.told(both).events == truth.told(replace(both, events=5, recorded=False)).events


@pytest.mark.parametrize(("count", "most"), [(1, 1.0), (2, 2.0), (3, 16 / 6), (16, 16.0)])
def test_even_is_what_the_fullest_replica_allows(count: int, most: float) -> None:
    assert replicas.even([(number, PAGE) for number in range(16)], count) == pytest.approx(most)


def test_a_share_is_a_quota_of_each_period() -> None:
    assert share.quota(0.25) == share.PERIOD_US // 4
    assert share.quota(0.000_1) == 1_000


def test_every_row_is_of_the_columns_and_gives_nobody_two_parties(tmp_path: Path) -> None:
    path = tmp_path / "acts.csv"
    imports.write(path, imports.rows(500, services=5, people=40))

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, strict=True))

    assert imports.read_alone(path) == len({row["contribution_id"] for row in rows}) == 500
    assert all(None not in row.values() for row in rows)
    parties = {(row["service_id"], row["giver_id"], row["giver_party"]) for row in rows}
    assert len(parties) == len({(service, giver) for service, giver, _ in parties})


def test_every_request_has_a_key_of_its_own_and_its_length() -> None:
    made = list(islice(commands.requests("/p", [b"{}", b'{"a":1}']), 4))

    heads = [one.partition(b"\r\n\r\n")[0] for one in made]
    assert len(set(heads)) == 4
    assert [commands.length(head) for head in heads] == [2, 7, 2, 7]
