"""Reasons: why a service has its class, in sentences with their numbers, French and English."""

from fractions import Fraction

from services.insights.metrics.engine.state import as_date
from services.insights.verdict.evidence import Grounds
from services.insights.verdict.rule import Flag, Ruling, ServiceClass
from services.insights.words.table import CLASSES, FLAGS
from services.insights.words.writing import (
    Text,
    contributions,
    days,
    number,
    on,
    people,
    percent,
    said,
)

_FEW_PLAN = Text(
    "trop peu d'habitants conçoivent pour dire leur part",
    "too few residents plan to say their share",
)


def reasons(grounds: Grounds, ruling: Ruling) -> list[Text]:
    """Return what decided first, then what was seen of delivery, planning and exchange."""
    if ruling.step == 0:
        return _not_enough(grounds)
    found = [*_deciding(grounds, ruling), _delivery(grounds), _planning(grounds)]
    if ruling.step in (6, 7, 8):
        found.append(_exchange(grounds))
    return [one for one in found if one is not None]


def _not_enough(grounds: Grounds) -> list[Text]:
    limits = grounds.evidence.thresholds
    counts = said(
        "{short} : {n}, {k} ; {d} d'observation en tout",
        "{short}: {n}, {k}; {d} of observation in all",
        short=CLASSES[ServiceClass.INSUFFICIENT_EVIDENCE],
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
        return [Text("aucune contribution n'est connue", "no contribution is known"), needs]
    if not grounds.acts:
        last = on(as_date(grounds.last_day))
        since = said(
            "aucune contribution depuis le {last}", "no contribution since {last}", last=last
        )
        return [since, counts]
    return [counts, needs]


def _deciding(grounds: Grounds, ruling: Ruling) -> list[Text | None]:
    match ruling.service_class:
        case ServiceClass.CONSULTATION:
            return [_consulted(grounds)]
        case ServiceClass.CO_DESIGN:
            return [_designed(grounds)]
        case ServiceClass.INSUFFICIENT_EVIDENCE:
            return [_undecided(ruling)]
        case ServiceClass.VOLUNTEERING:
            return _volunteering(grounds, ruling)
        case _:
            return [_shared(ruling, grounds)]


def _undecided(ruling: Ruling) -> Text:
    if Flag.NO_DELIVERY_FACTS in ruling.flags:
        return FLAGS[Flag.NO_DELIVERY_FACTS]
    return Text(
        "trop peu d'habitants agissent pour dire ce qu'est ce service",
        "too few residents act to say what this service is",
    )


def _designed(grounds: Grounds) -> Text:
    if grounds.delivery is None:
        return said(
            "conçu ensemble ; {unobserved}",
            "designed together; {unobserved}",
            unobserved=FLAGS[Flag.DELIVERY_UNOBSERVED],
        )
    return said(
        "conçu ensemble, exécuté {x} par les professionnels",
        "designed together, delivered {x} by professionals",
        x=_professionally(grounds),
    )


def _consulted(grounds: Grounds) -> Text:
    d, asked = grounds.evidence.d, people(grounds.evidence.opinion_people)
    if d:
        return said(
            "on demande l'avis de {n} ; ils n'assurent que {x} de l'exécution",
            "{n} are asked for their opinion; they do only {x} of the delivery",
            n=asked,
            x=_lay_percent(d, grounds),
        )
    if grounds.evidence.d_held_back is not None:
        return said("on demande l'avis de {n}", "{n} are asked for their opinion", n=asked)
    return said(
        "on demande l'avis de {n} ; aucune n'exécute",
        "{n} are asked for their opinion; none delivers",
        n=asked,
    )


def _professionally(grounds: Grounds) -> Text:
    """Return to which share professionals deliver, in words where few lay people do the rest."""
    if grounds.evidence.d is None:
        return Text("surtout", "mostly")
    share, limits = 1 - grounds.evidence.d, grounds.evidence.thresholds
    shown = percent(share, (1 - limits.band_low, 1 - limits.band_high))
    return Text(f"à {shown.fr}", shown.en)


def _lay_percent(share: Fraction, grounds: Grounds) -> Text:
    limits = grounds.evidence.thresholds
    return percent(share, (limits.band_low, limits.band_high))


def _volunteering(grounds: Grounds, ruling: Ruling) -> list[Text | None]:
    if ruling.step == 4:
        return [FLAGS[Flag.RECIPROCITY_UNOBSERVABLE]]
    evidence = grounds.evidence
    found: list[Text | None] = []
    if evidence.k1 is not None and evidence.k1 >= evidence.thresholds.k1_max:
        of_time = grounds.lens == "minutes"
        found.append(
            said(
                "{x} "
                + ("du temps vient" if of_time else "des contributions viennent")
                + " de personnes qui ne reçoivent jamais",
                "{x} of the "
                + ("time comes" if of_time else "contributions come")
                + " from people who never receive",
                x=percent(evidence.k1, (evidence.thresholds.k1_max,)),
            )
        )
    if evidence.e1b is not None and evidence.e1b < evidence.thresholds.e1b_min:
        found.append(_exchange(grounds))
    return found


def _shared(ruling: Ruling, grounds: Grounds) -> Text | None:
    match ruling.service_class:
        case ServiceClass.MUTUAL_AID:
            return said(
                "{aid} : {x} hors professionnels",
                "{aid}: {x} by others than professionals",
                aid=CLASSES[ServiceClass.MUTUAL_AID],
                x=_lay_percent(grounds.evidence.d or Fraction(0), grounds),
            )
        case ServiceClass.CO_DELIVERY:
            return _co_delivered(grounds)
        case ServiceClass.CO_PRODUCTION:
            return said(
                "conçu et exécuté ensemble ; {n} donnent et reçoivent",
                "designed and delivered together; {n} give and receive",
                n=people(grounds.exchanging),
            )
        case _:
            return said(
                "exécuté {x} par les professionnels",
                "{x} delivered by professionals",
                x=_professionally(grounds),
            )


def _co_delivered(grounds: Grounds) -> Text:
    if grounds.evidence.seen.planning_few:
        return Text(
            "co-exécuté ; trop peu d'habitants dans la conception et la décision pour le dire",
            "delivered together; too few residents take part in planning and deciding to say so",
        )
    if grounds.evidence.p is None:
        return said(
            "co-exécuté ; {unobserved}",
            "delivered together; {unobserved}",
            unobserved=FLAGS[Flag.PLANNING_UNOBSERVED],
        )
    return Text(
        "co-exécuté, mais décidé sans les habitants",
        "delivered together, but decided without residents",
    )


def _delivery(grounds: Grounds) -> Text | None:
    if grounds.evidence.d_held_back is not None:
        return Text(
            "trop peu d'habitants exécutent pour dire leur part",
            "too few residents deliver to say their share",
        )
    if grounds.evidence.d is None:
        return None
    return said(
        "les habitants assurent {x} de l'exécution",
        "residents do {x} of the delivery",
        x=_lay_percent(grounds.evidence.d, grounds),
    )


def _planning(grounds: Grounds) -> Text | None:
    p, few = grounds.evidence.p, grounds.evidence.planning_held_back is not None
    if p is None:
        return _FEW_PLAN if few else None
    if few:  # then p is their share of votes alone
        return said(
            "trop peu d'habitants conçoivent pour dire leur part ; ils ont {x} des voix",
            "too few residents plan to say their share; they have {x} of the votes",
            x=_lay_percent(p, grounds),
        )
    return said(
        "leur part dans la conception et la décision est de {x}",
        "their share of planning and deciding is {x}",
        x=_lay_percent(p, grounds),
    )


def _exchange(grounds: Grounds) -> Text | None:
    givers = grounds.e1b
    if givers.exact is None or givers.denominator is None:
        return None
    return said(
        "{a} sur {b} qui donnent ont aussi reçu",
        "{a} of {b} who give have also received",
        a=number(givers.numerator or 0),
        b=people(givers.denominator),
    )
