// Every word the page shows, in both languages. Reasons of a verdict come from the service itself.

const WORDS = {
  en: {
    tagline: "is it really co-produced?",
    skip: "Skip to the content",
    language: "Language",
    notForPublication:
      "Coordinator’s exact view. Not for publication: small groups could be recognised in it.",
    footer:
      "Figures are prompts for a conversation, not grades. Every one names its definition, window, sample and the log positions it was computed from.",
    services: "Public services",
    servicesLead: "Each verdict is computed from what people did, and changes as they do it.",
    noServices: "No service is registered yet.",
    noServicesHelp: "Register one, or import a file: coprod import contributions FILE.csv --register-missing",
    loading: "Loading…",
    failed: "The figures could not be loaded.",
    live: "live",
    connecting: "connecting…",
    reconnecting: "connection lost, trying again",
    silentSeconds: "no news for {seconds} s",
    silentMinutes: "no news for {minutes} min",
    asOfTime: "as of {time}",
    noService: "There is no service ‘{name}’",
    back: "All services",
    window: "Window",
    "28d": "28 days",
    "90d": "90 days",
    "365d": "1 year",
    life: "Whole life",
    lens: "Weigh by",
    count: "number of acts",
    minutes: "time given",
    verdict: "Verdict",
    tentative: "tentative",
    tentativeHelp: "Within the margin of error another class is possible.",
    why: "Why",
    flip: "What would change it",
    noFlip: "No single change of one figure would give another class.",
    toChange: "to change the class",
    toAnnounce: "to be announced",
    asOf: "As of",
    holdsSince: "This verdict since",
    computed: "{day} (computed from what was recorded)",
    announced: "Announced",
    announcedOn: "{verdict}, on {day}",
    notAnnounced: "not announced yet",
    lastEvidenced: "Last verdict with evidence",
    waiting: "Waiting",
    evidence: "Evidence",
    evidenceText: "acts: {acts}, people or groups who gave: {givers} – in this window; observed for {days} days since the start",
    acts: "acts",
    givers: "people or groups",
    planning: "Planning",
    delivery: "Delivery",
    axesHelp: "Lay share of planning (upward) and of delivery (to the right). Dashed lines: one tenth and nine tenths.",
    unobserved: "not observed",
    grade: "Grade",
    emerging: "emerging",
    established: "established",
    transformative: "transformative",
    tests: "What the grade asks",
    pass: "passed",
    fail: "not passed",
    unknown: "unknown",
    asked: "asked: {threshold}",
    perYear: "{threshold} a year",
    gradesMeasured: "This version does not measure all of it yet: “{grade}” is the highest grade it can give.",
    metrics: "The figures",
    metric: "Figure",
    value: "Value",
    interval: "95 % interval",
    sample: "n",
    trend: "Trend",
    trendOf: "Trend, one value a week",
    noLens: "the same by number and by time",
    provenance: "Where does this come from?",
    formula: "Definition",
    version: "definition version",
    positions: "Log positions",
    positionsHelp: "Computed from every event up to these positions; the command “coprod verify” recomputes it.",
    events: "events",
    noInterval: "no interval for this figure",
    flags: "Worth knowing",
    changed: "{name}: {verdict}",
    startsOn: "since {day}",
    closedOn: "closed on {day}",
    agency: "Agency",
    provides: "What it provides",
    noActsSince: "No act in this window. The last one was on {day}.",
    axesTitle: "Lay share of planning and delivery",
    table: "Values over time",
    day: "Day",
  },
  fr: {
    tagline: "est-ce vraiment coproduit ?",
    skip: "Aller au contenu",
    language: "Langue",
    notForPublication:
      "Vue exacte de la coordination. Ne pas publier : de petits groupes pourraient y être reconnus.",
    footer:
      "Ces chiffres servent à ouvrir la discussion, pas à noter. Chacun nomme sa définition, sa période, son effectif et les positions du journal dont il est calculé.",
    services: "Services publics",
    servicesLead: "Chaque verdict est calculé à partir de ce que les gens font, et change quand ils agissent.",
    noServices: "Aucun service n’est encore enregistré.",
    noServicesHelp: "Enregistrez-en un, ou importez un fichier : coprod import contributions FICHIER.csv --register-missing",
    loading: "Chargement…",
    failed: "Les chiffres n’ont pas pu être chargés.",
    live: "en direct",
    connecting: "connexion…",
    reconnecting: "connexion perdue, nouvel essai",
    silentSeconds: "pas de nouvelles depuis {seconds} s",
    silentMinutes: "pas de nouvelles depuis {minutes} min",
    asOfTime: "chiffres de {time}",
    noService: "Il n’y a pas de service « {name} »",
    back: "Tous les services",
    window: "Période",
    "28d": "28 jours",
    "90d": "90 jours",
    "365d": "1 an",
    life: "Depuis le début",
    lens: "Peser par",
    count: "nombre d’actes",
    minutes: "temps donné",
    verdict: "Verdict",
    tentative: "provisoire",
    tentativeHelp: "Dans la marge d’erreur, une autre classe est possible.",
    why: "Pourquoi",
    flip: "Ce qui le changerait",
    noFlip: "Aucun changement d’un seul chiffre ne donnerait une autre classe.",
    toChange: "pour changer de classe",
    toAnnounce: "pour être annoncé",
    asOf: "Au",
    holdsSince: "Ce verdict depuis le",
    computed: "{day} (calculé de ce qui est enregistré)",
    announced: "Annoncé",
    announcedOn: "{verdict}, le {day}",
    notAnnounced: "pas encore annoncé",
    lastEvidenced: "Dernier verdict étayé",
    waiting: "En attente",
    evidence: "Faits",
    evidenceText: "actes : {acts}, personnes ou groupes qui donnent : {givers} – sur cette période ; observé pendant {days} jours depuis le début",
    acts: "actes",
    givers: "personnes ou groupes",
    planning: "Conception",
    delivery: "Exécution",
    axesHelp: "Part des habitants dans la conception (vers le haut) et dans l’exécution (vers la droite). Pointillés : un dixième et neuf dixièmes.",
    unobserved: "non observé",
    grade: "Degré",
    emerging: "émergent",
    established: "établi",
    transformative: "transformateur",
    tests: "Ce que le degré demande",
    pass: "atteint",
    fail: "non atteint",
    unknown: "inconnu",
    asked: "il faut {threshold}",
    perYear: "{threshold} par an",
    gradesMeasured: "Cette version ne mesure pas encore tout cela : « {grade} » est le plus haut degré qu’elle puisse donner.",
    metrics: "Les chiffres",
    metric: "Chiffre",
    value: "Valeur",
    interval: "intervalle à 95 %",
    sample: "n",
    trend: "Tendance",
    trendOf: "Tendance, une valeur par semaine",
    noLens: "le même en nombre et en temps",
    provenance: "D’où vient ce chiffre ?",
    formula: "Définition",
    version: "version de la définition",
    positions: "Positions du journal",
    positionsHelp: "Calculé de tous les événements jusqu’à ces positions ; la commande « coprod verify » le recalcule.",
    events: "événements",
    noInterval: "pas d’intervalle pour ce chiffre",
    flags: "Bon à savoir",
    changed: "{name} : {verdict}",
    startsOn: "depuis le {day}",
    closedOn: "fermé le {day}",
    agency: "Agence",
    provides: "Ce qu’il fournit",
    noActsSince: "Aucun acte sur cette période. Le dernier date du {day}.",
    axesTitle: "Part des habitants dans la conception et l’exécution",
    table: "Valeurs dans le temps",
    day: "Jour",
  },
};

const CLASSES = {
  co_production: { en: "co-production", fr: "coproduction" },
  co_delivery: { en: "co-delivery", fr: "co-exécution" },
  co_design: { en: "co-design", fr: "co-conception" },
  mutual_aid: { en: "mutual aid", fr: "entraide" },
  volunteering: { en: "volunteering", fr: "bénévolat" },
  consultation: { en: "consultation", fr: "consultation" },
  conventional: { en: "conventional service", fr: "service classique" },
  insufficient_evidence: { en: "not enough evidence", fr: "pas assez de faits" },
};

const FLAGS = {
  planning_unobserved: {
    en: "Nothing is observed of who plans.",
    fr: "On n’observe rien de qui décide et conçoit.",
  },
  delivery_unobserved: {
    en: "Nothing is observed of who delivers.",
    fr: "On n’observe rien de qui exécute.",
  },
  reciprocity_unobservable: {
    en: "One sees who gives, not who receives.",
    fr: "On voit qui donne, pas qui reçoit.",
  },
  co_commission: {
    en: "Residents decide on resources too.",
    fr: "Les habitants décident aussi des ressources.",
  },
  few_lay: {
    en: "Too few residents take part for their share to be told.",
    fr: "Trop peu d’habitants participent pour que leur part soit dite.",
  },
  no_delivery_facts: {
    en: "No fact about delivery was recorded.",
    fr: "Aucun fait d’exécution n’est enregistré.",
  },
  incomplete: {
    en: "Incomplete until the figures are rebuilt.",
    fr: "Incomplet jusqu’à la reconstruction des chiffres.",
  },
};

const REASONS = {
  below_floor: { en: "too little evidence", fr: "trop peu de faits" },
  below_k: { en: "too few people", fr: "trop peu de personnes" },
  minutes_missing: { en: "time is not recorded", fr: "le temps n’est pas noté" },
  receivers_unknown: { en: "receivers unknown", fr: "bénéficiaires inconnus" },
  affiliation_unknown: {
    en: "which organisations provide it was not said",
    fr: "on ne sait pas quelles organisations y travaillent",
  },
  observed_too_short: { en: "observed for too short a time", fr: "observé depuis trop peu de temps" },
  few_lay: { en: "too few residents", fr: "trop peu d’habitants" },
  currencies_mixed: { en: "several currencies", fr: "plusieurs monnaies" },
  no_data: { en: "nothing to measure", fr: "rien à mesurer" },
  few_lay: { en: "too few residents to tell their share", fr: "trop peu d’habitants pour dire leur part" },
  field_missing: { en: "too seldom recorded", fr: "trop rarement noté" },
  observed_too_short: { en: "observed for too short a time", fr: "observé depuis trop peu de temps" },
  not_measured: { en: "not measured by this version", fr: "cette version ne le mesure pas" },
};

// what a figure means that is no share of anything
const MEANINGS = {
  A2: { en: "0: one party gives all – 1: all give alike", fr: "0 : une partie donne tout – 1 : toutes autant" },
  "E3.rho": { en: "0: as by chance – above: more often – below: less", fr: "0 : comme par hasard – plus : plus souvent – moins : moins souvent" },
  "M3.registered": { en: "0: all give alike – 1: one person gives all", fr: "0 : tous donnent autant – 1 : une personne donne tout" },
  "M3.active": { en: "0: all give alike – 1: one person gives all", fr: "0 : tous donnent autant – 1 : une personne donne tout" },
};

const FAMILIES = {
  A: { en: "Who is there", fr: "Qui est là" },
  B: { en: "Whether voices lead to change", fr: "Si la parole change quelque chose" },
  E: { en: "Giving and receiving", fr: "Donner et recevoir" },
  F: { en: "The network between people", fr: "Le réseau entre les gens" },
  G: { en: "Delivering together", fr: "Exécuter ensemble" },
  H: { en: "Power and resources", fr: "Pouvoir et ressources" },
  J: { en: "More than an opinion, more than once", fr: "Plus qu’un avis, plus qu’une fois" },
  K: { en: "Exchange, not gift alone", fr: "L’échange, et pas seulement le don" },
  M: { en: "On how many it rests", fr: "Sur combien de personnes cela repose" },
  N: { en: "From outside the organisation", fr: "De l’extérieur de l’organisation" },
  Q: { en: "How complete the facts are", fr: "À quel point les faits sont complets" },
};

let language = localStorage.getItem("coprod.language");
if (!(language in WORDS)) language = navigator.language.startsWith("fr") ? "fr" : "en";

export const currentLanguage = () => language;

export function chooseLanguage(chosen) {
  language = chosen;
  localStorage.setItem("coprod.language", chosen);
}

export function words(key, values = {}) {
  const text = WORDS[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

const named = (table) => (key) => table[key]?.[language] ?? String(key ?? "").replaceAll("_", " ");
export const className = named(CLASSES);
export const flagText = named(FLAGS);
export const reasonText = named(REASONS);
export const familyName = named(FAMILIES);
export const meaning = (id) => MEANINGS[id]?.[language] ?? null;

export const inLanguage = (texts) => texts?.[language] ?? texts?.en ?? "";
