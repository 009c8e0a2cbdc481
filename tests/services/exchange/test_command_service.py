"""Commands of people, on a real database: who may, what is added, and what stays private."""

import asyncio
from datetime import timedelta

import pytest

from services.exchange.aggregates import AGGREGATES
from services.exchange.consultation.commands import CloseConsultation, OpenConsultation
from services.exchange.contribution.bodies import (
    Changes,
    ConfirmContribution,
    CorrectContribution,
    DisputeContribution,
    ResolveDispute,
    VoidContribution,
)
from services.exchange.contribution.rules import Reason
from services.exchange.decision.commands import TakeDecision, Voices
from services.exchange.directory.admission import Reason as Admission
from services.exchange.feedback.commands import AnswerFeedback, GiveFeedback, ImplementChange
from services.exchange.resource.commands import AllocateResource
from shared.contracts.vocabulary import Level, Outcome, ParticipantKind, Party
from shared.eventstore.port import Answer, Rejected
from shared.http.strict import StrictModel
from tests.services.exchange.counter import Counter, at, contribution, put, registered, role
from tests.support.postgres import AdminOf

pytestmark = pytest.mark.postgres


async def reason(counter: Counter, body: StrictModel, **context: str) -> object:
    outcome = await counter.send(body, **context)
    assert isinstance(outcome, Rejected), outcome
    assert outcome.reason in AGGREGATES.refusals
    return outcome.reason


async def test_only_people_that_registry_knows_act_on_a_contribution(counter: Counter) -> None:
    given = await counter.given()
    await put(counter.pool, registered("choir", ParticipantKind.GROUP))
    named = {"contribution_id": given, "by": "nobody"}

    refused = [
        ConfirmContribution(**named),
        DisputeContribution(**named, reason_code="x"),
        VoidContribution(**named, reason_code="x"),
        ResolveDispute(**named, outcome=Outcome.UPHELD),
        CorrectContribution(**named, changes=Changes(minutes=1)),
    ]

    for body in refused:
        assert await reason(counter, body) is Admission.UNKNOWN_PARTICIPANT
    by_group = ConfirmContribution(contribution_id=given, by="choir")
    assert await reason(counter, by_group) is Admission.NOT_A_PERSON


async def test_of_many_who_confirm_at_once_one_does(counter: Counter) -> None:
    given = await counter.given()
    body = ConfirmContribution(contribution_id=given, by="bob")

    outcomes = await asyncio.gather(*(counter.send(body) for _ in range(8)))

    assert {one.body["version"] for one in outcomes if isinstance(one, Answer)} == {2}
    assert len(await counter.events()) == 2


async def test_what_nobody_recorded_is_unknown(counter: Counter) -> None:
    body = ConfirmContribution(contribution_id="nowhere", by="bob")

    assert await reason(counter, body) is Reason.UNKNOWN


async def test_a_local_id_stands_for_one_contribution(counter: Counter) -> None:
    first = await counter.send(contribution(local_id="paper-7"))
    again = await counter.send(contribution(local_id="paper-7"))

    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert (first.status, again.status) == (201, 200)
    assert again.body["contribution_id"] == first.body["contribution_id"]
    other = contribution(local_id="paper-7", minutes=5)
    assert await reason(counter, other) is Reason.ALREADY_RECORDED


async def test_a_correction_is_stamped_with_what_registry_says_of_the_new_day(
    counter: Counter,
) -> None:
    given = await counter.given(receivers=["bob"])
    changes = Changes(giver_id="pat", occurred_at=at(1, 9), receivers=["ann"], kind="visit")

    await counter.done(CorrectContribution(contribution_id=given, by="bob", changes=changes))

    act = await counter.act(given)
    assert (act.giver_id, act.giver_party, act.giver_in_provider_org) == (
        "pat",
        Party.PROFESSIONAL,
        True,
    )
    assert [each.participant_id for each in act.receivers] == ["ann"]
    assert (act.minutes, act.kind, act.occurred_at.hour) == (60, "visit", 9)


async def test_what_is_taken_away_is_gone_and_what_is_not_named_stays(counter: Counter) -> None:
    given = await counter.given(kind="visit", organisation_id="Saint Mary's")
    changes = Changes(kind=None, organisation_id=None)

    await counter.done(CorrectContribution(contribution_id=given, by="bob", changes=changes))

    act = await counter.act(given)
    assert (act.kind, act.giver_org, act.minutes) == (None, None, 60)


async def test_a_correction_breaks_no_rule_either(counter: Counter) -> None:
    given = await counter.given()
    changes = Changes(occurred_at="2025-12-31T12:00:00Z")
    body = CorrectContribution(contribution_id=given, by="bob", changes=changes)

    assert await reason(counter, body) is Admission.SERVICE_NOT_STARTED


async def test_a_refusal_is_not_remembered_and_an_answer_outlives_its_reasons(
    counter: Counter,
) -> None:
    body = contribution(giver_id="eve")
    assert await reason(counter, body, key="k") is Admission.UNKNOWN_PARTICIPANT
    await put(counter.pool, role("library", "eve", Party.USER))
    accepted = await counter.send(body, key="k")

    counter.clock.advance(timedelta(days=-7))  # now the same act would be in the future
    again = await counter.send(body, key="k")

    assert isinstance(accepted, Answer)
    assert isinstance(again, Answer)
    assert again.body == accepted.body


async def test_what_people_wrote_stays_out_of_the_events(
    counter: Counter, as_admin_of: AdminOf
) -> None:
    told = await counter.done(
        GiveFeedback(service_id="library", participant_id="ann", words="The door is too heavy.")
    )

    async with as_admin_of(counter.pool) as admin:  # the service itself can't read them
        kept = await admin.fetchval(
            "SELECT words FROM feedback_words WHERE feedback_id = $1", told["feedback_id"]
        )
    stored = await counter.pool.fetch("SELECT data FROM event")
    assert kept == "The door is too heavy."
    assert not [row for row in stored if b"door" in bytes(row["data"])]


async def test_a_change_names_the_feedback_that_caused_it(counter: Counter) -> None:
    given = await counter.done(
        GiveFeedback(service_id="library", participant_id="ann", score=2, given_at=at(1))
    )
    feedback_id = given["feedback_id"]
    await counter.done(AnswerFeedback(feedback_id=feedback_id, by="pat", answered_at=at(2, 9)))
    await counter.done(ImplementChange(feedback_id=feedback_id, level="process"))

    row = await counter.pool.fetchrow("SELECT * FROM event ORDER BY event_id DESC LIMIT 1")
    assert row["type"] == "org.coprod.exchange.change.implemented.v1"
    assert row["causation_id"] == feedback_id


async def test_a_clock_that_was_set_back_refuses_nobody_who_names_no_moment(
    counter: Counter,
) -> None:
    given = await counter.done(GiveFeedback(service_id="library", participant_id="ann", score=2))
    opened = await counter.done(OpenConsultation(service_id="library", title="?"))
    feedback_id = given["feedback_id"]

    counter.clock.advance(timedelta(hours=-2))
    await counter.done(AnswerFeedback(feedback_id=feedback_id, by="pat"))
    counter.clock.advance(timedelta(hours=-2))
    await counter.done(ImplementChange(feedback_id=feedback_id, level="process"))
    await counter.done(CloseConsultation(consultation_id=opened["consultation_id"]))

    rows = await counter.pool.fetch("SELECT DISTINCT time FROM event")
    assert len(rows) == 1, "each happened with what it follows"


async def test_feedback_is_on_something_that_exists_and_by_somebody_who_takes_part(
    counter: Counter,
) -> None:
    await put(counter.pool, registered("eve"))
    about = GiveFeedback(service_id="library", participant_id="ann", score=2, about="nowhere")
    outsider = GiveFeedback(service_id="library", participant_id="eve", score=2)

    assert await reason(counter, about) is Reason.UNKNOWN
    assert await reason(counter, outsider) is Admission.NO_PARTY


async def test_nothing_is_decided_allocated_or_asked_in_the_future_or_nowhere(
    counter: Counter,
) -> None:
    votes = Voices(user=1)
    tomorrow = at(3)
    bodies = [
        TakeDecision(
            service_id="library",
            level=Level.SERVICE,
            weights=votes,
            voters=votes,
            decided_at=tomorrow,
        ),
        AllocateResource(service_id="library", amount=1, currency="EUR", allocated_at=tomorrow),
        OpenConsultation(service_id="library", title="?", opened_at=tomorrow),
    ]

    for body in bodies:
        assert await reason(counter, body) is Admission.IN_THE_FUTURE
        nowhere = body.model_copy(update={"service_id": "nowhere"})
        assert await reason(counter, nowhere) is Admission.UNKNOWN_SERVICE


def test_every_reason_has_a_meaning() -> None:
    from services.exchange.consultation import rules as consultation
    from services.exchange.contribution import enrichment
    from services.exchange.contribution import rules as contribution
    from services.exchange.decision import rules as decision
    from services.exchange.directory import admission
    from services.exchange.feedback import rules as feedback
    from services.exchange.resource import rules as resource

    modules = (
        admission,
        consultation,
        contribution,
        decision,
        feedback,
        resource,
        enrichment,
    )
    for module in modules:
        assert set(module.Reason) <= AGGREGATES.refusals.keys()


VOTES = Voices(user=1)
NAMED: list[tuple[str, StrictModel, dict[str, object]]] = [
    (
        "feedback_id",
        GiveFeedback(service_id="library", participant_id="ann", score=2, local_id="f-1"),
        {"score": 3},
    ),
    (
        "decision_id",
        TakeDecision(
            service_id="library", level=Level.SERVICE, weights=VOTES, voters=VOTES, local_id="d-1"
        ),
        {"level": Level.STRATEGIC},
    ),
    (
        "allocation_id",
        AllocateResource(service_id="library", amount=1, currency="EUR", local_id="r-1"),
        {"amount": 2},
    ),
    (
        "consultation_id",
        OpenConsultation(service_id="library", title="?", local_id="c-1"),
        {"title": "!"},
    ),
]


@pytest.mark.parametrize(("field", "body", "changes"), NAMED)
async def test_a_local_id_means_the_same_thing_whenever_it_comes(
    counter: Counter, field: str, body: StrictModel, changes: dict[str, object]
) -> None:
    first = await counter.send(body)
    counter.clock.advance(timedelta(hours=1))  # no moment was named: it is the one it was then
    again = await counter.send(body)
    other = await counter.send(body.model_copy(update={"local_id": "another"}))

    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert isinstance(other, Answer)
    assert (first.status, again.status, other.status) == (201, 200, 201)
    assert again.body == first.body
    assert other.body[field] != first.body[field]
    assert len(await counter.events()) == 2
    assert isinstance(await counter.send(body.model_copy(update=changes)), Rejected)


async def test_a_change_has_a_name_of_the_senders_too(counter: Counter) -> None:
    given = await counter.done(
        GiveFeedback(service_id="library", participant_id="ann", score=2, given_at=at(1))
    )
    feedback_id = given["feedback_id"]
    await counter.done(AnswerFeedback(feedback_id=feedback_id, by="pat", answered_at=at(2, 9)))
    body = ImplementChange(feedback_id=feedback_id, level="process", local_id="door")

    first, again = await counter.done(body), await counter.done(body)

    assert first == again
