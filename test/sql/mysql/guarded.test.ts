/**
 * Ways to a masked column and to a table that is not permitted. Each was found to read it on a server, or to be read
 * wrongly by some reader, and has its row for good: the statement is denied, or the value is masked.
 */
import t from "tap";
import { decideStatement } from "../../../src/licensing/decide.js";
import { foldLicense } from "../../../src/licensing/fold.js";
import { parseLicense } from "../../../src/licensing/license.js";
import { CatalogView } from "../../../src/sql/catalog-view.js";
import { license } from "../../helpers/license.js";
import { type Flavour, type ReadOptions, readText, shop } from "./shop.js";

const READER = licenseOf({
	permits: [{ on: ["app.*"], commands: ["read", "write"] }],
	masks: [{ columns: ["app.users.email"], with: "null" }],
	limits: { rowsPerStatement: JSON.parse('{ "max": 100, "then": "error" }') },
});

function licenseOf(terms: Parameters<typeof license>[1]) {
	const parsed = parseLicense(license("guard", terms), "guard.yaml");
	if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
	return parsed.license;
}

/** "denied", or which result columns are masked. */
function verdict(sql: string, flavour: Flavour, options: ReadOptions = {}): string {
	const { statements, refusal } = readText(sql, { flavour, ...options });
	if (refusal !== undefined) return "denied";
	const view = new CatalogView(shop(flavour));
	const words = statements.map((facts) => {
		const decision = decideStatement(foldLicense(READER, view.folding), facts, view.ancestry);
		if (decision.effect === "deny") return "denied";
		return `masks ${[...decision.obligations.masks.keys()].sort().join(",")}`;
	});
	return words.includes("denied") ? "denied" : words.join("; ");
}

const BOTH: readonly Flavour[] = ["mysql", "mariadb"];

/** On a server that has no such syntax the statement is denied, so `denied` is good enough anywhere. */
function masked(column: string, rows: readonly string[]): void {
	for (const flavour of BOTH) {
		for (const sql of rows) {
			const found = verdict(sql, flavour);
			t.ok(found === "denied" || found === `masks ${column}`, `${flavour}: ${sql} (${found})`);
		}
	}
}

function denied(rows: readonly string[], options: ReadOptions = {}): void {
	for (const flavour of BOTH)
		for (const sql of rows) t.equal(verdict(sql, flavour, options), "denied", `${flavour}: ${sql}`);
}

function allowed(rows: Readonly<Record<string, string>>, options: ReadOptions = {}): void {
	for (const flavour of BOTH) {
		for (const [sql, expected] of Object.entries(rows))
			t.equal(verdict(sql, flavour, options), expected, `${flavour}: ${sql}`);
	}
}

// What the guard must let pass, or the rows below prove nothing.
allowed({
	"select id, name from users": "masks ",
	"select id, email from users": "masks 1",
	"select EMAIL from app.users": "masks 0",
	"select * from users": "masks 2",
	"select u.* from users u": "masks 2",
	"select count(email), count(*) from users": "masks ",
	"select id, name from users where name = 'ann' order by name desc limit 3": "masks ",
	"select name, count(*) as n from users group by name having n > 1": "masks ",
	"select upper(name) as name, name from users": "masks ",
	"insert into kept (id, copied) select id, name from users": "masks ",
	"insert into kept (id, copied) values (1, 'x') on duplicate key update copied = values(copied)": "masks ",
	"insert into users (id, email) values (1, 'x') on duplicate key update name = 'y'": "masks ",
	"insert into users (id, name) values (1, 'x') on duplicate key update name = values(name)": "masks ",
	"update users u join orders o on o.user_id = u.id set u.name = o.note where o.id = 4": "masks ",
	"delete u from users u join orders o on o.user_id = u.id where o.total = 0": "masks ",
	"select last_insert_id(), database(), version(), @@version_comment": "masks ",
	"select table_name from information_schema.TABLES where table_schema = 'app'": "masks ",
	"select @n := 1": "masks ",
});

t.test("the value itself, by another way", async () => {
	masked("0", [
		"select (select email from users limit 1)",
		"select email from (select email from users) d",
		"select x from (select email as x from users) d",
		"select x from (select id, email from users) d (y, x)",
		"with c as (select email from users) select email from c",
		"with c (a) as (select email from users) select a from c",
		"with recursive c as (select email from users) select email from c",
		"select mail from people",
		"select p.mail from people p",
		"select mail from (select * from people) d",
		"select email from users union all select 'x'",
		"select 'x' union all select email from users",
		"select email from users natural join kept",
		"select email from users left join orders using (id)",
		"select u.email from orders u2, users u",
		"select app.users.email from app.users",
		"select app.u.email from app.users u",
		"select `users`.`email` from `app`.`users`",
		"select email from .users",
		"(select email from users)",
		"((select email from users)) limit 1",
		"select email from users for update",
		"select straight_join email from users",
		"select sql_no_cache email from users",
		"select/**/email/**/from/**/users",
		"select email from users partition (p0)",
		"select email from users use index (a)",
		"select email from (users)",
		"select email from ((users) join (orders) on 1)",
		"select email from { oj users left outer join orders on users.id = orders.id }",
		"select email from lateral (select email from users) d",
		"select d.e from orders, lateral (select email e from users where users.id = orders.user_id) d",
	]);
	masked("1", [
		"select 1, d.* from (select email from users) d",
		"select o.id, email from users u right join orders o on o.user_id = u.id",
		"select name, (select email from users x where x.id = users.id) from users",
	]);
});

t.test("computed from it", async () => {
	denied([
		"select upper(email) from users",
		"select concat(email, '') from users",
		"select email + 0 from users",
		"select email collate utf8mb4_bin from users",
		"select binary email from users",
		"select cast(email as char) from users",
		"select convert(email using latin1) from users",
		"select if(email like 'a%', 1, 0) from users",
		"select case email when 'a' then 1 end from users",
		"select case when 1 then email end from users",
		"select coalesce(email) from users",
		"select ifnull(email, '') from users",
		"select max(email) from users",
		"select any_value(email) from users",
		"select group_concat(email) from users",
		"select group_concat(name) from users",
		"select json_arrayagg(name) from users",
		"select json_objectagg(id, name) from users",
		"select json_object('a', email) from users",
		"select first_value(email) over () from users",
		"select lag(email) over (order by id) from users",
		"select row_number() over (order by email) from users",
		"select count(*) over w from users window w as (partition by email)",
		"select length(shout) from loud",
		"select shout from loud",
		"select distinct email from users",
		"select count(distinct email) from users",
		"select email from users union select 'x'",
		"select email from users intersect select 'x'",
		"select email from users except select 'x'",
		"select extractvalue('<a/>', concat('/', email)) from users",
		"select updatexml('<a/>', concat('~', email), 'x') from users",
		"select exp(email) from users",
		"select j.a from users, json_table(email, '$' columns (a varchar(50) path '$')) j",
		"select 1 from users, json_table(concat('[\"', email, '\"]'), '$[*]' columns (a text path '$')) j where j.a = 'x'",
		"select { fn upper(email) } from users",
		"select email regexp '^a' from users",
		"select match (email) against ('x') from users",
		"select email -> '$.a' from users",
		"select (email, 1) = ('a', 1) from users",
	]);
});

t.test("compared, ordered, grouped", async () => {
	denied([
		"select id from users where email = 'ann@x'",
		"select id from users where email like 'a%'",
		"select id from users where (email)",
		"select id from users where not email",
		"select id from users where email in ('a', 'b')",
		"select id from users where email between 'a' and 'b'",
		"select id from users where exists (select 1 from orders where note = email)",
		"select id from users u where (select count(*) from orders where u.email > 'm')",
		"select id from users order by email",
		"select id, email from users order by 2",
		"select id, email from users order by ?",
		"select id, email as e from users order by e",
		"select id, email as e from users order by lower(e)",
		"select id, email from users group by 2",
		"select id, email as e from users group by e",
		"select email as e from users having e > 'm'",
		"select id from users having (select 1 from orders where email > 'm')",
		"select (select id from orders having email = 'ann@x' limit 1) from users",
		"select u.id from users u join orders o on o.note = u.email",
		"select u.id from users u join (select note as email from orders) o using (email)",
		"select id from users natural join (select 'ann@x' as email) q",
		"select id from users union select id from orders order by (select max(email) from users)",
		"select email from users union all select 'x' order by email",
		"select email from users union all select 'x' order by 1",
		"select id from users limit 1 offset 0 procedure analyse()",
		"select 1 from users where mail = 1",
		"select id from people where mail > 'm'",
		"delete from users order by email limit 1",
		"update users set name = 'x' where email > 'm'",
		"update users set name = 'x' order by email limit 1",
	]);
});

t.test("copied to where it can be read", async () => {
	denied([
		"insert into kept (copied) select email from users",
		"insert into kept select id, email from users",
		"insert into kept select id, mail from people",
		"insert into kept table users",
		"replace into kept select id, email from users",
		"insert into kept values (1, (select email from users limit 1))",
		"insert into kept set copied = (select email from users limit 1)",
		"insert into kept (id) select id from users on duplicate key update copied = email",
		"insert into kept (id) select id from users on duplicate key update copied = users.email",
		"insert into kept (id) values (1) on duplicate key update copied = (select email from users limit 1)",
		"insert into kept (id, copied) with orders as (select 1 id, email n from users) select id, 'x' from orders on duplicate key update copied = orders.n",
		"insert into kept (id, copied) values (1, 2) as new on duplicate key update copied = (select email from users where users.id = new.id)",
		"update kept, users set copied = email where kept.id = users.id",
		"update kept join users using (id) set copied = users.email",
		"update kept set copied = (select email from users where users.id = kept.id)",
		"update kept k, (select id, email from users) u set k.copied = u.email where k.id = u.id",
		"update users set name = email",
		"update users set email = name, name = email",
		"with c as (select email from users) update kept, c set copied = c.email",
		"select email into @a from users limit 1",
		"select id, email into @a, @b from users limit 1",
		"select @a := email from users",
		"select @a := concat(@a, name) from users",
		"select @a := (select name from users limit 1)",
		"select id from users where @a := name",
		"select name into @a from users limit 1",
		"select * from users into outfile '/tmp/x'",
		"select name into dumpfile '/tmp/x' from users limit 1",
		"select 1 from users where sleep(email = 'a')",
		"select get_lock(name, 0) from users",
		"select last_insert_id(id) from users",
		"select benchmark(1000000, md5(name)) from users",
		"select load_file('/etc/passwd')",
		"select name_const('x', 1)",
		"select peek()",
		"select app.peek()",
		"select nothing_known(1)",
	]);
});

t.test("names that mean something else than they seem to", async () => {
	// What an expression is called is its text, of which a reader may only think that it knows it.
	denied([
		"select (select upper(`'n'`) from (select 'n') d limit 1) from (select email as `'n'` from users) o",
		"select (select d.`'n'` from (select 'n') d limit 1) from (select email as `'n'` from users) d",
	]);
	masked("0", [
		"select (select `'n'` from (select 'n') d limit 1) from (select email as `'n'` from users) o",
		"select (select x from (select 1) d limit 1) from (select email as x from users) o",
		"select (select app.orders.email from users orders limit 1) from (select 'x' as email) orders",
		"select l.c from (select id as b from users) o, lateral (select email as b, (select b) as c from users) l",
		"select email as b, 1 from users",
	]);
	masked("1", ["select id as z, (select email) from users"]);
	masked("2", ["table users"]);
	masked("0,1", [
		"select email as b, (select b) from users",
		"select email as b, (select b from (select 1 z) q) from users",
	]);
	// Of a right join with merged columns the right side's come first.
	masked("3", [
		"select * from users right join (select id, 1 a from orders) k using (id)",
		"select * from users natural right join (select id, 1 a from orders) k",
	]);
	// Of WITH RECURSIVE MySQL's tables see only those before them, MariaDB's all.
	for (const [flavour, expected] of [
		["mysql", "masks 0"],
		["mariadb", "masks "],
	] as const) {
		t.equal(
			verdict("with recursive a as (select email from users), users as (select 'x' as email) select * from a", flavour),
			expected,
			flavour,
		);
	}
	// MariaDB compares the names of common tables without case, MySQL as those of tables.
	const capitals = "with Orders as (select email as note from users) select note from orders";
	t.match(verdict(capitals, "mariadb"), /^(masks 0|denied)$/);
	t.equal(verdict(capitals, "mysql"), "masks ");
	denied(["select (select _rowid from users limit 1) from (select 1 as _rowid) o"]);
	// A column that `*` leaves out can still be named.
	allowed({ "select * from notes": "masks ", "select secret from notes": "masks " });
});

t.test("tables that nobody permits", async () => {
	denied([
		"select * from hr.salaries",
		"select (select amount from hr.salaries limit 1)",
		"select 1 from users where exists (select 1 from hr.salaries)",
		"select amount from paid union all select 1",
		"select id from users union select amount from hr.salaries",
		"insert into kept select id, amount from hr.salaries",
		"insert into hr.salaries values (1, 2, 3)",
		"update users, hr.salaries set name = amount",
		"delete users from users join hr.salaries using (id)",
		"delete from hr.salaries",
		"replace into hr.salaries values (1, 2, 3)",
		"select /*!50000 amount from hr.salaries -- */ 1",
		"select 1 /*! union select amount from hr.salaries */",
		"select 1 /*!99999 */ union select amount from hr.salaries",
		"select * from `hr`.`salaries`",
		"select * from hr . salaries",
		"select * from hr.`salaries` s",
		"select 'a' 'b' from hr.salaries",
		"select 1 from dual where 1 in (select amount from hr.salaries)",
		"with users as (select * from hr.salaries) select * from users",
		"select * from users where id = any (table hr.salaries)",
		"select * from elsewhere.things",
		"values row((select amount from hr.salaries limit 1))",
		"select * from (values row((select max(amount) from hr.salaries))) v",
		"select 1 order by (select amount from hr.salaries limit 1)",
		"select 1 from users group by (select amount from hr.salaries limit 1)",
		"select 1 limit 1 offset 0 union select amount from hr.salaries",
		"select * from users join hr.salaries",
		"select * from users, (hr.salaries)",
		"select * from salaries",
	]);
	denied(["select * from salaries"], { database: "hr" });
	denied(["select * from users"], { database: undefined });
});

t.test("the server's own databases", async () => {
	denied([
		"select * from mysql.user",
		"select authentication_string from MYSQL.user",
		"select * from mysql.column_stats",
		"select argument from mysql.general_log",
		"select info from information_schema.processlist",
		"select INFO from INFORMATION_SCHEMA.PROCESSLIST",
		"select histogram from information_schema.column_statistics",
		"select trx_query from information_schema.innodb_trx",
		"prepare s from 'select routine_definition from information_schema.routines'",
		"table information_schema.processlist",
		"select sql_text from performance_schema.events_statements_history",
		"select processlist_info from performance_schema.threads",
		"select current_statement from sys.processlist",
		"insert into mysql.user values (1, 2, 3)",
		"update mysql.time_zone_name set name = 1",
		"delete from information_schema.tables",
	]);
	allowed({
		"select routine_name from information_schema.routines": "masks ",
		"select name from mysql.time_zone_name": "masks ",
		"select column_name from information_schema.columns where table_name = 'users'": "masks ",
	});
});
