"""The rule: from evidence to a class, by steps 0 to 8 of the definition; no margin, no history."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from services.insights.metrics.defaults import Defaults
from services.insights.verdict_evidence import Evidence


class ServiceClass(StrEnum):
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    CONSULTATION = "consultation"
    CO_DESIGN = "co_design"
    CONVENTIONAL = "conventional"
    VOLUNTEERING = "volunteering"
    MUTUAL_AID = "mutual_aid"
    CO_DELIVERY = "co_delivery"
    CO_PRODUCTION = "co_production"


class Flag(StrEnum):
    CO_COMMISSION = "co_commission"
    DELIVERY_UNOBSERVED = "delivery_unobserved"
    NO_DELIVERY_FACTS = "no_delivery_facts"
    RECIPROCITY_UNOBSERVABLE = "reciprocity_unobservable"
    PLANNING_UNOBSERVED = "planning_unobserved"


class Band(StrEnum):
    SOLE_PROFESSIONAL = "sole-professional"
    SHARED = "shared"
    SOLE_LAY = "sole-lay"


@dataclass(frozen=True, slots=True)
class Ruling:
    """``step``: the number of the step that decided."""

    service_class: ServiceClass
    step: int
    flags: tuple[Flag, ...] = ()


def rule(evidence: Evidence) -> Ruling:
    """Return the class of this evidence."""
    if not evidence.enough:
        ruling = Ruling(ServiceClass.INSUFFICIENT_EVIDENCE, 0)
    elif _reaches(evidence.d, evidence.defaults.band_low):
        ruling = _executed_together(evidence)
    else:
        ruling = _executed_without(evidence)
    if evidence.p is None:
        flags = (*ruling.flags, Flag.PLANNING_UNOBSERVED)
        return Ruling(ruling.service_class, ruling.step, flags)
    return ruling


def _executed_without(evidence: Evidence) -> Ruling:
    """Steps 1 to 3: lay people deliver less than a tenth, or nothing is observed of delivery."""
    if _reaches(evidence.p, evidence.defaults.band_low):
        flags = [
            flag
            for flag, holds in (
                (Flag.CO_COMMISSION, evidence.resources),
                (Flag.DELIVERY_UNOBSERVED, evidence.d is None),
            )
            if holds
        ]
        return Ruling(ServiceClass.CO_DESIGN, 2, tuple(flags))
    asked = evidence.opinion_people >= evidence.defaults.k
    if asked and _reaches(evidence.opinion, evidence.defaults.opinion_share):
        return Ruling(ServiceClass.CONSULTATION, 1)
    if evidence.d is None:
        return Ruling(ServiceClass.INSUFFICIENT_EVIDENCE, 3, (Flag.NO_DELIVERY_FACTS,))
    return Ruling(ServiceClass.CONVENTIONAL, 3)


def _executed_together(evidence: Evidence) -> Ruling:
    """Steps 4 to 8: lay people deliver a tenth or more."""
    limits = evidence.defaults
    unknown = evidence.unknown is not None and evidence.unknown > limits.unknown_share
    if unknown or (evidence.e1b is None and evidence.k1 is None):
        return Ruling(ServiceClass.VOLUNTEERING, 4, (Flag.RECIPROCITY_UNOBSERVABLE,))
    few_receive = evidence.e1b is not None and evidence.e1b < limits.e1b_min
    if few_receive or _reaches(evidence.k1, limits.k1_max):
        return Ruling(ServiceClass.VOLUNTEERING, 5)
    alone = evidence.d is not None and evidence.d > limits.band_high
    if alone and not _reaches(evidence.g2, limits.g2_shared):
        return Ruling(ServiceClass.MUTUAL_AID, 6)
    if _reaches(evidence.p, limits.band_low):
        return Ruling(ServiceClass.CO_PRODUCTION, 8)
    return Ruling(ServiceClass.CO_DELIVERY, 7)


def _reaches(share: Fraction | None, threshold: Fraction) -> bool:
    return share is not None and share >= threshold


def band(share: Fraction | None, defaults: Defaults) -> Band | None:
    """Return the band of an axis; None where nothing is observed of it."""
    if share is None:
        return None
    if share < defaults.band_low:
        return Band.SOLE_PROFESSIONAL
    return Band.SHARED if share <= defaults.band_high else Band.SOLE_LAY
