/**
 * A session's statements as CSV (RFC 4180: lines end with CRLF, every text in quotes).
 *
 * A spreadsheet runs what begins with `=`, `+`, `-`, `@`, a tab or a carriage return, so such a text gets an apostrophe
 * before it (OWASP: CSV Injection). What must be exact is what the other formats are for.
 */
import type { LoggedEntry } from "../entry.js";
import { type Exchange, type Of, sessionParts } from "./exchanges.js";

const COLUMNS = [
	"session",
	"at",
	"subject",
	"license",
	"target",
	"database",
	"clientAddress",
	"statement",
	"effect",
	"decision",
	"reasons",
	"sql",
	"parameters",
	"run",
	"command",
	"rows",
	"bytes",
	"durationMs",
	"errorCode",
	"errorMessage",
	"masked",
] as const;

export async function* csvLines(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<string> {
	yield COLUMNS.map(field).join(",");
	let start: Of<"session.start"> | undefined;
	for await (const part of sessionParts(entries)) {
		if (part.kind === "start") start = part.entry;
		if (part.kind === "exchange") yield line(start, part);
	}
}

function line(start: Of<"session.start"> | undefined, { statement, result }: Exchange): string {
	const { decision } = statement;
	return [
		statement.session,
		statement.at,
		start?.subject,
		start?.license,
		start?.target,
		start?.database,
		start?.clientAddress,
		statement.statement,
		decision.effect,
		decision.id,
		decision.reasons.map(({ term, message }) => (term === null ? message : `${message} [${term}]`)).join("; "),
		statement.sql,
		statement.parameters.length === 0 ? "" : JSON.stringify(statement.parameters),
		statement.parseOnly === true
			? "prepared only"
			: decision.effect === "deny"
				? "no"
				: result === null
					? "result not recorded"
					: "yes",
		result?.command,
		result?.rows,
		result?.bytes,
		result?.durationMs,
		result?.error?.code,
		result?.error?.message,
		result?.masked.join("; "),
	]
		.map(field)
		.join(",");
}

const FORMULA = /^\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

function field(value: string | number | null | undefined): string {
	if (value === null || value === undefined) return "";
	if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
	const text = FORMULA.test(value) ? `'${value}` : value;
	return `"${text.replaceAll('"', '""')}"`;
}
