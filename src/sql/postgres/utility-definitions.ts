/** Statements that define, change and drop objects, and those that look after relations. */
import type { Command } from "../facts.js";
import { unsupported } from "../unreadable.js";
import { cascades, defines, type Handler, indexedColumns, own, referencedTables, triedOn, UNIQUE } from "./defining.js";
import { definitionUses } from "./definitions.js";
import { objectPath, rangeVar, relationPath } from "./names.js";
import { createdNames, namedUse, objectUse, relationUse, roleName, schemaUse } from "./objects.js";
import type { Draft, Statement } from "./statement.js";
import { type Body, bodyOf, flag, list, nodeOf, required, stringOf, strings, text } from "./tree.js";
import { alters, alterTable } from "./utility-alter.js";

/** CREATE of something in a schema, named by a list. */
function creates(tag: string, field: string): Handler {
	return defines(tag, "create", (s, body) => {
		createdNames(s, body[field]);
		definitionUses(s, body, undefined, "derive", tag);
	});
}

const DEFINED: Readonly<Record<string, string>> = {
	OBJECT_AGGREGATE: "AGGREGATE",
	OBJECT_OPERATOR: "OPERATOR",
	OBJECT_TYPE: "TYPE",
	OBJECT_COLLATION: "COLLATION",
	OBJECT_TSPARSER: "TEXT SEARCH PARSER",
	OBJECT_TSDICTIONARY: "TEXT SEARCH DICTIONARY",
	OBJECT_TSTEMPLATE: "TEXT SEARCH TEMPLATE",
	OBJECT_TSCONFIGURATION: "TEXT SEARCH CONFIGURATION",
};

/** One node of the grammar for many sorts of objects; the tag says which, since some define code. */
function define(s: Statement, body: Body): Draft {
	const what = DEFINED[text(body.kind) ?? ""];
	if (what === undefined) throw unsupported(`CREATE of ${String(body.kind)}`);
	return creates(`CREATE ${what}`, "defnames")(s, body);
}

/** Something in a schema that is named by a list. */
function changes(tag: string, command: Command, field: string): Handler {
	return defines(tag, command, (s, body) => {
		namedUse(s, command, objectPath(body[field]));
		definitionUses(s, body, undefined, "derive", tag);
	});
}

/** Something that belongs to no schema, named by one text. */
function global(tag: string, command: Command, field: string): Handler {
	return defines(tag, command, (s, body) => s.global(text(body[field]) ?? "", command));
}

/** A statement about many roles, objects or the whole server: only a permit for everything covers it. */
function sweeping(tag: string, command: Command): Handler {
	return defines(tag, command, (s) => s.global("*", command));
}

// ---- tables -------------------------------------------------------------------------------------------------------

function createTable(s: Statement, body: Body): void {
	const relation = own(body);
	s.created(relation);
	definitionUses(s, body, undefined, "copy", "CREATE TABLE");
	for (const parent of list(body.inhRelations)) relationUse(s, "alter", relationPath(rangeVar(parent)));
	for (const element of list(body.tableElts)) {
		const { tag, body: part } = nodeOf(element);
		if (tag === "TableLikeClause") relationUse(s, "select", relationPath(bodyOf(part.relation, "relation")));
		referencedTables(s, part);
	}
}

function onTable(tag: string, command: Command, field: string, missing = false): Handler {
	return defines(tag, command, (s, body) => {
		const path = relationPath(bodyOf(body[field], "relation"));
		relationUse(s, command, path, missing || flag(body.missing_ok));
		definitionUses(s, body, path, "derive", tag);
	});
}

/** Whether a unique index can be made tells whether a value is there twice, and with a row of one's own, whether it is there. */
function createIndex(s: Statement, body: Body): void {
	const path = relationPath(own(body));
	relationUse(s, "create", path);
	definitionUses(s, body, path, "derive", "CREATE INDEX");
	// Rows come in the order of an index where the server likes, and whoever makes one may put other columns beside it.
	const found = s.dialect.findRelation(path)?.relation;
	for (const column of found === undefined ? [] : indexedColumns(body.indexParams)) {
		s.uses.column({ schema: found?.schema ?? "", name: found?.name ?? "", column }, "derive", "the order of an index");
	}
	if (flag(body.unique)) triedOn(s, path, indexedColumns(body.indexParams), UNIQUE);
}

/** A trigger runs its function on other people's statements, so the function must be permitted. */
function createTrigger(s: Statement, body: Body): void {
	const path = relationPath(own(body));
	relationUse(s, "alter", path);
	for (const use of s.dialect.functionNamed(objectPath(body.funcname))) s.uses.call(use);
	definitionUses(s, body.whenClause, path, "derive", "CREATE TRIGGER");
}

function createSchema(s: Statement, body: Body): void {
	const name = text(body.schemaname) ?? (body.authrole === undefined ? "" : roleName({ RoleSpec: body.authrole }));
	schemaUse(s, "create", name);
	if (list(body.schemaElts).length > 0) throw unsupported("CREATE SCHEMA with objects: make them one by one");
}

function createFunction(s: Statement, body: Body): void {
	const path = objectPath(body.funcname);
	if (path.schema?.startsWith("pg_")) throw unsupported("functions are not made in schemas of the server's own");
	s.createdPath(path);
}

function createStatistics(s: Statement, body: Body): void {
	for (const relation of list(body.relations)) {
		const path = relationPath(rangeVar(relation));
		relationUse(s, "alter", path);
		definitionUses(s, body.exprs, path, "derive", "CREATE STATISTICS");
	}
}

function publication(command: Command): (s: Statement, body: Body) => void {
	return (s, body) => {
		s.global(required(body.pubname, "publication"), command);
		for (const item of list(body.pubobjects)) {
			const { body: object } = nodeOf(item);
			if (object.pubtable !== undefined) {
				const table = bodyOf(object.pubtable, "table");
				relationUse(s, command, relationPath(bodyOf(table.relation, "table")));
			} else s.global(text(object.name) ?? "*", command);
		}
	};
}

/** A new or validated condition is tried on every value that there is, and tells by its outcome what they are like. */
function alterDomain(s: Statement, body: Body): void {
	const path = objectPath(body.typeName);
	namedUse(s, "alter", path);
	definitionUses(s, body, undefined, "derive", "ALTER DOMAIN");
	const { index } = s.dialect;
	for (const schema of s.dialect.schemas(path)) {
		const type = index.type(schema, path.name);
		if (type === undefined) continue;
		for (const { relation, column } of index.columnsOfType(type.id)) {
			if (relation.kind === "view") continue;
			s.uses.touch({ relation, command: "select", sort: "data" }, column);
			s.uses.column({ schema: relation.schema, name: relation.name, column }, "derive", "ALTER DOMAIN");
		}
	}
}

// ---- any object ---------------------------------------------------------------------------------------------------

const drop = defines("DROP", "drop", (s, body) => {
	for (const object of list(body.objects)) {
		objectUse(s, "drop", text(body.removeType) ?? "", object, flag(body.missing_ok));
	}
});

function comment(tag: string): Handler {
	return (s, body) => {
		s.command("comment");
		s.uses.writes = true;
		objectUse(s, "comment", text(body.objtype) ?? "", body.object);
		return { tag };
	};
}

const grant: Handler = (s, body) => {
	s.command("grant");
	s.uses.writes = true;
	const type = text(body.objtype) ?? "";
	for (const object of list(body.objects)) {
		const { tag, body: part } = nodeOf(object);
		if (body.targtype !== "ACL_TARGET_OBJECT") s.touch({ schema: stringOf(object), name: "*" }, "grant");
		else if (tag === "RangeVar") relationUse(s, "grant", relationPath(part));
		else objectUse(s, "grant", type, object);
	}
	return { tag: flag(body.is_grant) ? "GRANT" : "REVOKE", changesCatalog: true };
};

// ---- upkeep -------------------------------------------------------------------------------------------------------

const ACCESS_SHARE = 1;

const lock: Handler = (s, body) => {
	s.command("lock");
	for (const item of list(body.relations)) {
		const path = relationPath(rangeVar(item));
		s.relation(path, "lock");
		if (body.mode !== ACCESS_SHARE) continue;
		const { relation, sort } = s.dialect.relation(path);
		s.uses.adoptRelation({ relation, sort, command: "lock" }, [], true);
	}
	return { tag: "LOCK TABLE", resolvesData: true };
};

const truncate: Handler = (s, body) => {
	s.command("truncate");
	s.uses.writes = true;
	for (const item of list(body.relations)) relationUse(s, "truncate", relationPath(rangeVar(item)));
	cascades(s, body, "truncate");
	return { tag: "TRUNCATE TABLE" };
};

const vacuum: Handler = (s, body) => {
	s.command("vacuum");
	s.uses.writes = true;
	const relations = list(body.rels);
	if (relations.length === 0) s.global("*", "vacuum");
	for (const item of relations) {
		const { body: target } = nodeOf(item);
		relationUse(s, "vacuum", relationPath(bodyOf(target.relation, "relation")), false, strings(target.va_cols));
	}
	return { tag: flag(body.is_vacuumcmd) ? "VACUUM" : "ANALYZE" };
};

function upkeep(tag: string): Handler {
	return (s, body) => {
		s.command("vacuum");
		s.uses.writes = true;
		if (body.relation === undefined) s.global("*", "vacuum");
		else if (body.kind === "REINDEX_OBJECT_INDEX") namedUse(s, "vacuum", relationPath(own(body)));
		else relationUse(s, "vacuum", relationPath(own(body)));
		return { tag };
	};
}

/** It puts the rows into the order of an index, which their places (ctid) then tell. Which columns it is of is not known here. */
const cluster: Handler = (s, body) => {
	const draft = upkeep("CLUSTER")(s, body);
	const found = body.relation === undefined ? undefined : s.dialect.findRelation(relationPath(own(body)));
	for (const { name: column } of found?.relation.columns ?? []) {
		const { schema, name } = found?.relation ?? { schema: "", name: "" };
		s.uses.column({ schema, name, column }, "derive", "CLUSTER");
	}
	return draft;
};

// ---- the table ----------------------------------------------------------------------------------------------------

export const DEFINITIONS: Readonly<Record<string, Handler>> = {
	CreateStmt: defines("CREATE TABLE", "create", createTable),
	CreateForeignTableStmt: defines("CREATE FOREIGN TABLE", "create", (s, body) => {
		createTable(s, bodyOf(body.base, "table"));
		s.global(text(body.servername) ?? "", "create");
	}),
	AlterTableStmt: alterTable,
	IndexStmt: defines("CREATE INDEX", "create", createIndex),
	CreateStatsStmt: defines("CREATE STATISTICS", "create", createStatistics),
	AlterStatsStmt: changes("ALTER STATISTICS", "alter", "defnames"),
	CreateSeqStmt: defines("CREATE SEQUENCE", "create", (s, body) => s.created(bodyOf(body.sequence, "sequence"))),
	AlterSeqStmt: onTable("ALTER SEQUENCE", "alter", "sequence"),
	CreateTrigStmt: defines("CREATE TRIGGER", "alter", createTrigger),
	CreatePolicyStmt: onTable("CREATE POLICY", "alter", "table"),
	AlterPolicyStmt: onTable("ALTER POLICY", "alter", "table"),
	CreateSchemaStmt: defines("CREATE SCHEMA", "create", createSchema),
	CreateFunctionStmt: defines("CREATE FUNCTION", "create", createFunction),
	AlterFunctionStmt: defines("ALTER FUNCTION", "alter", (s, body) =>
		objectUse(s, "alter", text(body.objtype) ?? "", { ObjectWithArgs: body.func }),
	),
	DefineStmt: define,
	CompositeTypeStmt: defines("CREATE TYPE", "create", (s, body) => s.created(bodyOf(body.typevar, "type"))),
	CreateEnumStmt: creates("CREATE TYPE", "typeName"),
	CreateRangeStmt: creates("CREATE TYPE", "typeName"),
	AlterEnumStmt: changes("ALTER TYPE", "alter", "typeName"),
	AlterTypeStmt: changes("ALTER TYPE", "alter", "typeName"),
	CreateDomainStmt: creates("CREATE DOMAIN", "domainname"),
	AlterDomainStmt: defines("ALTER DOMAIN", "alter", alterDomain),
	CreateConversionStmt: creates("CREATE CONVERSION", "conversion_name"),
	AlterCollationStmt: changes("ALTER COLLATION", "alter", "collname"),
	CreateOpClassStmt: creates("CREATE OPERATOR CLASS", "opclassname"),
	CreateOpFamilyStmt: creates("CREATE OPERATOR FAMILY", "opfamilyname"),
	AlterOpFamilyStmt: changes("ALTER OPERATOR FAMILY", "alter", "opfamilyname"),
	AlterOperatorStmt: defines("ALTER OPERATOR", "alter", (s, body) =>
		objectUse(s, "alter", "OBJECT_OPERATOR", { ObjectWithArgs: body.opername }),
	),
	AlterTSDictionaryStmt: changes("ALTER TEXT SEARCH DICTIONARY", "alter", "dictname"),
	AlterTSConfigurationStmt: changes("ALTER TEXT SEARCH CONFIGURATION", "alter", "cfgname"),
	CreateCastStmt: defines("CREATE CAST", "create", (s) => s.global("cast", "create")),
	CreateTransformStmt: defines("CREATE TRANSFORM", "create", (s) => s.global("transform", "create")),
	CreateExtensionStmt: global("CREATE EXTENSION", "create", "extname"),
	AlterExtensionStmt: global("ALTER EXTENSION", "alter", "extname"),
	AlterExtensionContentsStmt: global("ALTER EXTENSION", "alter", "extname"),
	CreateFdwStmt: global("CREATE FOREIGN DATA WRAPPER", "create", "fdwname"),
	AlterFdwStmt: global("ALTER FOREIGN DATA WRAPPER", "alter", "fdwname"),
	CreateForeignServerStmt: global("CREATE SERVER", "create", "servername"),
	AlterForeignServerStmt: global("ALTER SERVER", "alter", "servername"),
	CreateUserMappingStmt: global("CREATE USER MAPPING", "create", "servername"),
	AlterUserMappingStmt: global("ALTER USER MAPPING", "alter", "servername"),
	DropUserMappingStmt: global("DROP USER MAPPING", "drop", "servername"),
	ImportForeignSchemaStmt: defines("IMPORT FOREIGN SCHEMA", "create", (s, body) => {
		s.global(text(body.server_name) ?? "", "create");
		s.touch({ schema: text(body.local_schema) ?? "", name: "*" }, "create");
	}),
	CreateAmStmt: global("CREATE ACCESS METHOD", "create", "amname"),
	CreatePLangStmt: global("CREATE LANGUAGE", "create", "plname"),
	CreateEventTrigStmt: global("CREATE EVENT TRIGGER", "create", "trigname"),
	AlterEventTrigStmt: global("ALTER EVENT TRIGGER", "alter", "trigname"),
	CreatePublicationStmt: defines("CREATE PUBLICATION", "create", publication("create")),
	AlterPublicationStmt: defines("ALTER PUBLICATION", "alter", publication("alter")),
	CreateSubscriptionStmt: global("CREATE SUBSCRIPTION", "create", "subname"),
	AlterSubscriptionStmt: global("ALTER SUBSCRIPTION", "alter", "subname"),
	DropSubscriptionStmt: global("DROP SUBSCRIPTION", "drop", "subname"),
	CreateTableSpaceStmt: global("CREATE TABLESPACE", "create", "tablespacename"),
	AlterTableSpaceOptionsStmt: global("ALTER TABLESPACE", "alter", "tablespacename"),
	AlterTableMoveAllStmt: sweeping("ALTER TABLE", "alter"),
	DropTableSpaceStmt: global("DROP TABLESPACE", "drop", "tablespacename"),
	CreatedbStmt: global("CREATE DATABASE", "create", "dbname"),
	AlterDatabaseStmt: global("ALTER DATABASE", "alter", "dbname"),
	AlterDatabaseRefreshCollStmt: global("ALTER DATABASE", "alter", "dbname"),
	AlterDatabaseSetStmt: global("ALTER DATABASE", "alter", "dbname"),
	DropdbStmt: global("DROP DATABASE", "drop", "dbname"),
	CreateRoleStmt: global("CREATE ROLE", "create", "role"),
	AlterRoleStmt: defines("ALTER ROLE", "alter", (s, body) => s.global(roleName({ RoleSpec: body.role }), "alter")),
	AlterRoleSetStmt: defines("ALTER ROLE", "alter", (s, body) =>
		s.global(body.role === undefined ? "*" : roleName({ RoleSpec: body.role }), "alter"),
	),
	DropRoleStmt: defines("DROP ROLE", "drop", (s, body) => {
		for (const role of list(body.roles)) s.global(roleName(role), "drop");
	}),
	AlterSystemStmt: sweeping("ALTER SYSTEM", "alter"),
	DropOwnedStmt: sweeping("DROP OWNED", "drop"),
	ReassignOwnedStmt: sweeping("REASSIGN OWNED", "alter"),
	AlterDefaultPrivilegesStmt: sweeping("ALTER DEFAULT PRIVILEGES", "grant"),
	GrantRoleStmt: sweeping("GRANT ROLE", "grant"),
	GrantStmt: grant,
	DropStmt: drop,
	RenameStmt: alters("renameType"),
	AlterOwnerStmt: alters("objectType"),
	AlterObjectSchemaStmt: alters("objectType"),
	AlterObjectDependsStmt: alters("objectType"),
	CommentStmt: comment("COMMENT"),
	SecLabelStmt: comment("SECURITY LABEL"),
	LockStmt: lock,
	TruncateStmt: truncate,
	VacuumStmt: vacuum,
	ClusterStmt: cluster,
	ReindexStmt: upkeep("REINDEX"),
};
