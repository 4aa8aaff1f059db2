/** What a search of the player finds: in a statement's text and parameters, its rows as shown, its reasons and errors. */
import type { LoggedEntry } from "../../recorder/entry.js";
import type { Tape } from "./tape.js";

export function contains(tape: Tape, order: number, term: string): boolean {
	const needle = term.toLowerCase();
	for (let place = tape.statements[order] ?? tape.length; place < tape.endOf(order); place++) {
		if (texts(tape.entry(place)).some((text) => text?.toLowerCase().includes(needle) === true)) return true;
	}
	return false;
}

function texts(entry: LoggedEntry): readonly (string | null | undefined)[] {
	switch (entry.type) {
		case "statement":
			return [entry.sql, entry.prepared, ...entry.parameters, ...entry.decision.reasons.map(({ message }) => message)];
		case "result":
			return [
				entry.error?.code,
				entry.error?.message,
				...(entry.sample?.columns ?? []),
				...(entry.sample?.rows.flat() ?? []),
			];
		case "incident":
		case "gap":
			return [entry.message];
		default:
			return [];
	}
}
