"""Answers: what the HTTP side asks of the serving fold; what had to be folded for it is kept."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

import orjson

from services.insights.gateway.asking import Asking
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.fold import Fold
from services.insights.release import rendering as release
from services.insights.release.announcements import Announcements, Said
from services.insights.release.hub import Latest
from services.insights.release.publisher import Render
from services.insights.release.rendering import Subject
from services.insights.release.snapshot import Snapshot
from shared.contracts.vocabulary import composed
from shared.http.problems import FieldError, HttpRefusal

DEAR_WAITING_MAX = 8  # questions of many days; one is computed at a time, and takes seconds
OTHERS_AT_ONCE, OTHERS_WAITING_MAX = 2, 64  # questions of one day that is not today
KEPT_MAX = 1_000  # answers about other days than today, a few kilobytes each
POINTS_MAX = 400


class Answers:
    """``fold`` returns the one that serves now."""

    def __init__(
        self, fold: Callable[[], Fold], latest: Latest, announcements: Announcements
    ) -> None:
        self._fold = fold
        self._latest = latest
        self._announcements = announcements
        self._dear = Asking(1, DEAR_WAITING_MAX)
        self._others = Asking(OTHERS_AT_ONCE, OTHERS_WAITING_MAX)
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()

    async def service(self, name: str) -> ServiceInfo:
        """Return the service with this id, or with this id of an agency's own.

        Raises:
            HttpRefusal: there is none, or several agencies have one of that name.
        """
        found = await self._fold().store.named(composed(name))
        exact = [service for service in found if service.service_id == name]
        candidates = exact or found
        if not candidates:
            raise HttpRefusal(
                404,
                "unknown_service",
                f"No service has the id {name[:80]!r}, nor an agency one that it calls so.",
                remedy="GET /v1/services lists them; one just registered takes a moment.",
            )
        if len(candidates) > 1:
            raise _ambiguous(name, candidates)
        return candidates[0]

    async def page(self, after: str, limit: int) -> list[dict[str, Any]]:
        """Return services with an id above ``after``, each with its newest verdicts."""
        return [self.item(service) for service in await self._fold().store.page(after, limit)]

    def item(self, service: ServiceInfo) -> dict[str, Any]:
        return release.glance(service, self._latest.get(service.service_id))

    async def metrics(
        self, service: ServiceInfo, window: str, lens: str | None, as_of: date
    ) -> bytes:
        async def answer() -> bytes:
            return await self._fold().reader.at(
                service,
                as_of,
                lambda moment: orjson.dumps(
                    release.metrics(moment, service.service_id, window, lens)
                ),
            )

        return await self._told(service, as_of, ("metrics", window, lens), answer)

    async def verdict(self, service: ServiceInfo, window: str, as_of: date) -> bytes:
        said = await self._said(service.service_id, as_of)
        subject = Subject(service, said.by_window)

        async def answer() -> bytes:
            return await self._fold().reader.at(
                service,
                as_of,
                lambda moment: orjson.dumps(release.verdict(moment, subject, window)),
                sure=True,
            )

        return await self._told(service, as_of, ("verdict", window, said.newest), answer)

    async def history(
        self, service: ServiceInfo, metric: str, window: str, lens: str | None, days: Sequence[date]
    ) -> bytes:
        async def answer() -> bytes:
            return await self._fold().reader.days(
                service,
                days,
                lambda moments: orjson.dumps(
                    release.history(moments, service.service_id, metric, window, lens)
                ),
            )

        about = ("history", metric, window, lens, tuple(days))
        return await self._told(service, days[-1], about, answer, always=True)

    async def trends(
        self, service: ServiceInfo, window: str, lens: str | None, days: Sequence[date]
    ) -> bytes:
        async def answer() -> bytes:
            return await self._fold().reader.days(
                service,
                days,
                lambda moments: orjson.dumps(
                    release.trends(moments, service.service_id, window, lens)
                ),
            )

        about = ("trends", window, lens, tuple(days))
        return await self._told(service, days[-1], about, answer, always=True)

    async def snapshots(self, service_ids: Sequence[str]) -> Render:
        """Return who renders the services' snapshots; what was announced of them is looked up."""
        today = self._fold().reader.today()
        return partial(self._snapshot, today, await self._announcements.said(service_ids, today))

    async def _said(self, service_id: str, as_of: date) -> Said:
        return (await self._announcements.said([service_id], as_of))[service_id]

    async def _snapshot(
        self, day: date, looked_up: Mapping[str, Said], service_id: str
    ) -> Snapshot | None:
        """Return the service's snapshot from memory; None where it is not this process's."""
        fold = self._fold()
        live = fold.live.owned(service_id)
        if live is None or live.info is None:
            return None
        as_of = live.state.as_of
        said = looked_up[service_id] if as_of == day else await self._said(service_id, as_of)
        newest = said.newest.toordinal() if said.newest else 0
        incarnation = await fold.store.incarnation()
        subject = Subject(
            live.info, said.by_window, incarnation, fold.store.projection, announced_day=newest
        )
        return await fold.reader.now(
            live.info, live, lambda moment: release.snapshot(moment, subject)
        )

    async def _told(
        self,
        service: ServiceInfo,
        as_of: date,
        about: tuple[Hashable, ...],
        answer: Callable[[], Awaitable[bytes]],
        *,
        always: bool = False,
    ) -> bytes:
        """Return the answer; one that had to be folded is kept until an event changes it.

        ``always``: it is folded whatever the day, and of many days.

        Raises:
            HttpRefusal: too many others wait to be folded.
        """
        fold = self._fold()
        live = fold.live.owned(service.service_id)
        if live is not None and as_of == live.state.as_of and not always:
            return await answer()
        positions = tuple(sorted((await fold.reader.positions(service)).items()))
        retried = await fold.store.retried()
        key = (fold.store.projection, service, as_of, about, positions, retried)
        if (kept := self._kept.get(key)) is not None:
            return kept
        told = await (self._dear if always else self._others).answer(key, answer)
        self._kept[key] = told
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return told


def has_come(day: date, today: date) -> date:
    """Return the day, of which something can be said: it is today or before.

    Raises:
        HttpRefusal: nobody knows yet what will be.
    """
    if day > today:
        raise HttpRefusal(
            422,
            "day_to_come",
            f"{day} has not come yet; the newest day is {today} (UTC).",
            remedy=f"Ask for {today} or an earlier day; without a day, today is meant.",
        )
    return day


def days_between(first: date, last: date, step: int) -> list[date]:
    """Return the days from ``first`` to ``last``, ``step`` apart and ending on ``last``.

    Raises:
        HttpRefusal: the range is upside down, or has too many points.
    """
    points = (last - first).days // step + 1
    if not 1 <= points <= POINTS_MAX:
        raise HttpRefusal(
            422,
            "invalid_range",
            f"From {first} to {last} in steps of {step} is {max(points, 0)} points.",
            remedy=f"Ask for 1 to {POINTS_MAX} points; a longer step covers more time.",
        )
    return [last - timedelta(days=step * back) for back in reversed(range(points))]


def _ambiguous(name: str, candidates: Sequence[ServiceInfo]) -> HttpRefusal:
    return HttpRefusal(
        409,
        "ambiguous_service",
        f"{len(candidates)} services are called {name[:80]!r} by their agencies.",
        remedy="Use one of the ids that errors lists.",
        errors=[
            FieldError(pointer=service.service_id, detail=f"of {', '.join(service.agency_ids)}")
            for service in candidates
        ],
    )
