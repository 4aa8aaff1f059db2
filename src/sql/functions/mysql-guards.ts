/**
 * Columns of MySQL's and MariaDB's catalogs that show the text of somebody's object: source code, expressions with their
 * constants, labels of enums, comments, bounds of partitions, next values of counters. As PostgreSQL's (postgres-guards.ts,
 * docs/decisions/012) they show what belongs to objects that the license covers.
 *
 * `shown` is a condition in SQL over `x`, the row that holds the column. In it `$R(s, n)` says that a relation of that
 * database and name is covered, `$P(s, n)` that none of its columns is masked besides, `$B(s, n)` that its definition tells no
 * value of a masked column, `$F(s, n)` likewise of a routine, `$N(s)` that something of a database is covered and `$O(s)` that
 * everything is. Names are compared by their bytes: no collation of a catalog's column has a say.
 */

export interface MysqlGuardedColumns {
	/** Tables of one form, separated by white space. */
	readonly relations: string;
	/** Names, separated by white space. */
	readonly columns: string;
	readonly shown: string;
	/** In place of what is not shown, for columns that are never NULL; NULL by default. */
	readonly otherwise?: string;
	readonly why: string;
}

const NEVER = "0";
const OF_TABLE = "$R(TABLE_SCHEMA, TABLE_NAME)";
const OF_ROUTINE = "$F(ROUTINE_SCHEMA, ROUTINE_NAME)";

/** Of the types' names only these hold more than the type: the labels. */
const HAS_NO_LABELS = "x.`DATA_TYPE` NOT IN ('enum', 'set')";

/**
 * Settings of the server that tell where it keeps what, or its keys: they are restricted by `@@name` too. The condition
 * takes in at least what the expression does.
 */
const SECRET_SETTING =
	/(_key|filekey|_key_tab|_cert|_ca|_capath|_cipher|_password|_pwd|_token|_sst_auth|_provider_options|_file|_files|_path|dir|_directory|_basename|_log_index|^log_bin_index|_socket|^socket|_log_name|_url|_keyring.*|^init_.*|^report_.*|^secure_.*)$/;

/** Why a system variable is not for everybody; undefined: it is. */
export function secretSetting(name: string): string | undefined {
	return SECRET_SETTING.test(name) ? "it tells where the server keeps what, or its keys" : undefined;
}

/** Names of settings hold letters, digits and `_` alone, which mean themselves to both kinds of regular expressions. */
export function settingShown(column: string): string {
	return `LOWER(${column}) NOT REGEXP '${SECRET_SETTING.source}'`;
}

export const MYSQL_GUARDED_COLUMNS: readonly MysqlGuardedColumns[] = [
	// ---- tables and their columns
	{
		relations: "information_schema.columns",
		columns: "column_default generation_expression",
		shown: OF_TABLE,
		why: "a column's default",
	},
	{
		relations: "information_schema.columns",
		columns: "column_type",
		shown: `(${HAS_NO_LABELS} OR ${OF_TABLE})`,
		otherwise: "x.`DATA_TYPE`",
		why: "an enum's labels",
	},
	{
		relations: "information_schema.columns",
		columns: "column_comment",
		shown: OF_TABLE,
		otherwise: "''",
		why: "comments",
	},
	{
		relations: "information_schema.tables",
		columns: "table_comment",
		shown: OF_TABLE,
		otherwise: "''",
		why: "comments",
	},
	{
		relations: "information_schema.tables",
		columns: "create_options",
		shown: OF_TABLE,
		why: "options, which engines add their own to",
	},
	{
		relations: "information_schema.tables",
		columns: "auto_increment",
		shown: "$B(TABLE_SCHEMA, TABLE_NAME)",
		why: "a counter's next value",
	},
	{
		relations: "information_schema.tables information_schema.partitions",
		columns: "checksum",
		shown: "$P(TABLE_SCHEMA, TABLE_NAME)",
		why: "a checksum of rows, by which values can be tried out",
	},
	{
		relations: "information_schema.partitions",
		columns: "partition_expression subpartition_expression",
		shown: OF_TABLE,
		why: "expressions of a partition key",
	},
	{
		relations: "information_schema.partitions",
		columns: "partition_description",
		shown: "$B(TABLE_SCHEMA, TABLE_NAME)",
		why: "a partition's bounds, which are values of its rows",
	},
	{
		relations: "information_schema.partitions",
		columns: "partition_comment",
		shown: OF_TABLE,
		otherwise: "''",
		why: "comments",
	},
	{
		relations: "information_schema.statistics",
		columns: "comment index_comment",
		shown: OF_TABLE,
		otherwise: "''",
		why: "comments",
	},
	{
		relations: "information_schema.statistics",
		columns: "expression",
		shown: OF_TABLE,
		why: "an index's expressions",
	},
	{
		relations: `information_schema.columns_extensions information_schema.tables_extensions
			information_schema.table_constraints_extensions`,
		columns: "engine_attribute secondary_engine_attribute",
		shown: OF_TABLE,
		why: "an application's own text",
	},
	{
		relations: "information_schema.tablespaces_extensions",
		columns: "engine_attribute",
		shown: NEVER,
		why: "an application's own text",
	},
	{ relations: "information_schema.tablespaces", columns: "tablespace_comment", shown: NEVER, why: "comments" },
	{
		relations: "information_schema.schemata",
		columns: "schema_comment",
		shown: "$N(SCHEMA_NAME)",
		otherwise: "''",
		why: "comments",
	},
	// ---- source code
	{
		relations: "information_schema.views",
		columns: "view_definition",
		shown: OF_TABLE,
		otherwise: "''",
		why: "a view's query",
	},
	{
		relations: "information_schema.triggers",
		columns: "action_statement",
		shown: "$R(EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE)",
		otherwise: "''",
		why: "a trigger's source",
	},
	{
		relations: "information_schema.triggers",
		columns: "action_condition",
		shown: "$R(EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE)",
		why: "a trigger's condition",
	},
	{
		relations: "information_schema.routines",
		columns: "routine_definition",
		shown: OF_ROUTINE,
		why: "a routine's source",
	},
	{
		relations: "information_schema.routines",
		columns: "routine_comment",
		shown: OF_ROUTINE,
		otherwise: "''",
		why: "comments",
	},
	{
		relations: "information_schema.routines",
		columns: "dtd_identifier",
		shown: `(${HAS_NO_LABELS} OR ${OF_ROUTINE})`,
		otherwise: "x.`DATA_TYPE`",
		why: "an enum's labels",
	},
	{
		relations: "information_schema.parameters",
		columns: "dtd_identifier",
		shown: `(${HAS_NO_LABELS} OR $F(SPECIFIC_SCHEMA, SPECIFIC_NAME))`,
		otherwise: "x.`DATA_TYPE`",
		why: "an enum's labels",
	},
	{
		relations: "information_schema.parameters",
		columns: "parameter_default",
		shown: "$F(SPECIFIC_SCHEMA, SPECIFIC_NAME)",
		why: "defaults of a routine's arguments",
	},
	{
		relations: "information_schema.events",
		columns: "event_definition event_comment",
		shown: "$O(EVENT_SCHEMA)",
		otherwise: "''",
		why: "an event's source",
	},
	{
		relations: "information_schema.libraries",
		columns: "library_definition library_comment",
		shown: "$O(LIBRARY_SCHEMA)",
		why: "a library's source",
	},
	// ---- settings
	{
		relations: `information_schema.global_variables information_schema.session_variables
			performance_schema.global_variables performance_schema.session_variables`,
		columns: "variable_value",
		shown: settingShown("x.`VARIABLE_NAME`"),
		why: "places of files, code for each login",
	},
	{
		relations: "information_schema.system_variables",
		columns: "session_value global_value default_value global_value_path",
		shown: settingShown("x.`VARIABLE_NAME`"),
		why: "places of files, code for each login",
	},
	{
		relations: "performance_schema.variables_info",
		columns: "variable_path",
		shown: NEVER,
		why: "places of files",
	},
];

/** MariaDB tells whose a check is. In MySQL its name is one of a kind in its database, and another catalog tells. */
const CHECK_CLAUSE = {
	mariadb: "$R(CONSTRAINT_SCHEMA, TABLE_NAME)",
	mysql: `EXISTS (SELECT 1 FROM information_schema.TABLE_CONSTRAINTS AS o
		WHERE o.CONSTRAINT_SCHEMA = x.CONSTRAINT_SCHEMA AND o.CONSTRAINT_NAME = x.CONSTRAINT_NAME
		AND o.CONSTRAINT_TYPE = 'CHECK' AND HEX(o.CONSTRAINT_SCHEMA) = HEX(x.CONSTRAINT_SCHEMA)
		AND HEX(o.CONSTRAINT_NAME) = HEX(x.CONSTRAINT_NAME) AND $R(o.TABLE_SCHEMA, o.TABLE_NAME))`,
};

export interface MysqlColumnGuard {
	readonly shown: string;
	readonly otherwise: string | undefined;
	readonly why: string;
}

type Guards = ReadonlyMap<string, ReadonlyMap<string, MysqlColumnGuard>>;

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

function guardsOf(flavour: "mysql" | "mariadb"): Guards {
	const found = new Map<string, Map<string, MysqlColumnGuard>>();
	const checks: MysqlGuardedColumns = {
		relations: "information_schema.check_constraints",
		columns: "check_clause",
		shown: CHECK_CLAUSE[flavour],
		otherwise: "''",
		why: "the condition of a CHECK",
	};
	for (const { relations, columns, shown, otherwise, why } of [...MYSQL_GUARDED_COLUMNS, checks]) {
		for (const relation of words(relations)) {
			const known = found.get(relation) ?? new Map<string, MysqlColumnGuard>();
			for (const column of words(columns)) known.set(column, { shown, otherwise, why });
			found.set(relation, known);
		}
	}
	return found;
}

const GUARDS = { mysql: guardsOf("mysql"), mariadb: guardsOf("mariadb") };

/** The guarded columns of a system relation, by their names in lower case. */
export function mysqlGuardedColumns(
	flavour: "mysql" | "mariadb",
	schema: string,
	name: string,
): ReadonlyMap<string, MysqlColumnGuard> | undefined {
	return GUARDS[flavour].get(`${schema}.${name}`.toLowerCase());
}
