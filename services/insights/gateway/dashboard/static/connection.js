// What is true of the connection, and since when the figures stand. A loss that is over at once is no news.

import { time } from "./format.js";
import { SILENCE_MS } from "./stream.js";
import { words } from "./words.js";

const LOSS_MS = 3_000;
const LOOK_MS = 1_000;

// node: where it is said; silent(): nothing was heard for SILENCE_MS
export class Connection {
  #node;
  #silent;
  #heardAt = 0;
  #lostAt = 0;
  #state = "";

  constructor(node, silent) {
    this.#node = node;
    this.#silent = silent;
    setInterval(() => this.draw(), LOOK_MS);
  }

  heard(at) {
    this.#heardAt = Math.max(this.#heardAt, at);
    this.#lostAt = 0;
    if (this.#state !== "live") this.draw();
  }

  lost() {
    this.#lostAt ||= Date.now();
  }

  draw() {
    const before = this.#state;
    this.#state = this.#now();
    if (this.#state === "silent" && before !== "silent") this.#silent();
    if (this.#state !== before) document.body.dataset.connection = this.#state; // the style of all that is on it
    const text = this.#text();
    if (this.#node.textContent !== text) this.#node.textContent = text; // what is said again is spoken again
  }

  #now() {
    if (!this.#heardAt) return "connecting";
    if (this.#lostAt && Date.now() - this.#lostAt >= LOSS_MS) return "lost";
    return Date.now() - this.#heardAt >= SILENCE_MS ? "silent" : "live";
  }

  #text() {
    if (this.#state === "live" || this.#state === "connecting") return words(this.#state);
    return `${this.#state === "lost" ? words("reconnecting") : silence(Date.now() - this.#heardAt)} · ${words("asOfTime", { time: time(this.#heardAt) })}`;
  }
}

function silence(ms) {
  const minutes = Math.floor(ms / 60_000);
  return minutes ? words("silentMinutes", { minutes }) : words("silentSeconds", { seconds: SILENCE_MS / 1000 });
}
