/**
 * The options by which sessions and statements are picked, read and checked: `licet sessions`, `licet search`.
 */
import { LIST_LIMIT } from "../api/requests.js";
import type { Config } from "../config/document.js";
import { DURATION_EXPECTED, parseDuration } from "../config/units.js";
import { AdminClient, ServeAbsent } from "./admin-client.js";
import { CommandFailure } from "./failure.js";

export interface SessionOptions {
	readonly live?: boolean;
	readonly subject?: string;
	readonly license?: string;
	readonly target?: string;
	readonly since?: string;
	readonly until?: string;
	readonly denied?: boolean;
	readonly text?: string;
	readonly limit?: string;
}

const TIME_EXPECTED =
	"expected a time in UTC or with its zone (2026-01-31, 2026-01-31T12:00Z, 2026-01-31T12:00:00.5+01:00), or how long ago: " +
	DURATION_EXPECTED;

/** The query string of a request, with its question mark; empty when nothing is asked. Throws CommandFailure. */
export function sessionQuery(options: SessionOptions, nowMs: number, terms: readonly string[] = []): string {
	const since = timeOf("--since", options.since, nowMs);
	const until = timeOf("--until", options.until, nowMs);
	if (since !== undefined && until !== undefined && since >= until) {
		throw new CommandFailure(`--since ${options.since} is not before --until ${options.until}`, 2);
	}
	const query = new URLSearchParams();
	const put = (name: string, value: string | undefined) => {
		if (value !== undefined) query.set(name, value);
	};
	put("live", options.live === true ? "true" : undefined);
	put("subject", subjectOf(named("--subject", options.subject)));
	put("license", named("--license", options.license));
	put("target", named("--target", options.target));
	put("since", since === undefined ? undefined : new Date(since).toISOString());
	put("until", until === undefined ? undefined : new Date(until).toISOString());
	put("denied", options.denied === true ? "true" : undefined);
	put("text", named("--text", options.text, "a text"));
	put("limit", limitOf(options.limit));
	for (const term of terms) query.append("text", named("TEXT", term, "a text") ?? "");
	return query.size === 0 ? "" : `?${query}`;
}

export function named(option: string, value: string | undefined, what = "a name"): string | undefined {
	if (value?.trim() === "") throw new CommandFailure(`${option}: expected ${what}, got nothing`, 2);
	return value;
}

/** The recording writes a user by the name alone. */
function subjectOf(name: string | undefined): string | undefined {
	return name?.startsWith("user:") ? name.slice("user:".length) : name;
}

export function limitOf(text: string | undefined): string | undefined {
	if (text === undefined) return undefined;
	const limit = Number(text);
	if (!/^\d+$/.test(text) || limit < 1 || limit > LIST_LIMIT) {
		throw new CommandFailure(`--limit ${text}: expected a whole number from 1 to ${LIST_LIMIT}`, 2);
	}
	return text;
}

/** RFC 3339, of which the time, its seconds and (for UTC) the zone may be left out. */
const TIME = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d(?:\.\d{1,9})?))?)?([Zz]|[+-]\d\d:\d\d)?$/;

function timeOf(option: string, text: string | undefined, nowMs: number): number | undefined {
	if (text === undefined) return undefined;
	const ago = parseDuration(text);
	if (ago !== undefined) return nowMs - ago;
	const [whole, date = "", minutes = "00:00", seconds = "00", zone = "Z"] = TIME.exec(text) ?? [];
	const ms = whole === undefined ? Number.NaN : Date.parse(`${date}T${minutes}:${seconds}${zone.toUpperCase()}`);
	/* Date.parse takes 31 February for 3 March. */
	const isOfCalendar = !Number.isNaN(ms) && new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
	if (!isOfCalendar) throw new CommandFailure(`${option} ${text}: ${TIME_EXPECTED}`, 2);
	return ms;
}

/** The list that a request asks for: from the running `serve`, or from the recording itself where none runs. */
export async function requestList(config: Config, path: string): Promise<unknown> {
	/* Beside the list, so that what reads the list is not disturbed. */
	const tell = (what: string) => process.stderr.write(`licet: ${what}\n`);
	const tellIncomplete = (why: string) => tell(`this may not be all: ${why}`);
	try {
		return await new AdminClient(config).list(path, tellIncomplete);
	} catch (error) {
		if (!(error instanceof ServeAbsent)) throw error;
	}
	tell("no `licet serve` is running on this configuration: this is read from the recording itself");
	const { list, incomplete } = await (await import("./offline.js")).listOffline(config, path);
	if (incomplete !== null) tellIncomplete(incomplete);
	return list;
}
