"""What each refusal of a contribution means to a client, and what the client can do about it."""

from collections.abc import Mapping
from enum import StrEnum

from services.exchange.contribution import enrichment
from services.exchange.contribution import rules as contribution
from shared.http.problems import Meaning

UNKNOWN_CONTRIBUTION = Meaning(
    404, "There is no such contribution", "Record it: POST /v1/contributions."
)
REFUSALS: Mapping[StrEnum, Meaning] = {
    enrichment.Reason.MINUTES_OUT_OF_RANGE: Meaning(
        422, "Minutes are 1 to 1,440, or left out", "Split what took longer than a day."
    ),
    enrichment.Reason.UNKNOWN_RECEIVER: Meaning(
        422, "Registry has no such receiver", "Register the receiver, or leave it out if unknown."
    ),
    enrichment.Reason.TOO_MANY_RECEIVERS: Meaning(
        422, "Too many receivers for one contribution", "Name the group that they are."
    ),
    enrichment.Reason.OTHER_PARTY: Meaning(
        422,
        "The giver has another party in that service on that day",
        "Leave giver_party out, or put registry right.",
    ),
    enrichment.Reason.RECEIVER_OF_OTHER_PARTY: Meaning(
        422,
        "A receiver has another party, or none, in that service on that day",
        "Leave receiver_party out, or put registry right.",
    ),
    enrichment.Reason.OTHER_KIND: Meaning(
        422, "The giver is of another kind", "Leave giver_kind out: registry knows it."
    ),
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
