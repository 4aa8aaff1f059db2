/** Entries for tests: plausible ones, and generated ones of every shape that the hot path writes. */
import fc from "fast-check";
import type { Entry } from "../../src/recorder/entry.js";

export type Statement = Extract<Entry, { type: "statement" }>;
export type Result = Extract<Entry, { type: "result" }>;

export function sessionStart(session: string, more: Partial<Extract<Entry, { type: "session.start" }>> = {}): Entry {
	return {
		type: "session.start",
		session,
		grant: "g_1",
		license: "acme",
		licenseDigest: "sha256:00",
		subject: "alice",
		target: "shop",
		engine: "postgres",
		database: "shop",
		clientAddress: "127.0.0.1",
		application: "psql",
		tls: true,
		...more,
	};
}

export function statement(session: string, number: number, sql = "select 1", more: Partial<Statement> = {}): Statement {
	const decision = { id: `d_${number}`, effect: "allow", reasons: [], masks: [] } as const;
	return { type: "statement", session, statement: number, sql, parameters: [], decision, ...more };
}

export function result(session: string, number: number, more: Partial<Result> = {}): Result {
	return {
		type: "result",
		session,
		statement: number,
		command: "SELECT 1",
		rows: 1,
		bytes: 40,
		durationMs: 1.5,
		error: null,
		masked: [],
		sample: null,
		...more,
	};
}

export function sessionEnd(session: string, statements = 1): Entry {
	return {
		type: "session.end",
		session,
		reason: "client disconnected",
		statements,
		denied: 0,
		rowsOut: 1,
		bytesOut: 40,
		bytesIn: 30,
	};
}

/** Any text at all: controls, quotes, surrogate halves, other scripts. */
const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), fc.string());
const lone = fc.constantFrom("\ud800", "a\udc00b", "\u2028", '"', "\\", "\n", "\u0000", "\u007f");
const any = fc.oneof({ weight: 4, arbitrary: text }, lone);
const value = fc.option(any);
const count = fc.nat();

export const anyStatement: fc.Arbitrary<Statement> = fc.record(
	{
		type: fc.constant("statement" as const),
		session: any,
		statement: count,
		sql: any,
		parameters: fc.array(value),
		prepared: any,
		parseOnly: fc.boolean(),
		decision: fc.record(
			{
				id: any,
				effect: fc.constantFrom("allow" as const, "deny" as const),
				reasons: fc.array(fc.record({ term: value, message: any })),
				masks: fc.array(fc.record({ column: any, mask: any, term: any })),
				observed: fc.constant("deny" as const),
			},
			{ requiredKeys: ["id", "effect", "reasons", "masks"] },
		),
	},
	{ requiredKeys: ["type", "session", "statement", "sql", "parameters", "decision"] },
);

export const anyResult: fc.Arbitrary<Result> = fc.record({
	type: fc.constant("result" as const),
	session: any,
	statement: count,
	command: value,
	rows: count,
	bytes: count,
	durationMs: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }), fc.constant(0.1)),
	error: fc.option(fc.record({ code: any, message: any })),
	masked: fc.array(any),
	sample: fc.option(fc.record({ columns: fc.array(any), rows: fc.array(fc.array(value)) })),
});
