// One stream for all tabs of this browser, which gives a server few connections. Of the tabs that show a list, and of
// those that show a service, the one that holds the lock reads for all and hands on what comes; when it goes, the lock
// goes to another. Where there are no locks or channels, each tab reads for itself.

import { SILENCE_MS, Stream } from "./stream.js";

const PROTOCOL = 2; // tabs of another one, as after an upgrade, keep to themselves
const ANSWER_MS = 10_000; // a tab that reads for the others and does not answer sooner is asleep

const supported = () => Boolean(navigator.locks) && "BroadcastChannel" in window;

// page: heard(at) when there was a sign of life, lost() when there is no stream, show(record, kind)
export class Line {
  #me = crypto.getRandomValues(new Uint32Array(2)).join("-");
  #left;
  #name;
  #service;
  #page;
  #channel;
  #reading = null;
  #heardAt = 0;
  #unanswered;

  // service: the id of the one to show; null for a glance at all. left: the signal that ends it
  constructor(service, left, page) {
    this.#service = service;
    this.#left = left;
    this.#page = page;
    left.addEventListener("abort", () => this.#leave());
    this.#name = `coprod.${PROTOCOL}.${service === null ? "glance" : "service"}`;
    if (!supported()) {
      this.#lead();
      return;
    }
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#told(data);
    this.#waitForTheLock();
    this.#ask();
  }

  // somebody looks, or there may be a way again
  hurry() {
    if (this.#reading) this.#reading.hurry();
    else if (this.#channel) this.#ask(Date.now() - this.#heardAt < SILENCE_MS);
  }

  #leave() {
    this.#reading?.stop();
    clearTimeout(this.#unanswered);
    this.#channel?.postMessage({ gone: this.#me });
    this.#channel?.close();
  }

  async #waitForTheLock(options = { signal: this.#left }) {
    try {
      await navigator.locks.request(this.#name, options, () => this.#lead());
    } catch (failure) {
      this.#reading?.stop();
      this.#reading = null;
      if (this.#left.aborted) return;
      if (failure.name === "AbortError") this.#waitForTheLock(); // a tab that had no answer took it away
      else this.#lead(); // there are no locks here after all
    }
  }

  // has: what came up to now came here, too
  #ask(has = false) {
    this.#channel.postMessage({ asks: this.#me, service: this.#service, has });
    clearTimeout(this.#unanswered);
    this.#unanswered = setTimeout(() => {
      if (document.visibilityState === "visible" && !this.#reading) this.#waitForTheLock({ steal: true });
    }, ANSWER_MS);
  }

  #lead() {
    this.#reading = new Reading(this.#service === null, (message, records) => {
      if (this.#reading.shared) this.#channel.postMessage(message);
      this.#told(message, records);
    });
    this.#reading.want(this.#me, this.#service);
    this.#channel?.postMessage({ reads: true });
    return new Promise((release) => this.#left.addEventListener("abort", release));
  }

  #told(message, records = []) {
    if (message.asks) this.#reading?.want(message.asks, message.service, message.has);
    else if (message.gone) this.#reading?.forget(message.gone);
    else if (message.reads) this.#ask();
    else if ((message.to ?? this.#me) === this.#me) this.#take(message, records);
  }

  #take({ at, lost, frames }, records) {
    clearTimeout(this.#unanswered);
    this.#heardAt = at;
    if (at) this.#page.heard(at);
    if (lost) this.#page.lost();
    frames.forEach((frame, place) => {
      if (frame.service === (this.#service ?? frame.service)) this.#show(frame, records[place]);
    });
  }

  // a record that cannot be shown does not end the stream of all others
  #show({ kind, data }, record = JSON.parse(data)) {
    try {
      this.#page.show(record, kind);
    } catch (failure) {
      reportError(failure);
    }
  }
}

// What the tab that reads for all does. tell({to, at, lost, frames}, records): to one tab or all of them, when the
// stream was heard last (0: never), whether there is none, and what came; records are those of the frames.
class Reading {
  #wants = new Map(); // tab -> service
  #asked = new Set(); // the services that the stream was asked for
  #newest = new Map(); // service -> its newest frame, for tabs that come later
  #stream = null;
  #state = { at: 0, lost: false };
  #all;
  #tell;

  constructor(all, tell) {
    this.#all = all;
    this.#tell = tell;
  }

  get shared() {
    return this.#wants.size > 1;
  }

  want(tab, service, has) {
    this.#wants.set(tab, service);
    if (this.#asked.has(service)) this.hurry();
    else this.#read();
    const known = has ? [] : [...this.#newest.values()].filter((frame) => this.#all || frame.service === service);
    this.#tell({ to: tab, ...this.#state, frames: known.map((frame) => ({ ...frame, kind: "snapshot" })) });
  }

  forget(tab) {
    this.#wants.delete(tab);
  }

  hurry() {
    this.#stream?.hurry();
  }

  stop() {
    this.#stream?.stop();
  }

  #read() {
    this.stop();
    this.#asked = new Set(this.#wants.values());
    const services = [...this.#asked].map((service) => ["service", service]);
    const query = new URLSearchParams(this.#all ? { view: "glance" } : services);
    this.#stream = new Stream(`/v1/stream?${query}`, {
      heard: (events) => this.#heard(events),
      lost: () => {
        this.#state.lost = true;
        this.#tell({ ...this.#state, frames: [] });
      },
    });
  }

  #heard(events) {
    this.#state = { at: Date.now(), lost: false };
    const frames = [];
    const records = [];
    for (const { event: kind, data } of events.filter((event) => event.event !== "heartbeat")) {
      const record = JSON.parse(data);
      const { service_id: service } = record.service;
      if (this.#newest.get(service)?.data === data) continue; // told again, because more was asked for
      this.#newest.set(service, { service, kind, data });
      frames.push({ service, kind, data });
      records.push(record);
    }
    this.#tell({ ...this.#state, frames }, records);
  }
}
