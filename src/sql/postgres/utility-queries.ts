/** Statements around a query: EXPLAIN, CREATE TABLE AS, SELECT INTO, CREATE VIEW, REFRESH. COPY: utility-copy.ts. */
import type { Output } from "../facts.js";
import { unsupported } from "../unreadable.js";
import { isTemporary, relationPath } from "./names.js";
import type { Draft, Statement } from "./statement.js";
import { type Body, bodyOf, fields, known, list, nodeOf, optionText, text } from "./tree.js";

const FIELDS = {
	ExplainStmt: fields("query options"),
	CreateTableAsStmt: fields("query into objtype is_select_into if_not_exists"),
	IntoClause: fields("rel colNames accessMethod options onCommit tableSpaceName skipData"),
	ViewStmt: fields("view aliases query replace options withCheckOption"),
	RefreshMatViewStmt: fields("concurrent skipData relation"),
	DefElem: fields("defnamespace defname arg defaction location"),
} as const;

// ---- EXPLAIN ------------------------------------------------------------------------------------------------------

/** No value is delivered: projections count. What conditions tell (plans, counts, estimates) they tell as ever. */
export function explain(s: Statement, body: Body): Draft {
	known("ExplainStmt", body, FIELDS.ExplainStmt);
	s.command("explain");
	const inner = nodeOf(body.query);
	if (inner.tag === "ExecuteStmt") throw unsupported("EXPLAIN EXECUTE: explain the statement itself");
	const statement = s.nested(body.query);
	if (statement.effect?.kind === "set") throw unsupported("EXPLAIN of a statement that changes a setting");
	s.adopt(statement);
	// What SERIALIZE measures is the length of the values.
	s.uses.projectionsAsCounts(namesOption(body.options, "serialize") ? "derive" : "count");
	if (body.options !== undefined) s.uses.literalSensitive = true;
	const runs = optionIsOn(body.options, "analyze");
	if (!runs) s.uses.writes = false;
	const plan: Output = { name: "QUERY PLAN", sources: [], direct: false };
	const changesCatalog = runs && statement.changesCatalog;
	return { tag: "EXPLAIN", outputs: [plan], delivers: "nothing", changesCatalog, resolvesData: true };
}

function namesOption(options: unknown, name: string): boolean {
	return list(options).some((item) => text(nodeOf(item).body.defname)?.toLowerCase() === name);
}

/** An option given without a value is on; one given twice takes its last value, so any is taken as on. */
function optionIsOn(options: unknown, name: string): boolean {
	return list(options).some((item) => {
		const { tag, body } = nodeOf(item);
		known(tag, body, FIELDS.DefElem);
		if (text(body.defname)?.toLowerCase() !== name) return false;
		if (body.arg === undefined) return true;
		return !/^(off|false|0)$/i.test(optionText(body.arg));
	});
}

// ---- making relations from queries --------------------------------------------------------------------------------

/** CREATE TABLE AS, CREATE MATERIALIZED VIEW, and SELECT INTO by way of its clause. */
export function createTableAs(s: Statement, body: Body): Draft {
	known("CreateTableAsStmt", body, FIELDS.CreateTableAsStmt);
	const tag = body.objtype === "OBJECT_MATVIEW" ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS";
	return fillNew(s, bodyOf(body.into, "INTO"), body.query, tag);
}

export function fillNew(s: Statement, into: Body, query: unknown, tag: string): Draft {
	known("IntoClause", into, FIELDS.IntoClause);
	s.command("create");
	s.uses.writes = true;
	s.created(bodyOf(into.rel, "INTO relation"));
	if (nodeOf(query).tag === "ExecuteStmt") throw unsupported("CREATE TABLE AS EXECUTE");
	s.copyInto(s.translator.query(query), tag);
	return { tag, changesCatalog: true, resolvesData: true };
}

/**
 * Making a view asks that everything in it can be resolved and read. It copies no value, but counts as a copy: whoever
 * reads it before its definition is known here would have what it shows, and a view outlives the license it was made by.
 */
export function createView(s: Statement, body: Body): Draft {
	known("ViewStmt", body, FIELDS.ViewStmt);
	s.command("create");
	s.uses.writes = true;
	const view = bodyOf(body.view, "view");
	if (isTemporary(view)) throw unsupported("temporary objects would stand in for others of their name");
	s.created(view);
	s.copyInto(s.translator.query(body.query), "CREATE VIEW");
	return { tag: "CREATE VIEW", changesCatalog: true, resolvesData: true };
}

export function refresh(s: Statement, body: Body): Draft {
	known("RefreshMatViewStmt", body, FIELDS.RefreshMatViewStmt);
	s.command("alter");
	s.uses.writes = true;
	s.relation(relationPath(bodyOf(body.relation, "relation")), "alter");
	return { tag: "REFRESH MATERIALIZED VIEW" };
}

/** SELECT … INTO: the clause stands in the leftmost SELECT of a set operation. */
export function intoClause(body: Body): { readonly into: Body; readonly without: Body } | undefined {
	if (body.op !== undefined && body.op !== "SETOP_NONE") {
		const left = intoClause(bodyOf(body.larg, "left side"));
		return left === undefined ? undefined : { into: left.into, without: { ...body, larg: left.without } };
	}
	if (body.intoClause === undefined) return undefined;
	const { intoClause: into, ...without } = body;
	return { into: bodyOf(into, "INTO"), without };
}
