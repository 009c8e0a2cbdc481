"""Retrospect: finds since when classes hold, one service after another, beside everything else.

To look back over all of a service's days costs more than any snapshot, so no snapshot waits for it.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from services.insights.projection.directory import ServiceInfo
from services.insights.projection.fold import Fold
from services.insights.projection.memory import LiveService
from shared.runtime.retry import DATABASE_ERRORS

IDLE_SECONDS = 1.0
REST = 4  # times as long as it took to look: one fifth of a processor at most
log = structlog.get_logger(__name__)


class Retrospect:
    """``fold`` returns the one that serves; ``changed`` hears of who has news."""

    def __init__(self, fold: Callable[[], Fold], changed: Callable[[str], None]) -> None:
        self._fold = fold
        self._changed = changed

    async def run(self) -> None:
        """Look back for every service that was shown, and again where its past changed."""
        while True:
            fold = self._fold()
            for live in fold.live.services():
                if live.info is not None and live.past is not None and not live.looked_back:
                    began = time.monotonic()
                    await self._look(fold, live.info, live)
                    await asyncio.sleep(REST * (time.monotonic() - began))
            await asyncio.sleep(IDLE_SECONDS)

    async def _look(self, fold: Fold, service: ServiceInfo, live: LiveService) -> None:
        try:
            if await fold.reader.look_back(service, live):
                self._changed(live.service_id)
        except DATABASE_ERRORS as away:
            log.warning("retrospect_waits", failure=repr(away))
        except Exception as failure:
            # one service that can't be looked into must not keep all others from being
            log.exception("not_looked_back", service_id=live.service_id, failure=repr(failure))
