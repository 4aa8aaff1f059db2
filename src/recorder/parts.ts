/**
 * Long values. An entry holds at most a bounded number of characters; what does not fit follows it in `part` entries, so
 * that no line grows without bound and nothing is cut.
 */
import type { Entry, LoggedEntry } from "./entry.js";

type Part = Extract<Entry, { type: "part" }>;

/** Characters (UTF-16 units) of values in one entry, and of one part. 64 Ki: a chunk that any reader can hold. */
export const ENTRY_CHARACTERS = 65_536;
/** Values this short always stay in the entry: a part entry's frame would be longer than they are. */
const SMALL_CHARACTERS = 128;

/** Whether a statement is too long for one entry; told before it is encoded, for it may be too long for that, too. */
export function isLong(entry: Entry): boolean {
	if (entry.type !== "statement") return false;
	let characters = entry.sql.length + (entry.sealed?.data.length ?? 0);
	for (const parameter of entry.parameters) characters += parameter?.length ?? 0;
	return characters > ENTRY_CHARACTERS;
}

type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

interface Cut {
	readonly field: string;
	readonly rest: string;
}

/** Where to cut a text at or before `at`: never between the halves of a surrogate pair. */
function boundary(text: string, at: number): number {
	const code = text.charCodeAt(at - 1);
	return at < text.length && code >= 0xd800 && code <= 0xdbff ? at - 1 : at;
}

class Splitter {
	readonly cuts: Cut[] = [];
	#left = ENTRY_CHARACTERS;

	/** A copy of `value` with its strings shortened to what there is room for. */
	shorten(value: Json, path: string): Json {
		if (typeof value === "string") return this.#text(value, path);
		if (value === null || typeof value !== "object") return value;
		const inner = (key: string | number) => (path === "" ? String(key) : `${path}.${key}`);
		if (Array.isArray(value)) return value.map((item: Json, index) => this.shorten(item, inner(index)));
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.shorten(item, inner(key))]));
	}

	#text(text: string, field: string): string {
		const room = Math.max(this.#left, 0);
		this.#left -= Math.min(text.length, Math.max(room, SMALL_CHARACTERS));
		if (text.length <= room || text.length <= SMALL_CHARACTERS) return text;
		const kept = boundary(text, room);
		this.cuts.push({ field, rest: text.slice(kept) });
		return text.slice(0, kept);
	}
}

/** An entry shortened to fit, and the parts that continue it, whose entry number is `of`. */
export function splitEntry(entry: Entry, of: number): { readonly head: Entry; readonly parts: readonly Part[] } {
	const splitter = new Splitter();
	const head = splitter.shorten(entry as Json, "") as Entry;
	const parts: Part[] = [];
	for (const { field, rest } of splitter.cuts) {
		let start = 0;
		for (let index = 1; start < rest.length; index++) {
			const end = boundary(rest, Math.min(start + ENTRY_CHARACTERS, rest.length));
			parts.push({ type: "part", of, field, index, last: end === rest.length, text: rest.slice(start, end) });
			start = end;
		}
	}
	return { head, parts };
}

/** Puts a long entry, read from the log and nobody else's yet, together again. Undefined when the parts are not exactly its own, each whole and in order. */
export function joinParts(head: LoggedEntry, parts: readonly LoggedEntry[]): LoggedEntry | undefined {
	if (parts.length !== (head.parts ?? 0)) return undefined;
	const texts = new Map<string, string[]>();
	let open: { readonly field: string; readonly index: number } | undefined;
	for (const part of parts) {
		if (part.type !== "part" || part.of !== head.seq) return undefined;
		const expected = open === undefined ? 1 : open.index + 1;
		if (part.index !== expected || (open !== undefined && part.field !== open.field)) return undefined;
		const known = texts.get(part.field);
		if (known === undefined) texts.set(part.field, [part.text]);
		else known.push(part.text);
		open = part.last ? undefined : part;
	}
	if (open !== undefined) return undefined;
	const { parts: _, ...whole } = head;
	const joined = whole as Json;
	for (const [field, pieces] of texts) {
		if (!extend(joined, field.split("."), pieces.join(""))) return undefined;
	}
	return joined as LoggedEntry;
}

/** Makes the string at `path` longer by `text`, in place: there can be as many paths as a statement has parameters. */
function extend(root: Json, path: readonly string[], text: string): boolean {
	let holder = root;
	for (const [depth, key] of path.entries()) {
		if (holder === null || typeof holder !== "object" || !Object.hasOwn(holder, key)) return false;
		const fields = holder as { [key: string]: Json };
		const value = fields[key];
		if (depth < path.length - 1) {
			holder = value;
			continue;
		}
		if (typeof value !== "string") return false;
		fields[key] = value + text;
	}
	return path.length > 0;
}
