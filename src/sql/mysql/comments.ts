/**
 * Comments between slash-star and star-slash. Some are code: `/*! … *\/` for both servers, `/*!50000 … *\/` from that
 * version on, `/*M! … *\/` for MariaDB alone. Neither server nests comments, but for one level inside a conditional
 * comment that it skips.
 *
 * MySQL: manual, "Comments". MariaDB: "Comment Syntax"; it skips what is meant for MySQL 5.7 and later.
 */
import type { Server } from "./flavour.js";

export type Comment =
	/** The code begins at `end`. */
	| { readonly kind: "code"; readonly end: number }
	/** Skipped whole; `end` is -1 where it is not closed. */
	| { readonly kind: "space"; readonly end: number };

/** What the comment at `start` is to this server. */
export function executesComment(text: string, start: number, server: Server): Comment {
	const isMaria = server.flavour === "mariadb";
	const marksMaria = isMaria && text.startsWith("M!", start + 2);
	if (!marksMaria && text.charCodeAt(start + 2) !== 0x21) {
		return { kind: "space", end: closedAt(text, start + 2) };
	}
	const from = start + (marksMaria ? 4 : 3);
	const digits = versionDigits(text, from, isMaria);
	if (digits === 0) return { kind: "code", end: from };
	const version = Number(text.slice(from, from + digits));
	const isForOther = isMaria && !marksMaria && version >= 50700 && version <= 99999;
	if (version <= server.version && !isForOther) return { kind: "code", end: from + digits };
	return { kind: "space", end: nestedClosedAt(text, from) };
}

/** Five digits are a version, and a sixth belongs to it (to MySQL only before white space); fewer are code. */
function versionDigits(text: string, from: number, isMaria: boolean): number {
	const [digits = ""] = /^\d{0,6}/.exec(text.slice(from, from + 6)) ?? [];
	if (digits.length === 6 && !isMaria && !/\s/.test(text.charAt(from + 6))) return 5;
	return digits.length < 5 ? 0 : digits.length;
}

/** Behind the star-slash that comes first; -1: there is none. */
function closedAt(text: string, from: number): number {
	const at = text.indexOf("*/", from);
	return at === -1 ? -1 : at + 2;
}

/** As `closedAt`, but comments inside it are skipped. */
function nestedClosedAt(text: string, from: number): number {
	let at = from;
	for (;;) {
		const close = text.indexOf("*/", at);
		if (close === -1) return -1;
		const open = text.indexOf("/*", at);
		if (open === -1 || open > close) return close + 2;
		const inner = closedAt(text, open + 2);
		if (inner === -1) return -1;
		at = inner;
	}
}

/**
 * Whether a hint's text could be read in two ways, or does more than advise: quotes that hide where it ends, and hints
 * that change settings for the statement.
 */
export function isHintAmbiguous(inner: string): boolean {
	return !/^\+[\w@(),.$=%\s-]*$/.test(inner) || /\b(?:SET_VAR|RESOURCE_GROUP)\b/i.test(inner);
}
