/**
 * What sort of value a column holds, in the few classes that masks tell apart. Engine-neutral: each engine maps its own
 * types to these (PostgreSQL: postgres/values.ts).
 */
export type ValueKind = "text" | "integer" | "decimal" | "date" | "timestamp" | "uuid" | "json" | "other";

/** A masked value for a column of JSON; undefined: it is none. */
export function fitJson(text: string): string | undefined {
	try {
		JSON.parse(text);
		return text;
	} catch {
		return undefined;
	}
}
