"""Every fact that an event can make has a row, and the row says what the event said."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from services.insights.facts.fact import Fact
from services.insights.facts.from_events import facts_of
from shared.contracts import catalogue
from shared.contracts.registry import ServiceRegistered
from tools.commands.fact_table import SORTS, codes_of, row, schema

EXAMPLES = Path(catalogue.__file__).parent / "examples"


class Dictionary:
    """Codes in the order of asking, from 1."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], int] = {}

    def code(self, kind: str, value: str) -> int:
        return self._codes.setdefault((kind, value), len(self._codes) + 1)

    @property
    def names(self) -> dict[int, str]:
        return {code: value for (_, value), code in self._codes.items()}


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(EXAMPLES.glob("*/*.json")):
        event = orjson.loads(path.read_bytes())
        yield event["type"], event["data"]


def facts_of_examples(dictionary: Dictionary) -> list[Fact]:
    return [
        fact
        for kind, data in examples()
        for fact in facts_of(catalogue.decode(kind, orjson.dumps(data)), dictionary.code)
    ]


def test_every_sort_of_fact_fits_the_table() -> None:
    dictionary = Dictionary()
    facts = facts_of_examples(dictionary)

    rows = [row(fact, "t", 0, 1, dictionary.names) for fact in facts]
    table = pa.Table.from_pylist(rows, schema=schema())

    assert set(table["fact"].to_pylist()) == set(SORTS.values())
    assert None not in table["service"].to_pylist()
    assert codes_of(facts) <= dictionary.names.keys()


def test_whose_a_service_is_has_no_day() -> None:
    dictionary = Dictionary()
    registered = ServiceRegistered(
        service_id="s", agency_ids=("town",), name="S", starts_on=date(2026, 1, 1)
    )
    (fact,) = facts_of(registered, dictionary.code)

    found = row(fact, "t", 0, 1, dictionary.names)

    assert (found["organisation"], found["provision"], found["day"]) == ("town", "agency", None)


@pytest.mark.parametrize("column", ["giver", "party", "phase", "kind", "minutes", "day"])
def test_a_confirmed_act_says_what_its_event_said(column: str) -> None:
    kind = "org.coprod.exchange.contribution.confirmed.v1"
    data = next(data for found, data in examples() if found == kind)
    dictionary = Dictionary()
    fact = facts_of(catalogue.decode(kind, orjson.dumps(data)), dictionary.code)[0]

    found = row(fact, "t", 0, 1, dictionary.names)[column]

    act = data["act"]
    said = {"giver": "giver_id", "party": "giver_party"}.get(column, column)
    expected = act["occurred_at"][:10] if column == "day" else act.get(said)
    assert (str(found) if column == "day" else found) == expected
