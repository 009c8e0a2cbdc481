// Routing, language and the live stream. A view is {key, title(), content(), show(record, kind), shown(), turn(wanted)}.

import { Connection } from "./connection.js";
import { readDefinitions } from "./definitions.js";
import { detail } from "./detail.js";
import { element } from "./format.js";
import { glance } from "./glance.js";
import { Refused } from "./load.js";
import { parsed } from "./route.js";
import { Line } from "./tabs.js";
import { Fragment, render } from "./vendor/preact/preact.module.js";
import { chooseLanguage, currentLanguage, words } from "./words.js";

const main = document.getElementById("main");
const news = document.getElementById("news");
const connection = new Connection(document.getElementById("connection"), () => line?.hurry());
let view = null;
let leaving = new AbortController(); // of the view
let line = null;
let due = false;

// many records may come between two frames, and all of them are drawn at once
function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    draw();
  });
}

function draw() {
  document.title = view.title();
  render(element(Fragment, { key: view.key }, view.content()), main); // nodes that stay are kept as they are
  view.shown?.();
}

function speak() {
  document.documentElement.lang = currentLanguage();
  for (const node of document.querySelectorAll("[data-words]")) node.textContent = words(node.dataset.words);
  for (const node of document.querySelectorAll("[data-words-label]")) node.setAttribute("aria-label", words(node.dataset.wordsLabel));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === currentLanguage()));
  connection.draw();
}

function follow(service, signal) {
  if (signal.aborted) return;
  line = new Line(service, signal, {
    heard: (at) => connection.heard(at),
    lost: () => connection.lost(),
    show(record, kind) {
      const text = view.show(record, kind);
      if (text) news.textContent = text;
      redraw();
    },
  });
}

// the page shows what it has without them, and asks again when another view is opened
async function learn(signal) {
  try {
    if (await readDefinitions(signal)) redraw();
  } catch (failure) {
    if (!signal.aborted && !(failure instanceof Refused)) throw failure;
  }
}

function open(wanted) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const page = { redraw, signal, follow: (service) => follow(service, signal) };
  view = wanted?.service ? detail(wanted, page) : glance(page);
  draw();
  learn(signal);
}

function route() {
  const wanted = parsed(location.hash);
  if (!wanted || view.turn?.(wanted)) return; // an anchor, or other figures of the same service
  open(wanted);
  if (document.activeElement !== document.body) main.focus();
  window.scrollTo(0, 0);
}

// not by the address, which says what the page is about
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.("[data-language]")?.dataset.language;
  if (chosen) {
    chooseLanguage(chosen);
    speak();
    draw();
  }
});
window.addEventListener("hashchange", route);
window.addEventListener("online", () => line?.hurry());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && line?.hurry());
window.addEventListener("pagehide", () => leaving.abort());
window.addEventListener("pageshow", (event) => event.persisted && open(parsed(location.hash)));
speak();
open(parsed(location.hash));
