/**
 * What the analyser says about statements, as a table: one statement a row, and only the facts that the row is about.
 * Every way found to use a column, a relation or a function without naming it plainly has its row here for good.
 */
import t from "tap";
import type { Move, StatementFacts } from "../../src/sql/facts.js";
import type { PostgresReading } from "../../src/sql/postgres/analyse.js";
import { loadParser } from "../../src/sql/postgres/parser.js";
import { read, readText, short } from "./reading.js";

await loadParser();

interface Expected {
	readonly relations?: readonly string[];
	readonly columns?: readonly string[];
	readonly functions?: readonly string[];
	readonly outputs?: readonly string[] | undefined;
	readonly commands?: readonly string[];
	/** Kind of the refusal, and a piece of its message. */
	readonly refusal?: readonly [
		StatementFacts["refusal"] extends infer R ? (R extends { kind: infer K } ? K : never) : never,
		string,
	];
	readonly effect?: unknown;
	readonly collects?: readonly string[];
	readonly is?: Partial<StatementFacts>;
	readonly context?: Partial<PostgresReading>;
}

const moved = (from: string, to: string, kind: Move["kind"] = "relation"): Move => ({
	kind,
	from: { schema: "app", name: from },
	to: { schema: "app", name: to },
});

/** Which columns a use has matters, their order does not. */
function sorted(rows: readonly string[]): string[] {
	return rows
		.map((row) => row.replace(/\(([^)]*)\)/, (_, list: string) => `(${list.split(",").sort().join(",")})`))
		.sort();
}

function check(rows: Readonly<Record<string, Expected>>): void {
	for (const [sql, expected] of Object.entries(rows)) {
		t.test(sql, async (t) => {
			const facts = read(sql, expected.context);
			if (expected.refusal === undefined) t.equal(facts.refusal, undefined, "it is read");
			else {
				t.equal(facts.refusal?.kind, expected.refusal[0]);
				t.match(facts.refusal?.message, expected.refusal[1]);
			}
			if (expected.relations !== undefined) t.same(sorted(short.relations(facts)), sorted(expected.relations));
			if (expected.columns !== undefined) t.same(short.columns(facts), [...expected.columns].sort());
			if (expected.functions !== undefined) t.same(short.functions(facts), [...expected.functions].sort());
			if ("outputs" in expected) t.same(short.outputs(facts), expected.outputs);
			if (expected.commands !== undefined) t.same(facts.commands, expected.commands);
			if (expected.effect !== undefined) t.match(facts.effect, expected.effect);
			if (expected.collects !== undefined) t.same(facts.collects, expected.collects);
			if (expected.is !== undefined) t.match(facts, expected.is);
		});
	}
}

const ID = "project app.users.id >0";

// ---- names and scopes ---------------------------------------------------------------------------------------------

check({
	"select id, email from users": {
		relations: ["select app.users(id,email)"],
		columns: [ID, "project app.users.email >1"],
		outputs: ["id = app.users.id", "email = app.users.email"],
		commands: ["select"],
		is: { deliversRows: true, writes: false, literalSensitive: false, tag: "SELECT" },
	},
	"select * from users u(a, b)": { outputs: ["a = app.users.id", "b = app.users.name", "email = app.users.email"] },
	"select u.b from users as u(a, email, b)": { outputs: ["b = app.users.email"] },
	"select email from users as u(a, email, b)": { outputs: ["email = app.users.name"] },
	"select app.users.email from app.users": { outputs: ["email = app.users.email"] },
	"select shop.app.users.email from shop.app.users": { outputs: ["email = app.users.email"] },
	"select email from elsewhere.app.users": { refusal: ["unsupported", "another database"] },
	"select secret from other.users": { relations: ["select other.users(secret)"] },
	"select id from users, orders": { refusal: ["unresolved", "ambiguous"] },
	"select nothing from users": { refusal: ["unresolved", "nothing"], relations: ["select app.users()"] },
	"select 1 from nothing": { refusal: ["unresolved", "nothing"], is: { refusal: { position: 14 } } as never },
	"select 'é', nothing from users": { refusal: ["unresolved", "nothing"], is: { refusal: { position: 12 } } as never },
	"select * from mine": { relations: ["select alice.mine(id)"] },
	"select * from users ": { context: { searchPath: ["other"] }, relations: ["select other.users(id,secret)"] },
	"select relname from pg_class": {
		relations: ["select pg_catalog.pg_class(relname) catalog"],
		is: { deliversRows: false },
	},
	"select most_common_vals from pg_stats": { relations: ["select pg_catalog.pg_stats(most_common_vals) sensitive"] },
	"select 1 from pg_temp.users": { refusal: ["unsupported", "pg_temp"] },
	"select ctid, xmin from users": { relations: ["select app.users(ctid,xmin)"] },
	'select "Email" from users': { refusal: ["unresolved", "Email"] },
	'select U&"\\0065mail" from U&"use\\0072s"': { outputs: ["email = app.users.email"] },
});

// ---- subqueries, common tables, set operations -----------------------------------------------------------------------

check({
	"select x.e from (select email as e from users) x": { columns: ["project app.users.email >0"] },
	"select 1 from (select email from users) x": {
		relations: ["select app.users(email)"],
		columns: ["project app.users.email @subquery"],
	},
	"select (select email from users limit 1)": { outputs: ["email = app.users.email"] },
	"select (select email from users limit 1) || 'x' as y": {
		columns: ["derive app.users.email @operator || >0"],
		outputs: ["y app.users.email"],
	},
	"select exists (select email from users where id = 7)": {
		columns: ["filter app.users.id @WHERE", "project app.users.email @subquery"],
		outputs: ["exists"],
	},
	"select id from orders where user_id in (select id from users where email like 'a%')": {
		columns: [
			"derive app.orders.user_id @IN",
			"derive app.users.email @operator ~~",
			"derive app.users.id @IN",
			"project app.orders.id >0",
		],
	},
	"select array(select email from users)": { outputs: ["array app.users.email"], collects: ["ARRAY"] },
	"select o.id from orders o, lateral (select email from users u where u.id = o.user_id) x": {
		columns: [
			"derive app.orders.user_id @operator =",
			"derive app.users.id @operator =",
			"project app.orders.id >0",
			"project app.users.email @subquery",
		],
	},
	"with users as (select 1 as email) select email from users": { relations: [], outputs: ["email"] },
	"with a as (select * from orders), orders as (select 1 as one) select * from a": {
		relations: ["select app.orders(id,user_id,total,note)"],
	},
	"with a as (select * from users), b(x, y) as (select id, email from a) select y from b": {
		outputs: ["y = app.users.email"],
	},
	"with recursive t as (select id, email from users union all select t.id, t.email from t) select email from t": {
		outputs: ["email = app.users.email"],
		collects: [],
	},
	"with recursive t(n, all_of_it) as (select 1, '' union all select n + 1, all_of_it || (select email from users offset n limit 1) from t) select all_of_it from t":
		{ collects: ["recursive query t"], outputs: ["all_of_it app.users.email"], functions: ["user operator app.op_fn"] },
	"with recursive b as (select * from a), a as (select email from users) select * from b": {
		outputs: ["email = app.users.email"],
	},
	"with recursive t as (select email from t) select * from t": { refusal: ["unsupported", "uses itself"] },
	"with recursive t as (select id, email from users union all select t.id, t.email from t) search depth first by email set o select o from t":
		{
			columns: ["derive app.users.email @SEARCH or CYCLE >0", "project app.users.id @subquery"],
			collects: ["the path of SEARCH or CYCLE"],
		},
	"with recursive t as (select id, email from users union all select t.id, t.email from t) search depth first by id set o select email from t order by o":
		{ collects: [] },
	"with recursive t as (select id, email from users union all select t.id, t.email from t) search breadth first by id set o select o from t":
		{ collects: [] },
	"with recursive t as (select id from users union all select t.id from t) cycle id set c using p select c from t": {
		collects: [],
	},
	"with recursive t as (select id from users union all select t.id from t) cycle id set c using p select id from users union all select p[1] from t":
		{ collects: ["the path of SEARCH or CYCLE"] },
	"with d as (delete from orders returning note) select note from d": {
		commands: ["select", "delete"],
		relations: ["delete app.orders()", "select app.orders(note)"],
		outputs: ["note = app.orders.note"],
		is: { writes: true },
	},
	"select email from users union all select note from orders": {
		columns: ["project app.orders.note >0", "project app.users.email >0"],
		outputs: ["email app.orders.note app.users.email"],
	},
	"select email from users union select note from orders": {
		columns: ["derive app.orders.note @UNION >0", "derive app.users.email @UNION >0"],
	},
	"select id from orders except select id from users": {
		columns: ["derive app.orders.id @EXCEPT >0", "derive app.users.id @EXCEPT >0"],
	},
	"values (1, (select email from users limit 1)), (2, 'x')": { outputs: ["column1", "column2 app.users.email"] },
	"table users": { outputs: ["id = app.users.id", "name = app.users.name", "email = app.users.email"] },
	"select max(people)::text from (select email from users) people": { outputs: ["max app.users.email"] },
});

// ---- what is a use of a column --------------------------------------------------------------------------------------

check({
	"select count(*) from users": { relations: ["select app.users()"], columns: [], outputs: ["count"] },
	"select count(email) from users": { columns: ["count app.users.email @count"], outputs: ["count"] },
	"select count(u) from users u": {
		columns: ["count app.users.email @count", "count app.users.id @count", "count app.users.name @count"],
	},
	"select count(distinct email) from users": { columns: ["derive app.users.email @function count >0"] },
	"select count(*) filter (where email like 'a%') from users": {
		columns: ["derive app.users.email @operator ~~ >0"],
	},
	"select id from users where email = 'a' and name in ('b', $1) and email = any('{a}')": {
		columns: [ID, "filter app.users.email @WHERE", "filter app.users.name @WHERE"],
	},
	"select id from users where not (email = 'a')": { columns: [ID, "derive app.users.email @operator ="] },
	"select id from users where email not in ('a')": { columns: [ID, "derive app.users.email @IN"] },
	"select id from users where email = name": {
		columns: [ID, "derive app.users.email @operator =", "derive app.users.name @operator ="],
	},
	"select id from users where 'a' = email or 'b'::text = email": { columns: [ID, "filter app.users.email @WHERE"] },
	"select id from users where email": { columns: [ID, "derive app.users.email @WHERE"] },
	"select email = 'a' from users": { columns: ["derive app.users.email @operator = >0"] },
	"select id from users group by id having min(email) = 'a'": {
		columns: [ID, "derive app.users.email @function min", "derive app.users.id @GROUP BY"],
	},
	"select id from users order by email": { columns: [ID, "derive app.users.email @ORDER BY"] },
	"select id, email from users order by 2": {
		columns: [ID, "derive app.users.email @ORDER BY", "project app.users.email >1"],
		is: { literalSensitive: true },
	},
	"select id as email from users order by email": { columns: [ID, "derive app.users.id @ORDER BY"] },
	"select name as email from users group by email, name": {
		columns: ["derive app.users.email @GROUP BY", "derive app.users.name @GROUP BY", "project app.users.name >0"],
	},
	"select count(*) from users group by rollup (email), (id, name)": {
		columns: ["derive app.users.email @GROUP BY", "derive app.users.id @GROUP BY", "derive app.users.name @GROUP BY"],
	},
	"select distinct email from users": { columns: ["derive app.users.email @DISTINCT >0"] },
	"select distinct on (email) id from users": { columns: [ID, "derive app.users.email @DISTINCT ON"] },
	"select row_number() over (order by email) from users": { columns: ["derive app.users.email @window >0"] },
	"select rank() over w from users window w as (partition by name order by email)": {
		outputs: ["rank app.users.email app.users.name"],
	},
	"select case when email like 'a%' then 1 else 0 end from users": { outputs: ["case app.users.email"] },
	"select email::text from users": { columns: ["derive app.users.email @cast to text >0"] },
	"select coalesce(email, 'x'), nullif(email, ''), greatest(email, name) from users": {
		outputs: ["coalesce app.users.email", "nullif app.users.email", "greatest app.users.email app.users.name"],
	},
	"select 1 from users limit (select length(email) from users limit 1)": {
		columns: ["derive app.users.email @function length"],
	},
	"select id from users join orders using (id)": {
		outputs: ["id app.orders.id app.users.id"],
		columns: ["derive app.orders.id @JOIN USING >0", "derive app.users.id @JOIN USING >0"],
	},
	"select email from users natural join (select email from users) x": {
		columns: ["derive app.users.email @JOIN USING >0"],
	},
	"select j.c from (users u join orders o on u.id = o.user_id) as j(a, b, c)": { outputs: ["c = app.users.email"] },
	"select j.id from users join orders using (id) as j": { outputs: ["id app.orders.id app.users.id"] },
	"select u.email from (users u join orders o on true) j": { refusal: ["unresolved", "u.email"] },
	"select xmlforest(email), xmlelement(name a, xmlattributes(name as b)) from users": {
		outputs: ["xmlforest app.users.email", "xmlelement app.users.name"],
	},
	"select json_object('k': email), json_array(name), json_value(email, '$' passing name as n) from users": {
		outputs: ["json_object app.users.email", "json_array app.users.name", "json_value app.users.email app.users.name"],
	},
	"select x.a from users, json_table(email, '$' columns (a text path '$.a' default name on empty)) x": {
		outputs: ["a app.users.email app.users.name"],
	},
	"select x.a from users, xmltable('/a' passing email columns a text path 'b' default name) x": {
		outputs: ["a app.users.email app.users.name"],
	},
	"select * from users tablesample bernoulli ((select length(note) from orders limit 1))": {
		relations: ["select app.orders(note)", "select app.users(id,name,email)"],
	},
});

// ---- whole rows and functional notation -------------------------------------------------------------------------------

const WHOLE = [
	"derive app.users.email @whole row >0",
	"derive app.users.id @whole row >0",
	"derive app.users.name @whole row >0",
];

check({
	"select u from users u": { columns: WHOLE, outputs: ["u app.users.email app.users.id app.users.name"] },
	"select users from users": { columns: WHOLE },
	"select row_to_json(u) from users u": { columns: WHOLE },
	"select users.*::text from users": { columns: WHOLE },
	"select row(u.*) from users u": { columns: WHOLE },
	"select (u).email from users u": { columns: ["project app.users.email >0"] },
	"select (u.*).email from users u": { columns: ["project app.users.email >0"] },
	"select (u).* from users u": { outputs: ["id = app.users.id", "name = app.users.name", "email = app.users.email"] },
	"select email(u) from users u": { columns: ["project app.users.email >0"] },
	"select upper(u) from users u": { columns: WHOLE },
	"select u.upper from users u": { columns: WHOLE },
	"select u.scramble from users u": { columns: WHOLE, functions: ["user function app.scramble"] },
	"select u.nothing from users u": { refusal: ["unresolved", "nothing"] },
	"select (x.r).email from (select u as r from users u) x": {
		outputs: ["email app.users.email app.users.id app.users.name"],
	},
	"select u is null from users u": { columns: WHOLE },
});

// ---- views --------------------------------------------------------------------------------------------------------

check({
	"select email from people": {
		relations: ["select app.people(email)", "select app.users(email) via app.people"],
		columns: ["project app.people.email >0", "project app.users.email >0"],
		outputs: ["email = app.people.email app.users.email"],
	},
	"select id from loud": {
		relations: ["select app.loud(id)", "select app.users(id,name) via app.loud"],
		columns: ["derive app.users.name @IS NULL", "project app.loud.id >0", "project app.users.id >0"],
	},
	"select shout from loud": {
		columns: [
			"derive app.users.email @function upper >0",
			"derive app.users.name @IS NULL",
			"project app.loud.shout >0",
		],
	},
	"select email from twice": {
		relations: [
			"select app.loud(id) via app.twice",
			"select app.people(email,id) via app.twice",
			"select app.twice(email)",
			"select app.users(email,id) via app.twice via app.people",
			"select app.users(id,name) via app.twice via app.loud",
		],
	},
	"select email from merged": {
		relations: [
			"select app.merged(email)",
			"select app.users(email) via app.merged",
			"select other.users(secret) via app.merged",
		],
	},
	"select email from kept": { functions: [], outputs: ["email app.kept.email app.users.email"] },
	"select * from circle": { refusal: ["unsupported", "refers to itself"] },
	"select * from broken": { refusal: ["unresolved", "app.nothing"] },
	"update people set email = 'x' where id = 1": {
		relations: [
			"select app.people(id)",
			"select app.users(id) via app.people",
			"update app.people(email)",
			"update app.users(email) via app.people",
		],
	},
});

// ---- writes ---------------------------------------------------------------------------------------------------------

check({
	"insert into orders (id, note) values (1, 'x')": {
		relations: ["insert app.orders(id,note)"],
		columns: ["assign app.orders.id @INSERT", "assign app.orders.note @INSERT"],
		commands: ["insert", "select"],
		outputs: undefined,
		is: { writes: true, deliversRows: false },
	},
	"insert into orders select id, id, id, email from users": {
		relations: ["insert app.orders(id,user_id,total,note)", "select app.users(id,email)"],
		columns: [
			"assign app.orders.id @INSERT",
			"assign app.orders.note @INSERT",
			"assign app.orders.total @INSERT",
			"assign app.orders.user_id @INSERT",
			"copy app.users.email @INSERT",
			"copy app.users.id @INSERT",
		],
	},
	"insert into orders (note) select upper(email) from users": {
		columns: [
			"assign app.orders.note @INSERT",
			"copy app.users.email @INSERT",
			"derive app.users.email @function upper",
		],
	},
	"insert into users (id, email) values (1, 'a') on conflict (id) do update set email = excluded.email where users.name = 'x' returning *":
		{
			relations: ["insert app.users(id,email)", "select app.users(id,email,name)", "update app.users(email)"],
			commands: ["insert", "select", "update"],
			outputs: ["id = app.users.id", "name = app.users.name", "email = app.users.email"],
		},
	"update orders set note = u.email from users u where u.id = orders.user_id": {
		columns: [
			"assign app.orders.note @UPDATE",
			"copy app.users.email @SET",
			"derive app.orders.user_id @operator =",
			"derive app.users.id @operator =",
		],
		relations: ["select app.orders(user_id)", "select app.users(email,id)", "update app.orders(note)"],
	},
	"update orders set (note, total) = (select email, id from users limit 1)": {
		columns: [
			"assign app.orders.note @UPDATE",
			"assign app.orders.total @UPDATE",
			"copy app.users.email @SET",
			"copy app.users.id @SET",
		],
	},
	"update users set name = 'x' returning old.email, new.name": {
		outputs: ["email = app.users.email", "name = app.users.name"],
	},
	"delete from orders using users u where u.email like 'a%' and orders.id = 1": {
		relations: ["delete app.orders()", "select app.orders(id)", "select app.users(email)"],
	},
	"merge into orders o using users u on o.user_id = u.id when matched and u.name = 'x' then update set note = u.email when not matched then insert (note) values (u.name) returning merge_action(), o.note":
		{
			commands: ["merge", "update", "insert"],
			relations: [
				"insert app.orders(note)",
				"merge app.orders()",
				"select app.orders(user_id,note)",
				"select app.users(id,name,email)",
				"update app.orders(note)",
			],
			outputs: ["merge_action", "note = app.orders.note"],
		},
	"select * from users for update": {
		relations: ["select app.users(id,name,email)", "update app.users()"],
		commands: ["select", "update"],
		is: { writes: true },
	},
	"select o.id from orders o join users u on true for share of o": {
		relations: ["select app.orders(id)", "select app.users()", "update app.orders()"],
	},
	"select nextval('users_id_seq')": {
		relations: ["update app.users_id_seq()"],
		is: { writes: true, literalSensitive: true },
	},
	"select setval('app.\"users_id_seq\"'::regclass, 5)": { relations: ["update app.users_id_seq()"] },
	"select nextval($1)": { refusal: ["unsupported", "constant"] },
	"select currval('users_id_seq')": {
		relations: ["update app.users_id_seq()"],
		is: { writes: true, literalSensitive: true },
	},
	"update pg_settings set setting = 'x'": { refusal: ["unsupported", "system catalog"] },
	"select * into newt from users": {
		commands: ["create", "select"],
		relations: ["create alice.newt() created", "select app.users(id,name,email)"],
		columns: [
			"copy app.users.email @SELECT INTO",
			"copy app.users.id @SELECT INTO",
			"copy app.users.name @SELECT INTO",
		],
		is: { changesCatalog: true, writes: true },
	},
	"create table app.x as table users": { relations: ["create app.x() created", "select app.users(id,name,email)"] },
	"create temp table x as select 1": { refusal: ["unsupported", "temporary"] },
});

// ---- functions, operators, casts --------------------------------------------------------------------------------------

check({
	"select lower(name) from users": { functions: ["user function app.lower"] },
	"select pg_catalog.lower(name) from users": { functions: [] },
	"select replace(name, 'a', 'b') from users": { functions: [] },
	"select app.scramble(email) from users": { functions: ["user function app.scramble"], is: { writes: true } },
	"select hidden()": { refusal: ["unresolved", "hidden"] },
	"select other.hidden()": { functions: ["user function other.hidden"] },
	"select query_to_xml('select 1', true, true, '')": { functions: ["restricted function pg_catalog.query_to_xml"] },
	"select pg_sleep(1)": { functions: ["restricted function pg_catalog.pg_sleep"] },
	"select 1 ==> 2": { functions: ["user operator app.op_fn"] },
	"select 1 + 2": { functions: ["user operator app.op_fn"] },
	"select 1 operator(pg_catalog.+) 2": { functions: [] },
	"select 'a' || 'b'": { functions: [] },
	"select id from users where id = 1": { functions: [] },
	"select id from users where id = 1 ": {
		context: { searchPath: ["app", "other"] },
		functions: ["user operator other.op_fn"],
	},
	"select id from users join orders using (id) ": {
		context: { searchPath: ["app", "other"] },
		functions: ["user operator other.op_fn"],
	},
	"select 1 <=> 2": { refusal: ["unresolved", "<=>"] },
	"select 'x'::mood": { functions: ["user cast app.to_mood"] },
	"select 'x'::odd": { functions: ["user type app.odd"] },
	"select 'x'::citext, 'x'::bpchar, null::users": { functions: [] },
	"select 'x'::nothing": { refusal: ["unresolved", "nothing"] },
	"select 'users'::regclass": { is: { literalSensitive: true }, relations: [] },
	"select array_agg(email) from users": { collects: ["array_agg"] },
	"select string_agg(relname, ',') from pg_class": { collects: [] },
	"select json_arrayagg(email), json_objectagg(id: name) from users": { collects: ["JSON_ARRAYAGG", "JSON_OBJECTAGG"] },
	"select percentile_disc(0.5) within group (order by email) from users": { collects: [] },
	"select percentile_disc($1) within group (order by email) from users": { collects: ["percentile_disc"] },
	"call close_month()": { commands: ["call"], functions: ["user procedure app.close_month"] },
	"do $$ begin null; end $$": { commands: ["execute"], is: { writes: true } },
	"select current_setting('work_mem')": { functions: [] },
	"show app.secret": { functions: ["restricted function pg_catalog.current_setting"] },
	"show work_mem": { functions: [] },
	"select current_setting('app.secret')": { refusal: ["unsupported", "current_setting"] },
	"select current_setting(name) from pg_settings": { functions: [] },
	// Wrapped: it shows settings of the server alone.
	"select current_setting(x) from (values ('app.secret')) v(x)": { functions: [] },
	"select g from generate_series(1, 3) g": { outputs: ["g"] },
	"select x.key, x.value from users, json_each(email) x": { outputs: ["key app.users.email", "value app.users.email"] },
	"select * from users, unnest(array[1, 2]) with ordinality as x(a, b)": { is: { opaqueResult: false } },
	"select x from users, unnest(array_agg(users)) x": { outputs: ["x app.users.email app.users.id app.users.name"] },
	"select * from app.scramble('x')": { outputs: undefined, is: { opaqueResult: true } },
	"select a from app.scramble((select email from users limit 1)) as f(a)": { outputs: ["a app.users.email"] },
	"select email from users, app.scramble('x') s": { outputs: ["email = app.users.email"] },
	"select what from app.scramble((select email from users limit 1)) s": { outputs: ["what app.users.email"] },
	"select (select what from app.scramble('x') s limit 1) from events": { outputs: ["what app.events.what"] },
	"select * from unnest(array['a']) as t(a)": { outputs: ["a"] },
});

// ---- the session ------------------------------------------------------------------------------------------------------

check({
	"begin read only": { commands: [], effect: { kind: "transaction", op: "begin", readOnly: true } },
	"rollback to savepoint x": { effect: { kind: "transaction", op: "rollbackTo", name: "x" } },
	"set datestyle = 'ISO'": { commands: [], effect: { kind: "set", name: "datestyle", values: ["ISO"], local: false } },
	'set local search_path to app, "Odd"': {
		commands: [],
		effect: { kind: "set", name: "search_path", values: ["app", "Odd"], local: true },
	},
	"set search_path = ''": { effect: { kind: "set", values: [] } },
	"set search_path to pg_temp, app": { refusal: ["unsupported", "temporary"] },
	"set synchronous_commit = 'off'": { commands: ["set"] },
	"set app.tenant = '7'": { commands: ["set"] },
	"set role admin": { refusal: ["unsupported", "role"] },
	"reset role": { refusal: ["unsupported", "role"] },
	"reset session authorization": { refusal: ["unsupported", "session_authorization"] },
	"set standard_conforming_strings = off": { refusal: ["unsupported", "pinned"] },
	"set standard_conforming_strings = on": { commands: [] },
	"set names 'latin-1 utf8'": { refusal: ["unsupported", "client_encoding"] },
	"set client_encoding to 'utf8\u00e9'": { refusal: ["unsupported", "client_encoding"] },
	"set names 'latin1'": { refusal: ["unsupported", "client_encoding"] },
	"set transaction snapshot 'x'": { refusal: ["unsupported", "view of the data"] },
	"set default_transaction_read_only = off": { commands: ["set"] },
	"reset all": { effect: { kind: "resetAll" } },
	"discard all": { commands: [], effect: { kind: "discard", what: "all" } },
	"show search_path": { commands: ["show"], outputs: ["search_path"] },
	"select set_config('search_path', 'app, \"X\"', false)": {
		commands: ["select"],
		effect: { kind: "set", name: "search_path", values: ["app", "X"], local: false },
		functions: [],
	},
	"select set_config('role', 'admin', false)": { refusal: ["unsupported", "role"] },
	"select set_config('a', email, false) from users": { refusal: ["unsupported", "constants"] },
	"select length(set_config('datestyle', 'ISO', false))": { refusal: ["unsupported", "set_config"] },
	"select set_config('search_path', 'evil', false) from users": { refusal: ["unsupported", "alone"] },
	"select 1 where set_config('search_path', 'evil', false) = ''": { refusal: ["unsupported", "set_config"] },
	"select set_config(name, 'view', false) from pg_settings where name = 'restrict_nonsystem_relation_kind'": {
		effect: { kind: "set", name: "restrict_nonsystem_relation_kind" },
	},
	"prepare p(int) as select email from users where id = $1": {
		commands: ["select"],
		relations: ["select app.users(email,id)"],
		effect: { kind: "prepare", name: "p", statement: { tag: "SELECT" } },
		outputs: undefined,
		is: { deliversRows: false },
	},
	"execute p(1)": { commands: [], effect: { kind: "execute", name: "p" } },
	"deallocate all": { effect: { kind: "deallocate", name: undefined } },
	"declare c cursor for select email from users": {
		commands: ["select"],
		effect: { kind: "declare", name: "c" },
		outputs: undefined,
	},
	"fetch 5 from c": { effect: { kind: "fetch", name: "c", moves: false } },
	"move c": { effect: { kind: "fetch", name: "c", moves: true } },
	"close all": { effect: { kind: "closeCursor", name: undefined } },
	"listen x": { commands: ["listen"] },
	"notify x, 'y'": { commands: ["notify"] },
	"explain select email from users where name = 'x'": {
		commands: ["explain", "select"],
		relations: ["select app.users(email,name)"],
		columns: ["count app.users.email @EXPLAIN", "filter app.users.name @WHERE"],
		outputs: ["QUERY PLAN"],
	},
	"explain delete from users": { commands: ["explain", "delete"], is: { writes: false } },
	"explain (analyze, format json) delete from users": { is: { writes: true } },
	"explain (analyze false) delete from users": { is: { writes: false } },
	"explain execute p": { refusal: ["unsupported", "EXPLAIN EXECUTE"] },
});

// ---- COPY and definitions ---------------------------------------------------------------------------------------------

check({
	"copy users to stdout": {
		commands: ["copyTo"],
		relations: ["copyTo app.users(id,name,email)"],
		outputs: ["id = app.users.id", "name = app.users.name", "email = app.users.email"],
		is: { copy: { direction: "out", format: "text" }, deliversRows: true },
	},
	"copy users (email) to stdout (format csv)": {
		columns: ["project app.users.email >0"],
		is: { copy: { direction: "out", format: "csv" } },
	},
	"copy (select email from users) to stdout": { commands: ["copyTo", "select"], outputs: ["email = app.users.email"] },
	"copy orders from stdin binary": {
		relations: ["copyFrom app.orders(id,user_id,total,note)"],
		is: { writes: true, copy: { direction: "in", format: "binary" }, deliversRows: false },
	},
	"copy users to '/tmp/x'": { refusal: ["unsupported", "file"] },
	"copy users from program 'id'": { refusal: ["unsupported", "program"] },
	"create view app.w as select email from users": {
		commands: ["create", "select"],
		relations: ["create app.w() created", "select app.users(email)"],
	},
	"create rule r as on insert to orders do also select 1": { refusal: ["unsupported", "rule"] },
	"load 'x'": { refusal: ["unsupported", "foreign code"] },
	"drop table orders, app.users": { commands: ["drop"], relations: ["drop app.orders()", "drop app.users()"] },
	"drop table if exists app.gone": { relations: ["drop app.gone()"] },
	"drop table gone": { refusal: ["unresolved", "gone"] },
	"drop table orders cascade": { relations: ["drop .*()", "drop app.orders()"] },
	"drop function app.scramble(text)": { relations: ["drop app.scramble()"] },
	"drop schema app": { relations: ["drop app.app()"] },
	"drop role bob": { relations: ["drop .bob()"] },
	"truncate orders": { commands: ["truncate"], relations: ["truncate app.orders()"] },
	[`select 1 from ${Array.from({ length: 1000 }, (_, n) => `users u${n}`).join(", ")}`]: { commands: ["select"] },
	[`select 1 from ${Array.from({ length: 998 }, (_, n) => `users u${n}`).join(", ")}, (select 1 from users, users x) y`]:
		{
			refusal: ["limit", "more than 1000 places"],
		},
	"explain (analyze) select name from users": { is: { deliversRows: false } },
	"create index on users (name) include (email)": {
		relations: ["create app.users()"],
		columns: ["derive app.users.name @the order of an index"],
	},
	"create unique index on users (name, lower(email))": {
		columns: [
			"derive app.users.name @the order of an index",
			"derive app.users.email @CREATE INDEX",
			"derive app.users.email @function lower",
			"probe app.users.name @a unique index, which tells whether a value is there twice",
		],
	},
	"alter table orders add column x text generated always as (upper(note)) stored": {
		relations: ["alter app.orders()", "select app.orders(note)"],
		columns: ["copy app.orders.note @ALTER TABLE", "derive app.orders.note @function upper"],
	},
	"alter table orders add unique (note), add foreign key (user_id) references users (id)": {
		relations: ["alter app.orders()", "select app.orders(note,user_id)", "alter app.users()"],
		columns: [
			"probe app.orders.note @a unique index, which tells whether a value is there twice",
			"probe app.orders.user_id @a foreign key, which tells whether a value is there",
		],
	},
	"alter table orders alter note type varchar(3)": {
		relations: ["alter app.orders()", "select app.orders(note)"],
		columns: ["probe app.orders.note @a change of its type"],
	},
	"alter table orders add exclude using gist (note with =)": {
		columns: ["probe app.orders.note @an exclusion constraint, which compares values"],
	},
	"cluster orders using a": {
		commands: ["vacuum"],
		columns: ["id", "note", "total", "user_id"].map((name) => `derive app.orders.${name} @CLUSTER`),
	},
	"alter table orders rename to events": { is: { tag: "ALTER TABLE", moves: [moved("orders", "events")] } },
	"alter table orders rename column note to id": { is: { tag: "ALTER TABLE", moves: [moved("orders", "orders")] } },
	"alter table orders inherit users": { is: { moves: [moved("orders", "users")] } },
	"alter table events attach partition orders default": { is: { moves: [moved("orders", "events")] } },
	"alter table events detach partition orders": { relations: ["alter app.events()", "alter app.orders()"] },
	"alter view people rename to loud": { is: { tag: "ALTER VIEW", moves: [moved("people", "loud", "view")] } },
	"alter table people set schema hr": {
		is: {
			tag: "ALTER TABLE",
			moves: [{ kind: "view", from: { schema: "app", name: "people" }, to: { schema: "hr", name: "people" } }],
		},
	},
	"alter schema app rename to hr2": {
		is: {
			tag: "ALTER SCHEMA",
			moves: [{ kind: "schema", from: { schema: "app", name: "" }, to: { schema: "hr2", name: "" } }],
		},
	},
	"alter function app.scramble(text) rename to lower": { is: { tag: "ALTER FUNCTION" } },
	"alter function app.scramble(text) set schema hr": { is: { tag: "ALTER FUNCTION" } },
	"alter aggregate app.scramble(text) owner to bob": { is: { tag: "ALTER AGGREGATE" } },
	"alter schema app owner to bob": { is: { tag: "ALTER SCHEMA" } },
	"alter foreign table orders options (add program 'x')": { is: { tag: "ALTER FOREIGN TABLE" } },
	"alter table orders options (set filename 'x')": { is: { tag: "ALTER FOREIGN TABLE" } },
	"alter table pg_class rename to x": { refusal: ["unsupported", "system relation"] },
	"create index on users (lower(email))": { commands: ["create"], functions: ["user function app.lower"] },
	"create trigger t before insert on orders execute function app.scramble()": {
		relations: ["alter app.orders()"],
		functions: ["user function app.scramble"],
	},
	"grant select on users to bob": { commands: ["grant"], relations: ["grant app.users()"] },
	"grant all on all tables in schema app to bob": { relations: ["grant app.*()"] },
	"comment on column app.users.email is 'x'": { commands: ["comment"], relations: ["comment app.users(email)"] },
	"lock table users in access share mode": { commands: ["lock"], relations: ["lock app.users() share"] },
	"lock table users": { relations: ["lock app.users()"] },
	"vacuum users (email)": { commands: ["vacuum"], relations: ["vacuum app.users(email)"] },
	vacuum: { relations: ["vacuum .*()"] },
	"alter system set maintenance_work_mem = '1GB'": { relations: ["alter .*()"] },
});

t.test("statements of one text follow one another", async (t) => {
	const [, second] = readText("set search_path to other; select * from users").statements;
	t.same(short.relations(second as StatementFacts), ["select other.users(id,secret)"], "the path is the new one");
	const undone = readText("begin; set local search_path to other; commit; select * from users").statements[3];
	t.equal(undone?.refusal?.kind, "unsupported", "what the path is after the transaction is not known");
	const qualified = readText("reset all; select * from app.users").statements[1];
	t.equal(qualified?.refusal, undefined, "qualified names need no path");
	const redefined = readText("create or replace view app.people as select 1; select * from people").statements[1];
	t.equal(redefined?.refusal?.kind, "unsupported", "definitions of the snapshot no longer hold");
	const places = readText("select 'é';  select 2").statements.map(({ start, end }) => [start, end]);
	t.same(places, [
		[0, 10],
		[13, 21],
	]);
	t.same(readText("-- nothing").statements, []);
});

t.test("what nests too deep is refused", async (t) => {
	const texts = [
		`select ${"1+".repeat(3000)}1`,
		`select ${"1 union all select ".repeat(3000)}1`,
		`select * from ${"(select * from ".repeat(300)}users${") x".repeat(300)}`,
		`select ${"lower(".repeat(900)}'x'${")".repeat(900)}`,
	];
	for (const text of texts) {
		const { statements } = readText(text);
		t.ok(statements.length === 1, `${text.slice(0, 40)}… ends in facts`);
		const { refusal, relations } = statements[0] as StatementFacts;
		t.ok(refusal?.kind === "limit" || relations.length > 0 || refusal === undefined, refusal?.message ?? "it is read");
	}
	t.equal(readText(texts[0] as string).statements[0]?.refusal?.kind, "limit");
});

t.test("a tree that is not what it should be is refused", async (t) => {
	const { analyseParsed } = await import("../../src/sql/postgres/analyse.js");
	const { CONTEXT, indexOf, SHOP } = await import("./reading.js");
	const index = indexOf(SHOP);
	const item = (val: unknown) => ({ stmts: [{ stmt: { SelectStmt: { targetList: [{ ResTarget: { val } }] } } }] });
	const trees: readonly unknown[] = [
		item({ NewExpr: {} }),
		item({ ColumnRef: { fields: [{ String: { sval: "a" } }], newField: {} } }),
		item({ A_Expr: { kind: "AEXPR_NEW", name: [{ String: { sval: "+" } }] } }),
		{ stmts: [{ stmt: { NewStmt: {} } }] },
		{ stmts: [{ stmt: { SelectStmt: { newClause: [] } } }] },
		{ stmts: [{ stmt: {} }] },
		{ stmts: [{ stmt: { SelectStmt: {}, InsertStmt: {} } }] },
	];
	for (const tree of trees) {
		const facts = analyseParsed(tree, "", index, CONTEXT);
		t.equal(facts.statements[0]?.refusal?.kind, "unsupported", JSON.stringify(tree));
	}
	for (const tree of [undefined, null, [], { other: 1 }]) {
		t.not(analyseParsed(tree, "", index, CONTEXT).refusal, undefined, JSON.stringify(tree));
	}
});
