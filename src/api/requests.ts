/**
 * What an administrator asks of a node and gets, in the words of both sides: apart from the server, so that a command which
 * asks does not load what answers.
 */
import { z } from "zod";

export interface Listed {
	readonly list: readonly unknown[];
	/** Why there may be more; null: there is not. */
	readonly incomplete: string | null;
}

export const grantInput = z.strictObject({
	license: z.string().min(1),
	target: z.string().min(1),
	database: z.string().min(1).optional(),
	subject: z.string().min(1),
	groups: z.array(z.string().min(1)).optional(),
	durationMs: z.number().int().positive(),
	reason: z.string(),
	by: z.string().min(1),
});
export type GrantInput = z.infer<typeof grantInput>;

export const explainInput = z.strictObject({
	license: z.string().min(1),
	target: z.string().min(1),
	database: z.string().min(1).optional(),
	sql: z.string().min(1),
});
export type ExplainInput = z.infer<typeof explainInput>;

export const endInput = z.strictObject({ by: z.string().min(1), reason: z.string() });

export const ROTATE_PATH = "/v1/key/rotate";
export const SEARCH_PATH = "/v1/search";
/** Says of a list why there may be more. */
export const INCOMPLETE_HEADER = "licet-incomplete";

/** As long as an answer of some megabytes can be. */
export const LIST_LIMIT = 10_000;
const TERM_CHARACTERS = 1000;
const TERMS = 10;
const term = z.string().trim().min(1).max(TERM_CHARACTERS);
const word = z.string().min(1).optional();
const flag = z.stringbool({ truthy: ["true"], falsy: ["false"] }).optional();

/** The query of a list of sessions. Times are RFC 3339 in UTC. */
export const sessionsInput = z.strictObject({
	live: flag,
	subject: word,
	license: word,
	target: word,
	since: z.iso.datetime().optional(),
	until: z.iso.datetime().optional(),
	denied: flag,
	text: term.optional(),
	limit: z.coerce.number().int().min(1).max(LIST_LIMIT).optional(),
});
export type SessionsInput = z.infer<typeof sessionsInput>;

/** Several texts: a statement must hold all of them. */
export const searchInput = sessionsInput
	.omit({ live: true })
	.extend({ text: z.union([term.transform((one) => [one]), z.array(term).min(1).max(TERMS)]) });
export type SearchInput = z.infer<typeof searchInput>;
