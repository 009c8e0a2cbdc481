"""What every translator promises, on the examples of its format."""

import pkgutil

import pytest

import integrations
from tests.integrations.examples import EXAMPLES, Example, Record

PARTS = {"columns", "identifier", "moment", "text", "translator"}  # of which translators are made
CANARY = "Maria Example, +44 20 7946 0000"


@pytest.fixture(params=EXAMPLES.values(), ids=list(EXAMPLES))
def example(request: pytest.FixtureRequest) -> Example:
    found: Example = request.param
    return found


def records(example: Example) -> list[Record]:
    """Return the sound records, and the first one with each of its changes."""
    first = example.sound[0][0]
    return [
        *(record for record, _ in example.sound),
        *({**first, **change} for change, _ in example.refused),
    ]


def test_every_translator_has_an_example() -> None:
    modules = {module.name for module in pkgutil.iter_modules(integrations.__path__)}

    assert modules - PARTS == set(EXAMPLES)


def test_a_sound_record_becomes_its_command(example: Example) -> None:
    for record, data in example.sound:
        translation = example.translator.translate(record)

        assert translation.refusals == ()
        assert [command.data for command in translation.commands] == [data]


def test_a_refusal_names_the_records_own_field_its_value_and_a_remedy(example: Example) -> None:
    for change, wrong in example.refused:
        record = {**example.sound[0][0], **change}

        refusals = example.translator.translate(record).refusals

        assert {one.column for one in refusals} == {field for field, _ in wrong}
        for field, word in wrong:
            told = [one for one in refusals if one.column == field]
            assert all(word in one.problem and one.remedy for one in told)
            assert field in example.translator.reads


def test_a_translation_depends_on_its_record_alone(example: Example) -> None:
    forwards = [example.translator.translate(record) for record in records(example)]
    backwards = [example.translator.translate(record) for record in records(example)[::-1]]

    assert forwards == backwards[::-1]


def test_a_command_has_only_fields_that_its_translator_fills(example: Example) -> None:
    for record in records(example):
        for command in example.translator.translate(record).commands:
            assert set(command.data) <= example.translator.fills


def test_a_field_that_is_not_read_reaches_nobody(example: Example) -> None:
    for record in records(example):
        planted = {**record, "contact_name": CANARY}

        translation = example.translator.translate(planted)

        assert translation == example.translator.translate(record)
        assert CANARY not in repr(translation)
