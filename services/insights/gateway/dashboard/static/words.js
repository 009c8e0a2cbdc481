// What the page says of itself, in both languages: its heads, buttons and connection. What a verdict, a figure or a
// class is called, the service says.

import { told } from "./definitions.js";

const WORDS = {
  en: {
    tagline: "is it really co-produced?",
    skip: "Skip to the content",
    language: "Language",
    notForPublication:
      "Coordinator's exact view. Not for publication: small groups could be recognised in it.",
    footer:
      "Figures are prompts for a conversation, not grades. Every one names its definition, window, sample and the log positions it was computed from.",
    services: "Public services",
    servicesLead: "Each verdict is computed from what people did, and changes as they do it.",
    noServices: "No service is registered yet.",
    nothingReceived: "Nothing has been received yet.",
    servicesComing: "The services are on their way…",
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
    lens: "Weigh by",
    verdict: "Verdict",
    tentativeHelp: "Within the margin of error another class is possible.",
    asOf: "As of",
    acts: "contributions",
    givers: "people or groups",
    axesHelp: "Residents' share of planning and deciding (upward) and of delivery (to the right). Dashed lines: one tenth and nine tenths.",
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
    noInterval: "no interval for this figure",
    flags: "Worth knowing",
    changed: "{name}: {verdict}",
    startsOn: "since {day}",
    closedOn: "closed on {day}",
    axesTitle: "Residents' share of planning, deciding and delivery",
    table: "Values over time",
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
    noServices: "Aucun service n'est encore enregistré.",
    nothingReceived: "Rien n'a encore été reçu.",
    servicesComing: "Les services arrivent…",
    noServicesHelp: "Enregistrez-en un, ou importez un fichier : coprod import contributions FICHIER.csv --register-missing",
    loading: "Chargement…",
    failed: "Les chiffres n'ont pas pu être chargés.",
    live: "en direct",
    connecting: "connexion…",
    reconnecting: "connexion perdue, nouvel essai",
    silentSeconds: "pas de nouvelles depuis {seconds} s",
    silentMinutes: "pas de nouvelles depuis {minutes} min",
    asOfTime: "chiffres de {time}",
    noService: "Il n'y a pas de service « {name} »",
    back: "Tous les services",
    window: "Période",
    lens: "Peser par",
    verdict: "Verdict",
    tentativeHelp: "Dans la marge d'erreur, une autre classe est possible.",
    asOf: "Au",
    acts: "contributions",
    givers: "personnes ou groupes",
    axesHelp: "Part des habitants dans la conception et la décision (vers le haut) et dans l'exécution (vers la droite). Pointillés : un dixième et neuf dixièmes.",
    asked: "il faut {threshold}",
    perYear: "{threshold} par an",
    gradesMeasured: "Cette version ne mesure pas encore tout cela : « {grade} » est le plus haut degré qu'elle puisse donner.",
    metrics: "Les chiffres",
    metric: "Chiffre",
    value: "Valeur",
    interval: "intervalle à 95 %",
    sample: "n",
    trend: "Tendance",
    trendOf: "Tendance, une valeur par semaine",
    noLens: "le même en nombre et en temps",
    provenance: "D'où vient ce chiffre ?",
    formula: "Définition",
    version: "version de la définition",
    positions: "Positions du journal",
    positionsHelp: "Calculé de tous les événements jusqu'à ces positions ; la commande « coprod verify » le recalcule.",
    noInterval: "pas d'intervalle pour ce chiffre",
    flags: "Bon à savoir",
    changed: "{name} : {verdict}",
    startsOn: "depuis le {day}",
    closedOn: "fermé le {day}",
    axesTitle: "Part des habitants dans la conception, la décision et l'exécution",
    table: "Valeurs dans le temps",
  },
};

let language = localStorage.getItem("coprod.language");
if (!(language in WORDS)) language = navigator.language.startsWith("fr") ? "fr" : "en";

export const currentLanguage = () => language;

// another string for other words: what was drawn in others is drawn again
export const currentWords = () => `${language} ${Boolean(told("classes", "co_production"))}`;

export function chooseLanguage(chosen) {
  language = chosen;
  localStorage.setItem("coprod.language", chosen);
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

export function words(key, values = {}) {
  return filled(WORDS[language][key] ?? key, values);
}

// what the service names: until it was read, by its key
const named = (kind) => (key) => inLanguage(told(kind, key)) || String(key ?? "").replaceAll("_", " ");
export const capital = (text) => text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
export const className = named("classes");
export const gradeName = named("grades");
export const reasonText = named("reasons");
export const axisName = named("axes");
export const lensName = named("lenses");
export const windowName = named("windows");
export const answerText = named("answers");
export const flagText = (flag) => capital(named("flags")(flag));
export const familyName = (letter) => capital(named("families")(letter));
export const scaleText = (id) => inLanguage(told("scales", id));

// a part of a verdict; head: at the beginning of a line
export const head = (name) => capital(part(name));
export function part(name, values = {}) {
  const text = inLanguage(told("parts", name)) || [name.replaceAll("_", " "), ...Object.keys(values).map((value) => `{${value}}`)].join(" ");
  return filled(text, values);
}

export const inLanguage = (texts) => texts?.[language] ?? texts?.en ?? "";
