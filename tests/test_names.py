"""One public class name says one thing: it stands in one module."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = "benchmarks/peers"  # each is a program by itself, written with another library
SLICES = ("services/exchange", "services/registry")
# Two things that still have one name. A name leaves this list when one of them gets another; none
# joins it.
STILL_TWO = """
    Acts Affiliation Answer Change DeclareAffiliation EndAffiliation Evidence FeedbackAnswered
    Fold Folded Given Identity LinkProvider Meters Past Place Reading Reason Record Recorded
    Said Service ServicesKey UnlinkProvider
"""


def test_no_public_class_name_stands_in_two_modules() -> None:
    twice = {name for name, modules in named().items() if len(modules) > 1}

    excepted = set(STILL_TWO.split())

    assert twice - excepted == set()
    assert excepted - twice == set(), "they have one module each, so they need no exception"


def named() -> dict[str, set[str]]:
    """Return the modules of every public class name.

    The rules of aggregates count as one module: the states, commands, events and reasons of each
    have the words of that aggregate, and an aggregate never reads another's.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path, name in classes():
        folder = path.parent
        of_a_slice = str(folder.parent) in SLICES and path.stem in ("rules", "life")
        found[name].add("rules" if of_a_slice else str(path))
    return found


def classes() -> Iterator[tuple[Path, str]]:
    for package in ("services", "shared", "integrations", "tools", "benchmarks"):
        for file in (ROOT / package).rglob("*.py"):
            path = file.relative_to(ROOT)
            if str(path).startswith(PROGRAMS):
                continue
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield path, node.name


def test_every_file_of_the_glossary_has_what_its_row_names() -> None:
    rows = [
        line.strip("| ").split(" | ")
        for line in (ROOT / "docs" / "glossary.md").read_text().splitlines()
        if line.startswith("|") and "`" in line
    ]

    assert len(rows) > 50
    for term, _, file in rows:
        source = (ROOT / file.strip("`")).read_text()
        for name in re.findall(r"`(\w+)`", term):
            assert name in source, (name, file)
