/**
 * The engines that this build serves, by name: what a further one is registered in.
 */
import type { Engine } from "./engine.js";
import { mysql } from "./mysql/engine.js";
import { postgres } from "./postgres/engine.js";

export const ENGINES: ReadonlyMap<string, Engine> = new Map([mysql, postgres].map((engine) => [engine.name, engine]));
