/** The curated functions and catalogs against what the servers have: nothing dangerous computes, nothing is forgotten. */
import type { RowDataPacket } from "mysql2/promise";
import t from "tap";
import { classifyMysqlFunction } from "../../../src/sql/functions/mysql.js";
import { mysqlCatalogSort } from "../../../src/sql/functions/mysql-catalogs.js";
import { mysqlServers, withMysql } from "../../helpers/mysql-servers.js";
import { read, short } from "./shop.js";

t.test("what does more than compute needs a permit", async (t) => {
	const dangerous = `load_file sleep benchmark get_lock release_lock release_all_locks is_free_lock is_used_lock
		master_pos_wait source_pos_wait master_gtid_wait wait_for_executed_gtid_set last_insert_id name_const ps_thread_id
		keyring_key_fetch keyring_key_store asymmetric_decrypt roles_graphml service_get_read_locks internal_get_username`;
	for (const name of dangerous.split(/\s+/)) t.equal(classifyMysqlFunction(name)?.sort, "restricted", name);
	for (const name of dangerous.split(/\s+/)) t.ok(classifyMysqlFunction(name)?.why, `${name} says why`);
	for (const name of ["lower", "count", "json_extract", "st_distance", "aes_encrypt", "user", "database"]) {
		t.equal(classifyMysqlFunction(name)?.sort, "compute", name);
	}
	for (const name of ["group_concat", "json_arrayagg", "json_objectagg", "st_collect"]) {
		t.equal(classifyMysqlFunction(name)?.collects, true, name);
	}
	t.equal(classifyMysqlFunction("nothing_known"), undefined);
});

t.test("calls by resolved identity", async (t) => {
	t.same(short.functions(read("select peek()")), ["user function app.peek"]);
	t.same(short.functions(read("select app.PEEK()")), ["user function app.peek"]);
	t.equal(read("select peek()", { database: "hr" }).refusal?.kind, "unresolved");
	t.equal(read("select hr.lower('x')").refusal?.kind, "unresolved", "behind a database it is a stored function");
	t.same(short.functions(read("select sleep(1)")), ["restricted function mysql.sleep"]);
	t.same(short.functions(read("select last_insert_id()")), []);
	t.same(short.functions(read("select last_insert_id(1)")), ["restricted function mysql.last_insert_id"]);
	t.same(short.functions(read("select @@version, @@sql_mode, @@global.max_connections")), []);
	for (const name of ["secure_file_priv", "datadir", "init_connect", "ssl_key", "global.ssl_ca"]) {
		const [use = ""] = short.functions(read(`select @@${name}`));
		t.match(use, /^restricted function mysql\.@@/, name);
	}
});

t.test("catalogs by relation and column", async (t) => {
	const sort = (name: string) => {
		const [schema = "", table = ""] = name.split(".");
		return mysqlCatalogSort(schema, table);
	};
	for (const name of ["information_schema.columns", "INFORMATION_SCHEMA.TABLES", "mysql.time_zone_name"]) {
		t.equal(sort(name), "catalog", name);
	}
	for (const name of `mysql.user mysql.global_priv mysql.db mysql.proc mysql.column_stats mysql.innodb_table_stats
		mysql.general_log mysql.slow_log mysql.servers information_schema.processlist information_schema.column_statistics
		information_schema.innodb_trx information_schema.profiling information_schema.optimizer_trace
		information_schema.user_variables performance_schema.threads performance_schema.events_statements_current
		performance_schema.user_variables_by_thread performance_schema.processlist sys.processlist sys.session
		information_schema.not_known_yet mysql.not_known_yet`.split(/\s+/)) {
		t.equal(sort(name), "sensitive", name);
	}
	t.equal(sort("information_schema.routines"), "catalog");
	t.equal(sort("app.users"), "data");
});

for (const server of mysqlServers().filter(({ flavour }) => flavour === "mariadb")) {
	t.test(`every function that ${server.name} names is known`, async (t) => {
		const sql = "SELECT LOWER(FUNCTION) AS name FROM information_schema.SQL_FUNCTIONS";
		const [rows] = await withMysql(server.url, (client) => client.query<RowDataPacket[]>(sql));
		// Syntax, and an alias that only SHOW takes.
		const syntax = ["cast", "schemas"];
		const names = rows.map(({ name }) => String(name));
		t.ok(names.length > 100);
		t.same(
			names.filter((name) => !syntax.includes(name) && classifyMysqlFunction(name) === undefined),
			[],
		);
	});
}
