/** How many source rows of one relation a line of the result carries, as the analysis counts them. */
import t from "tap";
import { loadParser } from "../../src/sql/postgres/parser.js";
import { MYSQL_LINES, POSTGRES_LINES } from "../helpers/source-rows.js";
import { read as readMysql } from "./mysql/shop.js";
import { read } from "./reading.js";

await loadParser();

t.test("PostgreSQL", async (t) => {
	for (const [sql, lines] of Object.entries(POSTGRES_LINES)) {
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

t.test("MySQL", async (t) => {
	for (const [sql, lines] of Object.entries(MYSQL_LINES)) {
		const facts = readMysql(sql);
		t.equal(facts.refusal, undefined, sql);
		t.equal(facts.rowsPerLine ?? 1, lines, sql);
	}
});
