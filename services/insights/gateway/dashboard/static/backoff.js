// How long to wait before asking again: longer each time, not all pages at once, and as long as the server says.

const LONGEST_MS = 15_000;
const TOLD_LONGEST_MS = 300_000;

export class Backoff {
  #failures = 0;
  firstMs = 1000;

  reset() {
    this.#failures = 0;
  }

  // resolves when it is time; wake() makes it time at once, unless the server said how long
  wait(answer) {
    const toldMs = told(answer?.headers.get("retry-after"));
    const grownMs = Math.min(LONGEST_MS, this.firstMs * 2 ** this.#failures++) * (0.5 + Math.random() / 2);
    return new Promise((resolve) => {
      setTimeout(resolve, Math.max(grownMs, toldMs * (1 + Math.random() / 4)));
      this.wake = toldMs ? () => {} : resolve;
    });
  }

  wake() {}
}

// Retry-After: seconds, or a date
function told(text) {
  if (!text) return 0;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Math.min(TOLD_LONGEST_MS, Math.max(0, ms || 0));
}
