"""No file of the cases is forgotten."""

from pathlib import Path

from tests.support.data import data


def test_every_file_of_the_cases_is_named_by_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    files = {path.name for path in data("cases").iterdir() if path.name != "README.md"}

    assert {name for name in files if name not in tests} == set()
