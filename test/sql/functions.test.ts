/**
 * The curated function and catalog data against what real servers have: nothing dangerous computes, nothing that tools
 * need is missing, and no name is a slip of the pen.
 */
import t from "tap";
import { classifyBuiltinFunction, isReviewedFunction } from "../../src/sql/functions/postgres.js";
import { catalogRelationSort, whyCatalogRelationIsSensitive } from "../../src/sql/functions/postgres-catalogs.js";
import { COMPUTING_FAMILIES } from "../../src/sql/functions/postgres-compute.js";
import { testServers, withClient } from "../helpers/servers.js";

const servers = testServers();

async function column(url: string, sql: string): Promise<string[]> {
	return withClient(url, async (client) => {
		const { rows } = await client.query<[string]>({ text: sql, rowMode: "array" });
		return rows.map(([value]) => value);
	});
}

const OWN = "p.oid < 16384 AND pronamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)";

/** Types that no value of a statement has: functions over them are the server's inner workings. */
const INTERNAL_TYPES = `'internal', 'trigger', 'event_trigger', 'index_am_handler', 'table_am_handler', 'tsm_handler',
	'fdw_handler', 'language_handler', 'pg_ddl_command'`;

t.test("no function that is dangerous by what the server says of it computes", async (t) => {
	for (const url of [servers.pg15, servers.pg18]) {
		// What only superusers may run by default, and what works on the server's inner types.
		const closed = await column(
			url,
			`SELECT DISTINCT proname FROM pg_proc p WHERE ${OWN}
				AND (NOT has_function_privilege('login_trust', p.oid, 'execute')
				OR 'internal'::regtype = ANY (proargtypes::oid[]) OR prorettype = 'internal'::regtype)`,
		);
		t.ok(closed.length > 300);
		const wrong = closed.filter((name) => classifyBuiltinFunction(name).sort === "compute");
		t.same(wrong, []);
	}
});

t.test("of the functions that are volatile, only these compute", async (t) => {
	const harmless =
		`array_sample array_shuffle clock_timestamp current_query gen_random_uuid random random_normal timeofday
		uuidv4 uuidv7 pg_collation_actual_version pg_database_collation_actual_version pg_current_wal_flush_lsn
		pg_current_wal_insert_lsn pg_current_wal_lsn pg_database_size pg_get_wait_events pg_get_wal_replay_pause_state
		pg_get_wal_resource_managers pg_indexes_size pg_is_in_recovery pg_is_wal_replay_paused pg_jit_available
		pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp
		pg_partition_ancestors pg_partition_tree pg_relation_size pg_stat_get_io pg_stat_get_recovery_prefetch
		pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls
		pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans
		pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated
		pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_tuples_returned
		pg_stat_get_xact_tuples_updated pg_table_size pg_tablespace_size pg_total_relation_size pg_xact_commit_timestamp
		pg_xact_commit_timestamp_origin pg_xact_status txid_status suppress_redundant_updates_trigger
		tsvector_update_trigger tsvector_update_trigger_column`.split(/\s+/);
	for (const url of [servers.pg15, servers.pg18]) {
		const volatile = await column(url, `SELECT DISTINCT proname FROM pg_proc p WHERE ${OWN} AND provolatile = 'v'`);
		const computing = volatile.filter((name) => classifyBuiltinFunction(name).sort === "compute");
		t.same(computing.filter((name) => !harmless.includes(name)).sort(), []);
	}
});

t.test("every function of the server that statements can call was looked at", async (t) => {
	// Input, output and support functions of types that no column has may stay unknown, hence restricted.
	const inner =
		/^(any|shell|cstring|pg_(ddl_command|dependencies|mcv_list|ndistinct|node_tree|brin)|brin_|gtsvector|unknownin|.*handler_|trigger_|event_trigger_|binary_upgrade_|pg_event_trigger_|.*validator|amvalidate|btequalimage|btvarstrequalimage|gi[ns]t?_|spg_|pg_indexam_progress|interval_avg)/;
	for (const url of [servers.pg15, servers.pg18]) {
		const callable = await column(
			url,
			`SELECT proname FROM pg_proc p WHERE ${OWN} GROUP BY proname HAVING NOT bool_or(
				prorettype = ANY (ARRAY[${INTERNAL_TYPES}]::regtype[]::oid[])
				OR proargtypes::oid[] && ARRAY[${INTERNAL_TYPES}]::regtype[]::oid[])`,
		);
		t.ok(callable.length > 2000);
		t.same(
			callable.filter((name) => !isReviewedFunction(name) && !inner.test(name)),
			[],
		);
	}
});

t.test("what is said to compute exists somewhere", async (t) => {
	const there = new Set<string>();
	for (const url of [servers.pg15, servers.pg18]) {
		for (const name of await column(url, `SELECT DISTINCT proname FROM pg_proc p WHERE ${OWN}`)) there.add(name);
	}
	const listed = COMPUTING_FAMILIES.flatMap((family) => family.names.split(/\s+/)).filter((name) => name !== "");
	t.same(
		listed.filter((name) => !there.has(name)),
		[],
	);
	t.equal(new Set(listed).size, listed.length, "no name is listed twice");
});

t.test("one of each way around a license is restricted, with a reason", async (t) => {
	const restricted = `pg_read_file pg_ls_dir pg_stat_file lo_get lo_import loread query_to_xml table_to_xml schema_to_xml
		database_to_xml cursor_to_xml ts_stat ts_rewrite pg_sleep pg_sleep_for pg_cancel_backend pg_terminate_backend
		pg_reload_conf pg_promote set_config setseed nextval setval currval lastval pg_notify pg_advisory_lock
		pg_try_advisory_xact_lock pg_stat_get_activity pg_stat_get_backend_activity pg_lock_status pg_prepared_statement
		pg_cursor pg_logical_slot_get_changes pg_export_snapshot pg_switch_wal pg_stat_reset binary_upgrade_set_missing_value
		domain_in record_in currtid2 pg_get_sequence_data pg_mcv_list_items array_agg_transfn RI_FKey_check_ins`;
	for (const name of restricted.split(/\s+/)) {
		const { sort, why } = classifyBuiltinFunction(name);
		t.equal(sort, "restricted", name);
		t.ok(why.length > 10, name);
	}
	t.equal(classifyBuiltinFunction("a_function_of_some_later_version").sort, "restricted");
	for (const name of ["constructor", "__proto__", "toString", ""]) {
		t.equal(classifyBuiltinFunction(name).sort, "restricted", name);
		t.equal(catalogRelationSort("pg_catalog", name), "sensitive", name);
	}
	for (const name of ["lower", "count", "now", "jsonb_build_object", "pg_get_viewdef", "has_table_privilege"]) {
		t.equal(classifyBuiltinFunction(name).sort, "compute", name);
	}
});

t.test("aggregates: which of the server's gather the values of many rows", async (t) => {
	const gathering = new Set<string>();
	for (const url of [servers.pg15, servers.pg18]) {
		// Their results are arrays, documents, strings over several arguments, or sets of ranges.
		const names = await column(
			url,
			`SELECT DISTINCT proname FROM pg_proc p JOIN pg_type r ON r.oid = prorettype WHERE prokind = 'a' AND ${OWN}
				AND (r.typcategory = 'A' OR r.typname IN ('json', 'jsonb', 'xml', 'anyarray', 'anymultirange')
				OR proname = 'string_agg')`,
		);
		for (const name of names) gathering.add(name);
	}
	const unguarded = [...gathering].filter((name) => classifyBuiltinFunction(name).collects === "never");
	// max and min of arrays give one of them.
	t.same(
		unguarded.sort(),
		["max", "min"].filter((name) => gathering.has(name)),
	);
	t.equal(classifyBuiltinFunction("percentile_disc").collects, "arrayArgument");
	t.equal(classifyBuiltinFunction("sum").collects, "never");
});

t.test("system relations: known ones are sorted, unknown ones are sensitive", async (t) => {
	for (const url of [servers.pg15, servers.pg18]) {
		const relations = await column(
			url,
			`SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')`,
		);
		const unknown = relations.filter((name) =>
			whyCatalogRelationIsSensitive("pg_catalog", name)?.startsWith("it is not among"),
		);
		t.same(unknown, []);
		const standard = await column(
			url,
			`SELECT relname FROM pg_class WHERE relnamespace = 'information_schema'::regnamespace AND relkind IN ('r', 'v')`,
		);
		t.same(standard.filter((name) => catalogRelationSort("information_schema", name) === "sensitive").sort(), [
			"_pg_user_mappings",
			"user_mapping_options",
		]);
		// What the server itself keeps from ordinary users is never safe as a whole.
		const closed = await column(
			url,
			`SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
				AND NOT has_table_privilege('login_trust', oid, 'select')`,
		);
		t.same(
			closed.filter(
				(name) =>
					catalogRelationSort("pg_catalog", name) === "catalog" &&
					!["pg_replication_origin", "pg_replication_origin_status"].includes(name),
			),
			[],
		);
	}
	t.equal(catalogRelationSort("pg_catalog", "pg_class"), "catalog");
	t.equal(
		catalogRelationSort("pg_catalog", "pg_statistic_ext"),
		"catalog",
		"definitions of statistics, which psql shows",
	);
	t.equal(catalogRelationSort("pg_catalog", "pg_statistic_ext_data"), "sensitive");
	t.equal(catalogRelationSort("pg_catalog", "pg_dist_node"), "sensitive");
	t.equal(catalogRelationSort("pg_toast", "pg_toast_16384"), "sensitive");
	t.equal(catalogRelationSort("app", "orders"), "data");
	t.equal(catalogRelationSort("public", "pg_stat_statements"), "sensitive");
	t.equal(catalogRelationSort("pg_catalog", "pg_subscription", ["subname", "subenabled"]), "catalog");
	t.equal(catalogRelationSort("pg_catalog", "pg_subscription", ["subname", "subconninfo"]), "sensitive");
	t.equal(catalogRelationSort("pg_catalog", "pg_subscription", "all"), "sensitive");
	t.equal(catalogRelationSort("pg_catalog", "pg_sequences", []), "catalog");
});
