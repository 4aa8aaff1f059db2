/** Texts whose guarded columns are wrapped, on both servers: what goes upstream, and what is not wrapped. */
import t from "tap";
import { type Extent, filled, NOTHING_COVERED, showsAll } from "../../../src/sql/guarded.js";
import { type Flavour, read, readText, shop } from "./shop.js";

const BOTH: readonly Flavour[] = ["mysql", "mariadb"];
const NOTHING = { ...NOTHING_COVERED };
const SOME = { ...NOTHING, relations: ["617070.7573657273"] };

function upstream(sql: string, flavour: Flavour, extent = NOTHING): string | undefined {
	const { guarded } = readText(sql, { flavour });
	return guarded === undefined ? undefined : filled(guarded, extent);
}

const sorts = (sql: string, flavour: Flavour): readonly string[] =>
	readText(sql, { flavour }).statements.flatMap(({ relations }) => relations.map(({ sort }) => sort));

t.test("what is wrapped", async (t) => {
	for (const flavour of BOTH) {
		const plain = upstream("select VIEW_definition from information_schema.views", flavour, SOME) ?? "";
		t.match(plain, /^select VIEW_definition from \(SELECT COALESCE\(CASE WHEN \(HEX\(x\.`TABLE_SCHEMA`\)/, flavour);
		t.match(plain, /IN \('617070\.7573657273'\)/, flavour);
		t.match(plain, /FROM information_schema\.views AS x\) AS `views`$/, flavour);
		const aliased = upstream(
			"select v.view_definition from information_schema.views v where v.table_name = 'v'",
			flavour,
		);
		t.match(aliased, /information_schema\.views AS x\) v where v\.table_name = 'v'$/, flavour);
		t.notMatch(aliased, /AS `views`/, flavour);
		const shown = upstream("show table status like 'u%'", flavour, SOME) ?? "";
		t.match(shown, /^show table status WHERE \(\(CONCAT\('617070\.', HEX\(`Name`\)\) IN \(/, flavour);
		t.match(shown, / AND `Name` like 'u%'$/, flavour);
		t.match(upstream("show triggers where 1 or 0", flavour), /where \(0\) AND \(1 or 0\)$/, flavour);
		t.match(
			upstream("show variables", flavour),
			/^show variables WHERE \(LOWER\(`Variable_name`\) NOT REGEXP/,
			flavour,
		);
		t.match(upstream("/*! show triggers */ -- x", flavour), /show triggers WHERE \(0\)/, flavour);
		t.same(sorts("show triggers", flavour), ["guarded"], flavour);
	}
	const header = (flavour: Flavour) => upstream("select view_DEFINITION from information_schema.views", flavour);
	t.match(header("mariadb"), /AS `view_DEFINITION`/, "MariaDB heads results by the names in the derived table");
	t.match(header("mysql"), /AS `VIEW_DEFINITION`/, "MySQL by those of its views");
});

t.test("what is hidden from all is hidden whatever is covered", async (t) => {
	const all = Object.fromEntries(Object.keys(NOTHING).map((key) => [key, "all"])) as unknown as Extent;
	for (const [sql, open] of [
		["show variables", false],
		["select variable_value from performance_schema.global_variables", false],
		[
			"select view_definition, variable_value from information_schema.views, performance_schema.global_variables",
			false,
		],
		["select view_definition from information_schema.views", true],
		["show triggers", true],
	] as const) {
		const { guarded } = readText(sql, { flavour: "mysql" });
		t.equal(guarded && showsAll(guarded, all), open, sql);
		t.equal(guarded && showsAll(guarded, NOTHING), false, sql);
	}
});

t.test("what needs no wrapping, and what cannot be wrapped", async (t) => {
	for (const flavour of BOTH) {
		for (const sql of ["select table_name from information_schema.views", "show tables", "show triggers from mysql"]) {
			t.equal(upstream(sql, flavour), undefined, sql);
			t.notMatch(sorts(sql, flavour).join(), /guarded|sensitive/, sql);
		}
		for (const sql of [
			"select (select max(view_definition) from information_schema.views)",
			"prepare s from 'select view_definition from information_schema.views'",
			"select view_definition from information_schema.views partition (p)",
		]) {
			t.equal(upstream(sql, flavour), undefined, sql);
			t.match(sorts(sql, flavour).join(), /^(sensitive|)$/, sql);
		}
	}
	const immediate = "execute immediate 'select view_definition from information_schema.views'";
	t.same(sorts(immediate, "mariadb"), ["sensitive"]);
});

t.test("definitions that tell values of rows", async (t) => {
	for (const flavour of BOTH) {
		const { relations, ...rest } = shop(flavour);
		const told = relations.map((each) => (each.name === "orders" ? { ...each, toldColumns: ["note"] } : each));
		const catalog = { ...rest, relations: told };
		for (const sql of [
			"show create table orders",
			"create table mine like orders",
			"create table mine (like orders)",
		]) {
			const uses = read(sql, { flavour, catalog }).columns.map(({ column, kind }) => `${kind} ${column}`);
			t.same(uses, ["copy note"], `${flavour}: ${sql}`);
		}
		t.same(read("show columns from orders", { flavour, catalog }).columns, [], flavour);
		t.same(read("show create table users", { flavour, catalog }).columns, [], flavour);
	}
});
