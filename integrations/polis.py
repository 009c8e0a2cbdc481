"""Polis: a vote in a public consultation, one opinion act for each voter and comment.

The comments are what was asked and are no acts. A later vote on the same comment is a revision of
the first, which keeps its day; one that repeats the choice says nothing new.
Format: a row of ``votes.csv`` in a Polis export (timestamp, comment-id, voter-id, vote).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from integrations.contribution import Calendar, Contributions
from integrations.moment import as_text
from integrations.text import shown
from integrations.translator import RecordCommand, Refusal, Translation, renamed

SYSTEM = "polis"
FIELDS = ("timestamp", "comment-id", "voter-id", "vote")
FIRST = "first-timestamp"
"""When the voter first voted on the comment. No export says it: whoever reads the votes adds it."""

_FILLED = {"giver_party": "user", "mode": "opinion", "channel": "online"}
_CHOICES = {"1": "agree", "-1": "disagree", "0": "pass"}
_COLUMNS = ("contribution_id", "occurred_at", "revised_at", "giver_id", "choice")
_NAMES = {"occurred_at": "timestamp", "revised_at": "timestamp", "giver_id": "voter-id"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000  # as seconds that would be the year 5138


class Polis:
    """Translates the votes of one ``conversation`` about one ``service``."""

    reads = (*FIELDS, FIRST)

    def __init__(self, service: str, conversation: str, now: datetime) -> None:
        """Take the service by its id or the agency's own.

        The ids of comments and voters are those of one ``conversation`` and say nothing in another.

        Raises:
            InvalidValue: ``service`` is no id.
        """
        filled = {**_FILLED, "service_id": service}
        self._conversation = conversation
        self._contributions = Contributions(_COLUMNS, filled, Calendar(now))
        self.fills = self._contributions.fills | {"id_scope"}

    def translate(self, record: Mapping[str, str]) -> Translation:
        """Return a command that synchronises the opinion; a vote without ``FIRST`` is the first."""
        refusals = refusals_of(record)
        if refusals:
            return Translation((), tuple(refusals))
        at = int(record["timestamp"])
        first_at = int(record.get(FIRST, at))
        first = _moment(first_at)
        contribution = {
            "contribution_id": f"{record['comment-id']}/{record['voter-id']}",
            "occurred_at": first,
            "revised_at": first if at == first_at else _moment(at),
            # a voter of one conversation is nobody of another
            "giver_id": f"{self._conversation}/{record['voter-id']}",
            "choice": _CHOICES[record["vote"]],
        }
        read = renamed(self._contributions.translate(contribution), _NAMES)
        (command,) = read.commands
        data = {**command.data, "id_scope": self._conversation}
        return Translation((RecordCommand(command.kind, data),), read.refusals)


def refusals_of(record: Mapping[str, str]) -> list[Refusal]:
    """Return what is wrong with a vote as the export has it."""
    return [
        Refusal(field, shown(record[field]), problem, remedy)
        for field, problem, remedy in (
            ("timestamp", "it is not a time in milliseconds", "leave it as exported"),
            ("comment-id", "it is missing", "leave it as exported"),
            ("voter-id", "it is missing", "leave it as exported"),
            ("vote", "it is not a vote", "use 1 (agree), -1 (disagree) or 0 (pass)"),
        )
        if not _is_sound(field, record[field])
    ]


def _is_sound(field: str, text: str) -> bool:
    if field == "timestamp":
        return text.isascii() and text.isdigit() and len(text) <= 15
    return text in _CHOICES if field == "vote" else bool(text)


def _moment(timestamp: int) -> str:
    milliseconds = timestamp if timestamp >= _MILLISECONDS_FROM else timestamp * 1000
    return as_text(_EPOCH + timedelta(milliseconds=milliseconds))
