/**
 * Texts that read a table which a careless reader does not see. For each server: the table is seen, or the text is
 * refused. Where a server does not read it, nothing forces us to. An evasion, once found, stays here for ever.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import t from "tap";
import { attacks } from "../../helpers/attacks.js";
import { PROJECT } from "../../helpers/project.js";
import { MARIADB, MYSQL, type Session, tables } from "./reading.js";
import { read as readFacts } from "./shop.js";

const SESSION = (modes: string | undefined): Session => (modes === undefined ? {} : { modes });

function isSafe(seen: string, table: string): boolean {
	return seen.startsWith("refused: ") || seen.split(" ").some((name) => name === table || name.endsWith(`.${table}`));
}

t.test("tables that hide are seen, or the text is refused", async (t) => {
	for (const { sql: statements, reads, modes } of attacks("mysql", "lexical")) {
		const sql = statements.join("");
		for (const server of [MARIADB, MYSQL]) {
			if (reads !== "both" && reads !== server.flavour) continue;
			const seen = tables(sql, server, SESSION(modes));
			t.ok(isSafe(seen, "vault"), `${server.flavour}: ${sql}`, { seen });
		}
	}
});

t.test("what reads nothing is not taken for more", async (t) => {
	for (const { sql: statements, reads, modes } of attacks("mysql", "lexical-harmless")) {
		const sql = statements.join("");
		for (const server of [MARIADB, MYSQL]) {
			if (reads !== "both" && reads !== server.flavour) continue;
			t.equal(tables(sql, server, SESSION(modes)), "", `${server.flavour}: ${sql}`);
		}
	}
});

t.test("character sets in which a backslash or a quote hides in a character are not read", async (t) => {
	for (const charset of ["gbk", "sjis", "big5", "cp932", "gb18030", "ucs2", "utf16", "utf32", "nonsense"]) {
		t.match(tables("SELECT 1", MYSQL, { charset }), /^refused: .*character set/, charset);
	}
	t.match(tables("SELECT 1", MARIADB, { modes: "ORACLE" }), /^refused: .*sql_mode/);
	t.match(tables("SELECT 1", MARIADB, { modes: "MSSQL" }), /^refused: .*sql_mode/);
});

interface AttackRow {
	readonly sql: string;
	readonly mode: string;
	readonly leaks_mdb: boolean;
	readonly leaks_my97: boolean;
}

const file = join(
	process.env.LICET_CORPUS ?? join(PROJECT, "..", "shared", "corpus"),
	"mysql-lexical-attacks.jsonl.gz",
);

t.test("the corpus of attacks", { skip: existsSync(file) ? false : "it is not at hand" }, async (t) => {
	const rows = gunzipSync(readFileSync(file)).toString("utf8").trim().split("\n");
	for (const row of rows.map((line) => JSON.parse(line) as AttackRow)) {
		for (const server of [MARIADB, MYSQL]) {
			if (!(server === MARIADB ? row.leaks_mdb : row.leaks_my97)) continue;
			if (/^execute immediate/i.test(row.sql)) {
				// The text within is read when its meaning is asked for: then the table is seen, or the statement refused.
				const { refusal, relations } = readFacts(row.sql, { flavour: server.flavour });
				const isSeen = refusal !== undefined || relations.some(({ name }) => name === "people");
				t.ok(isSeen, `${server.flavour}: ${row.sql}`);
				continue;
			}
			const seen = tables(row.sql, server, { modes: row.mode });
			const isSeen = ["people", "people_copy", "v2"].some((table) => isSafe(seen, table));
			t.ok(isSeen, `${server.flavour}: ${row.sql}`, { seen });
		}
	}
});
