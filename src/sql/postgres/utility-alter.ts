/**
 * ALTER of relations, and RENAME, OWNER, SET SCHEMA of any object. What shows rows under another name is told as a move:
 * licenses are about names.
 */
import type { Move, RelationName } from "../facts.js";
import type { RelationPath } from "../query.js";
import { defines, type Handler, indexedColumns, own, referencedTables, triedOn, UNIQUE } from "./defining.js";
import { definitionUses } from "./definitions.js";
import { relationPath } from "./names.js";
import { namedUse, objectUse, relationUse, schemaUse } from "./objects.js";
import type { Draft, Statement } from "./statement.js";
import { type Body, bodyOf, flag, itemsOf, list, nodeOf, strings, text } from "./tree.js";

/** ALTER of a relation of any kind; indexes are not in the snapshot. */
function alterRelation(s: Statement, body: Body): void {
	const path = relationPath(own(body));
	const isIndex = body.objtype === "OBJECT_INDEX";
	if (isIndex) namedUse(s, "alter", path);
	else if (body.objtype === "OBJECT_TYPE") namedUse(s, "alter", path);
	else relationUse(s, "alter", path, flag(body.missing_ok));
	definitionUses(s, body.cmds, isIndex ? undefined : path, "copy", "ALTER TABLE");
	if (!isIndex) triedByChanges(s, path, body);
	for (const { tag, body: part } of changesOf(body)) {
		const other = relativeIn(tag, part);
		if (other !== undefined) relationUse(s, "alter", other, true);
		referencedTables(s, part);
	}
}

/** New keys, and values that become others of another type, whose domain may have a condition. */
function triedByChanges(s: Statement, path: RelationPath, body: Body): void {
	for (const item of list(body.cmds)) {
		const { subtype, name } = nodeOf(item).body;
		if (subtype === "AT_AlterColumnType") triedOn(s, path, [text(name) ?? ""], "a change of its type");
	}
	for (const { tag, body: part } of changesOf(body)) {
		if (tag !== "Constraint") continue;
		triedOn(s, path, strings(part.keys), UNIQUE);
		triedOn(s, path, strings(part.fk_attrs), "a foreign key, which tells whether a value is there");
		for (const element of list(part.exclusions)) {
			triedOn(s, path, indexedColumns([itemsOf(element)[0]]), "an exclusion constraint, which compares values");
		}
	}
}

function changesOf(body: Body): { readonly tag: string; readonly body: Body }[] {
	return list(body.cmds).flatMap((item) => {
		const definition = nodeOf(item).body.def;
		return definition === undefined ? [] : [nodeOf(definition)];
	});
}

/** The table that becomes a partition, or the one that it becomes a child of. */
function relativeIn(tag: string, part: Body): RelationPath | undefined {
	if (tag === "RangeVar") return relationPath(part);
	return tag === "PartitionCmd" && part.name !== undefined ? relationPath(bodyOf(part.name, "partition")) : undefined;
}

function toldOfTable(s: Statement, body: Body): Partial<Draft> {
	const path = relationPath(own(body));
	const moves = list(body.cmds).flatMap((item) => {
		const { subtype, def } = nodeOf(item).body;
		if (subtype !== "AT_AddInherit" && subtype !== "AT_AttachPartition") return [];
		const { tag, body: part } = nodeOf(def);
		const other = relativeIn(tag, part);
		if (other === undefined) return [];
		return subtype === "AT_AddInherit" ? movesInto(s, path, other) : movesInto(s, other, path);
	});
	const isElsewhere = list(body.cmds).some((item) => ELSEWHERE.has(text(nodeOf(item).body.subtype) ?? ""));
	return { moves, ...(isElsewhere ? { tag: "ALTER FOREIGN TABLE" } : {}) };
}

/** Options of foreign tables say where their rows come from; ALTER TABLE takes them too. */
const ELSEWHERE = new Set(["AT_GenericOptions", "AT_AlterColumnGenericOptions"]);

/** Its rows become rows of another table. */
function movesInto(s: Statement, child: RelationPath, parent: RelationPath): Move[] {
	const [from, to] = [s.dialect.findRelation(child)?.relation, s.dialect.findRelation(parent)?.relation];
	return from === undefined || to === undefined ? [] : [{ kind: "relation", from: nameOf(from), to: nameOf(to) }];
}

function nameOf({ schema, name }: RelationName): RelationName {
	return { schema, name };
}

export const alterTable: Handler = defines("ALTER TABLE", "alter", alterRelation, toldOfTable);

// ---- any object ---------------------------------------------------------------------------------------------------

/** Words of the statement where they are not those of the parser's name for the object. */
const ALTERED: Readonly<Record<string, string>> = {
	OBJECT_ATTRIBUTE: "TYPE",
	OBJECT_COLUMN: "TABLE",
	OBJECT_DOMCONSTRAINT: "DOMAIN",
	OBJECT_FDW: "FOREIGN DATA WRAPPER",
	OBJECT_FOREIGN_SERVER: "SERVER",
	OBJECT_FOREIGN_TABLE: "TABLE",
	OBJECT_LARGEOBJECT: "LARGE OBJECT",
	OBJECT_MATVIEW: "MATERIALIZED VIEW",
	OBJECT_OPCLASS: "OPERATOR CLASS",
	OBJECT_OPFAMILY: "OPERATOR FAMILY",
	OBJECT_STATISTIC_EXT: "STATISTICS",
	OBJECT_TABCONSTRAINT: "TABLE",
	OBJECT_TSCONFIGURATION: "TEXT SEARCH CONFIGURATION",
	OBJECT_TSDICTIONARY: "TEXT SEARCH DICTIONARY",
	OBJECT_TSPARSER: "TEXT SEARCH PARSER",
	OBJECT_TSTEMPLATE: "TEXT SEARCH TEMPLATE",
};

/** Licenses judge by the tag what may be code or hold relations: it has to say what is altered. */
function alteredTag(type: string): string {
	return `ALTER ${ALTERED[type] ?? type.replace(/^OBJECT_/, "").replaceAll("_", " ")}`;
}

/** RENAME, OWNER, SET SCHEMA, DEPENDS: a relation stands apart from other objects. */
export function alters(typeField: string): Handler {
	const typeOf = (body: Body) => text(body[typeField]) ?? "";
	const run = (s: Statement, body: Body) => {
		const type = typeOf(body);
		if (body.relation === undefined) objectUse(s, "alter", type, body.object ?? renamed(body), flag(body.missing_ok));
		else {
			const path = relationPath(own(body));
			if (type === "OBJECT_INDEX") namedUse(s, "alter", path);
			else relationUse(s, "alter", path, flag(body.missing_ok) || type === "OBJECT_ATTRIBUTE");
		}
		const schema = text(body.newschema);
		if (schema !== undefined) schemaUse(s, "create", schema);
	};
	return defines("ALTER", "alter", run, (s, body) => ({
		tag: alteredTag(typeOf(body)),
		moves: newNames(s, typeOf(body), body),
	}));
}

function newNames(s: Statement, type: string, body: Body): Move[] {
	const [name, schema] = [text(body.newname), text(body.newschema)];
	if (type === "OBJECT_SCHEMA" && name !== undefined) {
		return [{ kind: "schema", from: { schema: text(body.subname) ?? "", name: "" }, to: { schema: name, name: "" } }];
	}
	if (body.relation === undefined || (name ?? schema) === undefined) return [];
	const found = s.dialect.findRelation(relationPath(own(body)))?.relation;
	if (found === undefined) return [];
	const from = nameOf(found);
	const isItself = RENAMED.has(type);
	const to = { schema: schema ?? from.schema, name: isItself ? (name ?? from.name) : from.name };
	// A trigger, a rule, a constraint: its rows are named as before.
	if (!isItself && type !== "OBJECT_COLUMN") return [];
	return [{ kind: found.kind === "view" || found.kind === "matview" ? "view" : "relation", from, to }];
}

const RENAMED = new Set([
	"OBJECT_TABLE",
	"OBJECT_VIEW",
	"OBJECT_MATVIEW",
	"OBJECT_SEQUENCE",
	"OBJECT_FOREIGN_TABLE",
	"OBJECT_INDEX",
]);

/** Roles, databases and schemas are renamed by a plain text. */
function renamed(body: Body): unknown {
	return { String: { sval: text(body.subname) ?? "" } };
}
