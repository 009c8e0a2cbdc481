// Routing, language and the live stream. A view is {stream, title(), content(), shown(), show(record, kind)}.

import { glance } from "./glance.js";
import { detail } from "./detail.js";
import { element } from "./format.js";
import { parsed } from "./route.js";
import { Fragment, render } from "./vendor/preact/preact.module.js";
import { chooseLanguage, currentLanguage, words } from "./words.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const news = document.getElementById("news");
let view = null;
let source = null;
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
  document.documentElement.lang = currentLanguage();
  for (const node of document.querySelectorAll("[data-words]")) node.textContent = words(node.dataset.words);
  for (const node of document.querySelectorAll("[data-words-label]")) node.setAttribute("aria-label", words(node.dataset.wordsLabel));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === currentLanguage()));
  showConnection();
  document.title = view.title();
  render(element(Fragment, { key: view.stream }, view.content()), main); // nodes that stay are kept as they are
  view.shown?.();
}

function showConnection() {
  const lost = source?.readyState !== EventSource.OPEN;
  connection.textContent = words(lost ? "reconnecting" : "live");
  connection.classList.toggle("lost", lost);
  connection.hidden = source === null;
}

function announce(text) {
  if (text) news.textContent = text;
}

function follow(stream) {
  source?.close();
  source = new EventSource(stream);
  const received = (kind) => (event) => {
    announce(view.show(JSON.parse(event.data), kind));
    redraw();
  };
  source.addEventListener("snapshot", received("snapshot"));
  source.addEventListener("change", received("change"));
  source.addEventListener("open", showConnection);
  source.addEventListener("error", showConnection);
}

function route() {
  const wanted = parsed(location.hash);
  if (!wanted && view) return;
  view = wanted?.service ? detail(wanted.service, redraw) : glance();
  follow(view.stream);
  draw();
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
    draw();
  }
});
window.addEventListener("hashchange", route);
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (event) => event.persisted && route());
route();
