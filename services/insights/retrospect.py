"""Retrospect: finds since when classes hold, one service after another, beside everything else.

To look back over all of a service's days costs more than any snapshot, so no snapshot waits for it.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from services.insights.fold import Fold
from shared.outage import AWAY

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
            try:
                await self._look()
            except AWAY as away:
                log.warning("retrospect_waits", failure=repr(away))
            await asyncio.sleep(IDLE_SECONDS)

    async def _look(self) -> None:
        fold = self._fold()
        for live in fold.live.services():
            if live.info is None or live.past is None or live.looked_back:
                continue
            began = time.monotonic()
            if await fold.reader.look_back(live.info, live):
                self._changed(live.service_id)
            await asyncio.sleep(REST * (time.monotonic() - began))
