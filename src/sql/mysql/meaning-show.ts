/** What SHOW, DESCRIBE, EXPLAIN and ANALYZE of statements mean. */
import { isMysqlSystemSchema } from "../functions/mysql-catalogs.js";
import type { Expression } from "../query.js";
import type { Item } from "../scope.js";
import { NOTHING } from "../taint.js";
import { unresolved, unsupported } from "../unreadable.js";
import type { ExplainStatement, MysqlStatement, Shown, ShowStatement } from "./ast.js";
import { dotted } from "./dialect.js";
import type { Draft, Statement } from "./statement.js";

type Target = Statement<MysqlStatement>;

export function showMeaning(s: Target, tree: ShowStatement): Draft {
	s.command("show");
	shown(s, tree.shown);
	if (tree.where !== undefined) filter(s, tree.where);
	const isOpaque = tree.shown.kind === "opaque";
	return {
		tag: tree.tag,
		outputs: isOpaque ? undefined : [{ name: tree.tag, sources: [], direct: false }],
		opaqueResult: isOpaque,
		resolvesData: tree.where !== undefined,
	};
}

function shown(s: Target, what: Shown): void {
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
			return;
		}
		case "source":
			s.touch(s.dialect.nameOf(what.path), "show");
			return;
		case "triggers":
			triggers(s, what.database, what.like);
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

/** Triggers are shown with their source, so each table of which one may be shown must be permitted. */
function triggers(s: Target, database: string | undefined, like: string | undefined): void {
	const { schema } = s.dialect.nameOf(database === undefined ? { name: "*" } : { schema: database, name: "*" });
	if (isMysqlSystemSchema(schema)) return;
	const pattern = like === undefined ? undefined : likePattern(like);
	for (const relation of s.dialect.index.catalog.relations) {
		if (relation.schema !== schema || relation.kind === "view") continue;
		if (pattern === undefined || pattern.test(plain(relation.name))) {
			s.touch({ schema, name: relation.name }, "show");
		}
	}
}

/** LIKE compares without case and accents. */
function likePattern(like: string): RegExp {
	const parts = [...like.matchAll(/\\([\s\S])|([%_])|([\s\S])/g)].map(([, quoted, wild, letter]) => {
		if (wild !== undefined) return wild === "%" ? "[\\s\\S]*" : "[\\s\\S]";
		return plain(quoted ?? letter ?? "").replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
	});
	return new RegExp(`^${parts.join("")}$`, "u");
}

function plain(name: string): string {
	return name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

// ---- EXPLAIN ------------------------------------------------------------------------------------------------------

/**
 * Planning reads rows of tables that it takes for constant, and what it read shows: in the conditions of a plan, and in the
 * statement that SHOW WARNINGS gives back. So each value that a statement delivers counts as one that a plan is derived from.
 */
export function explainMeaning(s: Target, tree: ExplainStatement): Draft {
	s.command("explain");
	const inner = s.nested(tree.statement);
	if (inner.effect !== undefined) throw unsupported(`${tree.tag} of a statement that changes the session`);
	const told = tree.tellsValues ? [0] : [];
	s.adopt({
		...inner,
		columns: inner.columns.map((use) =>
			use.kind === "project" || use.outputs.length > 0
				? { ...use, kind: use.kind === "project" ? "derive" : use.kind, where: tree.tag, outputs: told }
				: use,
		),
	});
	if (!tree.runs) s.uses.writes = false;
	return {
		tag: tree.tag,
		outputs: [{ name: "EXPLAIN", sources: [], direct: false }],
		changesCatalog: tree.runs && inner.changesCatalog,
		resolvesData: true,
	};
}
