// Routing, language and the live stream. A view is {stream, show(record, kind), draw()}.

import { glance } from "./glance.js";
import { detail } from "./detail.js";
import { chooseLanguage, currentLanguage, words } from "./words.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const news = document.getElementById("news");
let view = null;
let source = null;

function draw() {
  document.documentElement.lang = currentLanguage();
  for (const node of document.querySelectorAll("[data-words]")) node.textContent = words(node.dataset.words);
  for (const node of document.querySelectorAll("[data-words-label]")) node.setAttribute("aria-label", words(node.dataset.wordsLabel));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === currentLanguage()));
  showConnection();
  view?.draw();
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
  const received = (kind) => (event) => announce(view.show(JSON.parse(event.data), kind));
  source.addEventListener("snapshot", received("snapshot"));
  source.addEventListener("change", received("change"));
  source.addEventListener("open", showConnection);
  source.addEventListener("error", showConnection);
}

function route() {
  const [kind, service] = location.hash.replace(/^#\/?/, "").split("/");
  view?.leave?.();
  view = kind === "service" && service ? detail(main, decodeURIComponent(service)) : glance(main);
  follow(view.stream);
  draw();
  if (document.activeElement !== document.body) main.focus();
  window.scrollTo(0, 0);
}

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
