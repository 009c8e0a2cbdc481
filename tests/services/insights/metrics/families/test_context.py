from services.insights.metrics.catalogue import BY_ID, DEFINITIONS, published
from services.insights.metrics.engine.predicates import FIELDS
from services.insights.metrics.figure import Reason
from services.insights.metrics.figures import figures
from services.insights.metrics.readings import GENERAL
from tests.support.archetypes import Story

FEW_LAY = {"G1", "A3.commission", "A3.design", "A3.deliver"}


def test_coverage_is_the_mean_presence_of_every_needed_field_below_the_floor_too() -> None:
    story = Story()
    story.act("u1", 1, ["u2"], episode_id="e1", kind="care", scope="service")
    story.act("p1", 1, phase=None, mode=None, minutes=None, giver_org="club")

    found = figures(story.state(), "90d")["Q4"]

    # all fields of the first, the party alone of the second: nobody linked the club
    fields = len(BY_ID["Q4"].fields)
    assert (found.value, found.n) == (round((fields + 1) / (2 * fields), 9), 2)
    assert fields == len({one for metric in BY_ID.values() for one in metric.fields})
    assert found.detail["fields"]["minutes"] == 0.5
    assert found.detail["by_metric"]["A1"] == 1.0
    assert found.detail["by_metric"]["E1b"] == round((2 + 1 + 1 + 1) / 8, 9)


def test_no_contribution_has_no_coverage() -> None:
    assert figures(Story().state(), "90d")["Q4"].reason == "no_data"


def test_every_definition_is_published_with_its_fields() -> None:
    found = published()

    assert [one["id"] for one in found["metrics"]] == list(BY_ID)
    assert found["thresholds"]["e1b_min"] == 0.2
    assert all(set(definition.fields) <= FIELDS.keys() for definition in DEFINITIONS)
    for id_ in ("E1", "E1b", "K1", "Q4"):
        assert "kind" in BY_ID[id_].fields


def test_every_reading_is_published_where_it_belongs() -> None:
    found = published()

    assert found["version"] == max((one["version"] for one in found["metrics"]), key=int)
    for metric in found["metrics"]:
        assert 1 <= int(metric["since"]) <= int(metric["version"]), metric["id"]
        assert metric["readings"], metric["id"]
    of = {metric["id"]: {one["id"] for one in metric["readings"]} for metric in found["metrics"]}
    assert {id_ for id_, readings in of.items() if "few_lay" in readings} == FEW_LAY
    exchanged = {one.id for one in DEFINITIONS if one.exchange}
    assert {id_ for id_, readings in of.items() if "receivers_unknown" in readings} == exchanged
    every = [found["readings"], found["verdict"]["readings"]]
    for readings in [*every, *(metric["readings"] for metric in found["metrics"])]:
        ids = [one["id"] for one in readings]
        assert len(set(ids)) == len(ids)
        assert all(one["text"].endswith(".") for one in readings)


def test_every_reason_is_explained() -> None:
    texts = " ".join(reading.text for reading in GENERAL)

    assert all(reason in texts for reason in Reason)
