"""Events of insights: what the figures made of it."""

from datetime import date

from shared.contracts.vocabulary import Identifier, Message


class ServiceClassificationChanged(Message):
    """A verdict was announced; ``from_class`` is None the first time."""

    service_id: Identifier
    window: str
    from_class: str | None = None
    to_class: str
    to_grade: str | None = None
    evaluated_on: date
    reason_fr: str
    reason_en: str
    definition_version: str
