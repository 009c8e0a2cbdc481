// What the page asks for once. It asks again until there is an answer, as the stream does.

import { Backoff } from "./backoff.js";

// an answer that would be the same next time
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? String(status));
    this.status = status;
  }
}

const passing = (status) => status >= 500 || status === 429 || status === 408;

// throws Refused; once the signal is aborted, AbortError
export async function load(path, signal) {
  for (const backoff = new Backoff(); ; ) {
    const answer = await fetch(path, { headers: { accept: "application/json" }, signal }).catch(() => null);
    signal.throwIfAborted();
    if (answer?.ok) return answer.json();
    if (answer && !passing(answer.status)) throw new Refused(answer.status, await answer.json().catch(() => ({})));
    await backoff.wait(answer);
  }
}
