/**
 * What sort of value a column holds, in the few classes that masks tell apart. Engine-neutral: each engine maps its own
 * types to these (PostgreSQL: postgres/values.ts).
 */
export type ValueKind = "text" | "integer" | "decimal" | "date" | "timestamp" | "uuid" | "json" | "other";
