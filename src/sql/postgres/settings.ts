/**
 * Settings of a PostgreSQL session, by what changing them means for the analysis of its statements.
 * Source: PostgreSQL documentation, "Server Configuration", each name read there.
 */

/**
 * `harmless`: what a client may set as it likes. `tracked`: the analyser follows it (search_path). `pinned`: the text
 * would be read, or rights be checked, otherwise than the analyser assumes. `other`: needs the command `set`.
 */
export type SettingSort = "harmless" | "tracked" | "pinned" | "other";

const HARMLESS: ReadonlySet<string> = new Set(
	`application_name array_nulls backslash_quote bytea_output check_function_bodies client_connection_check_interval
	client_min_messages constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction
	datestyle deadlock_timeout default_statistics_target default_table_access_method default_tablespace
	default_toast_compression default_transaction_deferrable default_transaction_isolation
	default_transaction_read_only effective_cache_size effective_io_concurrency enable_async_append enable_bitmapscan
	enable_distinct_reordering enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin
	enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin
	enable_nestloop enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate
	enable_partitionwise_join enable_presorted_aggregate enable_self_join_elimination enable_seqscan enable_sort
	enable_tidscan exit_on_error extra_float_digits from_collapse_limit geqo geqo_effort geqo_generations
	geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold gin_fuzzy_search_limit hash_mem_multiplier
	idle_in_transaction_session_timeout idle_session_timeout intervalstyle jit jit_above_cost
	jit_inline_above_cost jit_optimize_above_cost join_collapse_limit lc_messages lc_monetary lc_numeric lc_time
	lock_timeout maintenance_io_concurrency max_parallel_workers_per_gather min_parallel_index_scan_size
	min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost parallel_tuple_cost
	password_encryption plan_cache_mode quote_all_identifiers random_page_cost recursive_worktable_factor seed
	seq_page_cost statement_timeout synchronize_seqscans synchronous_commit temp_tablespaces timezone
	timezone_abbreviations transaction_deferrable transaction_isolation transaction_read_only transaction_timeout
	transform_null_equals work_mem xmlbinary xmloption`.split(/\s+/),
);

const PINNED: ReadonlySet<string> = new Set(
	`role session_authorization is_superuser session_replication_role row_security local_preload_libraries
	session_preload_libraries dynamic_library_path allow_system_table_mods ignore_system_indexes
	createrole_self_grant event_triggers restrict_nonsystem_relation_kind`.split(/\s+/),
);

/** Values at which pinned settings may be "set" all the same, because they are pinned there. Lower case. */
const PINNED_VALUES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
	["client_encoding", new Set(["utf8", "utf-8", "unicode", "sql_ascii"])],
	["standard_conforming_strings", new Set(["on", "true", "yes", "1", "tru", "tr", "t", "ye", "y"])],
	["row_security", new Set(["on", "true", "yes", "1", "t", "y"])],
]);

/** `name` in any case; `value` as text, undefined for DEFAULT and RESET. */
export function settingSort(name: string, value: string | undefined): SettingSort {
	const folded = name.toLowerCase();
	const allowed = PINNED_VALUES.get(folded);
	if (allowed !== undefined)
		return value !== undefined && allowed.has(value.trim().toLowerCase()) ? "harmless" : "pinned";
	if (PINNED.has(folded)) return "pinned";
	if (folded === "search_path") return "tracked";
	return HARMLESS.has(folded) ? "harmless" : "other";
}

/** Why a restricted session may not be begun with a setting; undefined: it may. */
export function settingRefusal(name: string, value: string): string | undefined {
	switch (settingSort(name, value)) {
		case "harmless":
		case "tracked":
			return undefined;
		case "pinned":
			return "it is pinned, because it changes how statements are read or whose rights hold";
		case "other":
			return "it is not among the settings that a session may choose freely";
	}
}
