"""Waiting: the acts of a service that do not count yet, in numbers and in words.

They are those that happened up to the as-of day and wait now, whenever that day was.
"""

from typing import Any

from services.insights.metrics.engine.state import ServiceState, as_date
from services.insights.words.writing import Text, both, contributions, counted, on, said


def waiting_json(state: ServiceState) -> dict[str, Any]:
    """Return how many wait to be confirmed and how many are disputed; no days where none waits.

    ``counts_from`` and ``counts_by``: the days from which the first and the last of those that wait
    count, unless they are disputed.
    """
    waiting = {due: acts for due, acts in state.life.waiting.items() if acts > 0}
    disputed = waiting.pop(0, 0)
    recorded = sum(waiting.values())
    first, last = (as_date(min(waiting)), as_date(max(waiting))) if waiting else (None, None)
    sentences = []
    if first and last:
        sentences.append(_recorded(recorded, on(first), on(last)))
    if disputed:
        sentences.append(_disputed(disputed))
    days = (
        {"counts_from": first.isoformat(), "counts_by": last.isoformat()} if first and last else {}
    )
    return {"recorded": recorded, "disputed": disputed, **days, "text": both(sentences)}


def _recorded(acts: int, first: Text, last: Text) -> Text:
    one = acts == 1
    when = said(
        ("elle compte" if one else "elles comptent") + " à partir du {first}",
        ("it counts" if one else "they count") + " from {first}",
        first=first,
    )
    if first != last:
        when = said(
            "elles comptent entre le {first} et le {last}",
            "they count between {first} and {last}",
            first=first,
            last=last,
        )
    return said(
        "{n} " + ("attend" if one else "attendent") + " d'être "
        "{confirmed} ({when}, sauf contestation)",
        "{n} " + ("waits" if one else "wait") + " to be {confirmed} ({when} unless disputed)",
        n=contributions(acts),
        confirmed=Text("confirmée" if one else "confirmées", "confirmed"),
        when=when,
    )


def _disputed(acts: int) -> Text:
    return said(
        "{n} " + ("attend d'être tranchée" if acts == 1 else "attendent d'être tranchées"),
        "{n} " + ("waits" if acts == 1 else "wait") + " to be settled",
        n=counted(
            acts,
            ("contribution contestée", "contributions contestées"),
            ("disputed contribution", "disputed contributions"),
        ),
    )
