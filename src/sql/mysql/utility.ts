/** Families of statements that are neither queries nor writes, by their first word. */
import type { Family } from "./grammar.js";

export const UTILITY: ReadonlyMap<string, Family> = new Map();
