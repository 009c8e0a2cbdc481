"""Records of every format that is translated: what each asks for, and what is refused of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integrations.columns import COLUMNS
from integrations.contribution import Calendar, Contributions
from integrations.open_repair import OpenRepair
from integrations.polis import FIRST, Polis
from integrations.translator import Translator

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
Record = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Example:
    """``sound``: records with the data of their command. ``refused``: records with what is wrong.

    What is wrong is a set of pairs (field of the record, word of the problem). The first sound
    record is refused for each change in ``refused``.
    """

    translator: Translator
    sound: tuple[tuple[Record, Mapping[str, Any]], ...]
    refused: tuple[tuple[Record, set[tuple[str, str]]], ...]


ACT = {
    "contribution_id": "c1",
    "service_id": "s1",
    "occurred_at": "2025-05-01",
    "giver_id": "ann",
    "giver_party": "user",
}
VOTE = {"timestamp": "1435654192000", "comment-id": "0", "voter-id": "ann", "vote": "1"}
OPINION = {
    "contribution_id": "0/ann",
    "occurred_at": "2015-06-30T08:49:52Z",
    "revised_at": "2015-06-30T08:49:52Z",
    "giver_id": "taxis/ann",
    "choice": "agree",
    "giver_party": "user",
    "mode": "opinion",
    "channel": "online",
    "service_id": "forum",
    "id_scope": "taxis",
}
ITEM = {"id": "r_1", "group_identifier": "Cardiff", "event_date": "2017-04-01"}
REPAIR = {
    "contribution_id": "r_1",
    "giver_id": "Cardiff",
    "occurred_at": "2017-04-01T00:00:00Z",
    "giver_kind": "group",
    "giver_party": "family_social",
    "phase": "deliver",
    "mode": "act",
    "kind": "repair",
    "service_id": "repair",
}

EXAMPLES = {
    "contribution": Example(
        Contributions(COLUMNS, {"mode": "act"}, Calendar(NOW)),
        sound=(
            (ACT, {**ACT, "occurred_at": "2025-05-01T00:00:00Z", "mode": "act"}),
            (
                {**ACT, "receiver_ids": "bob|cid", "minutes": "90", "mode": "opinion"},
                {
                    **ACT,
                    "occurred_at": "2025-05-01T00:00:00Z",
                    "mode": "opinion",
                    "receiver_ids": ["bob", "cid"],
                    "minutes": 90,
                },
            ),
        ),
        refused=(
            ({"giver_id": ""}, {("giver_id", "missing")}),
            ({"giver_party": "boss"}, {("giver_party", "words")}),
            (
                {"occurred_at": "2025-06-03", "minutes": "0"},
                {("occurred_at", "future"), ("minutes", "1440")},
            ),
        ),
    ),
    "polis": Example(
        Polis("forum", "taxis", NOW),
        sound=(
            (VOTE, OPINION),
            (
                {**VOTE, "timestamp": "1435654195000", "vote": "-1", FIRST: "1435654192000"},
                {**OPINION, "revised_at": "2015-06-30T08:49:55Z", "choice": "disagree"},
            ),
        ),
        refused=(
            ({"vote": "2", "voter-id": ""}, {("vote", "not a vote"), ("voter-id", "missing")}),
            ({"timestamp": "2015-06-30"}, {("timestamp", "milliseconds")}),
            ({"timestamp": "4102444800000"}, {("timestamp", "year 2100")}),
        ),
    ),
    "open_repair": Example(
        OpenRepair("repair", NOW),
        sound=((ITEM, REPAIR),),
        refused=(
            ({"group_identifier": ""}, {("group_identifier", "missing")}),
            ({"event_date": "2017-04-31", "id": "#N/A"}, {("event_date", "date"), ("id", "error")}),
        ),
    ),
}
