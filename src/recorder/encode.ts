/**
 * Entries as lines of JSON. Statements and results, which come by the thousand, are put together by hand: the shape is
 * known, and what a cached decision repeats is encoded once. All else goes through JSON.stringify.
 *
 * Either way a line parses to the entry it was made from, and holds no newline: JSON escapes control characters.
 */
import type { Entry, RecordedDecision, Sealed } from "./entry.js";

type Statement = Extract<Entry, { type: "statement" }>;
type Result = Extract<Entry, { type: "result" }>;

/** Strings that stand between quotes as they are: printable ASCII without quote and backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** Above this, JSON.stringify is the faster test. */
const SHORT_CHARACTERS = 64;

function quote(text: string): string {
	return text.length <= SHORT_CHARACTERS && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** JSON has no NaN or Infinity; JSON.stringify says null, and so do we. */
function number(value: number): string {
	return Number.isFinite(value) ? String(value) : "null";
}

/** Encoded reasons and masks by the list that a cached decision shares among its statements. */
const encodedLists = new WeakMap<object, string>();

function encodeShared(list: readonly object[]): string {
	if (list.length === 0) return "[]";
	let text = encodedLists.get(list);
	if (text === undefined) {
		text = JSON.stringify(list);
		encodedLists.set(list, text);
	}
	return text;
}

function encodeDecision(decision: RecordedDecision): string {
	const observed = decision.observed === undefined ? "" : `,"observed":"${decision.observed}"`;
	return `{"id":${quote(decision.id)},"effect":"${decision.effect}","reasons":${encodeShared(
		decision.reasons,
	)},"masks":${encodeShared(decision.masks)}${observed}}`;
}

function encodeStatement(head: string, entry: Statement): string {
	const parameters = entry.parameters.length === 0 ? "[]" : JSON.stringify(entry.parameters);
	const prepared = entry.prepared === undefined ? "" : `,"prepared":${quote(entry.prepared)}`;
	const parseOnly = entry.parseOnly === undefined ? "" : `,"parseOnly":${entry.parseOnly}`;
	return `${head}"type":"statement","session":${quote(entry.session)},"statement":${number(
		entry.statement,
	)},"sql":${JSON.stringify(entry.sql)},"parameters":${parameters}${prepared}${parseOnly},"decision":${encodeDecision(
		entry.decision,
	)}${encodeSealed(entry.sealed)}}\n`;
}

function encodeResult(head: string, entry: Result): string {
	const command = entry.command === null ? "null" : quote(entry.command);
	const error = entry.error === null ? "null" : JSON.stringify(entry.error);
	const masked = entry.masked.length === 0 ? "[]" : JSON.stringify(entry.masked);
	const sample = entry.sample === null ? "null" : JSON.stringify(entry.sample);
	return `${head}"type":"result","session":${quote(entry.session)},"statement":${number(
		entry.statement,
	)},"command":${command},"rows":${number(entry.rows)},"bytes":${number(entry.bytes)},"durationMs":${number(
		entry.durationMs,
	)},"error":${error},"masked":${masked},"sample":${sample}${encodeSealed(entry.sealed)}}\n`;
}

function encodeSealed(sealed: Sealed | undefined): string {
	return sealed === undefined ? "" : `,"sealed":{"nonce":${sealed.nonce},"data":"${sealed.data}"}`;
}

/** The line of an entry, with its newline. `parts`: how many part entries follow. */
export function encodeEntry(entry: Entry, seq: number, at: string, parts = 0): string {
	const head = `{"v":1,"seq":${seq},"at":"${at}",${parts === 0 ? "" : `"parts":${parts},`}`;
	switch (entry.type) {
		case "statement":
			return encodeStatement(head, entry);
		case "result":
			return encodeResult(head, entry);
		default:
			return `${head}${JSON.stringify(entry).slice(1)}\n`;
	}
}
