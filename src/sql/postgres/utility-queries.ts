/** Statements around a query: EXPLAIN, COPY, CREATE TABLE AS, SELECT INTO, CREATE VIEW, REFRESH. */
import type { CatalogRelation } from "../catalog.js";
import { constraintUses } from "../constraints.js";
import type { Output, StatementFacts } from "../facts.js";
import { condition } from "../resolve-expressions.js";
import { relationItem } from "../resolve-sources.js";
import { itemColumn } from "../scope.js";
import { NOTHING } from "../taint.js";
import { unresolved, unsupported } from "../unreadable.js";
import { isTemporary, relationPath } from "./names.js";
import { type Draft, output, type Statement } from "./statement.js";
import { type Body, bodyOf, fields, flag, known, list, nodeOf, strings, text } from "./tree.js";

const FIELDS = {
	ExplainStmt: fields("query options"),
	CopyStmt: fields("relation query attlist is_from is_program filename options whereClause"),
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
	s.uses.projectionsAsCounts();
	if (body.options !== undefined) s.uses.literalSensitive = true;
	const runs = optionIsOn(body.options, "analyze");
	if (!runs) s.uses.writes = false;
	const plan: Output = { name: "QUERY PLAN", sources: [], direct: false };
	return { tag: "EXPLAIN", outputs: [plan], changesCatalog: runs && statement.changesCatalog, resolvesData: true };
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

function optionText(value: unknown): string {
	const { tag, body } = nodeOf(value);
	if (tag === "String") return text(body.sval) ?? "";
	if (tag === "Integer") return String(body.ival ?? 0);
	if (tag === "Boolean") return String(flag(body.boolval));
	return "";
}

// ---- COPY ---------------------------------------------------------------------------------------------------------

export function copy(s: Statement, body: Body): Draft {
	known("CopyStmt", body, FIELDS.CopyStmt);
	const isIn = flag(body.is_from);
	const file = text(body.filename);
	if (flag(body.is_program)) throw unsupported("COPY runs a program on the server");
	if (file !== undefined) throw unsupported("COPY reads or writes a file of the server");
	const draft = isIn ? copyFrom(s, body) : copyTo(s, body);
	const copied = { direction: isIn ? ("in" as const) : ("out" as const), ...copyOptions(body.options) };
	return { ...draft, tag: "COPY", copy: copied, resolvesData: true };
}

/** Of the options, what the stream of rows depends on. */
function copyOptions(options: unknown): Omit<NonNullable<StatementFacts["copy"]>, "direction"> {
	let format: NonNullable<StatementFacts["copy"]>["format"] = "text";
	let header = false;
	for (const item of list(options)) {
		const { tag, body } = nodeOf(item);
		known(tag, body, FIELDS.DefElem);
		const name = text(body.defname)?.toLowerCase() ?? "";
		if (name === "encoding" && !/^utf-?8$/i.test(optionText(body.arg))) {
			throw unsupported("COPY in another encoding than UTF8");
		}
		// HEADER alone, or true, on, 1, match.
		if (name === "header") header = body.arg === undefined || !/^(false|off|0)$/i.test(optionText(body.arg));
		if (name !== "format") continue;
		const value = optionText(body.arg).toLowerCase();
		if (value !== "text" && value !== "csv" && value !== "binary") throw unsupported("COPY in an unknown format");
		format = value;
	}
	return header ? { format, header } : { format };
}

function copyFrom(s: Statement, body: Body): Pick<Draft, "outputs"> {
	s.command("copyFrom");
	s.uses.writes = true;
	const path = relationPath(bodyOf(body.relation, "relation"));
	const found = s.dialect.relation(path);
	if (found.relation.kind === "view") throw unsupported("COPY into a view");
	const columns = copyColumns(found.relation, body.attlist);
	s.relation(path, "copyFrom", columns);
	for (const column of columns) {
		s.uses.column({ schema: found.relation.schema, name: found.relation.name, column }, "assign", "COPY");
	}
	constraintUses(s.resolver, found.relation, "copyFrom", columns);
	if (body.whereClause !== undefined) {
		// It looks at the rows that come in, not at those that are there; functions and operators count.
		const item = relationItem(s.resolver, found, undefined, "copyFrom", false);
		const scope = { parent: undefined, items: [item], commonTables: new Map() };
		condition(s.resolver, s.translator.expression(body.whereClause), scope, "WHERE");
	}
	return {};
}

function copyColumns(relation: CatalogRelation, listed: unknown): string[] {
	const names = strings(listed);
	const stored = relation.columns.map((column) => column.name);
	for (const name of names) if (!stored.includes(name)) throw unresolved(`column "${name}" does not exist`);
	if (names.length > 0) return names;
	return relation.columns.filter((column) => column.generatedFrom === undefined).map((column) => column.name);
}

function copyTo(s: Statement, body: Body): Pick<Draft, "outputs" | "opaqueResult"> {
	s.command("copyTo");
	if (body.query !== undefined) {
		const query = s.translator.query(body.query);
		return s.deliver(query);
	}
	const found = s.dialect.relation(relationPath(bodyOf(body.relation, "relation")));
	const item = relationItem(s.resolver, found, undefined, "copyTo", true);
	const values = copyColumns(found.relation, body.attlist).map((name) => ({
		name,
		value: itemColumn(item, name) ?? NOTHING,
	}));
	values.forEach((column, index) => {
		s.uses.output(column.value, index);
	});
	return { outputs: values.map(output) };
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
