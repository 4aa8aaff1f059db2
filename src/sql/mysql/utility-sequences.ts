/** CREATE and ALTER of sequences, which are MariaDB's. MariaDB: "CREATE SEQUENCE", "ALTER SEQUENCE". */
import type { MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { KIND } from "./tokens.js";
import {
	type Created,
	definition,
	equals,
	ifExists,
	ifNotExists,
	number,
	onRelation,
	type Seen,
	STANDS_IN,
} from "./utility-parts.js";
import { tableOptions } from "./utility-table-options.js";

/** Behind CREATE … SEQUENCE. */
export function createSequence(g: Grammar, how: Created): MysqlStatement {
	const { cursor } = g;
	ifNotExists(cursor);
	const path = relationPath(cursor);
	const seen: Seen = { deeds: [{ kind: "created", path, replaces: how.replaces }] };
	if (how.temporary) seen.deeds.push(STANDS_IN);
	sequenceOptions(g);
	tableOptions(g, seen);
	return definition("CREATE SEQUENCE", "create", seen.deeds);
}

export function alterSequence(g: Grammar): MysqlStatement {
	const missing = ifExists(g.cursor);
	const path = relationPath(g.cursor);
	sequenceOptions(g);
	return definition("ALTER SEQUENCE", "alter", [onRelation("alter", path, missing)]);
}

function sequenceOptions(g: Grammar): void {
	const { cursor } = g;
	for (;;) {
		if (cursor.take("NO")) {
			if (cursor.takeAny("MINVALUE", "MAXVALUE", "CACHE", "CYCLE") === undefined) throw cursor.fail();
		} else if (cursor.takeAny("NOMINVALUE", "NOMAXVALUE", "NOCACHE", "NOCYCLE", "CYCLE") !== undefined) continue;
		else if (cursor.take("RESTART")) {
			if (cursor.takeAny("WITH") !== undefined || cursor.takeSymbol("=") || cursor.kind() === KIND.integer)
				number(cursor);
		} else if (cursor.takeAny("START", "INCREMENT", "MINVALUE", "MAXVALUE", "CACHE") !== undefined) {
			cursor.takeAny("WITH", "BY");
			equals(cursor);
			number(cursor);
		} else return;
	}
}
