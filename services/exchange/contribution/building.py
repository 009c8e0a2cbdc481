"""Commands on contributions, by people: record, confirm, dispute, resolve, correct, void."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace
from uuid_utils import uuid7

from services.exchange.context import ExchangeContext, stream
from services.exchange.contribution import bodies, life
from services.exchange.contribution import rules as contribution
from services.exchange.contribution.enrichment import (
    NATURE,
    Draft,
    draft_of,
    enrich,
    organisation_named,
)
from services.exchange.directory.admission import known_participant, known_person
from services.exchange.lookback import RelatedStreams
from shared.commands.plan import CommandPlan, command
from shared.contracts.exchange import Act
from shared.contracts.vocabulary import Message
from shared.eventstore.port import Command, Rejected


def record(body: bodies.RecordContribution, context: ExchangeContext) -> Command[Any]:
    if body.recorded_by is not None:
        known_participant(context.directory, body.recorded_by)
    contribution_id = (
        str(uuid7())
        if body.local_id is None
        else context.identity.contribution(context.sender, body.local_id)
    )
    draft = drafted(body, contribution_id, body.recorded_by or context.system, context)
    act = enrich(draft, context.directory, context.now)
    plan = on_contribution(
        contribution_id,
        act.service_id,
        partial(contribution.decide, contribution.Record(act, context.now)),
        creates=True,
    )
    return command(plan, context)


def confirm(body: bodies.ConfirmContribution, context: ExchangeContext) -> Command[Any]:
    known_person(context.directory, body.by)
    return _to(body.contribution_id, contribution.Confirm(body.by), context)


def dispute(body: bodies.DisputeContribution, context: ExchangeContext) -> Command[Any]:
    known_participant(context.directory, body.by)
    return _to(body.contribution_id, contribution.Dispute(body.by, body.reason_code), context)


def void(body: bodies.VoidContribution, context: ExchangeContext) -> Command[Any]:
    known_participant(context.directory, body.by)
    return _to(body.contribution_id, contribution.Void(body.by, body.reason_code), context)


def resolve(body: bodies.ResolveDispute, context: ExchangeContext) -> Command[Any]:
    known_participant(context.directory, body.by)
    if body.changes is None:
        return _to(body.contribution_id, contribution.Resolve(body.by, body.outcome), context)
    changes = body.changes
    return _re_enriching(
        body.contribution_id,
        lambda act: contribution.Resolve(body.by, body.outcome, _changed(act, changes, context)),
        context,
    )


def correct(body: bodies.CorrectContribution, context: ExchangeContext) -> Command[Any]:
    known_participant(context.directory, body.by)
    return _re_enriching(
        body.contribution_id,
        lambda act: contribution.Correct(body.by, _changed(act, body.changes, context)),
        context,
    )


def drafted(
    given: bodies.Given, contribution_id: str, recorded_by: str, context: ExchangeContext
) -> Draft:
    """Return what was given as a draft; ids of the sender's own become opaque."""
    said = vars(given)
    nature = {name: said[name] for name in NATURE if said[name] is not None}
    if given.episode_local_id is not None:
        nature["episode_id"] = context.identity.episode(context.sender, given.episode_local_id)
    draft = Draft(
        contribution_id=contribution_id,
        service_id=given.service_id,
        giver_id=given.giver_id,
        occurred_at=given.occurred_at,
        recorded_by=recorded_by,
        receivers=(*given.receivers, *given.receiver_groups),
        giver_party=given.giver_party,
        giver_kind=given.giver_kind,
        nature=nature,
    )
    return _of_organisation(draft, given.organisation_id, context)


def on_contribution(
    contribution_id: str,
    service_id: str,
    decide: Callable[[Any], list[Message]],
    *,
    creates: bool = False,
) -> CommandPlan:
    return CommandPlan(
        stream=stream(contribution.stream_id(contribution_id), contribution_id, service_id),
        fold=life.FOLD,
        decide=decide,
        told=lambda state, _: {
            "contribution_id": contribution_id,
            "service_id": service_id,
            "status": life.status_of(state),
        },
        creates=creates,
    )


def act_in(related: RelatedStreams, contribution_id: str) -> Act | None:
    """Return the act of a contribution that was looked up; None if nobody recorded it."""
    state: life.State = related.states[contribution.stream_id(contribution_id)]
    return None if isinstance(state, life.Unknown) else state.act


def _to(
    contribution_id: str, asked: contribution.Command, context: ExchangeContext
) -> Command[Any]:
    act = _known_act(contribution_id, context)
    plan = on_contribution(contribution_id, act.service_id, partial(contribution.decide, asked))
    # what was confirmed or resolved has to be disputed before it can be so again
    return command(replace(plan, ends=not isinstance(asked, contribution.Dispute)), context)


def _re_enriching(
    contribution_id: str, asked: Callable[[Act], contribution.Command], context: ExchangeContext
) -> Command[Any]:
    """Return a command that changes the act as it is when that is decided, not as it was before."""
    act = _known_act(contribution_id, context)
    asked(act)  # what the directory does not know yet shows here, where it can be waited for

    def decide(state: life.State) -> list[Message]:
        before = act if isinstance(state, life.Unknown) else state.act
        return contribution.decide(asked(before), state)

    plan = on_contribution(contribution_id, act.service_id, decide)
    return command(plan, context)


def _known_act(contribution_id: str, context: ExchangeContext) -> Act:
    act = act_in(context.related, contribution_id)
    if act is None:
        raise Rejected(contribution.Reason.UNKNOWN, contribution_id=contribution_id)
    return act


def _changed(act: Act, changes: bodies.Changes, context: ExchangeContext) -> Act:
    wanted = changes.model_dump(exclude_unset=True)
    fields = {name: value for name, value in wanted.items() if name in NATURE}
    for required in ("giver_id", "occurred_at"):
        if wanted.get(required) is not None:
            fields[required] = wanted[required]
    if changes.episode_local_id is not None:
        fields["episode_id"] = context.identity.episode(context.sender, changes.episode_local_id)
    if wanted.keys() & {"receivers", "receiver_groups"}:
        fields["receivers"] = _receivers(act, wanted)
    if "organisation_id" in wanted:
        fields["organisation_id"] = None
    draft = _of_organisation(draft_of(act, fields), changes.organisation_id, context)
    return enrich(draft, context.directory, context.now)


def _receivers(act: Act, wanted: Mapping[str, Any]) -> tuple[str, ...]:
    persons = tuple(each.participant_id for each in act.receivers)
    return (
        *(wanted.get("receivers", persons) or ()),
        *(wanted.get("receiver_groups", act.receiver_groups) or ()),
    )


def _of_organisation(draft: Draft, name: str | None, context: ExchangeContext) -> Draft:
    if name is None:
        return draft
    organisation = organisation_named(name, context.sender.agency, draft, context.directory)
    return replace(draft, organisation_id=organisation)
