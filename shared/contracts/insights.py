"""Events of insights: what the figures made of it."""

from datetime import date, datetime, timedelta

from shared.contracts.event_type import beginning, event
from shared.contracts.privacy import Public
from shared.contracts.topics import INSIGHTS_CHANGES
from shared.contracts.vocabulary import Identifier, Message


def _end_of_evaluated_day(event: "ServiceClassificationChanged") -> datetime:
    return beginning(event.evaluated_on) + timedelta(days=1)


@event("insights.service.classification-changed", INSIGHTS_CHANGES, time=_end_of_evaluated_day)
class ServiceClassificationChanged(Message):
    """A verdict was announced; ``from_class`` is None the first time."""

    service_id: Public[Identifier]
    window: Public[str]
    from_class: Public[str | None] = None
    to_class: Public[str]
    to_grade: Public[str | None] = None
    evaluated_on: Public[date]
    reason_fr: Public[str]
    reason_en: Public[str]
    definition_version: Public[str]
