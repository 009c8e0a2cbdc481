"""Catalogue: every figure's id, names, formula and needs, as published with its version.

The definitions are those of the metric catalogue, which names the source of each; ``readings``
holds what a formula leaves open.
"""

from dataclasses import dataclass
from typing import Any, Literal

from services.insights.metrics.readings import BY_METRIC, GENERAL, VERDICT, Reading
from services.insights.metrics.thresholds import DEFAULTS, Thresholds
from services.insights.words.table import PHASES

VERSION = "2"
Lens = Literal["weighted", "none"]
FIELDS = (
    "party",
    "minutes",
    "phase",
    "mode",
    "receivers",
    "receiver_party",
    "episode",
    "affiliation",
    "kind",
)


@dataclass(frozen=True, slots=True)
class Definition:
    """``lens``: weighted figures differ by lens; ``exchange``: null while receivers are unknown.

    ``interval``: what a Wilson interval counts, or None; ``fields``: what coverage (Q4) looks at.
    ``unit``: of what is no share; an ``index`` lies between 0 and 1, or about 0.
    """

    id: str
    name_fr: str
    name_en: str
    formula: str
    fields: tuple[str, ...]
    lens: Lens = "none"
    exchange: bool = False
    interval: str | None = None
    unit: str | None = None


def _lay_shares() -> tuple[Definition, ...]:
    every = Definition(
        "A3",
        "part des non-professionnels",
        "lay share",
        "M(L)/M",
        ("party", "minutes"),
        "weighted",
        interval="contributions",
    )
    return (
        every,
        *(
            Definition(
                f"A3.{phase}",
                f"part des non-professionnels, {french}",
                f"lay share of {english}",
                f"M(L,{phase})/M({phase})",
                ("party", "minutes", "phase"),
                "weighted",
                interval="contributions",
            )
            for phase, (french, english) in PHASES.items()
        ),
    )


_RECEIVERS = ("party", "mode", "receivers")
_RECEIPTS = (*_RECEIVERS, "kind")  # being trained, facilitated or connected is none
_GINI = "2Σk·x_(k)/(nΣx)-(n+1)/n over lay persons' M(L)"
DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "A1",
        "parties présentes en nombre suffisant",
        "parties present with enough people",
        "#{q: ≥k distinct givers of party q}",
        ("party",),
        unit="parties",
    ),
    Definition(
        "A2",
        "équilibre des parties",
        "party balance",
        "H(M_P,M_U,M_F)/ln 3",
        ("party", "minutes"),
        "weighted",
        unit="index",
    ),
    *_lay_shares(),
    Definition(
        "A4",
        "échange entre parties",
        "cross-party flow",
        "Σw_ij[party i≠party j]/Σw_ij",
        ("party", "minutes", "mode", "receivers", "receiver_party"),
        "weighted",
        exchange=True,
        interval="contributions",
    ),
    Definition(
        "B3.answered",
        "retours qui reçoivent une réponse",
        "feedback answered",
        "feedback given in W, 30 d elapsed: answered within 30 d / all",
        (),
        interval="feedbacks",
    ),
    Definition(
        "B3.implemented",
        "réponses suivies d'un changement",
        "answers followed by a change",
        "of those answered within 30 d: with a change that names them / all",
        (),
        interval="feedbacks",
    ),
    Definition(
        "E1",
        "donner et recevoir (étendue)",
        "two-way share",
        "|G_L∩R|/|G_L∪R_L|",  # noqa: RUF001
        _RECEIPTS,
        exchange=True,
        interval="people",
    ),
    Definition(
        "E1b",
        "ceux qui donnent et qui ont reçu",
        "givers who also receive",
        "#{i∈L gave in W and ever received}/#{i∈L gave in W}",
        _RECEIPTS,
        exchange=True,
        interval="people",
    ),
    Definition(
        "E2",
        "équilibre donné-reçu",
        "give/receive balance",
        "1-Σ|g_i-r_i|/Σ(g_i+r_i)",
        ("minutes", "mode", "receivers"),
        "weighted",
        exchange=True,
    ),
    Definition(
        "E3.r",
        "réciprocité directe",
        "direct reciprocity",
        "L↔/L",
        ("mode", "receivers"),
        exchange=True,
        interval="arcs",
    ),
    Definition(
        "E3.rho",
        "réciprocité au-delà du hasard",
        "reciprocity beyond chance",
        "(r-ā)/(1-ā), ā=L/N(N-1)",
        ("mode", "receivers"),
        exchange=True,
        unit="index",
    ),
    Definition(
        "F3",
        "personnes reliées",
        "connectedness",
        "people in the largest component / active people",
        ("mode", "receivers"),
        exchange=True,
        interval="people",
    ),
    Definition(
        "F4",
        "isolement",
        "isolation",
        "active lay with ≤1 counterpart / active lay",
        _RECEIVERS,
        exchange=True,
        interval="people",
    ),
    Definition(
        "G1",
        "part de co-exécution",
        "co-delivery share",
        "M(L,deliver,act)/M(deliver,act)",
        ("party", "minutes", "phase", "mode"),
        "weighted",
        interval="contributions",
    ),
    Definition(
        "G2",
        "épisodes où les savoirs se complètent",
        "complementary episodes",
        "episodes with ≥1 lay act and ≥1 professional act / episodes",
        ("party", "mode", "episode"),
        interval="episodes",
    ),
    Definition(
        "H1",
        "pouvoir",
        "power",
        "Σ lay vote weight·level / Σ weight·level",
        (),
    ),
    Definition(
        "H3",
        "ressources",
        "resources",
        "amount allocated by lay majority or to lay stewards / allocated",
        (),
    ),
    Definition(
        "J1",
        "seulement des avis",
        "opinion-only people",
        "lay people with only opinions / lay people who gave",
        ("party", "mode"),
        interval="people",
    ),
    Definition(
        "J2",
        "venus une seule fois",
        "one-off people",
        "lay, first seen ≥90 d ago, with one day of activity / those",
        ("party",),
        interval="people",
    ),
    Definition(
        "J3",
        "engagement qui dure",
        "staying power",
        "lay active in ≥3 of 6 blocks of 30 d / lay givers of those 180 d",
        ("party",),
        interval="people",
    ),
    Definition(
        "K1",
        "temps donné sans jamais recevoir",
        "gift-only minutes",
        "M(L by people who never received here)/M(L)",
        ("party", "minutes", "mode", "receivers", "kind"),
        "weighted",
        exchange=True,
        interval="contributions",
    ),
    Definition(
        "K2",
        "rôles qui se recouvrent",
        "roles overlap",
        "|givers∩receivers|/|givers∪receivers| of lay→lay acts",  # noqa: RUF001
        ("party", "mode", "receivers", "receiver_party"),
        exchange=True,
        interval="people",
    ),
    Definition(
        "M3.registered",
        "concentration, inscrits",
        "concentration over registered lay people",
        f"{_GINI}, zeros of everybody registered or ever seen included",
        ("party", "minutes"),
        "weighted",
        unit="index",
    ),
    Definition(
        "M3.active",
        "concentration, actifs",
        "concentration over active lay people",
        _GINI,
        ("party", "minutes"),
        "weighted",
        unit="index",
    ),
    Definition(
        "M3.top1",
        "part du 1 % le plus actif",
        "share of the top 1 %",
        "M(L) of the ⌈0.01 n⌉ most active lay persons / M(L) of persons",
        ("party", "minutes"),
        "weighted",
    ),
    Definition(
        "M3.top10",
        "part des 10 % les plus actifs",
        "share of the top 10 %",
        "M(L) of the ⌈0.10 n⌉ most active lay persons / M(L) of persons",
        ("party", "minutes"),
        "weighted",
    ),
    Definition(
        "M6",
        "premières fois",
        "first-timers",
        "first-ever contributors / contributors",
        (),
        interval="people",
    ),
    Definition(
        "N1",
        "apports de l'extérieur",
        "outside inputs",
        "M(giver not in a provider organisation)/M of acts",
        ("party", "minutes", "mode", "affiliation"),
        "weighted",
        interval="contributions",
    ),
    Definition(
        "Q4",
        "couverture des faits",
        "coverage of evidence",
        "fields present / fields that any figure needs, over the contributions of W",
        FIELDS,
    ),
)
BY_ID: dict[str, Definition] = {definition.id: definition for definition in DEFINITIONS}


def published(thresholds: Thresholds = DEFAULTS) -> dict[str, Any]:
    """Return every definition and threshold as published: what a figure means, in the open."""
    version = thresholds.stamped(VERSION)
    return {
        "version": version,
        "thresholds": thresholds.to_json(),
        "metrics": [
            {
                "id": definition.id,
                "name": {"fr": definition.name_fr, "en": definition.name_en},
                "formula": definition.formula,
                "version": version,
                "fields": list(definition.fields),
                "lens": definition.lens,
                "interval": definition.interval,
                "unit": definition.unit,
                "readings": _written(BY_METRIC[definition.id]),
            }
            for definition in DEFINITIONS
        ],
        "readings": _written(GENERAL),
        "verdict": {"readings": _written(VERDICT)},
    }


def _written(readings: tuple[Reading, ...]) -> list[dict[str, str]]:
    return [reading._asdict() for reading in readings]
