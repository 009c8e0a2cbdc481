"""The contract of every translator: a foreign record in; commands, or refusals, out.

Whoever fetches the records (a tool for files, a runner in a service) keeps the place where a record
stood, sends the commands and reports the refusals. A translator does none of these, so it runs the
same in both. ``tests/integrations`` runs every translator on examples of its format.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec


class InvalidValue(ValueError):
    """A text that is no value of its field. The caller knows the field and the record."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


class Refusal(msgspec.Struct, frozen=True):
    """One thing that is wrong with one field of a record, and what its owner can do about it."""

    column: str
    value: str
    problem: str
    remedy: str


class RecordCommand(msgspec.Struct, frozen=True):
    """What a record asks for. Every id is the sender's own; the sending side looks up registry's.

    A field that is missing from ``data`` though the translator ``fills`` it is taken away.
    """

    kind: str
    data: dict[str, Any]


class Translation(msgspec.Struct, frozen=True):
    """One record as commands. With a refusal none of them may be sent.

    A refused record still has its commands, with the fields that fit: the caller checks these
    further, so that the owner sees everything that is wrong at once.
    """

    commands: tuple[RecordCommand, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class Translator(Protocol):
    """The knowledge of one foreign format."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields of a record that are read. No other one reaches a command or a refusal."""
        ...

    @property
    def fills(self) -> frozenset[str]:
        """The fields of its commands that a record speaks of, be it by leaving them empty."""
        ...

    def translate(self, record: Mapping[str, Any]) -> Translation:
        """Return the same translation for the same record, whatever was translated before.

        The values of a table's record are texts; other formats may nest theirs.
        """
        ...


def renamed(translation: Translation, names: Mapping[str, str]) -> Translation:
    """Return the translation with its refusals under the names that the record has for fields."""
    refusals = (
        Refusal(names.get(one.column, one.column), one.value, one.problem, one.remedy)
        for one in translation.refusals
    )
    return Translation(translation.commands, tuple(refusals))
