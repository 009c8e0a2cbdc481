// All services at a glance: in the order of their names, never as a league table.

import { axesDrawing, day, element, number, replaceKeepingFocus } from "./format.js";
import { className, inLanguage, words } from "./words.js";

const WINDOW = "90d";

export function glance(main) {
  const records = new Map();
  const fresh = new Set();

  function card(record) {
    const { service } = record;
    const { verdict } = record.windows[WINDOW];
    const facts = [
      service.agency_ids.join(", "),
      `${number(verdict.evidence.acts)} ${words("acts")}`,
      `${number(verdict.evidence.givers)} ${words("givers")}`,
    ];
    return element(
      "li",
      {},
      element(
        "a",
        {
          href: `#/service/${encodeURIComponent(service.service_id)}`,
          class: `card${fresh.delete(service.service_id) ? " fresh" : ""}`,
          style: `--badge: var(--c-${verdict.class})`,
          "data-key": service.service_id,
          "data-class": verdict.class,
        },
        element("span", { class: "name" }, service.name),
        element(
          "span",
          {},
          element("span", { class: "badge" }, className(verdict.class)),
          verdict.tentative ? element("span", { class: "tag", title: words("tentativeHelp") }, words("tentative")) : null,
          verdict.grade ? element("span", { class: "tag" }, words(verdict.grade)) : null,
        ),
        element("span", { class: "facts" }, facts.join(" · ")),
        element("p", { class: "reason" }, inLanguage(verdict.reasons)[0]),
        axesDrawing(verdict.axes, 104),
      ),
    );
  }

  function draw() {
    document.title = `Coprod – ${words("services")}`;
    const sorted = [...records.values()].sort((a, b) => a.service.name.localeCompare(b.service.name));
    const asOf = sorted[0]?.as_of;
    replaceKeepingFocus(
      main,
      element("h1", {}, words("services")),
      element("p", { class: "lead" }, words("servicesLead"), asOf ? ` ${words("asOf")} ${day(asOf)} · ${words(WINDOW)}.` : ""),
      sorted.length
        ? element("ul", { class: "services" }, sorted.map(card))
        : element("div", { class: "card" }, element("p", {}, words("noServices")), element("p", { class: "quiet" }, words("noServicesHelp"))),
    );
  }

  return {
    stream: "/v1/stream?view=glance",
    draw,
    show(record, kind) {
      const before = records.get(record.service.service_id)?.windows[WINDOW].verdict.class;
      records.set(record.service.service_id, record);
      const after = record.windows[WINDOW].verdict.class;
      if (kind === "change") fresh.add(record.service.service_id);
      draw();
      if (before === undefined || before === after) return null;
      return words("changed", { name: record.service.name, verdict: className(after) });
    },
  };
}
