"""What each refusal of exchange means to an HTTP client, and what the client can do about it."""

from collections.abc import Mapping
from enum import StrEnum

from services.exchange.consultation import rules as consultation
from services.exchange.contribution import enrichment as stamping
from services.exchange.contribution import rules as contribution
from services.exchange.decision import rules as decision
from services.exchange.directory import admission
from services.exchange.feedback import rules as feedback
from services.exchange.resource import rules as resource
from shared.http.problems import Meaning

UNKNOWN_CONTRIBUTION = Meaning(
    404, "There is no such contribution", "Record it: POST /v1/contributions."
)
ADMISSION: Mapping[StrEnum, Meaning] = {
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
    stamping.Reason.MINUTES_OUT_OF_RANGE: Meaning(
        422, "Minutes are 1 to 1,440, or left out", "Split what took longer than a day."
    ),
    stamping.Reason.UNKNOWN_RECEIVER: Meaning(
        422, "Registry has no such receiver", "Register the receiver, or leave it out if unknown."
    ),
    stamping.Reason.TOO_MANY_RECEIVERS: Meaning(
        422, "Too many receivers for one contribution", "Name the group that they are."
    ),
    stamping.Reason.OTHER_PARTY: Meaning(
        422,
        "The giver has another party in that service on that day",
        "Leave giver_party out, or put registry right.",
    ),
    stamping.Reason.RECEIVER_OF_OTHER_PARTY: Meaning(
        422,
        "A receiver has another party, or none, in that service on that day",
        "Leave receiver_party out, or put registry right.",
    ),
    stamping.Reason.OTHER_KIND: Meaning(
        422, "The giver is of another kind", "Leave giver_kind out: registry knows it."
    ),
}
LIFE: Mapping[StrEnum, Meaning] = {
    contribution.Reason.UNKNOWN: UNKNOWN_CONTRIBUTION,
    contribution.Reason.ALREADY_RECORDED: Meaning(
        409, "The local id stands for another contribution", "Correct that one, or use a new id."
    ),
    contribution.Reason.OWN_CONTRIBUTION: Meaning(
        403, "Nobody vouches for what they gave themselves", "Ask somebody who was there."
    ),
    contribution.Reason.VOIDED: Meaning(
        409, "The contribution was voided", "Record a new one if it was real after all."
    ),
    contribution.Reason.DISPUTED: Meaning(
        409, "The contribution is disputed", "Resolve the dispute first."
    ),
    contribution.Reason.NOT_DISPUTED: Meaning(
        409, "The contribution is not disputed", "Dispute, correct or void it instead."
    ),
    contribution.Reason.REASON_MISSING: Meaning(
        422, "Disputing and voiding need a reason", "Send reason_code, a word of your own list."
    ),
    contribution.Reason.CHANGES_MISSING: Meaning(
        422, "A corrected act needs its changes", "Send changes with the outcome corrected."
    ),
    contribution.Reason.CHANGES_UNWANTED: Meaning(
        422, "Only the outcome corrected takes changes", "Leave changes out."
    ),
    contribution.Reason.STATUS_UNREACHABLE: Meaning(
        409,
        "The contribution can't get from its status to that one",
        "People decided otherwise here: leave the status as it was, or, if it was real after all, "
        "give it an id of its own.",
    ),
    contribution.Reason.STANDS_WITHOUT_SCOPE: Meaning(
        409,
        "The same row came before without an id_scope, and stands",
        "Send it as before, without id_scope: with one it would be another act.",
    ),
    contribution.Reason.STANDS_ELSEWHERE: Meaning(
        409,
        "The row stands in another service, and never moves by itself",
        "Send move: true to move it; or, where each service numbers its own rows, send id_scope.",
    ),
}
VOICE: Mapping[StrEnum, Meaning] = {
    feedback.Reason.UNKNOWN: Meaning(404, "There is no such feedback", "Give it first."),
    feedback.Reason.ALREADY_GIVEN: Meaning(409, "This feedback was given otherwise"),
    feedback.Reason.EMPTY: Meaning(
        422, "The feedback says nothing", "Send a score, trust, respect or words."
    ),
    feedback.Reason.ANSWERED_BEFORE_GIVEN: Meaning(
        422, "An answer comes after the feedback", "Name the moment of the answer."
    ),
    feedback.Reason.OWN_FEEDBACK: Meaning(
        403, "Nobody answers their own feedback", "Somebody else has to answer."
    ),
    feedback.Reason.NOT_ANSWERED: Meaning(
        409, "The feedback was not answered yet", "Answer it: POST /v1/feedback/{id}/answer."
    ),
    feedback.Reason.IMPLEMENTED_BEFORE_ANSWERED: Meaning(
        422, "A change that a feedback caused comes after its answer", "Name the day it was made."
    ),
    feedback.Reason.CHANGE_KNOWN_OTHERWISE: Meaning(
        409, "This change is known with another content", "Use another change_id."
    ),
    decision.Reason.ALREADY_TAKEN: Meaning(409, "This decision was taken otherwise"),
    decision.Reason.NO_WEIGHT: Meaning(
        422, "A decision has some vote weight", "Send the weight of each party that voted."
    ),
    decision.Reason.WEIGHT_WITHOUT_VOTERS: Meaning(
        422, "A party without voters has no vote weight", "Send how many people voted."
    ),
    resource.Reason.ALREADY_ALLOCATED: Meaning(409, "This resource was allocated otherwise"),
    resource.Reason.NO_AMOUNT: Meaning(422, "An allocation has an amount"),
    resource.Reason.UNKNOWN_DECISION: Meaning(
        422, "There is no such decision", "Record it: POST /v1/decisions."
    ),
    resource.Reason.DECISION_OF_ANOTHER_SERVICE: Meaning(
        422, "The decision was on another service", "Name a decision on this service, or none."
    ),
    resource.Reason.ALLOCATED_BEFORE_DECIDED: Meaning(
        422, "What a decision allocates is allocated after it", "Name the day of the allocation."
    ),
    consultation.Reason.UNKNOWN: Meaning(404, "There is no such consultation", "Open it first."),
    consultation.Reason.ALREADY_OPENED: Meaning(409, "This consultation was opened otherwise"),
    consultation.Reason.ALREADY_CLOSED: Meaning(409, "The consultation was closed after that"),
    consultation.Reason.CLOSED_BEFORE_OPENED: Meaning(
        422, "A consultation closes after it opens", "Name the moment at which it closed."
    ),
}
MEANINGS: Mapping[StrEnum, Meaning] = {**ADMISSION, **LIFE, **VOICE}
