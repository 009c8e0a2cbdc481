// Why no service is shown: not connected yet, nothing received yet, on their way, or really none.

import { load } from "./load.js";

const PATIENCE_MS = 1_000; // until services that there are have mostly come
const AGAIN_MS = 5_000;

async function look(signal) {
  const [services, positions] = await Promise.all([load("/v1/services?limit=1", signal), load("/v1/positions", signal)]);
  if (services.items.length) return "servicesComing";
  return Object.values(positions.folded).some((position) => position > 0) ? "noServices" : "nothingReceived";
}

// tells why, again and again until some() are shown; until it is known, they are being connected to
export async function whyNone(some, tell, signal) {
  for (let wait = PATIENCE_MS; ; wait = AGAIN_MS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (signal.aborted || some()) return;
    const why = await look(signal).catch(() => null);
    if (signal.aborted) return;
    if (why) tell(why);
  }
}
