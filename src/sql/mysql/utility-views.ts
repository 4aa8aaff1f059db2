/** CREATE and ALTER of views. MySQL: manual, "CREATE VIEW Statement"; MariaDB: "CREATE VIEW". */
import type { Deed, MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { startsQuery } from "./terms.js";
import { type Created, definition, ifExists, ifNotExists, onRelation } from "./utility-parts.js";

/** Behind CREATE … VIEW and ALTER … VIEW. */
export function view(g: Grammar, how: Created | "altered"): MysqlStatement {
	const { cursor } = g;
	if (how !== "altered") {
		if (ifNotExists(cursor) && how.replaces) throw cursor.fail(undefined, -1);
	} else if (cursor.isMariaDb) ifExists(cursor);
	const path = relationPath(cursor);
	if (cursor.isSymbol("(") && !startsQuery(cursor)) cursor.inBrackets(() => cursor.list(() => cursor.columnName()));
	cursor.expect("AS");
	const query = g.query();
	if (g.into !== undefined) throw cursor.fail("a view holds no INTO");
	if (cursor.take("WITH")) {
		cursor.takeAny("CASCADED", "LOCAL");
		cursor.expect("CHECK", "OPTION");
	}
	const made: Deed[] =
		how === "altered"
			? [onRelation("alter", path, true), { kind: "created", path, replaces: true }]
			: [{ kind: "created", path, replaces: how.replaces }];
	const command = how === "altered" ? "alter" : "create";
	return definition(how === "altered" ? "ALTER VIEW" : "CREATE VIEW", command, [...made, { kind: "copies", query }]);
}
