/** What is said about MySQL's and MariaDB's own ways to write a statement, one a row, and only what the row is about. */
import t from "tap";
import { type Flavour, type ReadOptions, read, shop, short } from "./shop.js";

interface Expected {
	readonly relations?: readonly string[];
	readonly outputs?: readonly string[] | undefined;
	readonly commands?: readonly string[];
	readonly collects?: readonly string[];
	readonly refusal?: string;
	readonly flavour?: Flavour;
	readonly options?: ReadOptions;
}

function check(rows: Readonly<Record<string, Expected>>): void {
	for (const [sql, expected] of Object.entries(rows)) {
		t.test(sql, async (t) => {
			const facts = read(sql, {
				...(expected.flavour === undefined ? {} : { flavour: expected.flavour }),
				...expected.options,
			});
			if (expected.refusal === undefined) t.equal(facts.refusal, undefined, "it is read");
			else t.match(facts.refusal?.message, expected.refusal);
			if (expected.relations !== undefined) t.same(short.relations(facts), expected.relations);
			if ("outputs" in expected) t.same(short.outputs(facts), expected.outputs);
			if (expected.commands !== undefined) t.same([...facts.commands].sort(), expected.commands);
			if (expected.collects !== undefined) t.same(facts.collects, expected.collects);
		});
	}
}

check({
	"select ID, `Email` from Users": { refusal: "Users" },
	"select ID, `Email` from users": { outputs: ["id = app.users.id", "email = app.users.email"] },
	"select id from HR.salaries": { refusal: "HR.salaries" },
	"select table_name from Information_Schema.TABLES": {
		relations: ["select information_schema.tables(table_name) catalog"],
	},
	"select * from notes natural join orders": {
		outputs: [
			"id app.notes.id app.orders.id",
			"text = app.notes.text",
			"user_id = app.orders.user_id",
			"total = app.orders.total",
			"note = app.orders.note",
		],
	},
	"select secret from notes": { outputs: ["secret = app.notes.secret"] },
	"select x.`count(*)` from (select count(*) from users) x": { outputs: ["count(*)"] },
	"values row(1, 2)": { outputs: ["column_0", "column_1"] },
	"select column_1 from (values row(1, 2)) v": { outputs: ["column_1"] },
	"select j.a from orders, json_table(note, '$' columns (a int path '$')) j": {
		relations: ["select app.orders(note)"],
		outputs: ["a app.orders.note"],
	},
	"select (select q) from (select id as q from users) d": { outputs: ["(select q) = app.users.id"] },
	"select group_concat(name) from users": { collects: ["group_concat"] },
	"select @n := @n + 1 as n, name from users": { outputs: ["n", "name = app.users.name"] },
	"select @n := id from users": { refusal: "user variable" },
	"select name into @a from users": { refusal: "user variable" },
	"select count(*) into @a from users": { relations: ["select app.users()"], outputs: undefined },
	"select name from users for update": { relations: ["select app.users(name)", "update app.users()"] },
	"select name from users for share": { relations: ["select app.users(name)"] },
	"select name from users lock in share mode": { relations: ["select app.users(name)"] },
	"insert into kept set id = 1, copied = 2": { relations: ["insert app.kept(id,copied)"] },
	"insert into notes values (1, 2)": { relations: ["insert app.notes(id,text)"] },
	"replace into kept values (1, 2)": {
		relations: ["delete app.kept()", "insert app.kept(id,copied)"],
		commands: ["delete", "insert", "select"],
	},
	"insert into kept (id, copied) values (1, 2) on duplicate key update copied = values(copied)": {
		relations: ["insert app.kept(id,copied)", "update app.kept(copied)"],
	},
	"insert into kept (id, copied) values (1, 2) as new on duplicate key update copied = new.copied": {
		relations: ["insert app.kept(id,copied)", "update app.kept(copied)"],
	},
	"insert into kept (id, copied) values (1, 2) as new (a, b) on duplicate key update copied = a + b": {
		relations: ["insert app.kept(id,copied)", "update app.kept(copied)"],
	},
	"insert into kept (id) select id from users u on duplicate key update copied = u.name": {
		relations: ["insert app.kept(id)", "select app.users(id,name)", "update app.kept(copied)"],
	},
	"update users u, orders o set u.name = o.note, total = 0 where u.id = o.user_id": {
		relations: [
			"select app.orders(note,user_id)",
			"select app.users(id)",
			"update app.orders(total)",
			"update app.users(name)",
		],
	},
	"update users, orders set id = 1": { refusal: "ambiguous" },
	"delete u from users u join orders o on u.id = o.user_id": {
		relations: ["delete app.users()", "select app.orders(user_id)", "select app.users(id)"],
	},
	"delete from users using users join orders using (id)": { commands: ["delete"] },
	"delete x from users u": { refusal: "x" },
	"delete from kept where id = 1 returning copied": {
		flavour: "mariadb",
		relations: ["delete app.kept()", "select app.kept(id,copied)"],
		outputs: ["copied = app.kept.copied"],
	},
	"select default(name) from users": { flavour: "mariadb", refusal: "DEFAULT" },
});

t.test("names fold where the server folds them", async (t) => {
	const facts = read("select Id from APP.Users", { catalog: shop("mysql", 1), database: "App" });
	t.same(short.relations(facts), ["select app.users(id)"]);
});
