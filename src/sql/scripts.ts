/** Scripts by the engine's name, as the recording writes it. */
import { MYSQL_SCRIPT } from "./mysql/script.js";
import { POSTGRES_SCRIPT } from "./postgres/script.js";
import type { ScriptDialect } from "./script.js";

export const SCRIPTS: ReadonlyMap<string, ScriptDialect> = new Map([
	["postgres", POSTGRES_SCRIPT],
	["mysql", MYSQL_SCRIPT],
]);
