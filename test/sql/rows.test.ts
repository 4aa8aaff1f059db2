/**
 * How many source rows of one relation a line of the result carries, as a table: what an attacker would put on one line,
 * and ordinary work, which must count as its lines do.
 */
import t from "tap";
import { loadParser } from "../../src/sql/postgres/parser.js";
import { read as readMysql } from "./mysql/shop.js";
import { read } from "./reading.js";

await loadParser();

/** Statements and the number; 1 where nothing is said. */
const LINES: Readonly<Record<string, number>> = {
	// Ordinary work.
	"select * from users": 1,
	"select u.id, u.email, o.total, o.note from users u join orders o on o.user_id = u.id": 1,
	"select o.id from orders o join orders p on p.user_id = o.user_id": 1,
	"select id, email from users union all select id, note from orders union all select id, email from users": 1,
	"select id from users union select id from users": 1,
	"select * from (select id, email from users) s where id in (select user_id from orders)": 1,
	"with u as (select * from users) select u.email, o.total from u join orders o on o.user_id = u.id": 1,
	"select * from people": 1,
	"select p.email, o.total from people p join orders o on o.user_id = p.id": 1,
	"select count(*), count(distinct email) from users": 1,
	"select user_id, count(*), sum(total), avg(total) from orders group by user_id": 1,
	"select id, exists (select from orders o where o.user_id = u.id) from users u": 1,
	"select id, (select count(*) from orders o where o.user_id = u.id), (select sum(total) from orders o where o.user_id = u.id) from users u": 1,
	"select id, row_number() over (order by email), rank() over (order by name) from users": 1,
	"select id, email, name || email, coalesce(name, email) from users": 1,
	"select u from users u": 1,
	"update users set name = 'x' returning *": 1,
	"select (select max(total) from orders) from users": 1,
	"select id from users where email > (select max(email) from users)": 1,
	"select relname, (select nspname from pg_namespace n where n.oid = relnamespace), (select nspname from pg_namespace limit 1) from pg_class": 1,
	"select * from users u, lateral (select upper(u.email) as x) l": 1,
	"select distinct email from users order by email": 1,
	// Rows side by side.
	"select a.id, b.id, c.id from users a, users b, users c": 3,
	"select a.*, b.* from users a join users b on b.id = a.id + 1": 2,
	"select a.email || b.email from users a, users b": 2,
	"select users.id, u.id from users, app.users u": 2,
	"with c as (select email from users) select a.email, b.email, d.email from c a, c b, c d": 3,
	"with c as materialized (select email from users limit 3) select (select email from c offset 1), (select email from c offset 2)": 2,
	"select a.email, b.email from people a, people b": 2,
	"select p.email, u.email from people p, users u": 2,
	"select a.email, b.email from twice a, twice b": 2,
	"select a.email, b.email from kept a, kept b": 2,
	"select a.x, b.x from (select email as x from users) a, (select email as x from users) b": 2,
	"select s.a, s.b, s.a || s.b from (select a.email a, b.email b from users a, users b) s": 2,
	"select s, t from users s, lateral (select * from users where id > s.id limit 1) t": 2,
	"select coalesce(a.email, b.email) from users a full join users b on b.id = a.id + 1": 2,
	"select email from users natural join (select id, email from users) s": 2,
	// Subqueries that deliver.
	"select (select email from users where id = 1), (select email from users where id = 2), (select email from users where id = 3)": 3,
	"select (select email from users where id = 1) || (select email from users where id = 2)": 2,
	"select concat((select email from users limit 1), (select email from users offset 1 limit 1), email) from users": 3,
	"select case when id = 1 then email else (select email from users where id = 2) end from users": 2,
	"values ((select email from users where id = 1), (select email from users where id = 2))": 2,
	"select row((select email from users where id = 1), (select email from users where id = 2))": 2,
	"select * from (values ((select email from users where id = 1), (select email from users where id = 2))) v": 2,
	"select x from unnest(array[(select email from users where id = 1), (select email from users where id = 2)]) x": 2,
	"select json_build_object('a', (select email from users limit 1), 'b', (select email from users offset 1 limit 1))": 2,
	"select id from users union all select (select id from users limit 1) + (select id from users offset 1 limit 1)": 2,
	// Windows.
	"select email, lag(email) over (order by id), lead(email) over (order by id) from users": 3,
	"select nth_value(email, 1) over w, nth_value(email, 2) over w, nth_value(email, 3) over w from users window w as (order by id)": 3,
	"select first_value(email) over (order by id), last_value(email) over () from users": 2,
	"select id, max(email) over (order by id rows between 3 preceding and 3 preceding) from users": 2,
	"select total, sum(total) over (order by id rows between 1 following and 1 following) from orders": 2,
	"select email, x from (select email, lag(email) over (order by id) x from users) s": 2,
	// Aggregates.
	"select min(email), max(email) from users": 2,
	"select max(email) filter (where id = 1), max(email) filter (where id = 2), max(email) filter (where id = 3) from users": 3,
	"select sum(total) filter (where id = 1), sum(total) filter (where id = 2) from orders": 2,
	"select sum(case id when 1 then total end), sum(case id when 2 then total end) from orders": 2,
	"select sum(a), sum(b) from (select case id when 1 then total end a, case id when 2 then total end b from orders) s": 2,
	"select sum(a), sum(b) from (select total a, null b from orders where id = 1 union all select null, total from orders where id = 2) s": 2,
	"select user_id, sum(total), sum(total * total), sum(total * total * total) from orders group by user_id": 3,
	"select user_id, min(note), max(note), any_value(note) from orders group by user_id": 4,
	"select percentile_disc(0.1) within group (order by total), percentile_disc(0.2) within group (order by total) from orders": 2,
	"select max(a.email || b.email) from users a, users b": 2,
	"select sum(distinct total), avg(total) from orders": 2,
	// Recursion that shifts.
	"with recursive r(n, a, b, c) as (select 0, email, null, null from users where id = 1 union all select n + 1, u.email, r.a, r.b from r join users u on u.id = r.n + 1) select a, b, c from r": 3,
	// Writes that return.
	"update users u set name = 'x' from users v where v.id = u.id + 1 returning u.email, v.email": 2,
	"delete from users u using users v returning u.email, v.email": 2,
	"update users set name = 'x' returning email, (select email from users limit 1)": 2,
	"merge into orders o using users u on o.user_id = u.id when matched then delete returning o.note, u.email": 1,
	"merge into users u using users v on u.id = v.id + 1 when matched then delete returning u.email, v.email": 2,
	"with d as (delete from users returning email) select a.email, b.email from d a, d b": 2,
};

t.test("PostgreSQL", async (t) => {
	for (const [sql, lines] of Object.entries(LINES)) {
		const facts = read(sql);
		t.equal(facts.refusal, undefined, sql);
		t.equal(facts.rowsPerLine ?? 1, lines, sql);
	}
	t.equal(read("copy (select a.id, b.id from users a, users b) to stdout").rowsPerLine, 2, "COPY");
	const { effect } = read("prepare p as select a.id, b.id from users a, users b");
	t.equal(effect?.kind === "prepare" ? effect.statement.rowsPerLine : 0, 2, "PREPARE");
	const cursor = read("declare c cursor for select min(id), max(id) from users").effect;
	t.equal(cursor?.kind === "declare" ? cursor.statement.rowsPerLine : 0, 2, "DECLARE");
	t.equal(read("select old.email, new.email from users old, users new").rowsPerLine, 2);
});

/** MySQL's own. */
const MYSQL: Readonly<Record<string, number>> = {
	"select u.id, o.total from users u join orders o on o.user_id = u.id": 1,
	"select user_id, count(*), sum(total) from orders group by user_id": 1,
	"select user_id, total, note from orders group by user_id": 1,
	"select a.id, b.id, c.id from users a, users b, users c": 3,
	"select a.mail, b.mail from people a, people b": 2,
	"select (select email from users where id = 1), (select email from users where id = 2)": 2,
	"select if(id = 1, email, (select email from users where id = 2)) from users": 2,
	"select min(email), max(email) from users": 2,
	"select sum(if(id = 1, total, 0)), sum(if(id = 2, total, 0)) from orders": 2,
	"select bit_or(total), bit_xor(total), std(total) from orders": 3,
	"select lag(email) over (order by id), email from users": 2,
	"select concat_ws(',', a.email, b.email) from users a join users b on b.id = a.id + 1": 2,
	"with c as (select email from users) select x.email, y.email from c x, c y": 2,
	"with recursive r(n, a, b) as (select 0, email, email from users where id = 1 union all select n + 1, u.email, r.a from r join users u on u.id = r.n + 1) select a, b from r": 2,
	"select x.email, y.email from users x, lateral (select email from users where id > x.id limit 1) y": 2,
};

t.test("MySQL", async (t) => {
	for (const [sql, lines] of Object.entries(MYSQL)) {
		const facts = readMysql(sql);
		t.equal(facts.refusal, undefined, sql);
		t.equal(facts.rowsPerLine ?? 1, lines, sql);
	}
});
