/** `licet search TEXT…`: statements by what they hold, across sessions. */
import { searchInput } from "../../api/requests.js";
import type { SearchHit } from "../../recorder/search/query.js";
import { fold } from "../../recorder/search/terms.js";
import { displayWidth, printable, startOf } from "../../recorder/terminal.js";
import { configuration } from "../admin-client.js";
import { parsedQuery, searchQuery } from "../listing.js";
import { searchSealed } from "../sealed-search.js";
import { requestList, type SessionOptions, sessionQuery } from "../session-query.js";

export type SearchOptions = Omit<SessionOptions, "live" | "text"> & {
	readonly config: string;
	readonly json?: boolean;
	/** The auditor's private key: what is sealed is searched too, in the recording itself. */
	readonly key?: string;
};

/** Of a statement so much is shown: what was found, with what stands around it. */
const SHOWN_COLUMNS = 160;
const INDENT = "    ";
/** In longer texts a hit's place is off by what folding changed before it: finding it exactly takes the square of that. */
const MEASURED_CHARACTERS = 4096;

export async function search(texts: readonly string[], options: SearchOptions): Promise<string> {
	const hits = await found(texts, options);
	if (options.json === true) return JSON.stringify(hits);
	if (hits.length === 0) return "No statement holds it.";
	const isColoured = process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "";
	const columns = (process.stdout.columns ?? SHOWN_COLUMNS) - INDENT.length;
	return hits.map((hit) => described(hit, texts, Math.max(columns, 20), isColoured)).join("\n");
}

async function found(texts: readonly string[], options: SearchOptions): Promise<readonly SearchHit[]> {
	const query = sessionQuery(options, Date.now(), texts);
	if (options.key !== undefined) {
		const asked = searchQuery(parsedQuery(searchInput, new URLSearchParams(query)));
		return searchSealed(options.config, options.key, asked);
	}
	return (await requestList(configuration(options.config, false), `/v1/search${query}`)) as SearchHit[];
}

function described(hit: SearchHit, texts: readonly string[], columns: number, isColoured: boolean): string {
	const effect = hit.effect === "deny" ? "DENIED" : hit.parseOnly ? "prepared" : "allowed";
	const head = [hit.at, `${hit.session} #${hit.statement}`, hit.subject, hit.target, effect].map(printable).join("  ");
	const lines = [
		hit.sql,
		...hit.parameters.map((value, index) => (value === null ? null : `$${index + 1} = ${value}`)),
	];
	const shown = lines.flatMap((text, index) => {
		const held = text === null ? undefined : texts.find((term) => fold(text).includes(fold(term)));
		/* The statement always; of its parameters those that hold what was searched for. */
		if (text === null || (held === undefined && index > 0)) return [];
		return [INDENT + excerpt(text, held, columns, isColoured)];
	});
	return [head, ...shown].join("\n");
}

/** One line of a text with what was found in it, the hit marked. */
export function excerpt(text: string, term: string | undefined, columns: number, isColoured: boolean): string {
	const flat = printable(text.replace(/\s+/g, " ").trim());
	const place = term === undefined ? undefined : placeOf(flat, printable(term.replace(/\s+/g, " ").trim()));
	const at = place?.at ?? 0;
	/* The hit begins in the first third. */
	const from = displayWidth(flat) <= columns ? 0 : Math.max(0, at - Math.floor(columns / 3));
	const head = from === 0 ? "" : "…";
	const rest = flat.slice(from);
	const cut = startOf(rest, columns - head.length);
	const line = cut.length === rest.length ? cut : `${startOf(rest, columns - head.length - 1)}…`;
	if (!isColoured || place === undefined) return head + line;
	const start = at - from;
	return `${head}${line.slice(0, start)}\u001b[1;33m${line.slice(start, start + place.length)}\u001b[0m${line.slice(start + place.length)}`;
}

/** Where a text holds another, in its own characters; folding may change their number. */
function placeOf(text: string, term: string): { readonly at: number; readonly length: number } | undefined {
	const folded = fold(text);
	const needle = fold(term);
	const at = folded.indexOf(needle);
	if (at === -1) return undefined;
	if (folded.length === text.length || text.length > MEASURED_CHARACTERS) return { at, length: needle.length };
	let before = 0;
	while (before < text.length && fold(text.slice(0, before)).length < at) before += 1;
	let end = before;
	while (end < text.length && !fold(text.slice(before, end)).includes(needle)) end += 1;
	return { at: before, length: end - before };
}
