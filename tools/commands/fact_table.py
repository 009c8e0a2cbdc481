"""Facts as a table for notebooks and SQL: one row a fact, codes and numbers turned back into words.

Facts of several sorts share the table; a column that a sort does not have is null in its rows.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from services.insights.facts import fact as facts
from services.insights.facts.fact import Fact

SORTS: Mapping[type[Any], str] = {
    facts.ActFact: "act",
    facts.RoleFact: "role",
    facts.DecisionFact: "decision",
    facts.AllocationFact: "allocation",
    facts.FeedbackFact: "feedback",
    facts.AnswerFact: "answer",
    facts.ChangeFact: "change",
    facts.ConsultationFact: "consultation",
    facts.WaitingFact: "waiting",
    facts.ProviderFact: "provider",
}
CODES = ("service", "giver", "participant", "organisation", "episode", "feedback", "currency")
WORDS: Mapping[str, tuple[str, ...]] = {
    "party": facts.PARTIES,
    "phase": facts.PHASES,
    "mode": facts.MODES,
    "choice": facts.CHOICES,
    "scope": facts.SCOPES,
    "stage": facts.STAGES,
    "knowledge": facts.KNOWLEDGES,
    "channel": facts.CHANNELS,
    "provision": facts.PROVISIONS,
}
DAYS = ("day", "given_day", "answered_day", "due")
PLACE = ("topic", "partition", "position")

Names = Mapping[int, str]


def codes_of(batch: Iterable[Fact]) -> set[int]:
    """Return every code that the rows of these facts will name."""
    found: set[int] = set()
    for fact in batch:
        found.update(getattr(fact, name) for name in CODES if hasattr(fact, name))
        if isinstance(fact, facts.ActFact):
            found.update(person for person, _ in fact.receivers)
            found.add(max(0, fact.kind - facts.OPEN_KINDS_FROM))
    return found - {0}


def row(fact: Fact, topic: str, partition: int, position: int, names: Names) -> dict[str, Any]:
    """Return one row; ``names`` maps the codes of ``codes_of`` to what they stand for."""
    read = {name: _cell(fact, name, getattr(fact, name), names) for name in fact.__struct_fields__}
    return {
        "fact": SORTS[type(fact)],
        "topic": topic,
        "partition": partition,
        "position": position,
        **read,
    }


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for a table that has no lists: who received stands in one cell."""
    received = row["receivers"]
    if received is None:
        return dict(row)
    people = "|".join(f"{one['participant']}:{one['party'] or ''}" for one in received)
    return {**row, "receivers": people}


def schema() -> pa.Schema:
    """Return the columns of all sorts of facts; a name means the same in each of them."""
    fields: dict[str, pa.DataType] = {
        "fact": pa.string(),
        "topic": pa.string(),
        "partition": pa.int32(),
        "position": pa.int64(),
    }
    for sort in SORTS:
        for name in sort.__struct_fields__:
            fields.setdefault(name, _column(name))
    return pa.schema(list(fields.items()))


def _column(name: str) -> pa.DataType:
    if name == "receivers":
        person = [("participant", pa.string()), ("party", pa.string())]
        return pa.list_(pa.struct(person))
    if name in DAYS:
        return pa.date32()
    if name in CODES or name in WORDS or name in {"kind", "level"}:
        return pa.string()
    return pa.int64()


def _cell(fact: Fact, name: str, value: Any, names: Names) -> Any:
    reader = READERS.get(name)
    if reader is not None:
        return reader(fact, value, names)
    if name in CODES:
        return names.get(value)
    if name in WORDS:
        return _word(WORDS[name], value)
    return _day(value) if name in DAYS else value


def _day(value: int) -> dt.date | None:
    return None if value == facts.UNDATED else facts.EPOCH + dt.timedelta(days=value)


def _word(words: tuple[str, ...], number: int) -> str | None:
    return words[number - 1] if number else None


def _kind(_fact: Fact, value: int, names: Names) -> str | None:
    if value >= facts.OPEN_KINDS_FROM:
        return names.get(value - facts.OPEN_KINDS_FROM)
    return _word(facts.KINDS, value)


def _level(fact: Fact, value: int, _names: Names) -> str | None:
    words = facts.CHANGE_LEVELS if isinstance(fact, facts.ChangeFact) else facts.LEVELS
    return _word(words, value)


def _receivers(_fact: Fact, value: Any, names: Names) -> list[dict[str, str | None]]:
    return [
        {"participant": names.get(person), "party": _word(facts.PARTIES, party)}
        for person, party in value
    ]


def _minutes(_fact: Fact, value: int, _names: Names) -> int | None:
    return None if value == facts.NO_MINUTES else value


def _due(_fact: Fact, value: int, _names: Names) -> dt.date | None:
    return facts.EPOCH + dt.timedelta(days=value) if value else None


READERS: Mapping[str, Callable[[Fact, Any, Names], Any]] = {
    "kind": _kind,
    "level": _level,
    "receivers": _receivers,
    "minutes": _minutes,
    "due": _due,
}
