/**
 * A session as a script that runs its statements again, in the order in which they came. What was denied, only prepared
 * or cannot be written as code stands in it as comments.
 */
import type { ScriptDialect } from "../../sql/script.js";
import { SCRIPTS } from "../../sql/scripts.js";
import type { LoggedEntry } from "../entry.js";
import { printable } from "../terminal.js";
import type { Of } from "./exchanges.js";

export async function* sqlLines(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<string> {
	let dialect: ScriptDialect | undefined;
	let ended = false;
	for await (const entry of entries) {
		switch (entry.type) {
			case "session.start":
				dialect = SCRIPTS.get(entry.engine);
				yield* opening(entry, dialect);
				break;
			case "statement":
				yield* statement(entry, dialect);
				break;
			case "result":
				if (entry.error !== null)
					yield `-- #${entry.statement} failed: ${printable(`${entry.error.code} ${entry.error.message}`)}`;
				break;
			case "incident":
				yield `-- incident at #${entry.statement}: ${printable(entry.message)}`;
				break;
			case "gap":
				yield `-- gap in the recording: ${printable(entry.message)}`;
				break;
			case "session.end":
				ended = true;
				yield "";
				yield `-- ${entry.at} session ended: ${printable(entry.reason)}`;
				break;
			default:
		}
	}
	if (!ended) yield "\n-- the recording holds no end of this session";
}

function* opening(entry: Of<"session.start">, dialect: ScriptDialect | undefined): Generator<string> {
	const { session, subject, target, database, license, at } = entry;
	yield `-- Session ${printable(session)} of ${printable(subject)} on ${printable(target)}, database ${printable(database)}, license ${printable(license)}`;
	yield `-- ${at}`;
	yield `-- Errors are part of it: run it with ${dialect?.run ?? "a client that goes on after errors"}`;
	yield* dialect?.opening(database) ?? [];
}

function* statement(entry: Of<"statement">, dialect: ScriptDialect | undefined): Generator<string> {
	const { sql, parameters, decision, parseOnly } = entry;
	yield "";
	yield `-- #${entry.statement} ${entry.at}`;
	if (decision.effect === "deny") {
		yield `-- DENIED (${printable(decision.id)}): ${decision.reasons.map(({ message }) => printable(message)).join("; ")}`;
		yield* commented(entry);
		return;
	}
	if (parseOnly === true) {
		yield "-- prepared, not run:";
		yield* commented(entry);
		return;
	}
	const code = dialect?.code(sql, parameters) ?? { kind: "withheld", why: "the engine is not known" };
	if (code.kind === "code") {
		yield code.text;
		return;
	}
	yield `-- not written as code: ${code.why}`;
	yield* commented(entry);
}

function* commented({ sql, parameters }: Of<"statement">): Generator<string> {
	for (const line of sql.split(/\r\n|\n|\r/)) yield `--   ${printable(line)}`;
	for (const [index, value] of parameters.entries()) {
		yield `--   parameter ${index + 1}: ${value === null ? "NULL" : printable(JSON.stringify(value))}`;
	}
}
