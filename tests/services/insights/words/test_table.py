"""Every name that people meet has its French and English words, in one table and nowhere else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import insights
from services.insights.metrics.catalogue import BY_ID, DEFINITIONS, FAMILIES
from services.insights.metrics.figure import Reason
from services.insights.metrics.thresholds import LENSES, WINDOW_DAYS
from services.insights.release.rendering import INCOMPLETE
from services.insights.verdict.flip import NAMES
from services.insights.verdict.grade import NOT_MEASURED, TESTS, Answer, Grade
from services.insights.verdict.rule import Flag, ServiceClass
from services.insights.words import table
from services.insights.words.writing import Text
from shared.contracts.vocabulary import Party, Phase

ROOT = Path(insights.__path__[0])
PAGE = ROOT / "gateway" / "dashboard" / "static"
TOOLS = ROOT.parents[1] / "tools"
TABLE = Path(table.__file__)
NAMED = {
    "classes": set(ServiceClass),
    "grades": set(Grade),
    "flags": {*Flag, INCOMPLETE},
    "reasons": {*Reason, NOT_MEASURED},
    "families": {family.id for family in FAMILIES},
    "scales": {definition.id for definition in DEFINITIONS if definition.unit == "index"},
    "axes": {"p", "d"},
    "shares": {quantity for quantity, name in NAMES.items() if name not in BY_ID},
    "parties": set(Party),
    "phases": set(Phase),
    "windows": set(WINDOW_DAYS),
    "lenses": set(LENSES),
    "tests": set(TESTS),
    "answers": set(Answer),
}
READINGS = {"delivery"}  # ids that read like a word
PLACE = re.compile(r"\{\w+\}")
JAVASCRIPT = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`([^`]*)`')


@pytest.mark.parametrize("kind", NAMED)
def test_what_has_words_is_what_there_is(kind: str) -> None:
    assert set(table.TABLE[kind]) == NAMED[kind]


def test_only_the_parts_of_a_verdict_have_no_list_of_their_own() -> None:
    assert set(table.TABLE) - set(NAMED) == {"parts"}


def test_every_part_of_a_verdict_is_shown_by_the_page_or_the_command_line() -> None:
    shown = "".join(path.read_text() for path in [*PAGE.glob("*.js"), *TOOLS.rglob("*.py")])

    assert [key for key in table.PARTS if f'"{key}"' not in shown] == []


def test_both_languages_say_all_and_name_the_same_places() -> None:
    for kind, key, text in entries():
        assert text.fr.strip(), (kind, key)
        assert text.en.strip(), (kind, key)
        assert sorted(PLACE.findall(text.fr)) == sorted(PLACE.findall(text.en)), (kind, key)
    assert all(figure.fr and figure.en for figure in DEFINITIONS)


def test_no_name_stands_in_a_second_table() -> None:
    told = {plain(one) for kind, key, text in entries() for one in text if plain(one) != plain(key)}
    told -= READINGS
    beside = [path for path in [*ROOT.rglob("*.py"), *TOOLS.rglob("*.py")] if path != TABLE]

    again = {
        f"{path.name}: {literal}"
        for path in [*beside, *PAGE.glob("*.js")]
        for literal in literals(path)
        if plain(literal) in told
    }

    assert again == set()


def entries() -> Iterator[tuple[str, str, Text]]:
    for kind, words in table.TABLE.items():
        for key, text in words.items():
            yield kind, key, text


def literals(path: Path) -> Iterator[str]:
    source = path.read_text()
    if path.suffix == ".js":
        yield from (one or other for one, other in JAVASCRIPT.findall(source))
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def plain(text: str) -> str:
    """Return the text without what may differ between two ways to write the same."""
    return text.lower().replace("’", "'").replace("_", " ").replace("-", "").rstrip(".")  # noqa: RUF001
