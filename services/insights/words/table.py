"""Words: what people read for every class, flag, reason, family, axis, test and choice.

Nothing else names them: the sentences of a verdict are made of these words, and ``/v1/definitions``
hands them to the page and to the command line. A figure's name stands in its declaration. Words of
the middle of a sentence are written small; who begins a line with one makes its letter a capital.
"""

from collections.abc import Mapping

from services.insights.words.writing import Text

Words = Mapping[str, Text]

CLASSES: Words = {
    "insufficient_evidence": Text("pas assez de faits", "not enough evidence"),
    "consultation": Text("consultation", "consultation"),
    "co_design": Text("co-conception", "co-design"),
    "conventional": Text("service classique", "conventional service"),
    "volunteering": Text("bénévolat", "volunteering"),
    "mutual_aid": Text("entraide", "mutual aid"),
    "co_delivery": Text("co-exécution", "co-delivery"),
    "co_production": Text("coproduction", "co-production"),
}
GRADES: Words = {
    "emerging": Text("émergent", "emerging"),
    "established": Text("établi", "established"),
    "transformative": Text("transformateur", "transformative"),
}
FLAGS: Words = {
    "planning_unobserved": Text(
        "rien n'est observé de la conception ni de la décision",
        "nothing is observed of the planning and deciding",
    ),
    "delivery_unobserved": Text(
        "rien n'est observé de l'exécution", "nothing is observed of the delivery"
    ),
    "reciprocity_unobservable": Text(
        "on voit qui donne, pas qui reçoit", "one sees who gives, not who receives"
    ),
    "co_commission": Text(
        "les habitants décident aussi des ressources", "residents decide on resources too"
    ),
    "few_lay": Text(
        "trop peu d'habitants participent pour dire leur part",
        "too few residents take part to say their share",
    ),
    "no_delivery_facts": Text(
        "aucun fait ne dit qui exécute le service", "no fact says who delivers the service"
    ),
    "incomplete": Text(
        "incomplet jusqu'à la reconstruction des chiffres", "incomplete until figures are rebuilt"
    ),
}
REASONS: Words = {
    "below_floor": CLASSES["insufficient_evidence"],
    "below_k": Text("trop peu de personnes", "too few people"),
    "minutes_missing": Text("le temps n'est pas noté", "time is not recorded"),
    "receivers_unknown": Text("bénéficiaires inconnus", "receivers unknown"),
    "affiliation_unknown": Text(
        "on ne sait pas quelles organisations y travaillent",
        "which organisations provide it was not said",
    ),
    "field_missing": Text("trop souvent laissé en blanc", "too often left blank"),
    "observed_too_short": Text("observé depuis trop peu de temps", "observed for too short a time"),
    "few_lay": Text("trop peu d'habitants", "too few residents"),
    "currencies_mixed": Text("plusieurs monnaies", "several currencies"),
    "no_data": Text("rien à mesurer", "nothing to measure"),
    "not_measured": Text("cette version ne le mesure pas", "not measured by this version"),
}
FAMILIES: Words = {
    "A": Text("qui est là", "who is there"),
    "B": Text("si la parole change quelque chose", "whether voices lead to change"),
    "C": Text("des alliés", "allies"),
    "D": Text("ce qui compte comme travail", "what counts as work"),
    "E": Text("donner et recevoir", "giving and receiving"),
    "F": Text("le réseau entre les gens", "the network between people"),
    "G": Text("exécuter ensemble", "delivering together"),
    "H": Text("pouvoir et ressources", "power and resources"),
    "I": Text("prévenir plutôt que réparer", "prevention before repair"),
    "J": Text("plus qu'un avis, plus qu'une fois", "more than an opinion, more than once"),
    "K": Text("l'échange, et pas seulement le don", "exchange, not gift alone"),
    "L": Text("transformer le service", "changing the service itself"),
    "M": Text("sur combien de personnes cela repose", "on how many it rests"),
    "N": Text("de l'extérieur de l'organisation", "from outside the organisation"),
    "O": Text("apprendre des échecs et des succès", "learning from failure and success"),
    "Q": Text("à quel point les faits sont complets", "how complete the facts are"),
}
_EVENNESS = Text(
    "0 : tous donnent autant ; 1 : une personne donne tout",
    "0: all give alike; 1: one person gives all",
)
SCALES: Words = {  # of figures that are no share of anything
    "A2": Text(
        "0 : un groupe donne tout ; 1 : tous autant", "0: one group gives all; 1: all give alike"
    ),
    "E3.rho": Text(
        "0 : comme par hasard ; plus : plus souvent ; moins : moins souvent",
        "0: as by chance; above: more often; below: less often",
    ),
    "M3.registered": _EVENNESS,
    "M3.active": _EVENNESS,
}
AXES: Words = {
    "p": Text("conception et décision", "planning and deciding"),
    "d": Text("exécution", "delivery"),
}
SHARES: Words = {  # that the rule reads and that are no figures
    "p": Text(
        "part des habitants dans la conception et la décision",
        "residents' share of planning and deciding",
    ),
    "d": Text("part des habitants dans l'exécution", "residents' share of delivery"),
    "unknown": Text("part donnée sans dire à qui", "share given to nobody named"),
    "opinion": Text("part des avis", "share of opinions"),
}
PARTIES: Words = {
    "professional": Text("professionnels", "professionals"),
    "user": Text("usagers", "users"),
    "family_social": Text("entourage", "family and neighbours"),
}
PHASES: Words = {
    "commission": Text("commande", "commissioning"),
    "design": Text("conception", "design"),
    "deliver": AXES["d"],
    "assess": Text("évaluation", "assessment"),
}
WINDOWS: Words = {
    "28d": Text("28 jours", "28 days"),
    "90d": Text("90 jours", "90 days"),
    "365d": Text("1 an", "1 year"),
    "life": Text("depuis le début", "whole life"),
}
LENSES: Words = {
    "count": Text("nombre de contributions", "number of contributions"),
    "minutes": Text("temps donné", "time given"),
}
TESTS: Words = {
    "T1": Text("moins de la moitié ne donnent qu'un avis", "fewer than half give only opinions"),
    "T2": Text("on revient, et on reste", "people come back, and stay"),
    "T3": Text(
        "professionnels, usagers et entourage sont là et leurs savoirs se complètent",
        "professionals, users, family and neighbours are there and their knowledge meets",
    ),
    "T4": Text("le service change au moins une fois par an", "the service changes at least yearly"),
    "T5": Text(
        "tous peuvent participer, personne ne s'isole",
        "everybody can take part, nobody is left alone",
    ),
    "T6": Text("des apports viennent de l'extérieur", "inputs come from outside the providers"),
    "T7": Text("une part du travail est préventive", "part of the work is prevention"),
    "T8": Text("le pouvoir bascule", "power is shifting"),
}
ANSWERS: Words = {
    "pass": Text("atteint", "passed"),
    "fail": Text("non atteint", "not passed"),
    "unknown": Text("inconnu", "unknown"),
}
PARTS: Words = {  # of a verdict, as its heads and lines
    "announced": Text("annoncé", "announced"),
    "announced_on": Text("{verdict}, le {day}", "{verdict}, on {day}"),
    "not_announced": Text("pas encore annoncé", "not announced yet"),
    "holds_since": Text("ce verdict depuis le", "this verdict since"),
    "holds_since_day": Text(
        "{day} (calculé de ce qui est enregistré)", "{day} (computed from what was recorded)"
    ),
    "last_evidenced": Text("dernier verdict étayé", "last verdict with evidence"),
    "tentative": Text("provisoire", "tentative"),
    "nearest_flip": Text("ce qui le changerait", "what would change it"),
    "no_flip": Text(
        "aucun changement d'un seul chiffre ne donnerait une autre classe",
        "no single change of one figure would give another class",
    ),
    "waiting": Text("en attente", "waiting"),
    "evidence": Text("faits", "evidence"),
    "evidence_text": Text(
        "contributions : {acts}, personnes ou groupes qui donnent : {givers}, sur cette période ; "
        "observé pendant {days} jours depuis le début",
        "contributions: {acts}, people or groups who gave: {givers}, in this window; observed for "
        "{days} days since the start",
    ),
    "tests": Text("ce que le degré demande", "what the grade asks"),
    "unobserved": Text("non observé", "not observed"),
}
TABLE: Mapping[str, Words] = {
    "classes": CLASSES,
    "grades": GRADES,
    "flags": FLAGS,
    "reasons": REASONS,
    "families": FAMILIES,
    "scales": SCALES,
    "axes": AXES,
    "shares": SHARES,
    "parties": PARTIES,
    "phases": PHASES,
    "windows": WINDOWS,
    "lenses": LENSES,
    "tests": TESTS,
    "answers": ANSWERS,
    "parts": PARTS,
}


def published() -> dict[str, dict[str, dict[str, str]]]:
    """Return the table as JSON, by kind of word and then by what it names."""
    return {
        kind: {key: text._asdict() for key, text in words.items()} for kind, words in TABLE.items()
    }
