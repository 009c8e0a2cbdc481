// One service in depth: the verdict and why, what would change it, and every figure with its origin.

import { definitionOf } from "./definitions.js";
import { asked, axesDrawing, axisText, day, element, figure, intervalDrawing, number, trendDrawing } from "./format.js";
import { load, Refused } from "./load.js";
import { address } from "./route.js";
import {
  answerText, axisName, capital, className, familyName, flagText, gradeName, head, inLanguage, lensName, part, reasonText,
  scaleText, windowName, words,
} from "./words.js";

const WINDOWS = ["28d", "90d", "365d", "life"];
const LENSES = ["count", "minutes"];
const TREND_DAYS = 182;
const UNKNOWN = [404, 422]; // no service has that name, or none can

export function detail(wanted, { redraw, follow, signal }) {
  const { service: name } = wanted;
  const path = `/v1/services/${encodeURIComponent(name)}`;
  let record = null;
  let chosenWindow = "90d";
  let chosenLens = null; // the verdict's own until somebody chooses
  let refused = null;
  const trends = new Map();

  const lens = () => chosenLens ?? record.windows[chosenWindow].verdict.lens;

  async function begin() {
    try {
      const { service_id: found } = await load(path, signal);
      if (!found) throw new Refused(404, {}); // "." and ".." lead to other answers
      follow(found);
    } catch (failure) {
      if (signal.aborted) return;
      if (!(failure instanceof Refused)) throw failure;
      refused = failure;
    }
    redraw();
  }

  function choose(choice) {
    chosenWindow = WINDOWS.includes(choice.window) ? choice.window : "90d";
    chosenLens = LENSES.includes(choice.lens) ? choice.lens : null;
    if (record) loadTrends();
    redraw();
  }

  // by the address, so that a link, a reload and the way back show the same
  function go(choice) {
    location.hash = address(name, { window: chosenWindow, lens: chosenLens, ...choice });
  }

  const trendKey = () => `${chosenWindow} ${lens()}`;

  // every figure's past in one request; it is asked for again only after a break of the stream
  async function loadTrends() {
    const key = trendKey();
    if (trends.has(key)) return;
    trends.set(key, null);
    const end = new Date(`${record.as_of}T00:00:00Z`);
    const start = new Date(end.getTime() - TREND_DAYS * 86_400_000);
    const query = new URLSearchParams({
      window: chosenWindow, lens: lens(), step: 7, from: start.toISOString().slice(0, 10), to: record.as_of,
    });
    try {
      trends.set(key, await load(`${path}/trends?${query}`, signal));
      redraw();
    } catch (failure) {
      if (!signal.aborted && !(failure instanceof Refused)) throw failure;
      trends.delete(key); // the figures stand without their past
    }
  }

  function points(id, now) {
    const found = trends.get(trendKey());
    if (!found) return [];
    const past = found.days.map((one, place) => ({ day: one, value: found.series[id][place] }));
    return [...past.slice(0, -1), { day: record.as_of, value: now ?? null }];
  }

  function choices(name, options, said, current, turn) {
    return element(
      "fieldset",
      {},
      element("legend", {}, words(name)),
      options.map((option) =>
        element(
          "button",
          {
            type: "button", "aria-pressed": String(option === current),
            onclick: () => turn(option),
          },
          capital(said(option)),
        ),
      ),
    );
  }

  function verdictCard(verdict) {
    const announced = verdict.announced;
    const last = verdict.last_evidenced;
    const reasons = inLanguage(verdict.reasons);
    const facts = [
      verdict.holds_since ? [head("holds_since"), part("holds_since_day", { day: day(verdict.holds_since) })] : null,
      [head("announced"), announced ? part("announced_on", { verdict: className(announced.class), day: day(announced.since) }) : part("not_announced")],
      verdict.class === "insufficient_evidence" && last
        ? [head("last_evidenced"), `${className(last.class)} (${day(last.as_of)})`]
        : null,
      ...inLanguage(record.waiting.text).map((sentence) => [head("waiting"), sentence]),
      [head("evidence"), part("evidence_text", { acts: number(verdict.evidence.acts), givers: number(verdict.evidence.givers), days: number(verdict.evidence.span_days) })],
    ].filter(Boolean);
    return element(
      "section",
      { class: "card verdict", style: { "--badge": `var(--c-${verdict.class})` }, "aria-labelledby": "verdict" },
      element("h2", { id: "verdict" }, words("verdict")),
      element(
        "p",
        {},
        element("span", { class: "badge", "data-verdict": verdict.class }, className(verdict.class)),
        verdict.grade ? element("span", { class: "tag" }, gradeName(verdict.grade)) : null,
        verdict.tentative ? element("span", { class: "tag" }, part("tentative")) : null,
      ),
      verdict.tentative ? element("p", { class: "quiet" }, words("tentativeHelp")) : null,
      element("p", { class: "reason" }, reasons[0]),
      element("ul", { class: "plain" }, reasons.slice(1).map((reason) => element("li", {}, reason))),
      element("h2", {}, head("nearest_flip")),
      element("p", { "data-flip": "" }, verdict.nearest_flip ? inLanguage(verdict.nearest_flip.text) : head("no_flip")),
      verdict.flags.length
        ? [element("h2", {}, words("flags")), element("ul", { class: "plain" }, verdict.flags.map((flag) => element("li", {}, flagText(flag))))]
        : null,
      element("dl", {}, facts.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])),
    );
  }

  function axesCard(verdict) {
    return element(
      "section",
      { class: "card", style: { "--badge": `var(--c-${verdict.class})` }, "aria-labelledby": "axes" },
      element("h2", { id: "axes" }, words("axesTitle")),
      axesDrawing(verdict, 190),
      element(
        "dl",
        {},
        element("dt", {}, capital(axisName("p"))), element("dd", {}, axisText(verdict, "p")),
        element("dt", {}, capital(axisName("d"))), element("dd", {}, axisText(verdict, "d")),
      ),
      element("p", { class: "quiet" }, words("axesHelp")),
      verdict.tests
        ? element("details", {}, element("summary", {}, head("tests")), element("ul", { class: "plain" }, Object.entries(verdict.tests).map(testItem)), highestGrade(Object.values(verdict.tests)))
        : null,
    );
  }

  // the condition that decides the answer, with its number; or why there is none
  function testItem([id, test]) {
    const name = inLanguage(definitionOf(test.metric)?.name);
    const seen = test.value === undefined ? reasonText(test.reason) : `${figure(test.metric, test.value)}, ${asked(test.metric, test.threshold)}`;
    return element(
      "li",
      { "data-test": id },
      element("strong", {}, id), ` ${inLanguage(test.text)} – `,
      element("span", { class: `result-${test.verdict}` }, answerText(test.verdict)),
      ` (${name ? `${name}: ` : ""}${seen})`,
    );
  }

  function highestGrade(tests) {
    const measured = tests.every((test) => Object.values(test.conditions).every((one) => one.reason !== "not_measured"));
    return measured ? null : element("p", { class: "quiet" }, words("gradesMeasured", { grade: gradeName("established") }));
  }

  function provenance(id, one, definition) {
    const receipt = record.receipt;
    const past = points(id, one.value);
    return element(
      "details",
      {},
      element("summary", {}, words("provenance"), element("span", { class: "unseen" }, ` – ${inLanguage(definition?.name) || id}`)),
      element(
        "div",
        { class: "receipt" },
        element("dl", {},
          element("dt", {}, words("formula")), element("dd", {}, definition?.formula ?? id, ` (${words("version")} ${one.definition_version})`),
          element("dt", {}, words("window")), element("dd", {}, `${windowName(chosenWindow)} · ${words("asOf")} ${day(record.as_of)} · ${definition?.lens === "none" ? words("noLens") : lensName(lens())}`),
          element("dt", {}, words("sample")), element("dd", {}, number(one.n)),
          element("dt", {}, words("interval")), element("dd", {}, intervalText(id, one)),
          element("dt", {}, words("positions")), element("dd", {}, positions(receipt).map((line) => element("div", {}, element("code", {}, line)))),
        ),
        element("p", { class: "quiet" }, words("positionsHelp")),
        past.length ? pastTable(id, past) : null,
      ),
    );
  }

  function pastTable(id, past) {
    const known = past.filter((point) => point.value !== null);
    return element(
      "details",
      {},
      element("summary", {}, words("table")),
      element("table", {}, element("tbody", {}, known.map((point) => element("tr", {},
        element("th", { scope: "row" }, day(point.day)), element("td", { class: "number" }, figure(id, point.value)))))),
    );
  }

  function positions(receipt) {
    return Object.entries(receipt.positions).map(([partition, position]) => `${partition}: ${number(position, 0)}`);
  }

  const intervalText = (id, one) => (one.interval ? one.interval.map((end) => figure(id, end)).join(" – ") : words("noInterval"));

  function metricRow([id, byLens]) {
    const one = byLens[lens()] ?? byLens.none;
    const definition = definitionOf(id);
    const shown = one.value === undefined ? element("span", { class: "quiet" }, reasonText(one.reason)) : figure(id, one.value);
    const isShare = one.value >= 0 && one.value <= 1 && id !== "A1";
    return element(
      "tr",
      { key: id, "data-metric": id },
      element("th", { scope: "row", abbr: inLanguage(definition?.name) || id },
        element("span", { class: "metric-name" }, inLanguage(definition?.name) || id), " ", element("span", { class: "metric-id" }, id),
        scaleText(id) ? element("span", { class: "quiet" }, ` ${scaleText(id)}`) : null,
        provenance(id, one, definition)),
      element("td", { class: "number", "data-value": String(one.value ?? "") }, shown),
      element("td", {}, isShare ? intervalDrawing(one.value, one.interval) : "", element("span", { class: "unseen" }, intervalText(id, one))),
      element("td", { class: "number" }, number(one.n)),
      element("td", {}, trendDrawing(id, points(id, one.value))),
    );
  }

  function metricsCard(metrics) {
    const families = Map.groupBy
      ? Map.groupBy(Object.entries(metrics), ([id]) => id[0])
      : Object.entries(metrics).reduce((found, entry) => found.set(entry[0][0], [...(found.get(entry[0][0]) ?? []), entry]), new Map());
    return element(
      "section",
      { class: "card scroll", "aria-labelledby": "figures" },
      element("h2", { id: "figures" }, words("metrics")),
      element(
        "table",
        {},
        element("caption", {}, words("trendOf")),
        element("thead", {}, element("tr", {},
          element("th", { scope: "col" }, words("metric")),
          element("th", { scope: "col", class: "number" }, words("value")),
          element("th", { scope: "col" }, words("interval")),
          element("th", { scope: "col", class: "number" }, words("sample")),
          element("th", { scope: "col" }, words("trend")))),
        [...families].map(([letter, entries]) =>
          element("tbody", { key: letter }, element("tr", { class: "family" }, element("th", { colspan: 5, scope: "rowgroup" }, familyName(letter))), entries.map(metricRow))),
      ),
    );
  }

  function title() {
    if (refused) return words(UNKNOWN.includes(refused.status) ? "noService" : "failed", { name });
    return record?.service.name ?? name;
  }

  function content() {
    const back = element("p", {}, element("a", { href: "#/" }, `← ${words("back")}`));
    if (refused) return [element("h1", {}, title()), UNKNOWN.includes(refused.status) ? null : element("p", {}, refused.message), back];
    if (!record) return [back, element("p", { class: "quiet" }, words("loading"))];
    const { service } = record;
    const { verdict, metrics } = record.windows[chosenWindow];
    const life = [words("startsOn", { day: day(service.starts_on) }), service.closed_on ? words("closedOn", { day: day(service.closed_on) }) : null];
    return [
      back,
      element("h1", {}, service.name),
      element("p", { class: "lead" }, [service.provides, service.agency_ids.join(", "), ...life].filter(Boolean).join(" · "), ` – ${words("asOf")} ${day(record.as_of)}`),
      element("div", { class: "choices" },
        choices("window", WINDOWS, windowName, chosenWindow, (option) => go({ window: option })),
        choices("lens", LENSES, lensName, lens(), (option) => go({ lens: option }))),
      element("div", { class: "columns" }, verdictCard(verdict), axesCard(verdict)),
      metricsCard(metrics),
    ];
  }

  choose(wanted);
  begin();
  return {
    key: name,
    title: () => `${title()} – Coprod`,
    content,
    turn(other) {
      if (other.service !== name) return false;
      choose(other);
      return true;
    },
    show(found, kind) {
      const before = record?.windows[chosenWindow].verdict.class;
      record = found;
      if (kind === "snapshot") trends.clear(); // after a break the past may have been corrected
      loadTrends();
      const after = record.windows[chosenWindow].verdict.class;
      if (kind !== "change" || before === undefined || before === after) return null;
      return words("changed", { name: record.service.name, verdict: className(after) });
    },
  };
}
