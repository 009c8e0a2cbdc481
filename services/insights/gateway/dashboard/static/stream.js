// One live stream, read with fetch: an EventSource gives up at any answer but 200, and does not see silence.

import { Backoff } from "./backoff.js";
import { createParser } from "./vendor/eventsource-parser/index.js";

export const SILENCE_MS = 40_000; // the server says something every 15 s: twice it did not
const STEADY_MS = 5_000; // who is cut off sooner each time asks more and more seldom

// heard(events) at each sign of life, with the events {event, id, data} it brought; lost() when there is no stream
export class Stream {
  #path;
  #told;
  #last = null;
  #backoff = new Backoff();
  #current = new AbortController();
  #silence = null;
  #stopped = false;

  constructor(path, told) {
    this.#path = path;
    this.#told = told;
    this.#run();
  }

  stop() {
    this.#stopped = true;
    this.#current.abort();
    this.#backoff.wake();
  }

  // there may be a way again: do not wait any longer, nor for what a machine that slept was told before
  hurry() {
    this.#backoff.wake();
    if (this.#silence?.overdue()) this.#current.abort();
  }

  async #run() {
    while (!this.#stopped) {
      const answer = await this.#read();
      if (this.#stopped) return;
      await this.#backoff.wait(answer);
    }
  }

  // returns the answer that is no stream; of a stream that ended or never came, nothing
  async #read() {
    this.#current = new AbortController();
    this.#silence = new Alarm(SILENCE_MS, () => this.#current.abort());
    let steady;
    try {
      const answer = await fetch(this.#path, { headers: this.#headers(), cache: "no-store", signal: this.#current.signal });
      if (!isStream(answer)) {
        this.#current.abort();
        this.#told.lost();
        return answer;
      }
      steady = setTimeout(() => this.#backoff.reset(), STEADY_MS);
      await this.#listen(answer.body);
      this.#told.lost();
    } catch (failure) {
      // nobody says that a silent stream is lost: silence is noticed by whoever looks at the page
      if (failure.name !== "AbortError") this.#told.lost();
    } finally {
      clearTimeout(steady);
      this.#silence.off();
    }
  }

  async #listen(body) {
    let events = [];
    const parser = createParser({
      onEvent: (event) => events.push(event),
      onRetry: (ms) => { this.#backoff.firstMs = ms; },
    });
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = { value: "" }; !piece.done; piece = await reader.read()) {
      parser.feed(piece.value);
      this.#silence.again();
      this.#last = events.findLast((event) => event.id)?.id ?? this.#last;
      this.#told.heard(events);
      events = [];
    }
  }

  #headers() {
    return { accept: "text/event-stream", ...(this.#last && { "last-event-id": this.#last }) };
  }
}

class Alarm {
  constructor(ms, ring) {
    this.ms = ms;
    this.ring = ring;
    this.again();
  }

  again() {
    clearTimeout(this.timer);
    this.due = Date.now() + this.ms;
    this.timer = setTimeout(this.ring, this.ms);
  }

  // by the clock, which goes on while timers sleep
  overdue() {
    return Date.now() >= this.due;
  }

  off() {
    this.due = Infinity;
    clearTimeout(this.timer);
  }
}

const isStream = (answer) => answer.status === 200 && answer.headers.get("content-type")?.startsWith("text/event-stream");
