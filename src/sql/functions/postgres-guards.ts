/**
 * Columns of PostgreSQL's catalogs, and functions of its own, that show the text of somebody's object: source code,
 * expressions with their constants, labels, comments, options. Tools read them all the time, so they are not denied;
 * each shows what belongs to objects that the license covers and is NULL for all others
 * (docs/decisions/012).
 *
 * `shown` is a condition in SQL over `x`, the row that holds the column. In it `$R(e)` says that `e` is the OID of a
 * relation that the license covers, `$B(e)` that its bounds tell of no masked column besides, `$F(e)` likewise of a function,
 * `$T(e)` of a type and `$N(e)` that `e` is the name of a covered schema; objects that the server came with always are.
 * Every operator names its schema, so that none of a user's stands in for it.
 */
import { FIRST_USER_OID_SQL } from "../catalog.js";

export interface GuardedColumns {
	readonly relation: string;
	/** Names, separated by white space. */
	readonly columns: string;
	readonly shown: string;
	readonly why: string;
}

export interface GuardedFunction {
	readonly names: string;
	/** A query for the values of the first argument, in its one column, for which it may answer. */
	readonly keys: string;
	/** What the first argument is turned into, where it may be given in several ways. */
	readonly argument: "oid" | "regclass" | "text";
	readonly why: string;
}

const EQ = "OPERATOR(pg_catalog.=)";
const NE = "OPERATOR(pg_catalog.<>)";
const ZERO = "'0'::pg_catalog.oid";
const NEVER = "false";

const classIs = (name: string): string => `x.classoid ${EQ} 'pg_catalog.${name}'::pg_catalog.regclass::pg_catalog.oid`;

/** The relation that a row names by schema and name. */
const relationNamed = (schema: string, name: string): string => `EXISTS (SELECT FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} c.relnamespace
	WHERE n.nspname ${EQ} x.${schema} AND c.relname ${EQ} x.${name} AND $R(c.oid))`;

/** information_schema names a function by its name and OID together. */
const ROUTINE_NAMED = `EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} p.pronamespace
	WHERE n.nspname ${EQ} x.specific_schema AND pg_catalog.nameconcatoid(p.proname, p.oid) ${EQ} x.specific_name AND $F(p.oid))`;

const DOMAIN_NAMED = `EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} t.typnamespace
	WHERE n.nspname ${EQ} x.domain_schema AND t.typname ${EQ} x.domain_name AND $T(t.oid))`;

/** Of a table or of a domain. */
const ownerOfConstraint = (row: string): string =>
	`CASE WHEN ${row}.conrelid ${NE} ${ZERO} THEN $R(${row}.conrelid) ELSE $T(${row}.contypid) END`;

/** Constraints of several tables may have one name: all of them have to be covered. */
const CONSTRAINT_NAMED = `NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c
	JOIN pg_catalog.pg_namespace n ON n.oid ${EQ} c.connamespace
	WHERE n.nspname ${EQ} x.constraint_schema AND c.conname ${EQ} x.constraint_name AND NOT (${ownerOfConstraint("c")}))`;

const belongsTo = (catalog: string, relation: string): string =>
	`${classIs(catalog)} AND EXISTS (SELECT FROM pg_catalog.${catalog} o WHERE o.oid ${EQ} x.objoid AND $R(o.${relation}))`;

/** What a row of pg_description or pg_seclabel is about. */
const OBJECT_SHOWN = `(x.objoid OPERATOR(pg_catalog.<) ${FIRST_USER_OID_SQL}
	OR ${classIs("pg_class")} AND ($R(x.objoid)
		OR EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid ${EQ} x.objoid AND $R(i.indrelid)))
	OR ${classIs("pg_proc")} AND $F(x.objoid)
	OR ${classIs("pg_type")} AND $T(x.objoid)
	OR ${classIs("pg_extension")}
	OR ${classIs("pg_namespace")}
		AND EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.oid ${EQ} x.objoid AND $N(n.nspname))
	OR ${classIs("pg_constraint")}
		AND EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.oid ${EQ} x.objoid AND ${ownerOfConstraint("c")})
	OR ${belongsTo("pg_trigger", "tgrelid")} OR ${belongsTo("pg_rewrite", "ev_class")}
	OR ${belongsTo("pg_policy", "polrelid")} OR ${belongsTo("pg_statistic_ext", "stxrelid")})`;

const THIS_DATABASE = `(SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname ${EQ} pg_catalog.current_database())`;

/**
 * Settings that hold commands, connection strings or places of files. What has a dot in its name belongs to an extension
 * or an application, which may keep anything in it.
 */
const SECRET_SETTINGS = `archive_cleanup_command archive_command config_file data_directory external_pid_file hba_file
	ident_file krb_server_keyfile log_directory log_filename primary_conninfo primary_slot_name promote_trigger_file
	recovery_end_command restore_command ssl_ca_file ssl_cert_file ssl_crl_dir ssl_crl_file ssl_dh_params_file ssl_key_file
	ssl_passphrase_command stats_temp_directory synchronous_standby_names unix_socket_directories`.split(/\s+/);

const SETTING_SHOWN = `(x.name OPERATOR(pg_catalog.!~) '[.]'
	AND x.name ${NE} ALL ('{${SECRET_SETTINGS.join(",")}}'::pg_catalog.text[]))`;

/** Settings of the server whose value SHOW and current_setting tell no more than pg_settings does. */
export function isSecretSetting(name: string): boolean {
	return SECRET_SETTINGS.includes(name.toLowerCase());
}

export const GUARDED_COLUMNS: readonly GuardedColumns[] = [
	// ---- expressions: they may hold constants of the data
	{ relation: "pg_catalog.pg_attrdef", columns: "adbin", shown: "$R(x.adrelid)", why: "a column's default" },
	{
		relation: "pg_catalog.pg_constraint",
		columns: "conbin",
		shown: ownerOfConstraint("x"),
		why: "the condition of a CHECK",
	},
	{
		relation: "pg_catalog.pg_index",
		columns: "indexprs indpred",
		shown: "$R(x.indrelid)",
		why: "an index's expressions and predicate",
	},
	{
		relation: "pg_catalog.pg_trigger",
		columns: "tgargs tgqual",
		shown: "$R(x.tgrelid)",
		why: "a trigger's arguments and condition",
	},
	{
		relation: "pg_catalog.pg_rewrite",
		columns: "ev_qual ev_action",
		shown: "$R(x.ev_class)",
		why: "the query of a view or rule",
	},
	{
		relation: "pg_catalog.pg_policy",
		columns: "polqual polwithcheck",
		shown: "$R(x.polrelid)",
		why: "the condition of a row security policy",
	},
	{
		relation: "pg_catalog.pg_statistic_ext",
		columns: "stxexprs",
		shown: "$R(x.stxrelid)",
		why: "expressions of extended statistics",
	},
	{
		relation: "pg_catalog.pg_partitioned_table",
		columns: "partexprs",
		shown: "$R(x.partrelid)",
		why: "expressions of a partition key",
	},
	{
		relation: "pg_catalog.pg_class",
		columns: "relpartbound",
		shown: "$B(x.oid)",
		why: "a partition's bounds, which are values of its rows",
	},
	{
		relation: "pg_catalog.pg_publication_rel",
		columns: "prqual",
		shown: "$R(x.prrelid)",
		why: "the row filter of a publication",
	},
	{
		relation: "pg_catalog.pg_attribute",
		columns: "attmissingval",
		shown: NEVER,
		why: "the value of rows that are older than the column",
	},
	{
		relation: "pg_catalog.pg_type",
		columns: "typdefault typdefaultbin",
		shown: "$T(x.oid)",
		why: "a domain's default",
	},
	// ---- source code
	{
		relation: "pg_catalog.pg_proc",
		columns: "prosrc probin prosqlbody proargdefaults proconfig",
		shown: "$F(x.oid)",
		why: "a function's source, defaults and settings",
	},
	{
		relation: "pg_catalog.pg_views",
		columns: "definition",
		shown: relationNamed("schemaname", "viewname"),
		why: "a view's query",
	},
	{
		relation: "pg_catalog.pg_matviews",
		columns: "definition",
		shown: relationNamed("schemaname", "matviewname"),
		why: "a materialized view's query",
	},
	{
		relation: "pg_catalog.pg_rules",
		columns: "definition",
		shown: relationNamed("schemaname", "tablename"),
		why: "a rule's query",
	},
	{
		relation: "pg_catalog.pg_indexes",
		columns: "indexdef",
		shown: relationNamed("schemaname", "tablename"),
		why: "an index's expressions and predicate",
	},
	{
		relation: "pg_catalog.pg_policies",
		columns: "qual with_check",
		shown: relationNamed("schemaname", "tablename"),
		why: "the condition of a row security policy",
	},
	{
		relation: "pg_catalog.pg_publication_tables",
		columns: "rowfilter",
		shown: relationNamed("schemaname", "tablename"),
		why: "the row filter of a publication",
	},
	// ---- labels and comments
	{ relation: "pg_catalog.pg_enum", columns: "enumlabel", shown: "$T(x.enumtypid)", why: "an enum's labels" },
	{ relation: "pg_catalog.pg_description", columns: "description", shown: OBJECT_SHOWN, why: "comments" },
	{
		relation: "pg_catalog.pg_shdescription",
		columns: "description",
		shown: `(x.objoid OPERATOR(pg_catalog.<) ${FIRST_USER_OID_SQL}
			OR ${classIs("pg_database")} AND x.objoid ${EQ} ${THIS_DATABASE})`,
		why: "comments on roles and other databases",
	},
	{ relation: "pg_catalog.pg_seclabel", columns: "label", shown: OBJECT_SHOWN, why: "security labels" },
	{ relation: "pg_catalog.pg_seclabels", columns: "label", shown: OBJECT_SHOWN, why: "security labels" },
	{ relation: "pg_catalog.pg_shseclabel", columns: "label", shown: NEVER, why: "security labels" },
	// ---- options and settings
	{
		relation: "pg_catalog.pg_attribute",
		columns: "attfdwoptions",
		shown: "$R(x.attrelid)",
		why: "options of a foreign table's column",
	},
	{
		relation: "pg_catalog.pg_foreign_table",
		columns: "ftoptions",
		shown: "$R(x.ftrelid)",
		why: "options of a foreign table",
	},
	{
		relation: "pg_catalog.pg_foreign_server",
		columns: "srvoptions",
		shown: NEVER,
		why: "how another server is reached",
	},
	{
		relation: "pg_catalog.pg_foreign_data_wrapper",
		columns: "fdwoptions",
		shown: NEVER,
		why: "how other servers are reached",
	},
	{
		relation: "pg_catalog.pg_db_role_setting",
		columns: "setconfig",
		shown: NEVER,
		why: "settings may hold an application's secrets",
	},
	{
		relation: "pg_catalog.pg_roles",
		columns: "rolconfig",
		shown: NEVER,
		why: "settings may hold an application's secrets",
	},
	{
		relation: "pg_catalog.pg_user",
		columns: "useconfig",
		shown: NEVER,
		why: "settings may hold an application's secrets",
	},
	{
		relation: "pg_catalog.pg_settings",
		columns: "setting boot_val reset_val",
		shown: SETTING_SHOWN,
		why: "commands, connection strings, places of files, an application's own settings",
	},
	{ relation: "pg_catalog.pg_settings", columns: "sourcefile sourceline", shown: NEVER, why: "places of files" },
	// ---- the same by the standard's names
	{
		relation: "information_schema.columns",
		columns: "column_default generation_expression",
		shown: relationNamed("table_schema", "table_name"),
		why: "a column's default",
	},
	{
		relation: "information_schema.domains",
		columns: "domain_default",
		shown: DOMAIN_NAMED,
		why: "a domain's default",
	},
	{
		relation: "information_schema.parameters",
		columns: "parameter_default",
		shown: ROUTINE_NAMED,
		why: "defaults of a function's arguments",
	},
	{
		relation: "information_schema.routines",
		columns: "routine_definition",
		shown: ROUTINE_NAMED,
		why: "a function's source",
	},
	{
		relation: "information_schema.triggers",
		columns: "action_statement action_condition",
		shown: relationNamed("event_object_schema", "event_object_table"),
		why: "a trigger's arguments and condition",
	},
	{
		relation: "information_schema.views",
		columns: "view_definition",
		shown: relationNamed("table_schema", "table_name"),
		why: "a view's query",
	},
	{
		relation: "information_schema.check_constraints",
		columns: "check_clause",
		shown: CONSTRAINT_NAMED,
		why: "the condition of a CHECK",
	},
	{
		relation: "information_schema.column_options",
		columns: "option_value",
		shown: relationNamed("table_schema", "table_name"),
		why: "options of a foreign table's column",
	},
	{
		relation: "information_schema.foreign_table_options",
		columns: "option_value",
		shown: relationNamed("foreign_table_schema", "foreign_table_name"),
		why: "options of a foreign table",
	},
	{
		relation: "information_schema.foreign_server_options",
		columns: "option_value",
		shown: NEVER,
		why: "how another server is reached",
	},
	{
		relation: "information_schema.foreign_data_wrapper_options",
		columns: "option_value",
		shown: NEVER,
		why: "how other servers are reached",
	},
	{
		relation: "information_schema._pg_foreign_table_columns",
		columns: "attfdwoptions",
		shown: relationNamed("nspname", "relname"),
		why: "options of a foreign table's column",
	},
	{
		relation: "information_schema._pg_foreign_tables",
		columns: "ftoptions",
		shown: relationNamed("foreign_table_schema", "foreign_table_name"),
		why: "options of a foreign table",
	},
	{
		relation: "information_schema._pg_foreign_servers",
		columns: "srvoptions",
		shown: NEVER,
		why: "how another server is reached",
	},
	{
		relation: "information_schema._pg_foreign_data_wrappers",
		columns: "fdwoptions",
		shown: NEVER,
		why: "how other servers are reached",
	},
];

const KEYS_OF_RELATIONS = "SELECT c.oid FROM pg_catalog.pg_class c WHERE $R(c.oid)";
const KEYS_OF_FUNCTIONS = "SELECT p.oid FROM pg_catalog.pg_proc p WHERE $F(p.oid)";

export const GUARDED_FUNCTIONS: readonly GuardedFunction[] = [
	{ names: "pg_get_viewdef", keys: KEYS_OF_RELATIONS, argument: "regclass", why: "the query of a view" },
	{ names: "pg_get_partkeydef", keys: KEYS_OF_RELATIONS, argument: "oid", why: "expressions of a partition key" },
	{
		names: "pg_get_partition_constraintdef",
		keys: "SELECT c.oid FROM pg_catalog.pg_class c WHERE $B(c.oid)",
		argument: "oid",
		why: "a partition's bounds, which are values of its rows",
	},
	{ names: "col_description", keys: KEYS_OF_RELATIONS, argument: "oid", why: "comments" },
	{
		names: "pg_get_functiondef pg_get_function_sqlbody pg_get_function_arguments pg_get_function_arg_default",
		keys: KEYS_OF_FUNCTIONS,
		argument: "oid",
		why: "a function's source and the defaults of its arguments",
	},
	{
		names: "pg_get_triggerdef",
		keys: "SELECT t.oid FROM pg_catalog.pg_trigger t WHERE $R(t.tgrelid)",
		argument: "oid",
		why: "a trigger's arguments and condition",
	},
	{
		names: "pg_get_ruledef",
		keys: "SELECT r.oid FROM pg_catalog.pg_rewrite r WHERE $R(r.ev_class)",
		argument: "oid",
		why: "a rule's query",
	},
	{
		names: "pg_get_indexdef",
		keys: "SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE $R(i.indrelid)",
		argument: "oid",
		why: "an index's expressions and predicate",
	},
	{
		names: "pg_get_constraintdef",
		keys: `SELECT c.oid FROM pg_catalog.pg_constraint c WHERE ${ownerOfConstraint("c")}`,
		argument: "oid",
		why: "the condition of a CHECK",
	},
	{
		names: "pg_get_statisticsobjdef pg_get_statisticsobjdef_expressions",
		keys: "SELECT s.oid FROM pg_catalog.pg_statistic_ext s WHERE $R(s.stxrelid)",
		argument: "oid",
		why: "expressions of extended statistics",
	},
	{
		names: "obj_description",
		keys: `SELECT x.objoid FROM pg_catalog.pg_description x WHERE ${OBJECT_SHOWN}`,
		argument: "oid",
		why: "comments",
	},
	{
		names: "current_setting",
		keys: `SELECT x.name FROM pg_catalog.pg_settings x WHERE ${SETTING_SHOWN}`,
		argument: "text",
		why: "commands, connection strings, places of files, an application's own settings",
	},
	{
		names: "shobj_description",
		keys: `SELECT d.oid FROM pg_catalog.pg_database d WHERE d.oid ${EQ} ${THIS_DATABASE}`,
		argument: "oid",
		why: "comments on roles and other databases",
	},
];

/** What a guarded column or function is, ready to be looked up. */
export interface ColumnGuard {
	readonly shown: string;
	readonly why: string;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const COLUMNS = new Map<string, Map<string, ColumnGuard>>();
for (const { relation, columns, shown, why } of GUARDED_COLUMNS) {
	const known = COLUMNS.get(relation) ?? new Map<string, ColumnGuard>();
	for (const column of words(columns)) known.set(column, { shown, why });
	COLUMNS.set(relation, known);
}

const FUNCTIONS: ReadonlyMap<string, GuardedFunction> = new Map(
	GUARDED_FUNCTIONS.flatMap((guard) => words(guard.names).map((name): [string, GuardedFunction] => [name, guard])),
);

/** The guarded columns of a system relation. */
export function guardedColumns(schema: string, name: string): ReadonlyMap<string, ColumnGuard> | undefined {
	return COLUMNS.get(`${schema}.${name}`);
}

export function guardedFunction(name: string): GuardedFunction | undefined {
	return FUNCTIONS.get(name);
}
