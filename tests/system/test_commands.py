"""Every command of an operator, once, on one deployment with real acts in it."""

import csv
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.partitioner import partition_of
from tests.support.deployment import Up, free_port_base, up
from tools.terminal.failure import ExitCode

pytestmark = [pytest.mark.system, pytest.mark.postgres]

ACTS = 60
COLUMNS = (
    *("contribution_id", "service_id", "occurred_at", "giver_id", "giver_party"),
    *("receiver_ids", "minutes", "phase", "mode"),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("commands")
    with up(folder / "data", free_port_base()) as deployment:
        assert deployment.ready
        ok(deployment, "import", "contributions", str(acts(folder)), "--register-missing")
        ok(deployment, "wait", "--timeout", "60")
        yield deployment


def acts(folder: Path) -> Path:
    """Two months of a service where neighbours and staff help each other in turn."""
    file = folder / "acts.csv"
    first = date.today() - timedelta(days=ACTS)  # noqa: DTZ011 - any day will do
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(COLUMNS)
        for number in range(ACTS):
            giver, receiver = number % 12, (number + 5) % 12
            party = "professional" if giver % 3 == 0 else "user"
            day = (first + timedelta(days=number)).isoformat()
            rows.writerow(
                (number, "care", day, f"p{giver}", party, f"p{receiver}", 30, "deliver", "act")
            )
    return file


def ok(deployment: Up, *arguments: str) -> str:
    answer = deployment.coprod(*arguments)
    assert answer.returncode == ExitCode.OK, answer.stdout + answer.stderr
    return answer.stdout


def asked(deployment: Up, *arguments: str) -> Any:
    return json.loads(ok(deployment, *arguments, "--json"))


def test_status_shows_a_healthy_deployment(running: Up) -> None:
    state = asked(running, "status")

    assert state["healthy"]
    assert set(state["lag"].values()) == {0}
    assert "registry" in ok(running, "status")


def test_metrics_and_verdict_answer_as_the_service_does(running: Up) -> None:
    metrics = asked(running, "metrics", "care", "--window", "life", "--lens", "count")
    verdict = asked(running, "verdict", "care", "--agency", "local")

    assert metrics["metrics"]["G1"]["value"] is not None
    assert (metrics["window"], metrics["lens"]) == ("life", "count")
    assert verdict["service_id"] == metrics["service_id"]
    assert verdict["class"] == "co_delivery"
    assert ok(running, "verdict", "care").startswith("co-delivery\n")
    assert "G1" in ok(running, "metrics", verdict["service_id"])


def test_an_unknown_service_is_named(running: Up) -> None:
    answer = running.coprod("verdict", "nowhere")

    assert answer.returncode == ExitCode.PROBLEM
    assert "nowhere" in answer.stderr


def test_a_clean_deployment_verifies(running: Up) -> None:
    report = asked(running, "verify")

    assert report["clean"], report["problems"]
    for compared in ("figures", "classes", "streams", "events equal in log and store"):
        assert report["compared"][compared] > 0
    assert "clean" in ok(running, "verify")


def test_a_clean_deployment_verifies_to_the_last_fact(running: Up) -> None:
    report = asked(running, "verify", "--deep")

    assert report["clean"], report["problems"]
    told = report["compared"]
    assert told["facts"] >= ACTS
    for compared in ("frames of the stream", "rows of directories", "events accounted for"):
        assert told[compared] > 0
    assert told["events folded"] == told["events accounted for"]


def test_facts_are_exported_whole(running: Up, tmp_path: Path) -> None:
    file = tmp_path / "facts.parquet"

    said = asked(running, "facts", "export", "--out", str(file))

    table = pq.read_table(file)
    assert said["facts"] == table.num_rows
    assert table["fact"].to_pylist().count("act") == ACTS
    assert sum(minutes or 0 for minutes in table["minutes"].to_pylist()) == 30 * ACTS


def test_nothing_is_quarantined(running: Up) -> None:
    assert asked(running, "quarantine", "list") == []
    assert running.coprod("quarantine", "show", "insights/1").returncode == ExitCode.PROBLEM


def test_a_rewound_relay_repeats_and_harms_nothing(running: Up) -> None:
    service = asked(running, "verdict", "care")["service_id"]
    before = asked(running, "metrics", "care")["metrics"]
    partition = partition_of(service, EXCHANGE_ACTIVITY.partitions)

    ok(
        running,
        *("relay", "rewind", "--service", "exchange", "--topic", EXCHANGE_ACTIVITY.name),
        *("--partition", str(partition), "--to", "0"),
    )
    ok(running, "wait", "--timeout", "60")

    report = asked(running, "verify", "--deep")
    assert report["clean"], report["problems"]
    assert report["compared"]["repeats in the log"] > ACTS
    assert asked(running, "metrics", "care")["metrics"] == before


def test_a_position_never_published_cannot_be_rewound_to(running: Up) -> None:
    answer = running.coprod(
        *("relay", "rewind", "--service", "registry", "--topic", "registry.agencies.v1"),
        *("--partition", "0", "--to", "99"),
    )

    assert answer.returncode == ExitCode.PROBLEM
    assert "99" in answer.stderr


def test_a_whole_topic_is_published_and_read_again_and_harms_nothing(running: Up) -> None:
    before = asked(running, "metrics", "care")["metrics"]
    topic = ("--topic", EXCHANGE_ACTIVITY.name)

    rewound = asked(running, "relay", "rewind", "--service", "exchange", *topic, "--to", "0")
    reset = asked(running, "consumer", "reset", "--service", "insights", *topic)
    ok(running, "wait", "--timeout", "60")

    assert rewound["partitions"]
    assert [each["partition"] for each in reset] == list(range(EXCHANGE_ACTIVITY.partitions))
    report = asked(running, "verify", "--deep")
    assert report["clean"], report["problems"]
    assert asked(running, "metrics", "care")["metrics"] == before


def test_only_what_a_service_reads_can_be_read_again(running: Up) -> None:
    answer = running.coprod(
        *("consumer", "reset", "--service", "exchange", "--topic", EXCHANGE_ACTIVITY.name)
    )

    assert answer.returncode == ExitCode.USAGE
    assert "registry.services.v1" in answer.stderr


def test_a_rebuild_is_equal_and_switches(running: Up) -> None:
    build = asked(running, "rebuild", "--timeout", "120")

    assert build["state"] == "switched"
    assert build["report"]["equal"]
    report = asked(running, "verify", "--deep", "--rebuild")
    assert report["clean"], report["problems"]
    assert report["compared"]["figures of a rebuild"] > 0
