"""What the database of each service holds: how its schema comes about, and who may do what there.

Three roles share a database. The owner owns everything, migrates, and can't log in. The service's
own role is granted what its statements do and no more: a service that was taken over can't rewrite
an event. The read-only role sees the columns that are named here, and nothing that is new.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENT = ROOT / "shared" / "database" / "migrations"
EVENT_STORE = ROOT / "shared" / "eventstore" / "migrations"
CONSUMER = ROOT / "shared" / "consumer" / "migrations"

MIGRATIONS: Mapping[str, tuple[Path, ...]] = {
    "registry": (DEPLOYMENT, EVENT_STORE, ROOT / "services" / "registry" / "migrations"),
    "exchange": (DEPLOYMENT, EVENT_STORE, CONSUMER, ROOT / "services" / "exchange" / "migrations"),
    "insights": (DEPLOYMENT, EVENT_STORE, CONSUMER, ROOT / "services" / "insights" / "migrations"),
    "log": (DEPLOYMENT, ROOT / "shared" / "log" / "migrations"),
}
"""Database -> where its schema is written down, in the order in which it is applied."""

READ_ONLY_ROLE = "coprod_readonly"


class Access(NamedTuple):
    """``service``: privileges of the service's role; ``reader``: columns that may be read only.

    The reader is for verification and exports, which need no name, no contact, no agency's own id,
    no record that could not be taken, and no secret: so it can't read one.
    """

    service: str
    reader: str = ""

    def granted_on(self, table: str) -> list[str]:
        """Return the statements that grant this to ``{role}`` and to ``{reader}``."""
        return [
            *([f"GRANT {self.service} ON {table} TO {{role}}"] if self.service else []),
            *([f"GRANT SELECT ({self.reader}) ON {table} TO {{reader}}"] if self.reader else []),
        ]


READ, ADD, EDIT = "SELECT", "SELECT, INSERT", "SELECT, INSERT, UPDATE"
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
NOTHING = ""

_EVERYWHERE = {
    "deployment": Access(READ, "id"),
    "_yoyo_migration": Access(READ),
    "_yoyo_log": Access(NOTHING),
    "_yoyo_version": Access(NOTHING),
    "yoyo_lock": Access(NOTHING),
}
_EVENT_STORE = {
    "event": Access(
        ADD,
        "stream_id, version, topic, partition, position, event_id, source, type, subject, key, "
        "time, recorded_at, correlation_id, causation_id, actor, data",
    ),
    "stream": Access("SELECT, INSERT, UPDATE (version)", "stream_id, version"),
    "head": Access("SELECT, INSERT, UPDATE (position)", "topic, partition, position"),
    "relay": Access(EDIT, "topic, partition, position"),
    "idempotency": Access(ADD),
    "idempotency_period": Access(READ),
    "idempotency_secret": Access(READ),
}
_CONSUMER = {
    "consumer_position": Access(EDIT, "consumer, topic, partition, position, next_offset"),
    "unknown_event": Access(ADD, "consumer, topic, partition, position, type"),
    "quarantine": Access(EDIT, "consumer, topic, partition, log_offset, position, reason, status"),
}

ACCESS: Mapping[str, Mapping[str, Access]] = {
    "registry": {
        **_EVERYWHERE,
        **_EVENT_STORE,
        "agency": Access(ADD),
        "service": Access(EDIT),
        "service_provider": Access("SELECT, INSERT, DELETE"),
        "participant": Access(EDIT),
        "participant_details": Access(ADD),
        "participant_external_id": Access(ADD),
        "affiliation": Access(EDIT),
        "role_period": Access(EDIT),
    },
    "exchange": {
        **_EVERYWHERE,
        **_EVENT_STORE,
        **_CONSUMER,
        "directory_agency": Access(ADD, "agency_id"),
        "directory_service": Access(EVERYTHING, "service_id, starts_on, closed_on"),
        "directory_provider": Access("SELECT, INSERT, DELETE", "service_id, organisation_id"),
        "directory_participant": Access(ADD, "participant_id, kind"),
        "directory_affiliation": Access(
            EVERYTHING, "participant_id, organisation_id, employed, since, until"
        ),
        "directory_role": Access(EVERYTHING, "service_id, participant_id, party, since, until"),
        "contribution": Access(EDIT),
        "moved_contribution": Access(EDIT),
        "feedback_words": Access("INSERT"),
        "identity_secret": Access(READ),
    },
    "insights": {
        **_EVERYWHERE,
        **_EVENT_STORE,
        # a projection that was abandoned goes with all that was noted for it
        **{name: Access(EVERYTHING, access.reader) for name, access in _CONSUMER.items()},
        "projection": Access(EVERYTHING),
        "projection_active": Access("SELECT, UPDATE", "version"),
        "code": Access(ADD, "code, value"),
        "fact_chunk": Access(
            ADD,
            "projection, topic, partition, first_position, last_position, counts, packed",
        ),
        "agency_info": Access(EDIT, "projection, agency_id, name, jurisdiction"),
        "service_info": Access(
            EDIT,
            "projection, service_id, agency_ids, local_id, name, provides, starts_on, closed_on, "
            "providers",
        ),
        "evaluation": Access(EDIT),
        "announcement": Access(ADD),
    },
    "log": {
        **_EVERYWHERE,
        "log_end": Access(EDIT, "topic, partition, next_offset"),
        "log_record": Access(ADD, 'topic, partition, "offset", key, value, headers'),
        "log_latest": Access(EDIT),
    },
}
"""Database -> table -> who may do what with it; every table has its place here."""


def role_of(service: str) -> str:
    """Return the name that the service's role and its database share."""
    return f"coprod_{service}"


def owner_of(service: str) -> str:
    """Return the role that owns the service's database and everything in it."""
    return f"{role_of(service)}_owner"
