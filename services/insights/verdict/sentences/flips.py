"""What the nearest flip says: the move, and what it takes to change and to announce the class."""

from functools import cache
from typing import Any

from services.insights.metrics.catalogue import BY_ID
from services.insights.metrics.figure import rounded
from services.insights.metrics.record import without_unknown
from services.insights.verdict.flip import NAMES, Flip, Step
from services.insights.verdict.rule import ServiceClass
from services.insights.words.table import CLASSES, SHARES
from services.insights.words.writing import (
    Text,
    contributions,
    counted,
    decimal,
    number,
    people,
    said,
)

# (quantity, up) -> what has to be added, after its number
_MOVES: dict[tuple[str, bool], tuple[str, str]] = {
    ("d", True): ("d'exécution par des habitants", "of delivery by residents"),
    ("d", False): ("d'exécution par des professionnels", "of delivery by professionals"),
    ("p", True): (
        "de conception ou de décision par des habitants",
        "of planning or deciding by residents",
    ),
    ("p", False): (
        "de conception ou de décision par des professionnels",
        "of planning or deciding by professionals",
    ),
    ("e1b", True): ("de plus qui donnent et reçoivent", "more of those who give also receive"),
    ("e1b", False): ("de moins qui donnent et reçoivent", "fewer of those who give also receive"),
    ("k1", True): ("de qui ne reçoit jamais", "from people who never receive"),
    ("k1", False): ("de qui a déjà reçu", "from people who have received"),
    ("unknown", True): (
        "d'exécution par des habitants, sans dire pour qui",
        "of delivery by residents, without saying for whom",
    ),
    ("unknown", False): (
        "d'exécution par des habitants, en disant pour qui",
        "of delivery by residents, saying for whom",
    ),
    ("opinion", True): ("qui sont des avis", "that are opinions"),
    ("opinion", False): (
        "d'habitants qui ne sont pas des avis",
        "of residents that are no opinions",
    ),
}


def flip_json(flip: Flip) -> dict[str, Any]:
    text = flip_text(flip)
    said = {
        "metric": NAMES[flip.quantity],
        "value": rounded(flip.value),
        "threshold": rounded(flip.threshold),
        "direction": "up" if flip.up else "down",
        "from": flip.from_class,
        "to": flip.to_class,
        "unit": flip.lever.unit,
        "numerator": flip.lever.numerator,
        "denominator": flip.lever.denominator,
        "givers_missing": _givers_missing(flip),
        "to_change": flip.to_change.to_json(),
        "to_announce": flip.to_announce.to_json() if flip.to_announce else None,
        "text": {"fr": text.fr, "en": text.en},
    }
    return without_unknown(said)


def flip_text(flip: Flip) -> Text:
    change = said(
        *_change(flip.quantity, flip.to_class, up=flip.up),
        value=decimal(flip.value, (flip.threshold,)),
        a=number(flip.lever.numerator),
        b=number(flip.lever.denominator),
        units=_units(flip, flip.to_change),
        who=_who(flip),
        after=_after(flip.to_change),
    )
    if flip.to_announce is None:
        return change
    announce = said(
        " ; {units} ({after}) pour l'annoncer",
        "; {units} ({after}) to have it announced",
        units=_units(flip, flip.to_announce),
        after=_after(flip.to_announce),
    )
    return Text(change.fr + announce.fr, change.en + announce.en)


@cache
def _change(quantity: str, to_class: ServiceClass, *, up: bool) -> tuple[str, str]:
    """Return what is said of a change, with places for its numbers; there are few of them."""
    move_fr, move_en = _MOVES[quantity, up]
    share_fr, share_en = _share(quantity)
    class_fr, class_en = CLASSES[to_class]
    change_fr = (
        f"{share_fr} {{value}} ({{a}}/{{b}}) : {{units}} {move_fr}{{who}} ({{after}})"
        f" et la classe devient «\N{NO-BREAK SPACE}{class_fr}\N{NO-BREAK SPACE}»"
    )
    change_en = (
        f"{share_en} {{value}} ({{a}}/{{b}}): {{units}} {move_en}{{who}} ({{after}})"
        f" and the class becomes “{class_en}”"
    )
    return change_fr, change_en


def _share(quantity: str) -> Text:
    """Return what the quantity is called: by its figure's name, where it is a figure."""
    if (figure := BY_ID.get(NAMES[quantity])) is None:
        return SHARES[quantity]
    return Text(figure.fr, figure.en)


def _givers_missing(flip: Flip) -> int:
    return flip.lever.givers_short if flip.up else 0


def _who(flip: Flip) -> Text:
    """Return how many people more it takes before the share is read at all; mostly nothing."""
    short = _givers_missing(flip)
    if not short:
        return Text("", "")
    more = counted(short, ("personne", "personnes"), ("more person", "more people"))
    return said(", de {more} de plus au moins", ", from {more} at least", more=more)


def _units(flip: Flip, step: Step) -> Text:
    match flip.lever.unit:
        case "people":
            return people(step.add)
        case "minutes":
            return counted(step.add, ("minute", "minutes"), ("minute", "minutes"))
        case "vote_weight":
            return counted(step.add, ("voix", "voix"), ("vote", "votes"))
        case _:
            return contributions(step.add)


def _after(step: Step) -> Text:
    a, b = number(step.numerator), number(step.denominator)
    return Text(f"{a.fr}/{b.fr}", f"{a.en}/{b.en}")
