/**
 * The objects that definition statements name, as uses: relations resolve, everything else is named by schema and name
 * (roles, databases, extensions and their like by name alone, under the schema "").
 */
import type { Command } from "../facts.js";
import type { RelationPath } from "../query.js";
import { unresolved, unsupported } from "../unreadable.js";
import { dotted } from "./dialect.js";
import { objectPath, pathOf, relationPathOf } from "./names.js";
import type { Statement } from "./statement.js";
import { bodyOf, list, nodeOf, stringOf, strings } from "./tree.js";

const RELATIONS = new Set(["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"]);
/** Named `[schema.]relation.part`. */
const PARTS = new Set(["OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE", "OBJECT_TABCONSTRAINT"]);
const IN_SCHEMA = new Set([
	"OBJECT_FUNCTION",
	"OBJECT_PROCEDURE",
	"OBJECT_ROUTINE",
	"OBJECT_AGGREGATE",
	"OBJECT_OPERATOR",
	"OBJECT_TYPE",
	"OBJECT_DOMAIN",
	"OBJECT_COLLATION",
	"OBJECT_CONVERSION",
	"OBJECT_STATISTIC_EXT",
	"OBJECT_TSPARSER",
	"OBJECT_TSDICTIONARY",
	"OBJECT_TSTEMPLATE",
	"OBJECT_TSCONFIGURATION",
	"OBJECT_INDEX",
]);
/** Named after an access method: `[method, schema, name]`. */
const OPERATOR_CLASSES = new Set(["OBJECT_OPCLASS", "OBJECT_OPFAMILY"]);
const GLOBAL = new Set([
	"OBJECT_ACCESS_METHOD",
	"OBJECT_DATABASE",
	"OBJECT_EVENT_TRIGGER",
	"OBJECT_EXTENSION",
	"OBJECT_FDW",
	"OBJECT_FOREIGN_SERVER",
	"OBJECT_LANGUAGE",
	"OBJECT_PARAMETER_ACL",
	"OBJECT_PUBLICATION",
	"OBJECT_ROLE",
	"OBJECT_SUBSCRIPTION",
	"OBJECT_TABLESPACE",
	"OBJECT_USER_MAPPING",
]);

/** `missingIsFine`: IF EXISTS; the object is then used by the name that it would have. */
export function objectUse(s: Statement, command: Command, type: string, object: unknown, missingIsFine = false): void {
	if (RELATIONS.has(type)) {
		relationUse(s, command, relationPathOf(namesOf(object)), missingIsFine);
	} else if (type === "OBJECT_COLUMN") {
		const names = namesOf(object);
		relationUse(s, command, relationPathOf(names.slice(0, -1)), missingIsFine, names.slice(-1));
	} else if (PARTS.has(type)) {
		relationUse(s, command, relationPathOf(namesOf(object).slice(0, -1)), missingIsFine);
	} else if (type === "OBJECT_SCHEMA") {
		schemaUse(s, command, stringOf(object));
	} else if (IN_SCHEMA.has(type)) {
		namedUse(s, command, pathOf(namesOf(object)));
	} else if (OPERATOR_CLASSES.has(type)) {
		namedUse(s, command, pathOf(namesOf(object).slice(1)));
	} else if (type === "OBJECT_DOMCONSTRAINT") {
		namedUse(s, command, pathOf(namesOf(list(bodyOf(nodeOf(object).body, "constraint").items)[0])));
	} else if (GLOBAL.has(type)) {
		s.global(namesOf(object).join("."), command);
	} else if (type === "OBJECT_CAST" || type === "OBJECT_TRANSFORM" || type === "OBJECT_LARGEOBJECT") {
		s.global(type.slice("OBJECT_".length).toLowerCase(), command);
	} else {
		throw unsupported(`${type} is not known`);
	}
}

/** The names of an object in whichever form the grammar gives it. */
function namesOf(object: unknown): string[] {
	const { tag, body } = nodeOf(object);
	switch (tag) {
		case "String":
			return [stringOf(object)];
		case "List":
			return strings(body.items);
		case "ObjectWithArgs":
			return strings(body.objname);
		case "TypeName":
			return strings(body.names);
		case "RoleSpec":
			return [roleName(object)];
		default:
			throw unsupported(`${tag} is not known as the name of an object`);
	}
}

export function roleName(value: unknown): string {
	const { body } = nodeOf(value);
	const name = body.rolename;
	return typeof name === "string" ? name : String(body.roletype).replace("ROLESPEC_", "").toLowerCase();
}

export function relationUse(
	s: Statement,
	command: Command,
	path: RelationPath,
	missingIsFine = false,
	columns: readonly string[] = [],
): void {
	const found = s.dialect.findRelation(path);
	if (found !== undefined) {
		s.relation(path, command, columns);
		return;
	}
	// Indexes are not in the snapshot and are named like relations by some statements.
	if (!missingIsFine) throw unresolved(`relation "${dotted(path)}" does not exist`, path.position);
	namedUse(s, command, path);
}

/** Something that the snapshot does not hold: without a schema it may be in any of the search path. */
export function namedUse(s: Statement, command: Command, path: RelationPath): void {
	const schemas = s.dialect.schemas(path).filter((schema) => schema !== "pg_catalog");
	if (schemas.length === 0) throw unsupported(`${dotted(path)} is the server's own`, path.position);
	for (const schema of schemas) {
		if (schema === "information_schema") throw unsupported(`${dotted(path)} is the server's own`, path.position);
		s.touch({ schema, name: path.name }, command);
	}
}

export function schemaUse(s: Statement, command: Command, schema: string): void {
	if (/^pg_|^information_schema$/.test(schema)) throw unsupported(`schema ${schema} is the server's own`);
	s.touch({ schema, name: schema }, command);
}

/** A list of names that something in a schema is made under. */
export function createdNames(s: Statement, names: unknown): void {
	s.createdPath(objectPath(names));
}
