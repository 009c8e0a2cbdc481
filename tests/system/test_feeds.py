"""Real data that nobody here wrote, imported through the real services, reaches known figures."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.data import data
from tests.support.deployment import Up, free_port_base, up

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.timeout(600)]

TOWN = {
    "youth-court": "co_production",
    "meals-on-wheels": "volunteering",
    "home-visits": "co_delivery",
    "street-repair": "conventional",
    "library": "co_design",
    "participatory-budget": "co_design",
    "time-bank": "mutual_aid",
    "quiet-streets": "consultation",
    "repair-cafe": "insufficient_evidence",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("feeds") / "data", free_port_base()) as deployment:
        assert deployment.ready["ready"] is True
        yield deployment
        verified = deployment.coprod("verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr


def ask(running: Up, *arguments: str) -> Any:
    done = running.coprod(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def settled(running: Up) -> None:
    waited = running.coprod("wait", "--timeout", "120")
    assert waited.returncode == 0, waited.stderr


def test_a_public_consultation_is_a_consultation(running: Up) -> None:
    folder = str(data("polis-vtaiwan"))

    first = ask(running, "import", "polis", folder, "--service", "vtaiwan")
    settled(running)

    assert (first["recorded"], first["corrected"], first["rejected"]) == (49_443, 16, 0)
    assert first["registered"]["participants"] == 1_921
    assert ask(running, "verdict", "vtaiwan", "--window", "life")["class"] == "consultation"
    figures = ask(running, "metrics", "vtaiwan", "--window", "life", "--lens", "count")["metrics"]
    assert round(figures["M3.active"]["value"], 5) == 0.56286

    again = ask(running, "import", "polis", folder, "--service", "vtaiwan")
    assert (again["recorded"], again["corrected"]) == (0, 0)


def test_repair_cafes_are_volunteering_whose_reciprocity_nobody_sees(running: Up) -> None:
    file = str(data("open-repair-wales", "repairs.csv"))

    first = ask(running, "import", "open-repair", file, "--service", "repairs")
    settled(running)

    assert (first["recorded"], first["corrected"], first["rejected"]) == (20_190, 0, 0)
    assert first["registered"]["participants"] == 189
    verdict = ask(running, "verdict", "repairs", "--window", "life")
    assert verdict["class"] == "volunteering"
    assert "reciprocity_unobservable" in verdict["flags"]

    again = ask(running, "import", "open-repair", file, "--service", "repairs")
    assert (again["recorded"], again["corrected"]) == (0, 0)


def test_each_service_of_the_town_reaches_the_verdict_of_its_story(running: Up) -> None:
    for _ in range(2):  # the second run repeats nothing
        played = running.coprod("simulate", "--rate", "0", "--seconds", "1")
        assert played.returncode == 0, played.stdout + played.stderr
    settled(running)

    reached = {name: ask(running, "verdict", name)["class"] for name in TOWN}

    assert reached == TOWN
