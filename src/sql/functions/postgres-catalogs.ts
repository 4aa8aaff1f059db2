/**
 * Which of PostgreSQL's system relations are safe to read and which hold data or secrets, as data with reasons.
 *
 * Tools read definitions all the time, so definitions are open; statistics hold sampled values, activity holds other
 * sessions' statements, and some columns hold connection strings. A system relation that this build does not know (a newer
 * server's, a fork's) counts as sensitive until someone has looked at it.
 */

/** Relations of pg_catalog, of versions 12 to 18, that only describe definitions or count. */
const SAFE_CATALOGS = `pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members
	pg_available_extension_versions pg_available_extensions pg_cast pg_class pg_collation pg_constraint pg_conversion
	pg_database pg_db_role_setting pg_default_acl pg_depend pg_description pg_enum pg_event_trigger pg_extension
	pg_foreign_data_wrapper pg_foreign_server pg_foreign_table pg_group pg_index pg_indexes pg_inherits pg_init_privs
	pg_language pg_largeobject_metadata pg_matviews pg_namespace pg_opclass pg_operator pg_opfamily pg_parameter_acl
	pg_partitioned_table pg_pltemplate pg_policies pg_policy pg_proc pg_publication pg_publication_namespace
	pg_publication_rel pg_publication_tables pg_range pg_replication_origin pg_replication_origin_status
	pg_replication_slots pg_rewrite pg_roles pg_rules pg_seclabel pg_seclabels pg_sequence pg_settings pg_shdepend
	pg_shdescription pg_shseclabel pg_stat_all_indexes pg_stat_all_tables pg_stat_archiver pg_stat_bgwriter
	pg_stat_checkpointer pg_stat_database pg_stat_database_conflicts pg_stat_io pg_stat_recovery_prefetch
	pg_stat_replication_slots pg_stat_slru pg_stat_subscription pg_stat_subscription_stats pg_stat_sys_indexes
	pg_stat_sys_tables pg_stat_user_functions pg_stat_user_indexes pg_stat_user_tables pg_stat_wal
	pg_stat_xact_all_tables pg_stat_xact_sys_tables pg_stat_xact_user_functions pg_stat_xact_user_tables
	pg_statio_all_indexes pg_statio_all_sequences pg_statio_all_tables pg_statio_sys_indexes pg_statio_sys_sequences
	pg_statio_sys_tables pg_statio_user_indexes pg_statio_user_sequences pg_statio_user_tables pg_statistic_ext
	pg_subscription_rel pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names pg_transform pg_trigger
	pg_ts_config pg_ts_config_map pg_ts_dict pg_ts_parser pg_ts_template pg_type pg_user pg_views pg_wait_events`;

const SAFE_INFORMATION_SCHEMA = `_pg_foreign_data_wrappers _pg_foreign_servers _pg_foreign_table_columns _pg_foreign_tables
	administrable_role_authorizations applicable_roles attributes character_sets check_constraint_routine_usage
	check_constraints collation_character_set_applicability collations column_column_usage column_domain_usage
	column_options column_privileges column_udt_usage columns constraint_column_usage constraint_table_usage
	data_type_privileges domain_constraints domain_udt_usage domains element_types enabled_roles
	foreign_data_wrapper_options foreign_data_wrappers foreign_server_options foreign_servers foreign_table_options
	foreign_tables information_schema_catalog_name key_column_usage parameters referential_constraints
	role_column_grants role_routine_grants role_table_grants role_udt_grants role_usage_grants routine_column_usage
	routine_privileges routine_routine_usage routine_sequence_usage routine_table_usage routines schemata sequences
	sql_features sql_implementation_info sql_languages sql_packages sql_parts sql_sizing sql_sizing_profiles
	table_constraints table_privileges tables transforms triggered_update_columns triggers udt_privileges
	usage_privileges user_defined_types user_mappings view_column_usage view_routine_usage view_table_usage views`;

/** Relations that are sensitive as a whole, with the reason. */
const SENSITIVE: Readonly<Record<string, string>> = {
	pg_statistic: "it holds sampled values of every column",
	pg_statistic_ext_data: "it holds sampled values of columns",
	pg_stats: "it shows sampled values of every column",
	pg_stats_ext: "it shows sampled values of columns",
	pg_stats_ext_exprs: "it shows sampled values of expressions",
	pg_authid: "it holds the password verifiers of roles",
	pg_shadow: "it shows the password verifiers of roles",
	pg_largeobject: "it holds the bytes of large objects",
	pg_stat_activity: "it shows the statements of other sessions",
	pg_stat_replication: "it shows other sessions",
	pg_stat_ssl: "it shows other sessions",
	pg_stat_gssapi: "it shows other sessions",
	pg_stat_wal_receiver: "it shows a connection string",
	pg_stat_progress_analyze: "it shows what other sessions do",
	pg_stat_progress_basebackup: "it shows what other sessions do",
	pg_stat_progress_cluster: "it shows what other sessions do",
	pg_stat_progress_copy: "it shows what other sessions do",
	pg_stat_progress_create_index: "it shows what other sessions do",
	pg_stat_progress_vacuum: "it shows what other sessions do",
	pg_locks: "it shows the locks of other sessions",
	pg_prepared_xacts: "it shows the transactions of other sessions",
	pg_prepared_statements: "it shows the statements of the upstream session",
	pg_cursors: "it shows the statements of the upstream session",
	pg_backend_memory_contexts: "it shows the memory of the upstream session, statements included",
	pg_aios: "it shows what other sessions do",
	pg_hba_file_rules: "it shows a configuration file of the server",
	pg_ident_file_mappings: "it shows a configuration file of the server",
	pg_file_settings: "it shows a configuration file of the server",
	pg_config: "it shows how and where the server was built",
	pg_shmem_allocations: "it shows the memory of the server",
	pg_shmem_allocations_numa: "it shows the memory of the server",
};

/** Relations that are sensitive only by some of their columns. */
const SENSITIVE_COLUMNS: Readonly<Record<string, { readonly columns: readonly string[]; readonly why: string }>> = {
	pg_user_mapping: { columns: ["umoptions"], why: "its options hold passwords of other servers" },
	pg_user_mappings: { columns: ["umoptions"], why: "its options hold passwords of other servers" },
	pg_subscription: { columns: ["subconninfo"], why: "it holds connection strings with passwords" },
	pg_sequences: { columns: ["last_value"], why: "it shows the values of sequences" },
	user_mapping_options: { columns: ["option_value"], why: "its options hold passwords of other servers" },
	_pg_user_mappings: { columns: ["umoptions"], why: "its options hold passwords of other servers" },
};

const UNKNOWN_WHY = "it is not among the system relations that are known to be safe";

const safe = new Map([
	["pg_catalog", new Set(SAFE_CATALOGS.split(/\s+/))],
	["information_schema", new Set(SAFE_INFORMATION_SCHEMA.split(/\s+/))],
]);

/**
 * What sort of relation `schema.name` is to permits: `data` when it is not the server's own.
 * `columns` are those that are used; without them the whole relation counts as used.
 */
export function catalogRelationSort(
	schema: string,
	name: string,
	columns: readonly string[] | "all" = "all",
): "data" | "catalog" | "sensitive" {
	if (!isPostgresSystemSchema(schema) && !isStatementStatistics(name)) return "data";
	return whyCatalogRelationIsSensitive(schema, name, columns) === undefined ? "catalog" : "sensitive";
}

/** Why reading a system relation needs `catalog: full`, in a few words; undefined when it does not. */
export function whyCatalogRelationIsSensitive(
	schema: string,
	name: string,
	columns: readonly string[] | "all" = "all",
): string | undefined {
	if (isStatementStatistics(name)) return "it shows the statements of other sessions";
	if (isToastSchema(schema)) return "it holds the long values of tables";
	if (safe.get(schema)?.has(name) === true) return undefined;
	const byColumn = Object.hasOwn(SENSITIVE_COLUMNS, name) ? SENSITIVE_COLUMNS[name] : undefined;
	if (byColumn !== undefined) {
		const touched = columns === "all" || byColumn.columns.some((column) => columns.includes(column));
		return touched ? byColumn.why : undefined;
	}
	return (Object.hasOwn(SENSITIVE, name) ? SENSITIVE[name] : undefined) ?? UNKNOWN_WHY;
}

export function isPostgresSystemSchema(schema: string): boolean {
	return schema === "pg_catalog" || schema === "information_schema" || isToastSchema(schema);
}

function isToastSchema(schema: string): boolean {
	return schema === "pg_toast" || schema.startsWith("pg_toast_temp_");
}

/** The pg_stat_statements extension puts its views into a schema of the user's choice. */
function isStatementStatistics(name: string): boolean {
	return name === "pg_stat_statements" || name === "pg_stat_statements_info";
}
