"""Facts once more: from events by SQL alone, and from their stored bytes by another reader.

A row of either is [sort, sign, day, service, ...], with words and ids as text, so that the two can
be compared. The order of what follows is the same in the statement and in the tables below.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

Row: TypeAlias = list[Any]
Names: TypeAlias = Mapping[int, str]

# Of one partition: position -> what the event adds and takes back, in its order. Events that make
# no facts are left out, and the positions named: what was never folded need not even be JSON.
FROM_EVENTS = """
WITH told AS (
    SELECT position, split_part(type, '.', 4) AS what, split_part(type, '.', 5) AS step,
        convert_from(data, 'UTF8')::jsonb AS d
    FROM event WHERE topic = $1 AND partition = $2 AND position > $3 AND position <= $4
        AND position <> ALL($5) AND type ~ '^org[.]coprod[.](exchange|registry)[.]'
), acts AS (
    SELECT position, 1 AS nth, 1 AS sign, d->'act' AS f FROM told
    WHERE what = 'contribution' AND (step = 'confirmed'
        OR step = 'dispute-resolved' AND d->>'outcome' <> 'upheld')
    UNION ALL
    SELECT position, 1, -1, d->'act' FROM told
    WHERE what = 'contribution' AND step IN ('disputed', 'voided') AND (d->>'counted')::boolean
    UNION ALL
    SELECT position, 1, -1, d->'before' FROM told
    WHERE what = 'contribution' AND step = 'corrected' AND (d->>'counted')::boolean
    UNION ALL
    SELECT position, 2, 1, d->'after' FROM told
    WHERE what = 'contribution' AND step = 'corrected' AND (d->>'counted')::boolean
), waiting AS (
    SELECT position, 3 AS nth, 1 AS sign, d->'act' AS f, d->>'confirm_due_at' AS due FROM told
    WHERE what = 'contribution' AND step = 'recorded' AND d->>'confirm_due_at' IS NOT NULL
    UNION ALL
    SELECT position, 3, -1, d->'act', d->>'confirm_due_at' FROM told
    WHERE what = 'contribution' AND (
        step IN ('confirmed', 'disputed') AND d->>'confirm_due_at' IS NOT NULL
        OR step = 'voided' AND NOT (d->>'counted')::boolean)
    UNION ALL
    SELECT position, 4, 1, d->'act', NULL FROM told
    WHERE what = 'contribution' AND step = 'disputed'
    UNION ALL
    SELECT position, 3, -1, coalesce(d->'before', d->'act'), NULL FROM told
    WHERE what = 'contribution' AND step = 'dispute-resolved'
    UNION ALL
    SELECT position, nth, sign, f, d->>'confirm_due_at' FROM told,
        LATERAL (VALUES (3, -1, d->'before'), (4, 1, d->'after')) AS side (nth, sign, f)
    WHERE what = 'contribution' AND step = 'corrected' AND NOT (d->>'counted')::boolean
        AND ((d->'before'->>'occurred_at')::timestamptz AT TIME ZONE 'UTC')::date
            <> ((d->'after'->>'occurred_at')::timestamptz AT TIME ZONE 'UTC')::date
), roles AS (
    SELECT position, 1 AS nth, 1 AS sign, d->>'since' AS since, d FROM told
    WHERE what = 'role' AND step = 'assumed'
    UNION ALL
    SELECT position, 1, -1, d->>'since_before', d FROM told
    WHERE what = 'role' AND step = 'start-moved'
    UNION ALL
    SELECT position, 2, 1, d->>'since', d FROM told WHERE what = 'role' AND step = 'start-moved'
), facts AS (
    SELECT position, nth, jsonb_build_array(
        'act', sign, ((f->>'occurred_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        f->>'service_id', f->>'giver_id', coalesce(f->>'giver_kind', 'person') = 'group',
        f->>'giver_party', f->>'phase', f->>'mode', f->>'kind', f->>'choice', f->>'scope',
        f->>'stage', f->>'knowledge', f->>'channel', coalesce((f->>'minutes')::int, -1),
        f->>'giver_org',
        f->>'episode_id',
        (SELECT count(DISTINCT g) FROM jsonb_array_elements_text(
            coalesce(f->'receiver_groups', '[]')) AS g),
        (SELECT coalesce(jsonb_agg(jsonb_build_array(who, party) ORDER BY place), '[]') FROM (
            SELECT r->>'participant_id' AS who, min(n) AS place,
                (array_agg(r->>'party' ORDER BY n))[1] AS party
            FROM jsonb_array_elements(coalesce(f->'receivers', '[]')) WITH ORDINALITY AS x (r, n)
            WHERE r->>'participant_id' <> f->>'giver_id' GROUP BY r->>'participant_id'
        ) AS receivers)
    ) AS fact FROM acts
    UNION ALL
    SELECT position, nth, jsonb_build_array('waiting', sign,
        ((f->>'occurred_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        f->>'service_id',
        coalesce((due::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch', 0))
    FROM waiting
    UNION ALL
    SELECT position, nth, jsonb_build_array('role', sign, since::date - date 'epoch',
        d->>'service_id', d->>'participant_id', d->>'participant_kind' = 'group', d->>'party')
    FROM roles
    UNION ALL
    SELECT position, 1, jsonb_build_array('decision', 1,
        ((d->>'decided_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        d->>'service_id', d->>'level',
        coalesce((d->'weights'->>'professional')::numeric, 0),
        coalesce((d->'weights'->>'user')::numeric, 0),
        coalesce((d->'weights'->>'family_social')::numeric, 0),
        coalesce((d->'voters'->>'professional')::numeric, 0),
        coalesce((d->'voters'->>'user')::numeric, 0),
        coalesce((d->'voters'->>'family_social')::numeric, 0))
    FROM told WHERE what = 'decision' AND step = 'taken'
    UNION ALL
    SELECT position, 1, jsonb_build_array('allocation', 1,
        ((d->>'allocated_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        d->>'service_id', (d->>'amount')::numeric, d->>'currency',
        coalesce((d->>'lay_majority')::boolean, false)
            OR coalesce(d->>'steward_party' IN ('user', 'family_social'), false))
    FROM told WHERE what = 'resource' AND step = 'allocated'
    UNION ALL
    SELECT position, 1, jsonb_build_array('feedback', 1,
        ((d->>'given_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        d->>'service_id', d->>'feedback_id', d->>'participant_id', d->>'party',
        coalesce((d->>'score')::int, 0), coalesce((d->>'trust')::int, 0),
        coalesce((d->>'respect')::int, 0))
    FROM told WHERE what = 'feedback' AND step = 'given'
    UNION ALL
    SELECT position, 1, jsonb_build_array('answer', 1,
        ((d->>'answered_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        d->>'service_id', d->>'feedback_id',
        ((d->>'given_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch')
    FROM told WHERE what = 'feedback' AND step = 'answered'
    UNION ALL
    SELECT position, 1, jsonb_build_array('change', 1,
        ((d->>'implemented_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        d->>'service_id', d->>'feedback_id', d->>'level',
        ((d->>'given_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        ((d->>'answered_at')::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch')
    FROM told WHERE what = 'change' AND step = 'implemented'
    UNION ALL
    SELECT position, 1, jsonb_build_array('consultation', 1,
        ((d->>(step || '_at'))::timestamptz AT TIME ZONE 'UTC')::date - date 'epoch',
        d->>'service_id', step = 'opened')
    FROM told WHERE what = 'consultation' AND step IN ('opened', 'closed')
    UNION ALL
    SELECT position, nth, jsonb_build_array('provider', 1, date '0001-01-01' - date 'epoch',
        d->>'service_id', agency, 'agency')
    FROM told, jsonb_array_elements_text(d->'agency_ids') WITH ORDINALITY AS a (agency, nth)
    WHERE what = 'service' AND step = 'registered'
    UNION ALL
    SELECT position, 1, jsonb_build_array('provider', 1, date '0001-01-01' - date 'epoch',
        d->>'service_id', d->>'organisation_id', substr(step, length('provider-') + 1))
    FROM told WHERE what = 'service' AND step IN ('provider-linked', 'provider-unlinked')
)
SELECT position, jsonb_agg(fact ORDER BY nth)::text AS facts FROM facts GROUP BY position
"""

PARTIES = ("", "professional", "user", "family_social")
PHASES = ("", "commission", "design", "deliver", "assess")
MODES = ("", "act", "opinion")
KINDS = (
    *("", "train", "facilitate", "connect", "co_deliver"),
    *("family", "care", "group_wellbeing", "neighbourhood", "civic"),
)
CHOICES = ("", "agree", "disagree", "pass")
SCOPES = ("", "individual", "group", "service", "system")
STAGES = ("", "prevention", "early_detection", "early_help", "response", "recovery")
KNOWLEDGES = ("", "lived", "professional")
CHANNELS = ("", "online", "paper", "phone", "assisted")
LEVELS = ("", "operational", "service", "strategic", "budget")
CHANGE_LEVELS = ("", "process", "role", "policy", "budget")
PROVISIONS = ("", "agency", "linked", "unlinked")
OWN_KINDS_FROM = 64
FORMAT = 2

ID, NUMBER, FLAG, KIND, RECEIVERS = "id", "number", "flag", "kind", "receivers"
# By tag: the name of the sort and, after service, day and sign, what each column holds.
SORTS: Sequence[tuple[str, Sequence[str | tuple[str, ...]]]] = (
    (
        "act",
        (
            *(ID, FLAG, PARTIES, PHASES, MODES, KIND, CHOICES, SCOPES, STAGES, KNOWLEDGES),
            *(CHANNELS, NUMBER, ID, ID, NUMBER, RECEIVERS),
        ),
    ),
    ("role", (ID, FLAG, PARTIES)),
    ("decision", (LEVELS, *(NUMBER,) * 6)),
    ("allocation", (NUMBER, ID, FLAG)),
    ("feedback", (ID, ID, PARTIES, NUMBER, NUMBER, NUMBER)),
    ("answer", (ID, NUMBER)),
    ("change", (ID, CHANGE_LEVELS, NUMBER, NUMBER)),
    ("consultation", (FLAG,)),
    ("waiting", (NUMBER,)),
    ("provider", (ID, PROVISIONS)),
)


def from_events(facts: str) -> list[Row]:
    """Return the facts of one event, as the statement gives them."""
    rows: list[Row] = json.loads(facts)  # its integers have no limit
    return rows


class FactFile:
    """Stored facts, unpacked: ``counts`` has a byte for each event from ``first_position`` on."""

    def __init__(self, first_position: int, counts: bytes, packed: bytes) -> None:
        self._first, self._counts = first_position, counts
        version, count, tags, tables = msgspec.msgpack.decode(packed, strict=False)
        if version != FORMAT:
            raise ValueError(f"packed facts have format {version}, not {FORMAT}")
        self._tags = _spread(tags, count)
        self._tables = {
            tag: [_spread(column, self._tags.count(tag)) for column in columns]
            for tag, columns in tables.items()
        }

    def codes(self) -> set[int]:
        """Return every code that a name is needed for."""
        found: set[int] = set()
        for tag, columns in self._tables.items():
            found.update(columns[0])
            for kind, column in zip(SORTS[tag][1], columns[3:], strict=True):
                if kind == ID:
                    found.update(column)
                elif kind == KIND:
                    found.update(code - OWN_KINDS_FROM for code in column)
                elif kind == RECEIVERS:
                    found.update(code for flat in column for code in flat[::2])
        return {code for code in found if code > 0}

    def events(self, names: Names) -> Iterator[tuple[int, list[Row]]]:
        """Yield each event that made facts, by its position."""
        made = {tag: self._rows(tag, names) for tag in self._tables}
        tags = iter(self._tags)
        for offset, count in enumerate(self._counts):
            if count:
                yield self._first + offset, [next(made[next(tags)]) for _ in range(count)]

    def _rows(self, tag: int, names: Names) -> Iterator[Row]:
        sort, kinds = SORTS[tag]
        for service, day, sign, *rest in zip(*self._tables[tag], strict=True):
            told = [_told(kind, value, names) for kind, value in zip(kinds, rest, strict=True)]
            yield [sort, sign, day, names.get(service), *told]


def _spread(column: Any, count: int) -> list[Any]:
    """A column of one value throughout is stored as this value, large integers as text."""
    if not isinstance(column, list):
        return [column] * count
    return [int(value) if isinstance(value, str) else value for value in column]


def _told(kind: str | tuple[str, ...], value: Any, names: Names) -> Any:
    if isinstance(kind, tuple):
        return kind[value] or None
    if kind == ID:
        return names.get(value)
    if kind == KIND:
        return _kind(value, names)
    if kind == RECEIVERS:
        return _receivers(value, names)
    return bool(value) if kind == FLAG else value


def _kind(value: int, names: Names) -> str | None:
    own = value >= OWN_KINDS_FROM
    return names.get(value - OWN_KINDS_FROM) if own else KINDS[value] or None


def _receivers(flat: Sequence[int], names: Names) -> list[list[str | None]]:
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return [[names.get(who), PARTIES[party] or None] for who, party in pairs]
