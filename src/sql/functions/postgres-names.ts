/**
 * Names of PostgreSQL's own operators and types (pg_operator and pg_type of PostgreSQL 15 and 18): what is not among
 * them, and not in the catalog snapshot either, is not known and therefore refused.
 */

function words(text: string): ReadonlySet<string> {
	return new Set(text.trim().split(/\s+/));
}

const OPERATORS = words(`
	!! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> << <<= <<|
	<= <> <@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~
	~<~ ~= ~>=~ ~>~ ~~ ~~*
`);

const TYPES = words(`
	aclitem any anyarray anycompatible anycompatiblearray anycompatiblemultirange anycompatiblenonarray
	anycompatiblerange anyelement anyenum anymultirange anynonarray anyrange bit bool box bpchar bytea char cid
	cidr circle cstring date datemultirange daterange event_trigger fdw_handler float4 float8 gtsvector
	index_am_handler inet int2 int2vector int4 int4multirange int4range int8 int8multirange int8range internal
	interval json jsonb jsonpath language_handler line lseg macaddr macaddr8 money name numeric nummultirange
	numrange oid oidvector path pg_brin_bloom_summary pg_brin_minmax_multi_summary pg_ddl_command
	pg_dependencies pg_lsn pg_mcv_list pg_ndistinct pg_node_tree pg_snapshot point polygon record refcursor
	regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole
	regtype table_am_handler text tid time timestamp timestamptz timetz trigger tsm_handler tsmultirange
	tsquery tsrange tstzmultirange tstzrange tsvector txid_snapshot unknown uuid varbit varchar void xid xid8
	xml
`);

/** Words that stand for a type with a default in column definitions. */
const SERIALS = words("serial bigserial smallserial serial2 serial4 serial8");

const INFORMATION_SCHEMA_DOMAINS = words("cardinal_number character_data sql_identifier time_stamp yes_or_no");

export function isBuiltinOperator(name: string): boolean {
	return OPERATORS.has(name) || name === "`";
}

/** A type of pg_catalog by name, its array type included. */
export function isBuiltinType(name: string): boolean {
	return TYPES.has(name) || (name.startsWith("_") && TYPES.has(name.slice(1))) || SERIALS.has(name);
}

export function isInformationSchemaType(name: string): boolean {
	return INFORMATION_SCHEMA_DOMAINS.has(name.replace(/^_/, ""));
}
