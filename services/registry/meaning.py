"""What each refusal of registry means to an HTTP client, and what the client can do about it."""

from collections.abc import Mapping
from enum import StrEnum

from services.registry.agency import rules as agency
from services.registry.participant import rules as participant
from services.registry.role import rules as role
from services.registry.service import rules as service
from shared.http.problems import Meaning

UNKNOWN_AGENCY = Meaning(
    404, "Nobody has registered this agency", "Register it: POST /v1/agencies."
)
UNKNOWN_SERVICE = Meaning(
    404, "Nobody has registered this service", "Register it: POST /v1/services."
)
UNKNOWN_PARTICIPANT = Meaning(
    404, "Nobody has registered this participant", "Register it: POST /v1/participants."
)
ENDS_BEFORE_START = Meaning(
    422, "It would end before it began", "Name a last day that is not before its first."
)
MEANINGS: Mapping[StrEnum, Meaning] = {
    agency.Reason.REGISTERED_OTHERWISE: Meaning(
        409, "The agency is registered with other content", "Choose another id for another agency."
    ),
    service.Reason.UNKNOWN_AGENCY: UNKNOWN_AGENCY,
    service.Reason.UNKNOWN_SERVICE: UNKNOWN_SERVICE,
    service.Reason.REGISTERED_OTHERWISE: Meaning(
        409,
        "The agency's service of that id is registered with other content",
        "Describe it anew (PATCH /v1/services/{service_id}), or use another local_id.",
    ),
    service.Reason.START_NOT_EARLIER: Meaning(
        422,
        "A service's start can only be moved to an earlier day",
        "Name an earlier day, or close the service and register another.",
    ),
    service.Reason.CLOSES_BEFORE_START: Meaning(
        422, "The service would close before it starts", "Name a day that is not before its start."
    ),
    service.Reason.ALREADY_CLOSED: Meaning(
        409, "The service is already closed on another day", "A service is closed once."
    ),
    service.Reason.AGENCY_ALWAYS_PROVIDES: Meaning(
        422, "A service's own agency always provides it", "Unlink another organisation."
    ),
    service.Reason.PROVIDER_NOT_LINKED: Meaning(
        404, "The organisation was never linked to the service", "See the service's providers."
    ),
    participant.Reason.UNKNOWN_PARTICIPANT: UNKNOWN_PARTICIPANT,
    participant.Reason.AFFILIATED_OTHERWISE: Meaning(
        409, "The participant already belongs to the organisation", "End that affiliation first."
    ),
    participant.Reason.AFFILIATIONS_OVERLAP: Meaning(
        422,
        "Two affiliations to one organisation would overlap",
        "Begin after the last day of the one before.",
    ),
    participant.Reason.NOT_AFFILIATED: Meaning(
        404, "The participant does not belong to the organisation", "See its affiliations."
    ),
    participant.Reason.ENDS_BEFORE_START: ENDS_BEFORE_START,
    role.Reason.SERVICE_CLOSED: Meaning(
        422, "The service is closed by then", "Name a day on which it was open."
    ),
    role.Reason.OTHER_PARTY: Meaning(
        409, "The participant is of another party then", "End that role first."
    ),
    role.Reason.PERIODS_OVERLAP: Meaning(
        422,
        "Two periods of one participant would overlap",
        "Begin after the end of the one before.",
    ),
    role.Reason.START_NOT_EARLIER: Meaning(
        422, "A role's start can only be moved to an earlier day", "Name an earlier day."
    ),
    role.Reason.NO_SUCH_ROLE: Meaning(
        404, "The participant has no such role in the service", "See GET /v1/services/{id}/roles."
    ),
}
