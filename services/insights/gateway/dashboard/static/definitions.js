// What the service publishes of its figures and of its words: read once, for all views.

import { load } from "./load.js";

let published = null;

// true once, when they came; throws Refused, or AbortError once the signal is aborted
export async function readDefinitions(signal) {
  if (published) return false;
  published = await load("/v1/definitions", signal);
  return true;
}

export const definitionOf = (id) => published?.metrics.find((found) => found.id === id);

// both languages; nothing until the definitions were read
export const told = (kind, key) => published?.words?.[kind]?.[key];
