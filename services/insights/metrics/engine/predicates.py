"""Questions: what the figures ask of gifts and of receipts, each of which holds for some cells.

A question is a number, so that what holds for a cell is found once for every snapshot to come.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from services.insights.metrics.engine.dimensions import (
    ACT,
    EVERY_PARTY_KNOWN,
    NAMED,
    NO_PARTY_KNOWN,
    NOBODY_NAMED,
    OPINION,
    Cell,
    cell_of,
)
from services.insights.metrics.engine.tables import ReceiptCell, receipt_cell

Question: TypeAlias = int
_OF_GIFTS: list[Callable[[Cell], bool]] = []
_OF_RECEIPTS: list[Callable[[ReceiptCell], bool]] = []


def _gift(where: Callable[[Cell], bool]) -> Question:
    _OF_GIFTS.append(where)
    return len(_OF_GIFTS) - 1


def _gift_in_phase(phase: int) -> tuple[Question, Question]:
    return _gift(lambda cell: cell.phase == phase), _gift(
        lambda cell: cell.lay and cell.phase == phase
    )


def _gift_of_party(party: int) -> Question:
    return _gift(lambda cell: cell.party == party)


def _receipt(where: Callable[[ReceiptCell], bool]) -> Question:
    _OF_RECEIPTS.append(where)
    return len(_OF_RECEIPTS) - 1


EVERYTHING = _gift(lambda _: True)
LAY = _gift(lambda cell: cell.lay)
OF_PARTY = {party: _gift_of_party(party) for party in (1, 2, 3)}
IN_PHASE = {phase: _gift_in_phase(phase) for phase in (1, 2, 3, 4)}
"""Of each phase: all gifts, and those with a lay stamp."""
OF_PEOPLE = _gift(lambda cell: not cell.group)
OF_LAY_PEOPLE = _gift(lambda cell: cell.lay and not cell.group)
ACTS = _gift(lambda cell: cell.gift_of_person)
LAY_ACTS = _gift(lambda cell: cell.lay and cell.gift_of_person)
ACTS_TO_KNOWN = _gift(
    lambda cell: cell.gift_of_person and cell.reach == NAMED and cell.known != NO_PARTY_KNOWN
)
LAY_ACTS_TO_LAY = _gift(
    lambda cell: cell.lay and cell.gift_of_person and cell.to_lay and cell.reach == NAMED
)
DELIVERY = _gift(lambda cell: cell.delivery)
DELIVERY_TO_UNKNOWN = _gift(lambda cell: cell.delivery and cell.reach != NAMED)
LAY_DELIVERY = _gift(lambda cell: cell.delivery and cell.lay)
LAY_DELIVERY_TO_UNKNOWN = _gift(lambda cell: cell.delivery and cell.lay and cell.reach != NAMED)
PLANNING = _gift(lambda cell: cell.planning)
LAY_PLANNING = _gift(lambda cell: cell.planning and cell.lay)
NO_OPINION = _gift(lambda cell: cell.mode != OPINION)
LAY_OPINION = _gift(lambda cell: cell.lay and cell.mode == OPINION)
OPINION_OF_LAY_PEOPLE = _gift(lambda cell: cell.lay and cell.mode == OPINION and not cell.group)
BY_ACT = _gift(lambda cell: cell.mode == ACT)
TIMED_BY_ACT = _gift(lambda cell: cell.mode == ACT and cell.timed)
LAY_BY_THEMSELVES = _gift(lambda cell: cell.mode == ACT and cell.lay and not cell.organisation)
WITH_PARTY = _gift(lambda cell: cell.party != 0)
WITH_MINUTES = _gift(lambda cell: cell.timed)
WITH_PHASE = _gift(lambda cell: cell.phase != 0)
WITH_MODE = _gift(lambda cell: cell.mode != 0)
WITH_RECEIVERS = _gift(lambda cell: cell.reach != NOBODY_NAMED)
WITH_RECEIVER_PARTY = _gift(lambda cell: cell.known == EVERY_PARTY_KNOWN)
WITH_EPISODE = _gift(lambda cell: cell.episode)
WITH_KIND = _gift(lambda cell: cell.kind)

HELPED = _receipt(lambda cell: cell.help)
LAY_HELPED = _receipt(lambda cell: cell.help and cell.lay)
FROM_PEOPLE = _receipt(lambda cell: not cell.from_group)
LAY_FROM_PEOPLE = _receipt(lambda cell: cell.lay and not cell.from_group)
LAY_FROM_LAY_PEOPLE = _receipt(lambda cell: cell.lay and cell.from_lay and not cell.from_group)


@cache
def of_gift(number: int) -> frozenset[Question]:
    """Return the questions that hold for a cell of gifts."""
    cell = cell_of(number)
    return frozenset(question for question, where in enumerate(_OF_GIFTS) if where(cell))


@cache
def of_receipt(number: int) -> frozenset[Question]:
    """Return the questions that hold for a cell of receipts."""
    cell = receipt_cell(number)
    return frozenset(question for question, where in enumerate(_OF_RECEIPTS) if where(cell))


GIFT_QUESTIONS, RECEIPT_QUESTIONS = len(_OF_GIFTS), len(_OF_RECEIPTS)
