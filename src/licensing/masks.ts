/**
 * The masks: a value as text and its kind → what the client sees, or null for NULL.
 *
 * A mask that a type cannot express gives NULL, and so does every value that is not in the form expected (dates in a
 * style other than ISO, dates before Christ, infinities): what is not understood is not shown. NULL itself is never
 * handed to a mask and stays NULL.
 */
import { createHmac, hkdfSync } from "node:crypto";
import type { ValueKind } from "../protocols/values.js";
import type { ColumnMask, TruncateTo } from "./decision.js";

/** What stands for hidden text. Characters that are hidden by `partial` become as many of the first. */
export const HIDDEN = "*";
export const HIDDEN_TEXT = "***";

export function maskValue(mask: ColumnMask, value: string, kind: ValueKind): string | null {
	const { mask: how } = mask;
	switch (how.kind) {
		case "null":
			return null;
		case "redact":
			return kind === "text" ? how.text : null;
		case "partial":
			return kind === "text" ? partial(value, how.keepFirst, how.keepLast) : null;
		case "email":
			return kind === "text" ? email(value) : null;
		case "hash":
			return pseudonym(value, kind, mask.key);
		case "truncate":
			return truncated(value, kind, how.to);
		default:
			return how satisfies never;
	}
}

/** Whether a text always becomes a text. What clients are told of a column depends on it: a NOT NULL one may stay so. */
export function keepsText({ mask, key }: ColumnMask): boolean {
	switch (mask.kind) {
		case "redact":
		case "partial":
		case "email":
			return true;
		case "hash":
			return key.length > 0;
		case "null":
		case "truncate":
			return false;
		default:
			return mask satisfies never;
	}
}

/**
 * Keeps the first and last code points and hides the others one for one, as card numbers are commonly shown. A value
 * that is not longer than what would be kept is hidden whole.
 */
function partial(value: string, keepFirst: number, keepLast: number): string {
	const points = Array.from(value);
	const hidden = points.length - keepFirst - keepLast;
	if (hidden <= 0) return HIDDEN.repeat(points.length);
	const last = keepLast === 0 ? "" : points.slice(-keepLast).join("");
	return points.slice(0, keepFirst).join("") + HIDDEN.repeat(hidden) + last;
}

/**
 * alice@mail.example.com → a***@***.com: the first character and the last label of the domain, with stars that say
 * nothing of lengths. What does not look like one address is hidden whole; so is a one-letter name.
 */
function email(value: string): string {
	const match = /^([^\s@]+)@[^\s@.]+(?:\.[^\s@.]+)*\.([A-Za-z]{2,24})$/.exec(value);
	if (match === null) return HIDDEN_TEXT;
	const name = Array.from(match[1] ?? "");
	return `${name.length > 1 ? name[0] : ""}${HIDDEN_TEXT}@${HIDDEN_TEXT}.${match[2]}`;
}

/**
 * HMAC-SHA-256 under the license's key: the same value has the same pseudonym wherever the license masks it, so masked
 * columns still join in a client. Shortened to 128 bits: chance collisions stay out of reach of any table.
 * Integers have no pseudonym: their width is not known here, and a wider value would not fit the column.
 */
function pseudonym(value: string, kind: ValueKind, key: Uint8Array): string | null {
	// Without a key anyone could compute the pseudonyms of guessed values.
	if (key.length === 0 || (kind !== "text" && kind !== "uuid")) return null;
	const hex = createHmac("sha256", key).update(value, "utf8").digest("hex").slice(0, 32);
	if (kind === "text") return hex;
	// RFC 9562: version 8 (custom), variant 10, so that strict readers take it.
	const variant = "89ab"[Number.parseInt(hex[16] ?? "0", 16) & 3] ?? "8";
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function truncated(value: string, kind: ValueKind, to: TruncateTo): string | null {
	if (typeof to === "object") return kind === "integer" || kind === "decimal" ? multiple(value, to.number) : null;
	if (kind === "date") return truncatedDate(value, to);
	return kind === "timestamp" ? truncatedTimestamp(value, to) : null;
}

/** Digits beyond these are no number that a person reads, and PostgreSQL's float8 ends at 10^308. */
const MAX_EXPONENT = 400;

/** The multiple of `step` that is next towards zero. Exact: the digits are never a float. */
function multiple(value: string, step: number): string | null {
	const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/.exec(value);
	if (match === null) return null;
	const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
	const shift = Number(exponent);
	if (Math.abs(shift) > MAX_EXPONENT) return null;
	const digits =
		shift >= 0
			? whole + fraction.padEnd(shift, "0").slice(0, shift)
			: whole.slice(0, Math.max(whole.length + shift, 0));
	const number = BigInt(digits === "" ? "0" : digits);
	const cut = number - (number % BigInt(step));
	return cut === 0n ? "0" : `${sign}${cut}`;
}

const DATE = /^(\d{4,6})-(\d{2})-(\d{2})$/;
/**
 * Date, time, the offset as the server wrote it (of up to 167 hours, in zones of a client's own making). "BC" and the
 * words for infinity do not match.
 */
const TIMESTAMP = /^(\d{4,6})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(Z|[+-]\d{2,3}(?::\d{2}){0,2})?$/;

function truncatedDate(value: string, to: Exclude<TruncateTo, object>): string | null {
	const match = DATE.exec(value);
	if (match === null) return null;
	const [, year = "", month = "", day = ""] = match;
	return `${year}-${to === "year" ? "01" : month}-${to === "year" || to === "month" ? "01" : day}`;
}

/**
 * A time with an offset is cut in UTC, whatever zone it is shown in: cut in the session's zone, which a client sets as it
 * likes, the value would tell where between two cuts it lies.
 */
function truncatedTimestamp(value: string, to: Exclude<TruncateTo, object>): string | null {
	const match = TIMESTAMP.exec(value);
	if (match === null) return null;
	const offset = match[7];
	const [year = "", month = "", day = "", hour = ""] = offset === undefined ? match.slice(1, 5) : inUtc(match);
	const date = truncatedDate(`${year}-${month}-${day}`, to);
	return date === null ? null : `${date} ${to === "hour" ? hour : "00"}:00:00${offset === undefined ? "" : "+00"}`;
}

/** Year, month, day and hour in UTC; nothing where they are beyond reckoning. */
function inUtc(match: RegExpExecArray): string[] {
	const [, year = "", month = "", day = "", hour = "", minute = "", second = "", offset = ""] = match;
	const at = new Date(0);
	at.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
	at.setUTCHours(Number(hour), Number(minute), Number(second));
	const time = at.getTime() - offsetMs(offset);
	// Where it ends before the year 0 or beyond what a Date holds.
	if (!(time >= FIRST_MS && time <= LAST_MS)) return [];
	const [, ...parts] = /^\+?0*(\d{4,6})-(\d{2})-(\d{2})T(\d{2})/.exec(new Date(time).toISOString()) ?? [];
	return parts;
}

/** 0001-01-01, in milliseconds since 1970: before it a date needs its era. */
const FIRST_MS = -62_135_596_800_000;
/** The last instant of a Date. */
const LAST_MS = 8.64e15;

/** "+01", "-03:30", "+05:30:15", "Z". */
function offsetMs(offset: string): number {
	const [hours = 0, minutes = 0, seconds = 0] = (offset.match(/\d+/g) ?? []).map(Number);
	const magnitude = ((hours * 60 + minutes) * 60 + seconds) * 1000;
	return offset.startsWith("-") ? -magnitude : magnitude;
}

/** The key of a license's `hash` masks: HKDF-SHA-256 (RFC 5869) of the node's secret, so that licenses cannot be joined. */
export function deriveMaskKey(nodeSecret: Uint8Array, licenseId: string): Uint8Array {
	if (nodeSecret.length < 16) throw new RangeError("the node's secret must have at least 128 bits");
	return new Uint8Array(hkdfSync("sha256", nodeSecret, new Uint8Array(0), `licet mask key v1 ${licenseId}`, 32));
}
