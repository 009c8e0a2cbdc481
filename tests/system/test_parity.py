"""The same commands on Kafka and on the embedded log give the same figures, byte for byte."""

import csv
import json
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.deployment import Up, free_port_base, up
from tools.deployment.kafka.local_kafka import LocalKafka

pytestmark = [
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(300),
]

WINDOWS = ("28d", "90d", "365d", "life")
AS_OF = "2026-05-31"
PARTIES = ("professional", "user", "user", "family_social")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three services, a hundred days, every column that moves a figure."""
    chance = random.Random(7)
    parties = {f"p{number}": PARTIES[number % 4] for number in range(24)}
    path = tmp_path_factory.mktemp("parity") / "acts.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(
            (
                *("contribution_id", "service_id", "occurred_at", "giver_id", "giver_party"),
                *("receiver_ids", "receiver_party", "minutes", "phase", "mode", "kind"),
                *("episode_id", "organisation_id", "status"),
            )
        )
        for number in range(900):
            # among three, what is left of a million would go by their ids, which are random
            giver, *receivers = chance.sample(sorted(parties), 1 + chance.choice((0, 1, 1, 2, 4)))
            day = date(2026, 2, 20) + timedelta(days=chance.randrange(100))
            writer.writerow(
                (
                    number,
                    f"s{number % 3}",
                    day.isoformat(),
                    giver,
                    parties[giver],
                    "|".join(receivers),
                    "",
                    chance.randrange(5, 240),
                    chance.choice(("commission", "design", "deliver", "deliver", "assess")),
                    chance.choice(("act", "act", "act", "opinion")),
                    chance.choice(("", "care", "train")),
                    chance.choice(("", f"e{number % 11}")),
                    chance.choice(("", "club", "local")),
                    chance.choice(("confirmed",) * 8 + ("voided", "disputed", "recorded")),
                )
            )
    return path


def figures(running: Up, file: Path) -> list[str]:
    """Import twice, wait, and return every answer with its receipt taken out."""
    assert running.ready["ready"] is True
    for _ in range(2):
        imported = running.coprod("import", "contributions", str(file), "--register-missing")
        assert imported.returncode == 0, imported.stdout + imported.stderr
    waited = running.coprod("wait", "--timeout", "60")
    assert waited.returncode == 0, waited.stderr
    answers: list[str] = []
    for service, windows in (("s0", WINDOWS), ("s1", ("life",)), ("s2", ("90d",))):
        for window in windows:
            common = (service, "--window", window, "--as-of", AS_OF, "--json")
            answers += [running.coprod(name, *common).stdout for name in ("verdict", "metrics")]
    verified = running.coprod("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    return [_without_receipt(answer) for answer in answers]


def _without_receipt(answer: str) -> str:
    document = json.loads(answer)
    assert document.pop("receipt")["positions"]
    return json.dumps(document)


def test_the_logs_agree(kafka: LocalKafka, file: Path, tmp_path: Path) -> None:
    with up(tmp_path / "embedded", free_port_base(), "--log", "embedded") as running:
        embedded = figures(running, file)
        running.stop()
    arguments = ("--log", "kafka", "--bootstrap", kafka.bootstrap)
    with up(tmp_path / "kafka", free_port_base(), *arguments) as running:
        on_kafka = figures(running, file)
        running.stop()

    assert on_kafka == embedded
