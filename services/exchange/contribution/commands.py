"""Commands on contributions: what each is called, how it is built, and what that needs to know."""

from services.exchange.context import ExchangeNeeds
from services.exchange.contribution import bodies, building, life, rules, source_rows
from services.exchange.contribution.bodies import OfContribution
from services.exchange.contribution.building import act_in
from services.exchange.contribution.refusals import REFUSALS
from services.exchange.contribution.routes import routes_of
from services.exchange.directory.lookup import DirectoryNeeds
from services.exchange.lookback import RelatedStreams
from shared.commands.aggregate import Aggregate, CommandType
from shared.eventstore.folding import Fold


def _contribution(body: OfContribution) -> tuple[str, Fold]:
    return rules.stream_id(body.contribution_id), life.FOLD


def _ask_of_actor(asked: DirectoryNeeds, body: OfContribution, _related: RelatedStreams) -> None:
    asked.participants.add(body.by)


def _ask_of_act(asked: DirectoryNeeds, body: bodies.Given, _related: RelatedStreams) -> None:
    receivers = (*body.receivers, *body.receiver_groups)
    asked.presence(body.service_id, body.giver_id, *receivers)
    if body.organisation_id is not None:
        asked.organisations.add(body.organisation_id)


def _ask_of_record(
    asked: DirectoryNeeds, body: bodies.RecordContribution, related: RelatedStreams
) -> None:
    _ask_of_act(asked, body, related)
    if body.recorded_by is not None:
        asked.participants.add(body.recorded_by)


def _ask_of_changes(
    asked: DirectoryNeeds,
    body: bodies.CorrectContribution | bodies.ResolveDispute,
    related: RelatedStreams,
) -> None:
    asked.participants.add(body.by)
    act, changes = act_in(related, body.contribution_id), body.changes
    if act is None or changes is None:
        return
    receivers = (*(each.participant_id for each in act.receivers), *act.receiver_groups)
    asked.presence(act.service_id, act.giver_id, *receivers)
    named = (*(changes.receivers or ()), *(changes.receiver_groups or ()))
    asked.presence(act.service_id, *named)
    if changes.giver_id is not None:
        asked.presence(act.service_id, changes.giver_id)
    if changes.organisation_id is not None:
        asked.organisations.add(changes.organisation_id)
    if not act.recorded_by.startswith(life.SYSTEM):
        asked.participants.add(act.recorded_by)


BY_ACTOR = ExchangeNeeds(_contribution, directory=_ask_of_actor)
OF_CHANGES = ExchangeNeeds(_contribution, directory=_ask_of_changes)
AGGREGATE = Aggregate(
    commands=(
        CommandType(
            "record-contribution",
            bodies.RecordContribution,
            building.record,
            ExchangeNeeds(directory=_ask_of_record),
        ),
        CommandType("confirm-contribution", bodies.ConfirmContribution, building.confirm, BY_ACTOR),
        CommandType("dispute-contribution", bodies.DisputeContribution, building.dispute, BY_ACTOR),
        CommandType("resolve-dispute", bodies.ResolveDispute, building.resolve, OF_CHANGES),
        CommandType(
            "correct-contribution", bodies.CorrectContribution, building.correct, OF_CHANGES
        ),
        CommandType("void-contribution", bodies.VoidContribution, building.void, BY_ACTOR),
        CommandType(
            "synchronise-contribution",
            bodies.SynchroniseContribution,
            source_rows.read,
            ExchangeNeeds(row=source_rows.row_id, directory=_ask_of_act),
        ),
        CommandType(
            "retract-contribution",
            bodies.RetractContribution,
            source_rows.withdraw,
            ExchangeNeeds(row=source_rows.row_id),
        ),
    ),
    routes=routes_of,
    refusals=REFUSALS,
)
