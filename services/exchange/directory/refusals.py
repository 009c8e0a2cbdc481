"""What the refusals that every command shares mean to a client, and what it can do about them."""

from collections.abc import Mapping
from enum import StrEnum

from services.exchange.directory import admission
from shared.http.problems import Meaning

REFUSALS: Mapping[StrEnum, Meaning] = {
    admission.Reason.UNKNOWN_SERVICE: Meaning(
        422, "Registry has no such service", "Register it, and send Coprod-After with its position."
    ),
    admission.Reason.SERVICE_NOT_STARTED: Meaning(
        422, "The service had not started on that day", "Move its start in registry, or the day."
    ),
    admission.Reason.SERVICE_CLOSED: Meaning(
        422, "The service was closed on that day", "Name the service that takes over, or the day."
    ),
    admission.Reason.IN_THE_FUTURE: Meaning(
        422, "It is more than five minutes in the future", "Send it when it has happened."
    ),
    admission.Reason.UNKNOWN_PARTICIPANT: Meaning(
        422,
        "Registry has no such participant",
        "Register the participant, and send Coprod-After with the position.",
    ),
    admission.Reason.NOT_A_PERSON: Meaning(
        422, "Only a person can do that, not a group", "Name the person who does it."
    ),
    admission.Reason.NO_PARTY: Meaning(
        422,
        "The participant has no party in that service on that day",
        "Say which in registry: POST /v1/services/{service_id}/roles.",
    ),
}
