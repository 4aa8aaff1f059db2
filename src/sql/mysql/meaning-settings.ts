/**
 * Which settings a session may change freely, which need a permit, and which are pinned because they change how text is
 * read, or what the proxy is told. Names compare without case.
 */

function words(text: string): ReadonlySet<string> {
	return new Set(text.trim().split(/\s+/));
}

/**
 * They change what values look like, how long the session waits, or how a plan is made, and nothing else. Whatever sizes
 * memory, forges the clock or identifiers, or touches logs and replication is not among them: it needs `set`.
 */
const FREE = words(`
auto_increment_increment auto_increment_offset autocommit big_tables bulk_insert_buffer_size
character_set_connection character_set_results collation_connection collation_server character_set_server
completion_type cte_max_recursion_depth max_recursive_iterations date_format datetime_format default_week_format div_precision_increment end_markers_in_json eq_range_index_dive_limit
explicit_defaults_for_timestamp foreign_key_checks generated_random_password_length group_concat_max_len
histogram_generation_max_mem_size idle_transaction_timeout idle_readonly_transaction_timeout idle_write_transaction_timeout
information_schema_stats_expiry innodb_ft_enable_stopword innodb_lock_wait_timeout innodb_strict_mode innodb_table_locks
interactive_timeout keep_files_on_create lc_messages lc_time_names lock_wait_timeout low_priority_updates
max_error_count max_execution_time max_join_size max_length_for_sort_data max_seeks_for_key max_sort_length
max_statement_time min_examined_row_limit net_read_timeout net_retry_count net_write_timeout new
optimizer_prune_level optimizer_search_depth optimizer_selectivity_sampling_limit optimizer_switch
optimizer_use_condition_selectivity optimizer_trace_limit parser_max_mem_size print_identified_with_as_hex
progress_report_time query_cache_type query_cache_wlock_invalidate range_optimizer_max_mem_size
require_row_format resultset_metadata session_track_gtids session_track_state_change session_track_transaction_info
show_create_table_skip_secondary_engine show_create_table_verbosity show_gipk_in_create_table_and_information_schema
show_old_temporals sql_auto_is_null sql_big_selects sql_buffer_result sql_generate_invisible_primary_key sql_notes
sql_quote_show_create sql_require_primary_key sql_safe_updates sql_select_limit sql_warnings standard_compliant_cte
terminology_use_previous time_format time_zone transaction_isolation transaction_read_only tx_isolation tx_read_only
unique_checks updatable_views_with_limit use_stat_tables wait_timeout windowing_use_high_precision
join_cache_level in_predicate_conversion_threshold expensive_subquery_limit column_compression_threshold
system_versioning_asof  xa_detach_on_prepare
`);

/** Taking rights from oneself is free, giving them back is not. */
const READ_ONLY = words("transaction_read_only tx_read_only");

/** What tables are made with where nothing is named: only engines that keep their rows in the server itself. */
const ENGINES = words("default_storage_engine default_tmp_storage_engine storage_engine");
const OWN_ENGINES = words("innodb myisam memory heap aria");

/** They change what text means, or what the server tells of the session. */
const PINNED: ReadonlyMap<string, string> = new Map([
	["session_track_system_variables", "it tells the proxy what the session's settings are"],
	["session_track_schema", "it tells the proxy what the session's database is"],
	["character_set_filesystem", "it changes how file names are read"],
	["proxy_user", "it changes who the session is"],
	["external_user", "it changes who the session is"],
	["explain_format", "it changes what a plan tells"],
	["optimizer_trace", "it keeps the statements and values of the session in a table"],
	["debug", "it is of builds for debugging"],
	["debug_dbug", "it is of builds for debugging"],
	["debug_sync", "it is of builds for debugging"],
	["old_mode", "it changes what text means"],
	["old", "it changes what text means"],
	["system_versioning_alter_history", "it changes what history holds"],
	["secure_timestamp", "it changes what the clock says"],
	["last_gtid", "it is replication's"],
	["use_secondary_engine", "another engine answers"],
]);

/** Whether a setting of the session needs a permit; or why it cannot be changed at all. */
export type Judged = { readonly kind: "free" | "permit" } | { readonly kind: "pinned"; readonly why: string };

/** `value`: the constant that it is set to, in lower case, where it is one. */
export function judgeSetting(name: string, value: string | undefined): Judged {
	const isOn = value === "1" || value === "on" || value === "true";
	if (name === "session_track_schema" && isOn) return { kind: "free" };
	const why = PINNED.get(name);
	if (why !== undefined) return { kind: "pinned", why };
	if (READ_ONLY.has(name)) return { kind: isOn ? "free" : "permit" };
	if (ENGINES.has(name) && OWN_ENGINES.has(value ?? "")) return { kind: "free" };
	return { kind: FREE.has(name) ? "free" : "permit" };
}

// ---- sql_mode -----------------------------------------------------------------------------------------------------

/** Modes that do not change how text is read. */
const PLAIN_MODES = words(`
ALLOW_INVALID_DATES EMPTY_STRING_IS_NULL ERROR_FOR_DIVISION_BY_ZERO NO_AUTO_CREATE_USER NO_AUTO_VALUE_ON_ZERO
NO_DIR_IN_CREATE NO_ENGINE_SUBSTITUTION NO_FIELD_OPTIONS NO_KEY_OPTIONS NO_TABLE_OPTIONS NO_UNSIGNED_SUBTRACTION
NO_ZERO_DATE NO_ZERO_IN_DATE ONLY_FULL_GROUP_BY PAD_CHAR_TO_FULL_LENGTH REAL_AS_FLOAT SIMULTANEOUS_ASSIGNMENT
STRICT_ALL_TABLES STRICT_TRANS_TABLES TIME_ROUND_FRACTIONAL TIME_TRUNCATE_FRACTIONAL TRADITIONAL
`);

/** Modes that do, with what each turns on. Others (ORACLE, MSSQL, DB2 …) speak another language. */
const READING_MODES: ReadonlyMap<string, readonly string[]> = new Map([
	["ANSI", ["ANSI_QUOTES", "IGNORE_SPACE", "PIPES_AS_CONCAT"]],
	["ANSI_QUOTES", ["ANSI_QUOTES"]],
	["HIGH_NOT_PRECEDENCE", ["HIGH_NOT_PRECEDENCE"]],
	["IGNORE_SPACE", ["IGNORE_SPACE"]],
	["NO_BACKSLASH_ESCAPES", ["NO_BACKSLASH_ESCAPES"]],
	["PIPES_AS_CONCAT", ["PIPES_AS_CONCAT"]],
]);

/** Flags that change how text is read, of a value of sql_mode; undefined where it holds what is not known here. */
export function readingFlags(value: string): readonly string[] | undefined {
	const flags = new Set<string>();
	for (const part of value.split(",")) {
		const mode = part.toUpperCase();
		if (mode === "" || PLAIN_MODES.has(mode)) continue;
		const found = READING_MODES.get(mode);
		if (found === undefined) return undefined;
		for (const flag of found) flags.add(flag);
	}
	return [...flags].sort();
}

/** Whether taking these modes out of a list by text cannot make others of those that stay. */
export function isRemovable(value: string): boolean {
	const mode = value.replace(/^,|,$/g, "").toUpperCase();
	return PLAIN_MODES.has(mode) && mode !== "TRADITIONAL";
}
