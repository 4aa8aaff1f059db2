/** The databases of the server's own: what of them tools need and anyone may read, and what holds data or secrets. */

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

const SAFE_MYSQL = words(`
help_category help_keyword help_relation help_topic time_zone time_zone_leap_second time_zone_name time_zone_transition
time_zone_transition_type
`);

const SAFE_PERFORMANCE = words("global_variables session_variables global_status session_status variables_info");

const SAFE_SYS = words("version sys_config");

/** What sort a relation is to permits; some columns of safe ones are guarded besides (mysql-guards.ts). */
export function mysqlCatalogSort(schema: string, name: string): Sort {
	const table = name.toLowerCase();
	switch (schema.toLowerCase()) {
		case "information_schema":
			return SAFE_INFORMATION.has(table) ? "catalog" : "sensitive";
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
