/** What SHOW, DESCRIBE, EXPLAIN and ANALYZE of statements mean. */
import type { ColumnUse } from "../facts.js";
import { isMysqlSystemSchema } from "../functions/mysql-catalogs.js";
import type { Expression } from "../query.js";
import type { Item } from "../scope.js";
import { NOTHING } from "../taint.js";
import { unresolved, unsupported } from "../unreadable.js";
import type { ExplainStatement, MysqlStatement, Shown, ShowPlace, ShowStatement } from "./ast.js";
import { dotted } from "./dialect.js";
import { isListingGuarded, LISTED_COLUMN, type ShowListing } from "./guards.js";
import type { Draft, Statement } from "./statement.js";

type Target = Statement<MysqlStatement>;

export function showMeaning(s: Target, tree: ShowStatement): Draft {
	s.command("show");
	shown(s, tree);
	if (tree.where !== undefined) filter(s, tree.where);
	const isOpaque = tree.shown.kind === "opaque";
	return {
		tag: tree.tag,
		outputs: isOpaque ? undefined : [{ name: tree.tag, sources: [], direct: false }],
		opaqueResult: isOpaque,
		resolvesData: tree.where !== undefined,
	};
}

function shown(s: Target, { shown: what, tag, place }: ShowStatement): void {
	switch (what.kind) {
		case "open":
		case "opaque":
			return;
		case "relation": {
			const found = s.dialect.findRelation(what.path);
			if (found === undefined) throw unresolved(`table "${dotted(what.path)}" does not exist`, what.path.position);
			const { schema, name } = found.relation;
			// Of system relations the form is no secret.
			s.touch({ schema, name }, "show", [], found.sort === "sensitive" ? "catalog" : found.sort);
			// Bounds of partitions and the next value of a counter stand in the text that would make it anew.
			if (tag === "SHOW CREATE TABLE") {
				const { toldColumns = [] } = found.relation;
				if (toldColumns.length > 0) s.touch({ schema, name }, "select", toldColumns, found.sort);
				for (const column of toldColumns) s.uses.column({ schema, name, column }, "copy", tag);
			}
			return;
		}
		case "database": {
			const schema = s.dialect.schemaOf({ schema: what.name, name: "" });
			if (s.dialect.isMariaDb && !isMysqlSystemSchema(schema)) s.touch({ schema, name: "*" }, "show");
			return;
		}
		case "source":
			s.touch(s.dialect.nameOf(what.path), "show");
			return;
		case "listing":
			if (place === undefined) throw unsupported(`where ${tag} ends is not known`);
			listing(s, what, place);
			return;
		case "sensitive":
			s.touch({ schema: what.schema, name: what.name }, "show", "all", "sensitive");
			return;
		case "rights":
			s.touch({ schema: "mysql", name: "user" }, "show", "all", "sensitive");
			return;
		default:
			what satisfies never;
			return;
	}
}

/** Columns of the answer carry nothing; subqueries count as ever. */
function filter(s: Target, where: Expression): void {
	const answer: Item = { name: undefined, columns: [], open: NOTHING, nameVisible: false, columnsVisible: true };
	const value = s.value(where, { parent: undefined, items: [answer], commonTables: new Map() });
	s.uses.value(value, "derive", "WHERE");
}

/** What a listing tells beyond names belongs to what the license covers: the text gets a condition more. */
function listing(s: Target, what: Extract<Shown, { kind: "listing" }>, place: ShowPlace): void {
	const listed = listingOf(s, what);
	if (!isListingGuarded(listed)) return;
	const [name, column] = LISTED_COLUMN[listed.of];
	s.touch({ schema: "information_schema", name }, "show", [column], "guarded");
	s.dialect.guards?.show(listed, place);
}

function listingOf(s: Target, what: Extract<Shown, { kind: "listing" }>): ShowListing {
	if (!("database" in what)) return { of: what.of };
	const { database } = what;
	const { schema } = s.dialect.nameOf(database === undefined ? { name: "*" } : { schema: database, name: "*" });
	return { of: what.of, schema };
}

// ---- EXPLAIN ------------------------------------------------------------------------------------------------------

/**
 * Planning reads rows of tables that it takes for constant, and what it read shows: in the conditions of a plan, and in the
 * statement that SHOW WARNINGS gives back. So each value that a statement delivers or looks at counts as one that a plan is
 * derived from: a masked column that it is compared with stands there as the value of a constant table's row.
 */
export function explainMeaning(s: Target, tree: ExplainStatement): Draft {
	s.command("explain");
	const inner = s.nested(tree.statement);
	if (inner.effect !== undefined) throw unsupported(`${tree.tag} of a statement that changes the session`);
	const told = tree.tellsValues ? [0] : [];
	s.adopt({
		...inner,
		// A view is planned as what is beneath it, whose rows show as well: the servers ask for the right to those, too.
		relations: inner.relations.map((use) => ({ ...use, through: [] })),
		columns: inner.columns.map((use) => planned(use, tree.tag, told)),
	});
	if (!tree.runs) s.uses.writes = false;
	return {
		tag: tree.tag,
		outputs: [{ name: "EXPLAIN", sources: [], direct: false }],
		changesCatalog: tree.runs && inner.changesCatalog,
		resolvesData: true,
	};
}

function planned(use: ColumnUse, tag: string, told: readonly number[]): ColumnUse {
	switch (use.kind) {
		case "project":
			return { ...use, kind: "derive", where: tag, outputs: told };
		case "filter":
		case "derive":
		case "copy":
			return { ...use, outputs: told };
		case "count":
		case "probe":
		case "tell":
		case "assign":
			return { ...use, outputs: [] };
		default:
			return use.kind satisfies never;
	}
}
