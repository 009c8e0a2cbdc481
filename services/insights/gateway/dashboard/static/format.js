// Numbers, days and elements: the small pure pieces that both views are made of.

import { h } from "./vendor/preact/preact.module.js";
import { axisName, capital, currentLanguage, part, reasonText, words } from "./words.js";

const COUNTS = new Set(["A1", "L2"]);
const INDEXES = new Set(["A2", "E3.rho", "H4", "F4.slope", "M3.active", "M3.registered"]);
const isShare = (id) => !COUNTS.has(id) && !INDEXES.has(id);

const locale = () => (currentLanguage() === "fr" ? "fr-FR" : "en-GB");

// what rounds to nought is nought, not minus nought
function written(value, digits, style = {}) {
  const nought = Math.abs(value) < 0.5 * 10 ** -(digits + (style.style ? 2 : 0));
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits, ...style }).format(nought ? 0 : value);
}

export const number = (value, digits = 2) => written(value, digits);
export const percent = (value) => written(value, 1, { style: "percent" });

// a share is a percentage; what is none, as a Gini index, is a number of three digits
export function figure(id, value) {
  if (isShare(id)) return percent(value);
  return INDEXES.has(id) ? written(value, 3, { minimumFractionDigits: 3 }) : number(value);
}

// "the figure and what is asked of it" of one condition of a test
export function asked(id, threshold) {
  const [sign, limit] = threshold.split(" ");
  const [value, unit] = limit.split("/");
  const said = `${sign.replace(">=", "≥").replace("<=", "≤")} ${figure(id, Number(value))}`;
  return words("asked", { threshold: unit ? words("perYear", { threshold: said }) : said });
}

export function day(iso) {
  if (!iso) return "";
  const [year, month, date] = iso.slice(0, 10).split("-").map(Number);
  return new Intl.DateTimeFormat(locale(), { dateStyle: "long", timeZone: "UTC" }).format(
    new Date(Date.UTC(year, month - 1, date)),
  );
}

export const time = (at) => new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(at);

// element("p", {class: "x"}, "text", child): text is always text, never markup
export const element = h;

export function axisText(verdict, axis) {
  const value = verdict.axes[axis];
  if (value !== undefined) return percent(value);
  const reason = verdict.axis_reasons[axis];
  return reason === "no_data" ? part("unobserved") : reasonText(reason);
}

// the share of planning (up) against that of delivery (right), with the bands of the rule; marks at the ends are whole
export function axesDrawing(verdict, size = 120) {
  const { p, d } = verdict.axes;
  const [planning, delivery] = [axisText(verdict, "p"), axisText(verdict, "d")];
  const inner = size - 34;
  const x = (share) => 25 + share * inner;
  const y = (share) => 9 + (1 - share) * inner;
  const across = (share, kind) => element("line", { x1: x(0), x2: x(1), y1: y(share), y2: y(share), class: kind });
  const upright = (share, kind) => element("line", { x1: x(share), x2: x(share), y1: y(0), y2: y(1), class: kind });
  const label = `${capital(axisName("p"))}: ${planning}, ${axisName("d")}: ${delivery}`;
  const mark =
    p !== undefined && d !== undefined
      ? element("circle", { cx: x(d), cy: y(p), r: 6, class: "mark" })
      : p !== undefined
        ? across(p, "mark-line")
        : d !== undefined
          ? upright(d, "mark-line")
          : element("text", { x: x(0.5), y: y(0.5), "text-anchor": "middle", class: "axis-name" }, planning === delivery ? planning : "");
  return element(
    "svg",
    { viewBox: `0 0 ${size} ${size}`, width: size, height: size, role: "img", "aria-label": label, class: "axes" },
    element("rect", { x: x(0), y: y(1), width: inner, height: inner, class: "field" }),
    [0.1, 0.9].flatMap((share) => [across(share, "band"), upright(share, "band")]),
    mark,
    element("text", { x: 12, y: size / 2, transform: `rotate(-90 12 ${size / 2})`, "text-anchor": "middle", class: "axis-name" }, capital(axisName("p"))),
    element("text", { x: x(1), y: size - 3, "text-anchor": "end", class: "axis-name" }, capital(axisName("d"))),
  );
}

// one value between 0 and 1 with its interval, as a bar of its own scale
export function intervalDrawing(value, interval) {
  const width = 110;
  const x = (share) => 2 + Math.min(1, Math.max(0, share)) * (width - 4);
  return element(
    "svg",
    { viewBox: `0 0 ${width} 16`, width, height: 16, "aria-hidden": "true", class: "interval" },
    element("line", { x1: 2, x2: width - 2, y1: 8, y2: 8, class: "scale" }),
    interval
      ? element("line", { x1: x(interval[0]), x2: x(interval[1]), y1: 8, y2: 8, class: "spread" })
      : null,
    element("circle", { cx: x(value), cy: 8, r: 3.5, class: "mark" }),
  );
}

export function trendDrawing(id, points, width = 160, height = 34) {
  const values = points.filter((point) => point.value !== null);
  if (values.length < 2) return element("span", { class: "quiet" }, "–");
  const numbers = values.map((point) => point.value);
  const low = Math.min(0, ...numbers);
  const high = Math.max(low + 1e-9, ...numbers, isShare(id) ? 0.1 : 0);
  const x = (place) => 3 + (place / Math.max(1, points.length - 1)) * (width - 6);
  const y = (value) => height - 4 - ((value - low) / (high - low)) * (height - 8);
  // a day without a figure breaks the line: a gap is not a zero
  const runs = [[]];
  points.forEach((point, place) => {
    if (point.value === null) runs.push([]);
    else runs.at(-1).push(`${x(place).toFixed(1)},${y(point.value).toFixed(1)}`);
  });
  const last = points.findLastIndex((point) => point.value !== null);
  return element(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "trend",
      "aria-label": [values[0], values.at(-1)].map((point) => `${day(point.day)}: ${figure(id, point.value)}`).join(" → "),
    },
    runs.filter((run) => run.length).map((run) => element("polyline", { points: run.join(" ") })),
    element("circle", { cx: x(last), cy: y(points[last].value), r: 2.5, class: "mark" }),
  );
}
