/**
 * The databases of the server's own: what of them tools need and anyone may read, and what holds data or secrets
 * (DESIGN: Functions, Catalogs by column).
 */

type Sort = "data" | "catalog" | "sensitive";

const SYSTEM = new Set(["information_schema", "mysql", "performance_schema", "sys"]);

export function isMysqlSystemSchema(schema: string): boolean {
	return SYSTEM.has(schema.toLowerCase());
}

function words(text: string): ReadonlySet<string> {
	return new Set(text.trim().split(/\s+/));
}

/** Names and forms of things; the server shows each user what he has a right to. */
const SAFE_INFORMATION = words(`
all_plugins applicable_roles administrable_role_authorizations character_sets check_constraints
collation_character_set_applicability collations columns columns_extensions enabled_roles engines geometry_columns
key_caches key_column_usage keywords parameters partitions plugins referential_constraints resource_groups routines routine_libraries libraries
schemata schemata_extensions spatial_ref_sys sql_functions st_geometry_columns st_spatial_reference_systems
st_units_of_measure statistics system_variables table_constraints table_constraints_extensions tables tables_extensions
tablespaces tablespaces_extensions triggers events views view_routine_usage view_table_usage global_variables
session_variables global_status session_status column_privileges schema_privileges table_privileges user_privileges
libraries routine_libraries role_column_grants role_routine_grants role_table_grants json_duality_views json_duality_view_columns json_duality_view_links json_duality_view_tables files
`);

/** Of tables that are safe else: source code, and what defaults and comments say. */
const SENSITIVE_COLUMNS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
	["libraries", words("library_definition")],
	["routines", words("routine_definition")],
	["views", words("view_definition")],
	["triggers", words("action_statement action_condition")],
	["events", words("event_definition")],
	["libraries", words("library_definition")],
]);

const SAFE_MYSQL = words(`
help_category help_keyword help_relation help_topic time_zone time_zone_leap_second time_zone_name time_zone_transition
time_zone_transition_type
`);

const SAFE_PERFORMANCE = words("global_variables session_variables global_status session_status variables_info");

const SAFE_SYS = words("version sys_config");

/** What sort a relation is to permits, as far as these columns of it are concerned. */
export function mysqlCatalogSort(schema: string, name: string, columns: readonly string[] | "all" = "all"): Sort {
	const table = name.toLowerCase();
	switch (schema.toLowerCase()) {
		case "information_schema":
			return SAFE_INFORMATION.has(table) ? sortByColumns(table, columns) : "sensitive";
		case "mysql":
			return SAFE_MYSQL.has(table) ? "catalog" : "sensitive";
		case "performance_schema":
			return SAFE_PERFORMANCE.has(table) ? "catalog" : "sensitive";
		case "sys":
			return SAFE_SYS.has(table) ? "catalog" : "sensitive";
		default:
			return "data";
	}
}

function sortByColumns(table: string, columns: readonly string[] | "all"): Sort {
	const secret = SENSITIVE_COLUMNS.get(table);
	if (secret === undefined) return "catalog";
	return columns === "all" || columns.some((column) => secret.has(column)) ? "sensitive" : "catalog";
}
