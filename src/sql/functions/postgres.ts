/**
 * What each of PostgreSQL's own functions may do, as data with a reason for every entry.
 *
 * A name stands for all its overloads, so the most dangerous one decides. Only what someone has looked at computes;
 * whatever this build does not know (a newer server's function, the internals of access methods) is restricted.
 */
import { COMPUTING_FAMILIES, type FunctionFamily } from "./postgres-compute.js";

export interface BuiltinFunction {
	readonly sort: "compute" | "restricted";
	/** In a few words: why it is restricted, or why it is harmless. */
	readonly why: string;
	/**
	 * It gathers the values of many rows into one, so that a row cap would not see them. `arrayArgument`: only where its
	 * direct argument is an array (percentile_disc with many fractions); treat as `always` where that cannot be told.
	 */
	readonly collects: "never" | "arrayArgument" | "always";
	/** What it does depends on the value of its arguments in a way that facts depend on: never reuse by template. */
	readonly literalSensitive: boolean;
}

const RESTRICTED_FAMILIES: readonly FunctionFamily[] = [
	{
		why: "it reads files of the server",
		names: `pg_read_file pg_read_binary_file pg_read_file_old pg_stat_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir
			pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir
			pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings pg_logdir_ls`,
	},
	{
		why: "it runs SQL that is hidden in a string",
		names: `query_to_xml query_to_xmlschema query_to_xml_and_xmlschema ts_stat ts_rewrite`,
	},
	{
		why: "it reads relations that its arguments name",
		names: `cursor_to_xml cursor_to_xmlschema table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml
			schema_to_xmlschema schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema
			database_to_xml_and_xmlschema currtid currtid2`,
	},
	{
		why: "it reads a value as a type that another argument names, which may run that type's own code",
		names: `array_in record_in domain_in enum_in range_in multirange_in anyarray_in anycompatiblearray_in anyenum_in
			anyrange_in anycompatiblerange_in anymultirange_in anycompatiblemultirange_in pg_input_is_valid
			pg_input_error_info`,
	},
	{
		why: "it reads or writes large objects",
		names: `lo_close lo_creat lo_create lo_export lo_from_bytea lo_get lo_import lo_lseek lo_lseek64 lo_open lo_put lo_tell
			lo_tell64 lo_truncate lo_truncate64 lo_unlink loread lowrite`,
	},
	{ why: "it makes the session wait", names: `pg_sleep pg_sleep_for pg_sleep_until` },
	{
		why: "it signals other sessions or the server",
		names: `pg_cancel_backend pg_terminate_backend pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old pg_logfile_rotate
			pg_promote pg_log_backend_memory_contexts pg_log_standby_snapshot`,
	},
	{
		// In FROM, with its schema, it is read as the view pg_settings (postgres/translate-source.ts).
		why: "it shows settings that may hold secrets; pg_catalog.pg_settings shows the others",
		names: `pg_show_all_settings`,
	},
	{ why: "it changes a setting of the session", names: `set_config` },
	{
		why: "it stores a value in the session that a later statement could read",
		names: `setseed`,
	},
	{
		why: "it reads or advances a sequence",
		names: `nextval currval lastval setval pg_sequence_last_value pg_get_sequence_data`,
	},
	{ why: "it sends a notification", names: `pg_notify pg_notification_queue_usage` },
	{
		why: "it takes or releases advisory locks, which other sessions can see",
		names: `pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
			pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
			pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared`,
	},
	{
		why: "it tells what other sessions do",
		names: `pg_stat_get_activity pg_stat_get_backend_activity pg_stat_get_backend_activity_start
			pg_stat_get_backend_client_addr pg_stat_get_backend_client_port pg_stat_get_backend_dbid
			pg_stat_get_backend_idset pg_stat_get_backend_io pg_stat_get_backend_pid pg_stat_get_backend_start
			pg_stat_get_backend_subxact pg_stat_get_backend_userid pg_stat_get_backend_wait_event
			pg_stat_get_backend_wait_event_type pg_stat_get_backend_wal pg_stat_get_backend_xact_start
			pg_stat_get_progress_info pg_stat_get_wal_receiver pg_stat_get_wal_senders pg_stat_get_subscription
			pg_stat_get_replication_slot pg_lock_status pg_blocking_pids pg_safe_snapshot_blocking_pids
			pg_isolation_test_session_is_blocked pg_prepared_xact pg_get_aios`,
	},
	{
		why: "it shows statements and portals of the upstream session",
		names: `pg_prepared_statement pg_cursor pg_get_backend_memory_contexts`,
	},
	{
		why: "it steers or reads replication, backups or the write-ahead log",
		names: `pg_switch_wal pg_switch_xlog pg_wal_replay_pause pg_wal_replay_resume pg_create_restore_point pg_backup_start
			pg_backup_stop pg_start_backup pg_stop_backup pg_is_in_backup pg_backup_start_time
			pg_create_logical_replication_slot pg_create_physical_replication_slot pg_copy_logical_replication_slot
			pg_copy_physical_replication_slot pg_drop_replication_slot pg_get_replication_slots
			pg_replication_slot_advance pg_sync_replication_slots pg_logical_emit_message
			pg_logical_slot_get_binary_changes pg_logical_slot_get_changes pg_logical_slot_peek_binary_changes
			pg_logical_slot_peek_changes pg_replication_origin_advance pg_replication_origin_create
			pg_replication_origin_drop pg_replication_origin_oid pg_replication_origin_progress
			pg_replication_origin_session_is_setup pg_replication_origin_session_progress
			pg_replication_origin_session_reset pg_replication_origin_session_setup pg_replication_origin_xact_reset
			pg_replication_origin_xact_setup pg_show_replication_origin_status pg_available_wal_summaries
			pg_wal_summary_contents pg_get_wal_summarizer_state`,
	},
	{ why: "it hands this session's snapshot to others", names: `pg_export_snapshot` },
	{
		why: "it tells of the server's build, memory or control file",
		names: `pg_config pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system pg_get_loaded_modules
			pg_get_shmem_allocations pg_get_shmem_allocations_numa pg_get_multixact_members`,
	},
	{
		why: "it reads sampled values of columns",
		names: `pg_mcv_list_items`,
	},
	{
		why: "it shows what the catalog's own view of it shows only in part (pg_publication_tables)",
		names: `pg_get_publication_tables`,
	},
	{
		why: "it changes or drops statistics",
		names: `pg_clear_attribute_stats pg_clear_relation_stats pg_restore_attribute_stats pg_restore_relation_stats
			pg_stat_clear_snapshot pg_stat_force_next_flush pg_stat_have_stats pg_stat_reset pg_stat_reset_backend_stats
			pg_stat_reset_replication_slot pg_stat_reset_shared pg_stat_reset_single_function_counters
			pg_stat_reset_single_table_counters pg_stat_reset_slru pg_stat_reset_subscription_stats`,
	},
	{
		why: "it changes system catalogs or indexes",
		names: `pg_import_system_collations pg_extension_config_dump pg_nextoid pg_stop_making_pinned_objects
			brin_desummarize_range brin_summarize_new_values brin_summarize_range gin_clean_pending_list`,
	},
];

/** Families that are told by their prefix, for a better message only: what is not known is restricted anyway. */
const RESTRICTED_PREFIXES: readonly (readonly [prefix: string, why: string])[] = [
	["binary_upgrade_", "it is for pg_upgrade alone"],
	["pg_event_trigger_", "it is for event triggers alone"],
	["RI_FKey_", "it is for the server's own foreign keys alone"],
	["pg_ls_", "it reads files of the server"],
	["lo_", "it reads or writes large objects"],
];

const UNKNOWN_WHY = "it is not among the built-in functions that are known to only compute";

/** Aggregates whose result holds the values of all their rows. */
const COLLECTING = `array_agg string_agg json_agg json_agg_strict jsonb_agg jsonb_agg_strict json_object_agg
	json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict jsonb_object_agg jsonb_object_agg_strict
	jsonb_object_agg_unique jsonb_object_agg_unique_strict xmlagg range_agg range_intersect_agg`;

/** One value for each fraction asked for, so many values where the fractions are an array. */
const COLLECTING_WITH_ARRAY = `percentile_disc percentile_cont`;

/** Their arguments name settings, sequences or other objects, which facts may depend on. */
const LITERAL_SENSITIVE = `set_config current_setting nextval currval setval lastval pg_get_serial_sequence to_regclass
	to_regcollation to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure to_regrole to_regtype
	to_regtypemod regclass pg_get_object_address query_to_xml query_to_xmlschema query_to_xml_and_xmlschema ts_stat
	ts_rewrite table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
	schema_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema`;

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== "");

const FUNCTIONS: ReadonlyMap<string, BuiltinFunction> = buildFunctions();

/** What a function of pg_catalog (or information_schema) may do; `name` as it stands in pg_proc. */
export function classifyBuiltinFunction(name: string): BuiltinFunction {
	const known = FUNCTIONS.get(name);
	if (known !== undefined) return known;
	const prefix = RESTRICTED_PREFIXES.find(([start]) => name.startsWith(start));
	return { sort: "restricted", why: prefix?.[1] ?? UNKNOWN_WHY, collects: "never", literalSensitive: false };
}

/** True when the name was reviewed, whichever way it was decided. */
export function isReviewedFunction(name: string): boolean {
	return FUNCTIONS.has(name);
}

function buildFunctions(): Map<string, BuiltinFunction> {
	const collecting = new Set(words(COLLECTING));
	const collectingWithArray = new Set(words(COLLECTING_WITH_ARRAY));
	const literalSensitive = new Set(words(LITERAL_SENSITIVE));
	const functions = new Map<string, BuiltinFunction>();
	const add = (family: FunctionFamily, sort: BuiltinFunction["sort"]): void => {
		for (const name of words(family.names)) {
			const collects = collecting.has(name) ? "always" : collectingWithArray.has(name) ? "arrayArgument" : "never";
			functions.set(name, { sort, why: family.why, collects, literalSensitive: literalSensitive.has(name) });
		}
	};
	for (const family of COMPUTING_FAMILIES) add(family, "compute");
	// Second, so that a name that slipped into both lists is restricted.
	for (const family of RESTRICTED_FAMILIES) add(family, "restricted");
	return functions;
}
