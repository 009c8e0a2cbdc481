// All services at a glance: in the order of their names, never as a league table.

import { axesDrawing, day, element, number } from "./format.js";
import { whyNone } from "./none.js";
import { className, currentLanguage, currentWords, gradeName, inLanguage, part, windowName, words } from "./words.js";

const WINDOW = "90d";
const HELPED = ["noServices", "nothingReceived"];
const FLASH = { pseudoElement: "::after", duration: 1800, easing: "ease-out" };

export function glance({ follow, redraw, signal }) {
  const known = new Map(); // service id -> what its card shows, and the card as drawn last
  const fresh = new Set();
  let none = "connecting"; // why there are no cards
  let sorted = null; // until a service comes or takes another name

  function card({ service, verdict, waiting }) {
    const facts = [
      service.agency_ids.join(", "),
      `${number(verdict.evidence.acts)} ${words("acts")}`,
      `${number(verdict.evidence.givers)} ${words("givers")}`,
    ];
    return element(
      "li",
      { key: service.service_id },
      element(
        "a",
        {
          href: `#/service/${encodeURIComponent(service.service_id)}`,
          class: "card",
          style: { "--badge": `var(--c-${verdict.class})` },
          id: `service-${service.service_id}`,
          "data-class": verdict.class,
        },
        element("span", { class: "name" }, service.name),
        element(
          "span",
          {},
          element("span", { class: "badge" }, className(verdict.class)),
          verdict.tentative ? element("span", { class: "tag", title: words("tentativeHelp") }, part("tentative")) : null,
          verdict.grade ? element("span", { class: "tag" }, gradeName(verdict.grade)) : null,
        ),
        element("span", { class: "facts" }, facts.join(" · ")),
        element("p", { class: "reason" }, inLanguage(verdict.reasons)[0]),
        inLanguage(waiting.text).map((sentence) => element("p", { class: "quiet", "data-waiting": "" }, sentence)),
        axesDrawing(verdict, 136),
      ),
    );
  }

  // what is drawn again and is the same object is not looked into: a change costs one card
  function drawn(entry) {
    if (entry.words !== currentWords()) Object.assign(entry, { card: card(entry), words: currentWords() });
    return entry.card;
  }

  function inOrder() {
    const { compare } = new Intl.Collator(currentLanguage());
    return [...known.values()].sort((a, b) => compare(a.service.name, b.service.name));
  }

  follow(null);
  whyNone(() => known.size > 0, (why) => { none = why; redraw(); }, signal);
  return {
    key: "glance",
    title: () => `Coprod – ${words("services")}`,
    content() {
      sorted ??= inOrder();
      const asOf = sorted[0]?.asOf;
      return [
        element("h1", {}, words("services")),
        element("p", { class: "lead" }, words("servicesLead"), asOf ? ` ${words("asOf")} ${day(asOf)} · ${windowName(WINDOW)}.` : ""),
        sorted.length
          ? element("ul", { class: "services" }, sorted.map(drawn))
          : element("div", { class: "card", "data-none": none }, element("p", {}, words(none)),
              HELPED.includes(none) ? element("p", { class: "quiet" }, words("noServicesHelp")) : null),
      ];
    },
    shown() {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      for (const id of still ? [] : fresh) document.getElementById(`service-${id}`)?.animate({ opacity: [1, 0] }, FLASH);
      fresh.clear();
    },
    show({ service, as_of: asOf, windows, waiting }, kind) {
      const { verdict } = windows[WINDOW];
      const entry = known.get(service.service_id) ?? {};
      const before = entry.verdict?.class;
      if (entry.service?.name !== service.name) sorted = null;
      known.set(service.service_id, Object.assign(entry, { service, asOf, verdict, waiting, words: null }));
      if (kind === "change") fresh.add(service.service_id);
      if (before === undefined || before === verdict.class) return null;
      return words("changed", { name: service.name, verdict: className(verdict.class) });
    },
  };
}
