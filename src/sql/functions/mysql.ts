/**
 * The functions of MySQL's and MariaDB's own: which only compute, and which do more, with the reason.
 *
 * Both servers' functions stand in one list: a name that is only the other server's is an error there, and what is in
 * neither list is a stored or loadable function, or nothing. MySQL: manual, "Built-In Function and Operator Reference";
 * MariaDB: information_schema.SQL_FUNCTIONS.
 */

export interface MysqlFunction {
	readonly sort: "compute" | "restricted";
	/** For `restricted`: why, in a few words that a person understands. */
	readonly why: string;
	/** It gathers the values of many rows into one. */
	readonly collects: boolean;
	/** It only counts its arguments. */
	readonly counts: boolean;
	readonly literalSensitive: boolean;
}

function words(text: string): string[] {
	return text.trim().split(/\s+/);
}

const COMPUTE = words(`
abs acos adddate addtime add_months aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg bin bin_to_uuid bit_and
bit_count bit_length bit_or bit_xor ceil ceiling char char_length character_length charset chr coalesce coercibility
collation column_add column_check column_create column_delete column_exists column_get column_json column_list compress
concat concat_operator_oracle concat_ws connection_id conv convert convert_tz cos cot count crc32 crc32c cume_dist curdate
current_date current_role current_time current_timestamp current_user curtime database date date_add date_format date_sub
datediff day dayname dayofmonth dayofweek dayofyear decode decode_histogram decode_oracle degrees dense_rank des_decrypt
des_encrypt distance elt encode encrypt etag exp export_set extract extractvalue field find_in_set first_value floor format
format_bytes format_pico_time found_rows from_base64 from_days from_unixtime from_vector geometrycollection geomcollection
get_format greatest group_concat grouping hex hour icu_version if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert
instr interval is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull json_array json_array_append json_array_insert
json_array_intersect json_arrayagg json_compact json_contains json_contains_path json_depth json_detailed json_equals
json_exists json_extract json_insert json_key_value json_keys json_length json_loose json_merge json_merge_patch
json_merge_preserve json_normalize json_object json_object_filter_keys json_object_to_array json_objectagg json_overlaps
json_pretty json_query json_quote json_remove json_replace json_schema_valid json_schema_validation_report json_search
json_set json_storage_free json_storage_size json_type json_unquote json_valid json_value kdf lag last_day last_value lcase
lead least left length lengthb linestring ln locate log log10 log2 lower lpad lpad_oracle ltrim ltrim_oracle make_set
makedate maketime max mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps
mbrtouches mbrwithin md5 median microsecond mid min minute mod month monthname multilinestring multipoint multipolygon
natural_sort_key now nth_value ntile nullif nvl nvl2 oct octet_length old_password ord password percent_rank
percentile_cont percentile_disc period_add period_diff pi point polygon position pow power quarter quote radians rand
random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace replace_oracle reverse right
round row_count row_number rpad rpad_oracle rtrim rtrim_oracle schema sec_to_time second session_user
sformat sha sha1 sha2 sign sin soundex space sqrt st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_boundary
st_buffer st_buffer_strategy st_centroid st_collect st_contains st_convexhull st_crosses st_difference st_dimension
st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring st_frechetdistance
st_geohash st_geomcollfromtext st_geomcollfromtxt st_geomcollfromwkb st_geometrycollectionfromtext
st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson
st_geomfromtext st_geomfromwkb st_hausdorffdistance st_interiorringn st_intersection st_intersects st_isclosed st_isempty
st_isring st_issimple st_isvalid st_latfromgeohash st_latitude st_length st_linefromtext st_linefromwkb
st_lineinterpolatepoint st_lineinterpolatepoints st_linestringfromtext st_linestringfromwkb st_longfromgeohash st_longitude
st_makeenvelope st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb
st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext
st_multipolygonfromwkb st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints st_overlaps st_pointatdistance
st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn st_pointonsurface st_polyfromtext st_polyfromwkb
st_polygonfromtext st_polygonfromwkb st_relate st_simplify st_srid st_startpoint st_swapxy st_symdifference st_touches
st_transform st_union st_validate st_within st_x st_y statement_digest statement_digest_text std stddev stddev_pop
stddev_samp str_to_date strcmp string_to_vector subdate substr substr_oracle substring substring_index subtime sum sys_guid
sysdate system_user tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_days
to_seconds to_vector trim trim_oracle truncate ucase uncompress uncompressed_length unhex unix_timestamp updatexml upper
user utc_date utc_time utc_timestamp uuid uuid_short uuid_to_bin uuid_v4 uuid_v7 var_pop var_samp variance vec_distance
vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext vector_dim vector_to_string version week weekday
weekofyear weight_string xmltype year yearweek
asbinary astext aswkb aswkt area boundary buffer centroid contains convexhull crosses dimension disjoint endpoint envelope
equals exteriorring geomcollfromtext geomcollfromwkb geometrycollectionfromtext geometrycollectionfromwkb geometryfromtext
geometryfromwkb geometryn geometrytype geomfromtext geomfromwkb glength interiorringn intersects isclosed isempty isring
issimple linefromtext linefromwkb linestringfromtext linestringfromwkb mlinefromtext mlinefromwkb mpointfromtext
mpointfromwkb mpolyfromtext mpolyfromwkb multilinestringfromtext multilinestringfromwkb multipointfromtext multipointfromwkb
multipolygonfromtext multipolygonfromwkb numgeometries numinteriorrings numpoints overlaps pointfromtext pointfromwkb pointn
pointonsurface polyfromtext polyfromwkb polygonfromtext polygonfromwkb srid startpoint touches within x y
localtime localtimestamp validate_password_strength
`);

/** What these do beside computing, and the functions that do it. */
const RESTRICTED: readonly (readonly [why: string, names: string])[] = [
	["it reads files of the server", "load_file"],
	["it sleeps or burns time on purpose", "sleep benchmark"],
	[
		"it takes or looks at locks that others see",
		"get_lock release_lock release_all_locks is_free_lock is_used_lock service_get_read_locks service_get_write_locks service_release_locks",
	],
	[
		"it waits for replication",
		"master_pos_wait source_pos_wait master_gtid_wait wait_for_executed_gtid_set wait_until_sql_thread_after_gtids wsrep_sync_wait_upto_gtid",
	],
	["it tells of replication", "binlog_gtid_pos gtid_subset gtid_subtract wsrep_last_seen_gtid wsrep_last_written_gtid"],
	["it keeps a value for later statements", "last_insert_id"],
	["it gives a value another name, which hides where it comes from", "name_const"],
	["it tells of sessions", "ps_current_thread_id ps_thread_id"],
	["it tells of accounts and their roles", "roles_graphml"],
	[
		"it reaches keys of the server",
		`keyring_key_fetch keyring_key_generate keyring_key_length_fetch keyring_key_remove keyring_key_store
		keyring_key_type_fetch asymmetric_decrypt asymmetric_encrypt asymmetric_sign asymmetric_verify asymmetric_derive
		create_asymmetric_priv_key create_asymmetric_pub_key create_dh_parameters create_digest`,
	],
	[
		"it is of the server's own bookkeeping",
		`internal_auto_increment internal_avg_row_length internal_check_time internal_checksum internal_data_free
		internal_data_length internal_get_enabled_role_json internal_get_hostname internal_get_username
		internal_index_column_cardinality internal_index_length internal_is_enabled_role internal_is_mandatory_role
		internal_keys_disabled internal_max_data_length internal_table_rows internal_update_time can_access_user
		can_access_event can_access_routine can_access_trigger can_access_column can_access_database can_access_table
		can_access_view get_dd_column_privileges get_dd_create_options get_dd_index_sub_part_length
		internal_dd_char_length internal_get_comment_or_error internal_get_view_warning_or_error is_visible_dd_object`,
	],
];

const COLLECTING = new Set(["group_concat", "json_arrayagg", "json_objectagg", "st_collect"]);

const known = new Map<string, MysqlFunction>();
const NOTHING = { why: "", collects: false, counts: false, literalSensitive: false } as const;
for (const name of COMPUTE) {
	known.set(name, { ...NOTHING, sort: "compute", collects: COLLECTING.has(name), counts: name === "count" });
}
for (const [why, names] of RESTRICTED) {
	for (const name of words(names)) known.set(name, { ...NOTHING, sort: "restricted", why });
}

/** `name` in lower case. Undefined: neither server has such a function of its own. */
export function classifyMysqlFunction(name: string): MysqlFunction | undefined {
	return known.get(name);
}

/** Functions of one sequence (MariaDB): what they do to it. */
export const SEQUENCE_FUNCTIONS: ReadonlySet<string> = new Set(["nextval", "lastval", "setval"]);
