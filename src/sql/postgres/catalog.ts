/**
 * The catalog snapshot of a PostgreSQL database, read with plain queries that any user may run on PostgreSQL 12 and
 * later. Everything is named with its schema, so that no search path and no object of a user can stand in for it.
 *
 * Source: PostgreSQL documentation, "System Catalogs". Objects with an OID below 16384 (FirstNormalObjectId) are the
 * server's own; all others are somebody's.
 */
import {
	type Catalog,
	type CatalogCast,
	type CatalogColumn,
	type CatalogConstraint,
	type CatalogFunction,
	type CatalogImplicit,
	type CatalogOperator,
	type CatalogRelation,
	type CatalogType,
	FIRST_USER_OID_SQL,
	type RelationKind,
} from "../catalog.js";

type Row = readonly (string | null)[];

const relationKinds: Readonly<Record<string, RelationKind>> = {
	r: "table",
	p: "partitioned",
	f: "foreign",
	v: "view",
	m: "matview",
	S: "sequence",
	c: "composite",
};

const functionKinds: Readonly<Record<string, CatalogFunction["kind"]>> = {
	f: "function",
	a: "aggregate",
	w: "window",
	p: "procedure",
};

const typeKinds: Readonly<Record<string, CatalogType["kind"]>> = {
	b: "base",
	c: "composite",
	d: "domain",
	e: "enum",
	p: "pseudo",
	r: "range",
	m: "multirange",
};

const extensionOf = (catalog: string, oid: string) => `(SELECT x.extname FROM pg_catalog.pg_depend d
	JOIN pg_catalog.pg_extension x ON x.oid OPERATOR(pg_catalog.=) d.refobjid
	WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.${catalog}'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) ${oid}
	AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype OPERATOR(pg_catalog.=) 'e' LIMIT 1)`;

const QUERIES = {
	// With nothing but pg_catalog on the path, no operator of a user's is found, and definitions of views name schemas.
	pin: "SELECT pg_catalog.set_config('search_path', '', false)",
	pinned: "SELECT pg_catalog.current_setting('search_path')",
	server: "SELECT pg_catalog.current_setting('server_version_num')",
	// Of the schemas on a search path the server passes over those that its user may not use.
	schemas: `SELECT nspname FROM pg_catalog.pg_namespace
		WHERE nspname !~ '^pg_(toast|temp)' AND pg_catalog.has_schema_privilege(oid, 'USAGE') ORDER BY nspname`,
	relations: `SELECT c.oid, n.nspname, c.relname, c.relkind,
		CASE WHEN c.relkind IN ('v', 'm') AND c.oid >= ${FIRST_USER_OID_SQL} THEN pg_catalog.pg_get_viewdef(c.oid) END,
		CASE WHEN c.relkind = 'S' THEN (SELECT d.refobjid::pg_catalog.text || '.' || d.refobjsubid::pg_catalog.text
			FROM pg_catalog.pg_depend d
			WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
			AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0 LIMIT 1) END
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c') AND n.nspname !~ '^pg_(toast|temp)' ORDER BY c.oid`,
	columns: `SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, (a.attgenerated <> '')
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c')
		ORDER BY a.attrelid, a.attnum`,
	// Up to PostgreSQL 14 the column itself depends on its sources, from 15 on its default expression does.
	generated: `SELECT DISTINCT a.attrelid, a.attname, s.attname
		FROM pg_catalog.pg_attribute a
		JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
		JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = a.attrelid
			AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum
			AND ((d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = a.attrelid AND d.objsubid = a.attnum)
				OR (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = e.oid))
		JOIN pg_catalog.pg_attribute s ON s.attrelid = a.attrelid AND s.attnum = d.refobjsubid
		WHERE a.attgenerated <> ''`,
	// A unique index need not be a constraint; columns of expressions and predicates are what the index depends on.
	keys: `SELECT i.indrelid, CASE WHEN i.indisexclusion THEN 'x' ELSE 'u' END,
		(SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum > 0
			AND (a.attnum = ANY (i.indkey) OR EXISTS (SELECT FROM pg_catalog.pg_depend d
				WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
				AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid
				AND d.refobjsubid = a.attnum)))
		FROM pg_catalog.pg_index i
		WHERE (i.indisunique OR i.indisexclusion) AND i.indrelid >= ${FIRST_USER_OID_SQL}`,
	constraints: `SELECT c.conrelid, c.contype,
		(SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
			WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)),
		c.confrelid, (SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
			WHERE a.attrelid = c.confrelid AND a.attnum = ANY (c.confkey)),
		c.confupdtype IN ('a', 'r'), c.confdeltype IN ('a', 'r')
		FROM pg_catalog.pg_constraint c WHERE c.contype IN ('c', 'f') AND c.conrelid >= ${FIRST_USER_OID_SQL}`,
	// An expression in the key may look at any column.
	partitionKeys: `SELECT p.partrelid, (SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
			WHERE a.attrelid = p.partrelid AND a.attnum > 0 AND NOT a.attisdropped
			AND (p.partexprs IS NOT NULL OR a.attnum = ANY (p.partattrs)))
		FROM pg_catalog.pg_partitioned_table p`,
	inheritance: "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno",
	functions: `SELECT n.nspname, p.proname, p.prokind,
		(SELECT pg_catalog.json_agg(tn.nspname || '.' || t.typname ORDER BY u.ord)
			FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY u(type, ord)
			JOIN pg_catalog.pg_type t ON t.oid = u.type JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace),
		${extensionOf("pg_proc", "p.oid")}, p.oid
		FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
		WHERE p.oid >= ${FIRST_USER_OID_SQL}`,
	builtins: `SELECT DISTINCT p.proname FROM pg_catalog.pg_proc p
		WHERE p.oid < ${FIRST_USER_OID_SQL}
		AND p.pronamespace IN ('pg_catalog'::pg_catalog.regnamespace, 'information_schema'::pg_catalog.regnamespace)`,
	operators: `SELECT n.nspname, o.oprname, fn.nspname, f.proname,
		(o.oprleft < ${FIRST_USER_OID_SQL} AND o.oprright < ${FIRST_USER_OID_SQL}),
		${extensionOf("pg_operator", "o.oid")}
		FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
		JOIN pg_catalog.pg_proc f ON f.oid = o.oprcode JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
		WHERE o.oid >= ${FIRST_USER_OID_SQL}`,
	types: `SELECT t.oid, n.nspname, t.typname, t.typtype, (t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A'),
		${extensionOf("pg_type", "t.oid")}, t.typelem, t.typbasetype, t.typtypmod
		FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
		WHERE t.oid >= ${FIRST_USER_OID_SQL} AND n.nspname !~ '^pg_(toast|temp)'`,
	casts: `SELECT sn.nspname || '.' || s.typname, tn.nspname || '.' || t.typname, fn.nspname, f.proname
		FROM pg_catalog.pg_cast c
		JOIN pg_catalog.pg_type s ON s.oid = c.castsource JOIN pg_catalog.pg_namespace sn ON sn.oid = s.typnamespace
		JOIN pg_catalog.pg_type t ON t.oid = c.casttarget JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
		LEFT JOIN pg_catalog.pg_proc f ON f.oid = c.castfunc LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
		WHERE c.oid >= ${FIRST_USER_OID_SQL}`,
	// Actions of foreign keys reach from the table that is pointed to: see runningCode.
	code: `SELECT t.tgrelid, false FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal
		UNION SELECT p.polrelid, true FROM pg_catalog.pg_policy p
		UNION SELECT r.ev_class, false FROM pg_catalog.pg_rewrite r
			WHERE r.ev_class >= ${FIRST_USER_OID_SQL} AND r.rulename <> '_RETURN'::pg_catalog.name
		UNION SELECT coalesce(a.adrelid, k.conrelid, i.indrelid), false FROM pg_catalog.pg_depend d
			LEFT JOIN pg_catalog.pg_attrdef a ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid
			LEFT JOIN pg_catalog.pg_constraint k
				ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
			LEFT JOIN pg_catalog.pg_index i ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.indexrelid = d.objid
			WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid >= ${FIRST_USER_OID_SQL}`,
	// A cast is told of the type that is a user's: it is there that it starts or ends. What an extension brings belongs to its types as what the server brings does to its own.
	implicit: `SELECT DISTINCT i.type, i.how, n.nspname, f.proname FROM (
			SELECT t.type, 'cast', c.castfunc::pg_catalog.oid FROM pg_catalog.pg_cast c
				CROSS JOIN LATERAL (VALUES (c.castsource), (c.casttarget)) t (type) WHERE c.castcontext IN ('i', 'a')
				AND (t.type >= ${FIRST_USER_OID_SQL} OR (c.castsource < ${FIRST_USER_OID_SQL} AND c.casttarget < ${FIRST_USER_OID_SQL}))
			UNION ALL SELECT o.opcintype, 'compare', p.amproc::pg_catalog.oid FROM pg_catalog.pg_opclass o
				JOIN pg_catalog.pg_amproc p ON p.amprocfamily = o.opcfamily WHERE o.opcdefault
			UNION ALL SELECT o.opcintype, 'compare', r.oprcode::pg_catalog.oid FROM pg_catalog.pg_opclass o
				JOIN pg_catalog.pg_amop p ON p.amopfamily = o.opcfamily
				JOIN pg_catalog.pg_operator r ON r.oid = p.amopopr WHERE o.opcdefault
			UNION ALL SELECT r.rngtypid, 'check', r.rngcanonical::pg_catalog.oid FROM pg_catalog.pg_range r
			UNION ALL SELECT r.rngtypid, 'compare', p.amproc::pg_catalog.oid FROM pg_catalog.pg_range r
				JOIN pg_catalog.pg_opclass o ON o.oid = r.rngsubopc
				JOIN pg_catalog.pg_amproc p ON p.amprocfamily = o.opcfamily
			UNION ALL SELECT k.contypid, 'check', d.refobjid FROM pg_catalog.pg_constraint k
				JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = k.oid
				WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
			UNION ALL SELECT k.contypid, 'check', r.oprcode::pg_catalog.oid FROM pg_catalog.pg_constraint k
				JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = k.oid
				JOIN pg_catalog.pg_operator r ON r.oid = d.refobjid
				WHERE d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
		) i (type, how, function)
		JOIN pg_catalog.pg_proc f ON f.oid = i.function JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace
		WHERE f.oid >= ${FIRST_USER_OID_SQL} AND i.type <> '0'::pg_catalog.oid
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = f.oid
			AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass)`,
} as const;

const watched = [
	["pg_class", "oid"],
	["pg_attribute", "attrelid"],
	["pg_attrdef", "adrelid"],
	["pg_proc", "oid"],
	["pg_rewrite", "ev_class"],
	["pg_type", "oid"],
	["pg_operator", "oid"],
	["pg_cast", "oid"],
	["pg_inherits", "inhrelid"],
	["pg_index", "indexrelid"],
	["pg_constraint", "oid"],
	["pg_opclass", "oid"],
	["pg_amproc", "oid"],
	["pg_amop", "oid"],
	["pg_range", "rngtypid"],
	["pg_trigger", "oid"],
	["pg_policy", "oid"],
] as const;

/** Watched whole: rights on the server's own schemas and memberships decide which schemas names are looked up in. */
const watchedWhole = ["pg_namespace", "pg_auth_members"] as const;

/**
 * Changes with every definition: each row version has its own place and transaction. Rewriting a catalog (VACUUM FULL)
 * changes it too, which costs one reading more than needed.
 */
export const CATALOG_FINGERPRINT_QUERY: string = [
	...watched.map(([table, oid]) => fingerprintOf(table, ` WHERE ${oid} >= ${FIRST_USER_OID_SQL}`)),
	...watchedWhole.map((table) => fingerprintOf(table, "")),
].join(" UNION ALL ");

function fingerprintOf(table: string, where: string): string {
	return `SELECT '${table}', pg_catalog.count(*),
		pg_catalog.sum(pg_catalog.hashtextextended(xmin::pg_catalog.text || ctid::pg_catalog.text, 0))
		FROM pg_catalog.${table}${where}`;
}

/** Reads a snapshot; `run` runs one query and gives its rows as text. Rejects with what `run` rejects with. */
export async function readCatalog(
	run: (sql: string) => Promise<readonly Row[]>,
	database: string,
	epoch: number,
): Promise<Catalog> {
	await run(QUERIES.pin);
	const [version] = await run(QUERIES.server);
	const schemas = await run(QUERIES.schemas);
	const relations = await run(QUERIES.relations);
	const columns = await run(QUERIES.columns);
	const generated = await run(QUERIES.generated);
	const inheritance = await run(QUERIES.inheritance);
	const partitionKeys = await run(QUERIES.partitionKeys);
	const keys = await run(QUERIES.keys);
	const constraints = await run(QUERIES.constraints);
	const functions = await run(QUERIES.functions);
	const builtins = await run(QUERIES.builtins);
	const operators = await run(QUERIES.operators);
	const types = await run(QUERIES.types);
	const casts = await run(QUERIES.casts);
	const implicit = await run(QUERIES.implicit);
	const code = await run(QUERIES.code);
	const toldColumns = new Map(partitionKeys.map((row) => [Number(row[0]), nameArray(row[1])]));
	const [pinned] = await run(QUERIES.pinned);
	if (pinned?.[0] !== "") throw new Error("the connection that reads the catalog changed while it was read");
	const built = buildRelations(relations, columns, generated, inheritance, [...keys, ...constraints]).map(
		(relation) => {
			const told = toldColumns.get(relation.id);
			const key = told ?? relation.parents.flatMap((id) => toldColumns.get(id) ?? []);
			if (key.length === 0) return relation;
			// What is written has to have a partition, and a partition takes its own rows alone.
			const constraints = [...(relation.constraints ?? []), { kind: "partition", columns: key } as const];
			return { ...relation, constraints, ...(told === undefined ? {} : { toldColumns: told }) };
		},
	);
	return {
		engine: "postgres",
		version: Number(version?.[0]),
		database,
		epoch,
		schemas: schemas.map(first),
		relations: runningCode(built, code),
		functions: functions.map(buildFunction),
		builtinFunctions: builtins.map(first),
		operators: operators.map(buildOperator),
		types: types.map(buildType),
		casts: casts.map(buildCast),
		implicit: implicit.map(buildImplicit),
	};
}

function first(row: Row): string {
	return row[0] ?? "";
}

/** The cells of a row whose columns are NOT NULL. */
function texts(row: Row): string[] {
	return row.map((cell) => cell ?? "");
}

function buildRelations(
	relations: readonly Row[],
	columns: readonly Row[],
	generated: readonly Row[],
	inheritance: readonly Row[],
	constraints: readonly Row[],
): CatalogRelation[] {
	const sources = grouped(
		generated,
		(row) => `${row[0]}.${row[1]}`,
		(row) => row[2] ?? "",
	);
	const columnsOf = grouped(columns, first, (row) => buildColumn(row, sources));
	const parentsOf = grouped(inheritance, first, (row) => Number(row[1]));
	const constraintsOf = grouped(constraints, first, buildConstraint);
	return relations.map((row) => {
		const [oid = "", schema = "", name = "", kind = ""] = texts(row);
		const definition = row[4];
		return {
			id: Number(oid),
			schema,
			name,
			kind: relationKinds[kind] ?? "table",
			columns: columnsOf.get(oid) ?? [],
			...(definition ? { definition } : {}),
			...numbered(row[5]),
			...withConstraints(constraintsOf.get(oid), columnsOf.get(oid) ?? []),
			parents: ancestors(oid, parentsOf),
		};
	});
}

/** "table.column" of the column that a sequence was made for. */
function numbered(owner: string | null | undefined): Pick<CatalogRelation, "numbers"> {
	const [relation, column] = (owner ?? "").split(".").map(Number);
	return relation && column ? { numbers: { relation, column } } : {};
}

/**
 * Relations with code of a user's, parents of those (their rows are reached through them), and what foreign keys of those
 * point to (changes there reach their rows).
 */
function runningCode(relations: readonly CatalogRelation[], code: readonly Row[]): CatalogRelation[] {
	const reached = new Set<number>();
	const byId = new Map(relations.map((relation) => [relation.id, relation]));
	const used = new Set(code.filter((row) => row[1] === "t").map((row) => Number(row[0])));
	const waiting = code.map((row) => Number(row[0]));
	for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
		const relation = byId.get(id);
		if (relation === undefined || reached.has(id)) continue;
		reached.add(id);
		const targets = (relation.constraints ?? []).flatMap(({ target }) => target?.relation ?? []);
		waiting.push(...relation.parents, ...targets);
	}
	return relations.map((relation) => {
		if (!reached.has(relation.id)) return relation;
		return { ...relation, runsCode: used.has(relation.id) ? "used" : "written" };
	});
}

const constraintKinds: Readonly<Record<string, CatalogConstraint["kind"]>> = {
	u: "unique",
	x: "exclusion",
	c: "check",
	f: "reference",
};

function buildConstraint(row: Row): CatalogConstraint {
	// A kind that is not known compares in an unknown way.
	const kind = constraintKinds[row[1] ?? ""] ?? "exclusion";
	const columns = nameArray(row[2]);
	if (kind !== "reference") return { kind, columns };
	const target = {
		relation: Number(row[3]),
		columns: nameArray(row[4]),
		refusesUpdate: row[5] === "t",
		refusesDelete: row[6] === "t",
	};
	return { kind, columns, target };
}

/** Whoever writes a column writes those that are generated from it. */
function withConstraints(
	constraints: readonly CatalogConstraint[] | undefined,
	columns: readonly CatalogColumn[],
): { readonly constraints?: readonly CatalogConstraint[] } {
	if (constraints === undefined) return {};
	const sources = new Map(columns.map((column) => [column.name, column.generatedFrom ?? []]));
	const whole = (names: readonly string[]) => [
		...new Set(names.flatMap((name) => [name, ...(sources.get(name) ?? [])])),
	];
	return { constraints: constraints.map((constraint) => ({ ...constraint, columns: whole(constraint.columns) })) };
}

function nameArray(cell: string | null | undefined): string[] {
	const names: unknown = JSON.parse(cell ?? "[]");
	return Array.isArray(names) ? names.map(String) : [];
}

function buildColumn(row: Row, sources: ReadonlyMap<string, readonly string[]>): CatalogColumn {
	const [relation = "", number = "", name = "", type = ""] = texts(row);
	const generatedFrom = sources.get(`${relation}.${name}`);
	const column = {
		number: Number(number),
		name,
		type: Number(type),
		...(row[4] === undefined || row[4] === "-1" ? {} : { typeModifier: Number(row[4]) }),
		...(row[5] === "t" ? { generated: true } : {}),
	};
	return generatedFrom === undefined ? column : { ...column, generatedFrom };
}

/** Nearest first; inheritance is a graph without circles, but a relation may be reached twice. */
function ancestors(oid: string, parentsOf: ReadonlyMap<string, readonly number[]>): number[] {
	const found = new Set<number>();
	let level = parentsOf.get(oid) ?? [];
	while (level.length > 0) {
		const fresh = level.filter((parent) => !found.has(parent));
		for (const parent of fresh) found.add(parent);
		level = fresh.flatMap((parent) => parentsOf.get(String(parent)) ?? []);
	}
	return [...found];
}

function grouped<V>(rows: readonly Row[], key: (row: Row) => string, value: (row: Row) => V): Map<string, V[]> {
	const groups = new Map<string, V[]>();
	for (const row of rows) {
		const group = groups.get(key(row));
		if (group === undefined) groups.set(key(row), [value(row)]);
		else group.push(value(row));
	}
	return groups;
}

function ofExtension(extension: string | null | undefined): { extension?: string } {
	return extension ? { extension } : {};
}

function buildFunction(row: Row): CatalogFunction {
	const [schema = "", name = "", kind = ""] = texts(row);
	return {
		id: Number(row[5]),
		schema,
		name,
		kind: functionKinds[kind] ?? "function",
		arguments: nameArray(row[3]),
		...ofExtension(row[4]),
	};
}

function buildOperator(row: Row): CatalogOperator {
	const [schema = "", name = "", functionSchema = "", functionName = ""] = texts(row);
	return { schema, name, functionSchema, functionName, builtinOperands: row[4] === "t", ...ofExtension(row[5]) };
}

function buildType(row: Row): CatalogType {
	const [oid = "", schema = "", name = "", kind = ""] = texts(row);
	return {
		id: Number(oid),
		schema,
		name,
		kind: row[4] === "t" ? "array" : (typeKinds[kind] ?? "base"),
		of: [Number(row[6]), Number(row[7])].filter((part) => part !== 0),
		...ofExtension(row[5]),
		...(kind === "d" ? { over: { type: Number(row[7]), typeModifier: Number(row[8]) } } : {}),
	};
}

function buildImplicit(row: Row): CatalogImplicit {
	const [type = "", how = "", schema = "", name = ""] = texts(row);
	return { type: Number(type), how: how === "cast" || how === "compare" ? how : "check", schema, name };
}

function buildCast(row: Row): CatalogCast {
	const [source = "", target = ""] = texts(row);
	const [functionSchema, functionName] = [row[2], row[3]];
	return functionSchema && functionName ? { source, target, functionSchema, functionName } : { source, target };
}
