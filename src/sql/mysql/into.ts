/** INTO of a query: files and variables. Where the rows go is remembered by the grammar, for the statement as a whole. */
import type { Into } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { collation } from "./terms.js";
import { KIND } from "./tokens.js";

/** True when there was one. */
export function into(g: Grammar): boolean {
	const { cursor } = g;
	if (!cursor.isWord("INTO")) return false;
	if (g.into !== undefined) throw cursor.fail("INTO stands twice");
	const position = cursor.position();
	cursor.at += 1;
	g.into = target(g, position);
	return true;
}

function target(g: Grammar, position: number): Into {
	const { cursor } = g;
	if (cursor.take("OUTFILE")) {
		cursor.string();
		if (cursor.take("CHARACTER", "SET") || cursor.take("CHARSET")) collation(cursor);
		fieldsAndLines(g);
		return { kind: "file", what: "OUTFILE", position };
	}
	if (cursor.take("DUMPFILE")) {
		cursor.string();
		return { kind: "file", what: "DUMPFILE", position };
	}
	const names = cursor.list(() =>
		cursor.kind() === KIND.variable ? `@${cursor.variableName()}` : cursor.columnName(),
	);
	return { kind: "variables", names, position };
}

/** FIELDS … LINES … of OUTFILE and LOAD DATA. */
export function fieldsAndLines(g: Grammar): void {
	const { cursor } = g;
	if (cursor.takeAny("FIELDS", "COLUMNS") !== undefined) {
		while (cursor.isAnyWord("TERMINATED", "OPTIONALLY", "ENCLOSED", "ESCAPED")) {
			cursor.take("OPTIONALLY");
			cursor.at += 1;
			cursor.expect("BY");
			separator(g);
		}
	}
	if (cursor.take("LINES")) {
		while (cursor.takeAny("STARTING", "TERMINATED") !== undefined) {
			cursor.expect("BY");
			separator(g);
		}
	}
}

function separator(g: Grammar): void {
	const { cursor } = g;
	if (cursor.kind() === KIND.bits) cursor.at += 1;
	else cursor.string();
}
