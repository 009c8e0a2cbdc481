"""Reasons: why a service has its class, in sentences with their numbers, French and English."""

from fractions import Fraction

from services.insights.metrics.state import as_date
from services.insights.verdict_evidence import Grounds
from services.insights.verdict_rule import Ruling, ServiceClass
from services.insights.verdict_words import (
    Sentence,
    contributions,
    days,
    number,
    on,
    people,
    percent,
    said,
)


def reasons(grounds: Grounds, ruling: Ruling) -> list[Sentence]:
    """Return what decided first, then what was seen of delivery, planning and exchange."""
    if ruling.step == 0:
        return _not_enough(grounds)
    found = [*_deciding(grounds, ruling), _delivery(grounds), _planning(grounds)]
    if ruling.step in (6, 7, 8):
        found.append(_exchange(grounds))
    return [one for one in found if one is not None]


def _not_enough(grounds: Grounds) -> list[Sentence]:
    limits = grounds.evidence.defaults
    counts = said(
        "pas assez de faits : {n}, {k} ; {d} d'observation en tout",
        "not enough evidence: {n}, {k}; {d} of observation in all",
        n=contributions(grounds.acts),
        k=people(grounds.givers),
        d=days(grounds.span_days),
    )
    needs = said(
        "il en faut au moins {n}, de {k} personnes, sur {d} jours",
        "at least {n} are needed, from {k} people, over {d} days",
        n=number(limits.floor_evidence),
        k=number(limits.floor_givers),
        d=number(limits.floor_days),
    )
    if grounds.last_day is None:
        return [Sentence("aucune contribution n'est connue", "no contribution is known"), needs]
    if not grounds.acts:
        last = on(as_date(grounds.last_day))
        since = said(
            "aucune contribution depuis le {last}", "no contribution since {last}", last=last
        )
        return [since, counts]
    return [counts, needs]


def _deciding(grounds: Grounds, ruling: Ruling) -> list[Sentence | None]:
    match ruling.service_class:
        case ServiceClass.CONSULTATION:
            return [_consulted(grounds)]
        case ServiceClass.CO_DESIGN if grounds.evidence.d is None:
            return [
                Sentence(
                    "conçu ensemble ; rien n'est observé de l'exécution",
                    "designed together; nothing is observed of the delivery",
                )
            ]
        case ServiceClass.CO_DESIGN:
            return [
                Sentence(
                    "conçu ensemble, exécuté par les seuls professionnels",
                    "designed together, delivered by professionals alone",
                )
            ]
        case ServiceClass.INSUFFICIENT_EVIDENCE:
            return [
                Sentence(
                    "aucun fait ne dit qui exécute le service",
                    "no fact says who delivers the service",
                )
            ]
        case ServiceClass.VOLUNTEERING:
            return _volunteering(grounds, ruling)
        case _:
            return [_shared(ruling, grounds)]


def _consulted(grounds: Grounds) -> Sentence:
    return said(
        "on demande l'avis de {n} ; aucune n'exécute"
        if not grounds.evidence.d
        else "on demande l'avis de {n} ; presque aucune n'exécute",
        "{n} are asked for their opinion; none delivers"
        if not grounds.evidence.d
        else "{n} are asked for their opinion; hardly any delivers",
        n=people(grounds.evidence.opinion_people),
    )


def _volunteering(grounds: Grounds, ruling: Ruling) -> list[Sentence | None]:
    if ruling.step == 4:
        return [
            Sentence(
                "on voit qui donne, pas qui reçoit",
                "one sees who gives, not who receives",
            )
        ]
    evidence = grounds.evidence
    found: list[Sentence | None] = []
    if evidence.k1 is not None and evidence.k1 >= evidence.defaults.k1_max:
        of_time = grounds.lens == "minutes"
        found.append(
            said(
                "{x} "
                + ("du temps vient" if of_time else "des contributions viennent")
                + " de personnes qui ne reçoivent jamais",
                "{x} of the "
                + ("time comes" if of_time else "contributions come")
                + " from people who never receive",
                x=percent(evidence.k1),
            )
        )
    if evidence.e1b is not None and evidence.e1b < evidence.defaults.e1b_min:
        found.append(_exchange(grounds))
    return found


def _shared(ruling: Ruling, grounds: Grounds) -> Sentence | None:
    match ruling.service_class:
        case ServiceClass.MUTUAL_AID:
            return Sentence(
                "entraide sans savoir professionnel",
                "mutual aid without professional knowledge",
            )
        case ServiceClass.CO_DELIVERY if grounds.evidence.p is None:
            return Sentence(
                "co-exécuté ; rien n'est observé de la décision",
                "delivered together; nothing is observed of who decides",
            )
        case ServiceClass.CO_DELIVERY:
            return Sentence(
                "co-exécuté, mais décidé sans les habitants",
                "delivered together, but decided without residents",
            )
        case ServiceClass.CO_PRODUCTION:
            return said(
                "conçu et exécuté ensemble ; {n} donnent et reçoivent",
                "designed and delivered together; {n} give and receive",
                n=people(grounds.exchanging),
            )
        case _:
            professional = 1 - (grounds.evidence.d or Fraction(0))
            return said(
                "exécuté à {x} par les professionnels",
                "{x} delivered by professionals",
                x=percent(professional),
            )


def _delivery(grounds: Grounds) -> Sentence | None:
    part = grounds.delivery
    if part is None:
        return None
    if 0 < part.givers < grounds.evidence.defaults.k:
        return said(
            "trop peu d'habitants exécutent pour que leur part compte ({n})",
            "too few residents deliver for their share to count ({n})",
            n=people(part.givers),
        )
    return said(
        "les habitants assurent {x} de l'exécution",
        "residents do {x} of the delivery",
        x=percent(part.read),
    )


def _planning(grounds: Grounds) -> Sentence | None:
    if grounds.evidence.p is None:
        return None
    return said(
        "leur part dans la conception et la décision est de {x}",
        "their share of planning and deciding is {x}",
        x=percent(grounds.evidence.p),
    )


def _exchange(grounds: Grounds) -> Sentence | None:
    givers = grounds.e1b
    if givers.exact is None or givers.denominator is None:
        return None
    return said(
        "{a} sur {b} qui donnent ont aussi reçu",
        "{a} of {b} who give have also received",
        a=number(givers.numerator or 0),
        b=people(givers.denominator),
    )
