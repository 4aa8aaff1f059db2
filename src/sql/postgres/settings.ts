/**
 * SET, RESET, SHOW and set_config: which settings a session may change freely, which need a permit, and which are pinned
 * because they change how statements are read, resolved or allowed.
 */
import type { Command, SessionEffect } from "../facts.js";
import { unsupported } from "../unreadable.js";
import { NAME_BYTES, nameList } from "./identifiers.js";

/** They change what values look like or how long the session waits, and nothing else. Names compare without case. */
const HARMLESS = new Set(
	`application_name array_nulls bytea_output check_function_bodies client_connection_check_interval
	client_min_messages cursor_tuple_fraction datestyle default_table_access_method default_tablespace default_toast_compression
	default_transaction_deferrable default_transaction_isolation escape_string_warning
	idle_in_transaction_session_timeout idle_session_timeout intervalstyle jit lc_monetary lc_numeric lc_time
	lock_timeout quote_all_identifiers restrict_nonsystem_relation_kind search_path statement_timeout
	synchronize_seqscans timezone transaction_deferrable transaction_isolation transaction_timeout xmlbinary xmloption
	constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost effective_cache_size
	effective_io_concurrency enable_async_append enable_bitmapscan enable_distinct_reordering enable_gathermerge
	enable_group_by_reordering enable_hashagg enable_hashjoin
	enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin
	enable_nestloop enable_parallel_append enable_parallel_hash enable_partition_pruning
	enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate
	enable_self_join_elimination enable_seqscan enable_sort enable_tidscan from_collapse_limit geqo geqo_threshold hash_mem_multiplier jit_above_cost
	jit_inline_above_cost jit_optimize_above_cost join_collapse_limit maintenance_work_mem max_parallel_workers_per_gather
	min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost parallel_tuple_cost plan_cache_mode random_page_cost
	seq_page_cost work_mem`
		.trim()
		.split(/\s+/),
);

/** They change how text is read, who one is, or which rows one sees; `allowed` are values that change nothing. */
const PINNED: Readonly<Record<string, readonly string[]>> = {
	standard_conforming_strings: ["on", "true", "1", "yes"],
	client_encoding: ["utf8", "unicode"],
	backslash_quote: ["safe_encoding"],
	role: [],
	session_authorization: [],
	session_replication_role: ["origin"],
	// Off is the stricter value: where a policy would leave rows out, the server then answers an error. Dump tools set it.
	row_security: ["on", "true", "1", "yes", "off", "false", "0", "no"],
	transform_null_equals: ["off", "false", "0", "no"],
	allow_system_table_mods: ["off", "false", "0", "no"],
	operator_precedence_warning: ["off"],
	local_preload_libraries: [],
	session_preload_libraries: [],
	dynamic_library_path: [],
	temp_tablespaces: [],
	plpgsql_check_asserts: [],
};

/**
 * Fewer digits than a number has round it, so that a mask that cuts it would show whether it is nearer to the next step.
 */
const MORE_DIGITS = /^[0-3]$/;

/** "on" takes rights away, anything else may give them back. */
const READ_ONLY = new Set(["transaction_read_only", "default_transaction_read_only"]);

export interface Setting {
	readonly commands: readonly Command[];
	readonly effect: Extract<SessionEffect, { kind: "set" }>;
}

/** `values` undefined: DEFAULT or RESET. Throws for a setting that is pinned to another value. */
export function judgeSetting(name: string, values: readonly string[] | undefined, local: boolean): Setting {
	const folded = name.toLowerCase();
	const effect = { kind: "set", name: folded, values, local } as const;
	const free: Setting = { commands: [], effect };
	const needsPermit: Setting = { commands: ["set"], effect };
	if (Object.hasOwn(PINNED, folded)) {
		const allowed = PINNED[folded] ?? [];
		const isSame = values?.length === 1 && allowed.includes(pinnedValue(folded, values[0] ?? ""));
		if (!isSame) throw unsupported(`the setting ${folded} is pinned`);
		return free;
	}
	if (folded === "search_path") return { commands: [], effect: { ...effect, values: values && searchPath(values) } };
	if (READ_ONLY.has(folded)) return /^(on|true|yes|1)$/i.test(values?.[0] ?? "") ? free : needsPermit;
	if (folded === "extra_float_digits") {
		return values === undefined || MORE_DIGITS.test(values[0] ?? "") ? free : needsPermit;
	}
	return HARMLESS.has(folded) ? free : needsPermit;
}

/**
 * The server reads the name of an encoding by its letters and digits alone (encnames.c, clean_encoding_name): asyncpg asks
 * for "'utf-8'", quotes and all. What is not ASCII may be a letter to the server, so it stays and is refused.
 */
function pinnedValue(name: string, value: string): string {
	const folded = value.toLowerCase();
	return name === "client_encoding" ? folded.replace(/[ -/:-@[-`{-~]/g, "") : folded;
}

/**
 * What stands in temporary and TOAST schemas is not in the catalog snapshot and would stand in for others of its name; and
 * the server cuts long names, which may then be a schema's. The empty name is no schema.
 */
function searchPath(values: readonly string[]): readonly string[] {
	const hidden = values.find((value) => /^pg_/i.test(value) && value !== "pg_catalog");
	if (hidden !== undefined) throw unsupported("search_path names a temporary schema or another of the server's own");
	if (values.some((value) => Buffer.byteLength(value) > NAME_BYTES)) {
		throw unsupported(`search_path has a name of more than ${NAME_BYTES} bytes`);
	}
	return values.filter((value) => value !== "");
}

/** set_config takes one text where SET takes a list. */
export function judgeConfigCall(name: string, value: string, local: boolean): Setting {
	return judgeSetting(name, name.toLowerCase() === "search_path" ? nameList(value) : [value], local);
}
