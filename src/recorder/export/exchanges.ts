/**
 * A session's statements, each with its result: what exports of one line a statement are made from. Statements wait for
 * their results in memory, as many as a client may have under way.
 */
import type { LoggedEntry } from "../entry.js";

export type Of<Type extends LoggedEntry["type"]> = Extract<LoggedEntry, { type: Type }>;

export interface Exchange {
	readonly statement: Of<"statement">;
	/** Null: the recording does not hold it. */
	readonly result: Of<"result"> | null;
}

export type SessionPart =
	| { readonly kind: "start"; readonly entry: Of<"session.start"> }
	| ({ readonly kind: "exchange" } & Exchange)
	| { readonly kind: "incident"; readonly entry: Of<"incident"> }
	| { readonly kind: "gap"; readonly entry: Of<"gap"> }
	| { readonly kind: "end"; readonly entry: Of<"session.end"> };

/** Statements without a result, beyond which the oldest is given as it is: a pipeline of ten thousand is no client's habit. */
const WAITING = 10_000;

/** In order of the results. */
export async function* sessionParts(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<SessionPart> {
	const waiting = new Map<number, Of<"statement">>();
	for await (const entry of entries) {
		switch (entry.type) {
			case "session.start":
				yield { kind: "start", entry };
				break;
			case "statement":
				waiting.set(entry.statement, entry);
				if (waiting.size > WAITING) yield* unanswered(waiting, waiting.size - 1);
				break;
			case "result": {
				const statement = waiting.get(entry.statement);
				waiting.delete(entry.statement);
				if (statement !== undefined) yield { kind: "exchange", statement, result: entry };
				break;
			}
			case "incident":
				yield { kind: "incident", entry };
				break;
			case "gap":
				yield { kind: "gap", entry };
				break;
			case "session.end":
				yield* unanswered(waiting, 0);
				yield { kind: "end", entry };
				break;
			default:
		}
	}
	yield* unanswered(waiting, 0);
}

/** Gives the oldest as they are until no more than `keep` are left. */
function* unanswered(waiting: Map<number, Of<"statement">>, keep: number): Generator<SessionPart> {
	for (const [number, statement] of waiting) {
		if (waiting.size <= keep) return;
		waiting.delete(number);
		yield { kind: "exchange", statement, result: null };
	}
}
