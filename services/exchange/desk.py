"""Takes exchange's commands: looks up what their rules ask about, decides, stores what happened."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

from services.exchange import giving, request, row, voice
from services.exchange.contribution import enrichment as stamping
from services.exchange.contribution.read_model import Projection
from services.exchange.directory import admission
from services.exchange.directory.answer import Directory
from services.exchange.directory.lookup import Lookup
from services.exchange.identity import Identity
from services.exchange.known import Past, look_back, questions
from services.exchange.plan import Case, refusal
from shared.eventstore.handling import foresee, handle
from shared.eventstore.port import Answer, Command, Refusal, Rejected, Settled
from shared.eventstore.store import Conflict, Pool, PostgresEventStore
from shared.http.bulk import TRANSACTION_ITEMS_MAX, Order
from shared.runtime.micro_batch import Gathering
from shared.runtime.outage import passes

LOOK_AGAIN_SECONDS = 1.0
POLL_SECONDS = 0.02
BATCHES_AT_ONCE = 2  # one is decided while PostgreSQL stores the other
PLANS_MAX = 6  # for rows that other requests move at the same time
UNKNOWN_FOR_NOW = {*admission.UNKNOWN_FOR_NOW, stamping.Reason.UNKNOWN_RECEIVER}
Built: TypeAlias = Command[Any] | row.Row | Rejected


class Desk:
    def __init__(
        self,
        pool: Pool,
        store: PostgresEventStore,
        identity: Identity,
        look_again_seconds: float = LOOK_AGAIN_SECONDS,
    ) -> None:
        self._pool = pool
        self._store = store
        self._identity = identity
        self._lookup = Lookup(pool)
        self._look_again_seconds = look_again_seconds
        self._gathering: Gathering[Order, Answer | Refusal] = Gathering(
            partial(self._decided, look_again_seconds=0),
            TRANSACTION_ITEMS_MAX,
            _strikes_all,
            BATCHES_AT_ONCE,
        )

    async def take(self, order: Order) -> Answer | Refusal:
        """Decide one order, together with others that come at the same time.

        Raises:
            HttpRefusal: as ``submit``.
        """
        await self._lookup.reach(order.context.after)
        outcome = await self._gathering.take(order)
        if isinstance(outcome, Rejected) and outcome.reason in UNKNOWN_FOR_NOW:
            # it changed nothing; what it waits for must not hold up those beside it
            (outcome,) = await self._decided([order], self._look_again_seconds)
        return outcome

    async def submit(self, orders: Sequence[Order]) -> list[Answer | Refusal]:
        """Decide the orders in turn; each may build on those before it.

        Raises:
            HttpRefusal: registry told a sender more than exchange has heard from it yet.
        """
        after: dict[tuple[str, int], int] = {}
        for order in orders:
            for at, position in order.context.after.items():
                after[at] = max(after.get(at, 0), position)
        await self._lookup.reach(after)
        return await self._decided(orders, self._look_again_seconds)

    async def foresee(
        self, orders: Sequence[Order], assumed: Directory, *, standing_only: bool = False
    ) -> list[row.Outlook]:
        """Return what ``submit`` would do if registry knew ``assumed`` too, and store nothing.

        With ``standing_only`` nothing is said on rows that never became a contribution.
        """
        past = await look_back(self._pool, self._store, self._identity, orders)
        outlooks = [row.Outlook(row.stands(order, past)) for order in orders]
        asked = [at for at, one in enumerate(outlooks) if one.stands or not standing_only]
        if asked:
            some = [orders[at] for at in asked]
            cases, built = await self._build(some, past, self._look_again_seconds, assumed)
            commands, last = _commands(cases, built, row.Sheet(dict(past.places), last=True))
            foreseen = await foresee(self._store, commands)
            for at, one, of in zip(asked, built, last, strict=True):
                stamped = one if isinstance(one, row.Row) else None
                outlooks[at] = row.Outlook(outlooks[at].stands, foreseen[of], stamped)
        return outlooks

    async def _decided(
        self, orders: Sequence[Order], look_again_seconds: float
    ) -> list[Answer | Refusal]:
        for plan in range(1, PLANS_MAX + 1):
            past = await look_back(self._pool, self._store, self._identity, orders)
            cases, built = await self._build(orders, past, look_again_seconds)
            sheet = row.Sheet(dict(past.places), last=plan == PLANS_MAX)
            with suppress(row.Misplaced):
                return await self._handle(cases, built, sheet)
        raise AssertionError("unreachable: the last plan leaves nothing to look up again")

    async def _build(
        self,
        orders: Sequence[Order],
        past: Past,
        look_again_seconds: float,
        assumed: Directory | None = None,
    ) -> tuple[list[Case], list[Built]]:
        """Build every command; look again for a while where the replica may be a moment behind."""
        now = self._store.clock.now()
        directory = await self._directory(orders, past, assumed)
        cases = [Case(order, past, directory, self._identity, now) for order in orders]
        built = [_built(case) for case in cases]
        deadline = time.monotonic() + look_again_seconds
        while time.monotonic() < deadline and (unknown := _unknown_for_now(cases, built)):
            await asyncio.sleep(POLL_SECONDS)
            again = [orders[at] for at in unknown]
            directory = await self._directory(again, past, assumed)
            for at in unknown:
                cases[at] = Case(orders[at], past, directory, self._identity, now)
                built[at] = _built(cases[at])
        return cases, built

    async def _directory(
        self, orders: Sequence[Order], past: Past, assumed: Directory | None
    ) -> Directory:
        known = await self._lookup.answer(questions(orders, past))
        return known if assumed is None else known.assuming(assumed)

    async def _handle(
        self, cases: Sequence[Case], built: Sequence[Built], sheet: row.Sheet
    ) -> list[Answer | Refusal]:
        repeated = await self._repeated(cases, built, sheet)
        commands, last = _commands(cases, built, sheet, repeated)
        projection = Projection(sheet.moved, _words(cases, built), sheet.origins)
        outcomes = await handle(self._store, commands, projection)
        return [outcomes[at] for at in last]

    async def _repeated(
        self, cases: Sequence[Case], built: Sequence[Built], sheet: row.Sheet
    ) -> set[int]:
        """Return rows that become anew and were answered before: they must not do so once more."""
        keys = {
            at: (key.scope, key.key)
            for at, (case, one) in enumerate(zip(cases, built, strict=True))
            if isinstance(one, row.Row) and sheet.anew(one)
            if (key := case.order.context.idempotency) is not None
        }
        known = await self._store.remembered(list(keys.values()))
        return {at for at, key in keys.items() if key in known}


def _strikes_all(failure: Exception) -> bool:
    """Whether it says nothing about single orders, so that none is to be tried again alone.

    When the database went away it isn't known whether they were stored; and where others hold a
    batch up, each of it would wait as long again.
    """
    return passes(failure) or isinstance(failure, Conflict)


def _built(case: Case) -> Built:
    try:
        return BUILDERS[type(case.order.body)](case.order.body, case)
    except Rejected as rejected:
        return rejected


def _commands(
    cases: Sequence[Case],
    built: Sequence[Built],
    sheet: row.Sheet,
    repeated: Collection[int] = (),
) -> tuple[list[Command[Any] | Settled], list[int]]:
    """Return the commands, and of each order the one whose outcome is the order's."""
    commands: list[Command[Any] | Settled] = []
    last: list[int] = []
    for at, (case, one) in enumerate(zip(cases, built, strict=True)):
        match one:
            case Rejected():
                commands.append(refusal(one, case))
            case row.Row() if at in repeated:
                commands.append(sheet.repeat(one))
            case row.Row():
                commands += _settling(one, sheet)
            case _:
                sheet.touched.add(one.stream.id)
                commands.append(one)
        last.append(len(commands) - 1)
    return commands, last


def _settling(one: row.Row, sheet: row.Sheet) -> Sequence[Command[Any] | Settled]:
    settled = sheet.settled(one)
    return sheet.commands(one) if settled is None else [settled]


def _unknown_for_now(cases: Sequence[Case], built: Sequence[Built]) -> list[int]:
    """Return the orders on somebody or something that exchange may only not have heard of yet.

    Of many orders those that come with positions are not among them: who sends a file names all the
    positions that it needs, and each bad row would hold up the good ones.
    """
    alone = len(cases) == 1
    return [
        at
        for at, (case, one) in enumerate(zip(cases, built, strict=True))
        if isinstance(one, Rejected) and one.reason in UNKNOWN_FOR_NOW
        if alone or not case.order.context.after
    ]


def _words(cases: Sequence[Case], built: Sequence[Built]) -> dict[str, str]:
    return {
        one.stream.subject: case.order.body.words
        for case, one in zip(cases, built, strict=True)
        if isinstance(case.order.body, request.GiveFeedback)
        if case.order.body.words is not None and isinstance(one, Command)
    }


BUILDERS: Mapping[type[Any], Callable[[Any, Case], Command[Any] | row.Row]] = {
    request.RecordContribution: giving.record,
    request.SynchroniseContribution: row.read,
    request.RetractContribution: row.withdraw,
    request.ConfirmContribution: giving.confirm,
    request.DisputeContribution: giving.dispute,
    request.ResolveDispute: giving.resolve,
    request.CorrectContribution: giving.correct,
    request.VoidContribution: giving.void,
    request.GiveFeedback: voice.give_feedback,
    request.AnswerFeedback: voice.answer_feedback,
    request.ImplementChange: voice.implement_change,
    request.TakeDecision: voice.take_decision,
    request.AllocateResource: voice.allocate_resource,
    request.OpenConsultation: voice.open_consultation,
    request.CloseConsultation: voice.close_consultation,
}
