"""What a verdict says, in French and English, and how it is written as JSON."""

from typing import Any

import orjson

from services.insights.verdict.verdict import classify, verdict_json
from tests.support import archetypes as told
from tests.support.archetypes import Story

KEYS = """service_id window as_of class grade cell axes axis_reasons flags tentative tests reasons
nearest_flip announced last_evidenced definition_version receipt lens evidence"""


def written(story: Story) -> dict[str, Any]:
    verdict = classify(story.state(), "90d")
    answer = verdict_json(
        verdict, service_id="s", receipt={"n": 1}, announced={}, last_evidenced={}
    )
    return dict(orjson.loads(orjson.dumps(answer)))


def test_the_json_has_every_key_and_plain_values() -> None:
    answer = written(told.youth_court())

    assert " ".join(answer) == " ".join(KEYS.split())
    assert (answer["class"], answer["grade"], answer["window"]) == (
        "co_production",
        "emerging",
        "90d",
    )
    assert answer["cell"] == {"p": "shared", "d": "shared"}
    assert answer["axes"] == {"p": 0.5, "d": 0.735294118}
    assert answer["axis_reasons"] == {}
    assert answer["evidence"] == {"acts": 228, "givers": 8, "span_days": 80}


def test_the_first_reason_is_the_one_that_decided() -> None:
    first = {
        story: (written(build())["reasons"]["fr"][0], written(build())["reasons"]["en"][0])
        for story, build in {
            "court": told.youth_court,
            "meals": told.meals_on_wheels,
            "visits": told.home_visits,
            "desk": told.desk_311,
            "bank": told.time_bank,
            "budget": told.participatory_budget,
            "asked": told.consultation,
            "library": told.library,
            "repair": told.repair_cafe,
        }.items()
    }

    assert first == {
        "court": (
            "conçu et exécuté ensemble ; 6 personnes donnent et reçoivent",
            "designed and delivered together; 6 people give and receive",
        ),
        "meals": (
            "100\N{NO-BREAK SPACE}% du temps vient de personnes qui ne reçoivent jamais",
            "100% of the time comes from people who never receive",
        ),
        "visits": (
            "co-exécuté, mais décidé sans les habitants",
            "delivered together, but decided without residents",
        ),
        "desk": (
            "exécuté à 100\N{NO-BREAK SPACE}% par les professionnels",
            "100% delivered by professionals",
        ),
        "bank": (
            "entraide : 100\N{NO-BREAK SPACE}% hors professionnels",
            "mutual aid: 100% by others than professionals",
        ),
        "budget": (
            "conçu ensemble ; rien n'est observé de l'exécution",
            "designed together; nothing is observed of the delivery",
        ),
        "asked": (
            "on demande l'avis de 200 personnes ; aucune n'exécute",
            "200 people are asked for their opinion; none delivers",
        ),
        "library": (
            "conçu ensemble, exécuté à 100\N{NO-BREAK SPACE}% par les professionnels",
            "designed together, delivered 100% by professionals",
        ),
        "repair": (
            "on voit qui donne, pas qui reçoit",
            "one sees who gives, not who receives",
        ),
    }


def test_too_little_evidence_says_how_little_and_how_much_is_needed() -> None:
    answer = written(told.time_bank(days=6))

    assert answer["reasons"]["fr"] == [
        "pas assez de faits : 80 contributions, 20 personnes ; 6 jours d'observation en tout",
        "il en faut au moins 20, de 5 personnes, sur 28 jours",
    ]
    assert answer["axes"] == {}
    assert answer["axis_reasons"] == {"p": "below_floor", "d": "below_floor"}
    assert answer["cell"] == {}


def test_without_minutes_contributions_are_spoken_of() -> None:
    reasons = written(told.meals_on_wheels(timed=False))["reasons"]

    assert reasons["en"][0] == "100% of the contributions come from people who never receive"
    assert reasons["fr"][0].endswith(
        "des contributions viennent de personnes qui ne reçoivent jamais"
    )


def test_a_class_that_the_interval_leaves_open_is_tentative() -> None:
    assert written(told.home_visits())["tentative"] is True
    assert written(told.desk_311())["tentative"] is False
