/** Exports of one session, format by format; what is in them must not turn into something else. */
import t from "tap";
import type { LoggedEntry } from "../../src/recorder/entry.js";
import { asciicastLines } from "../../src/recorder/export/asciicast.js";
import { csvLines } from "../../src/recorder/export/csv.js";
import { sessionParts } from "../../src/recorder/export/exchanges.js";
import { ocsfLines } from "../../src/recorder/export/ocsf.js";
import { sqlLines } from "../../src/recorder/export/sql.js";
import { result, sessionEnd, sessionStart, statement } from "./entries.js";

const EVIL = 'a"b,\r\n\u001b]0;owned\u0007\u202e=1';

function logged(entries: readonly object[]): LoggedEntry[] {
	const start = Date.parse("2026-03-01T12:00:00Z");
	return entries.map((entry, seq) => ({
		v: 1,
		seq,
		at: `${new Date(start + seq * 1500).toISOString().slice(0, -1)}250Z`,
		...entry,
	})) as LoggedEntry[];
}

const DENIED = {
	id: "d_x.2",
	effect: "deny",
	reasons: [{ term: "denies[0]", message: `held ${EVIL}` }],
	masks: [],
} as const;

const SESSION = logged([
	sessionStart("s_1", { subject: "service:etl", application: EVIL }),
	statement("s_1", 1, "SELECT name FROM app.users WHERE id = $1", { parameters: ["7"], prepared: "p" }),
	statement("s_1", 2, "DELETE FROM hr.salaries\nWHERE 1 = 1", { decision: DENIED }),
	result("s_1", 1, { sample: { columns: ["name"], rows: [["Ada"]] }, masked: ["name"], durationMs: 2.5 }),
	result("s_1", 2, { command: null, rows: 0, bytes: 80, error: { code: "42501", message: EVIL } }),
	statement("s_1", 3, "SELECT 1", { parseOnly: true }),
	{ type: "incident", session: "s_1", statement: 1, message: EVIL },
	{ type: "gap", message: EVIL, bytes: 0, keptAs: "" },
	statement("s_1", 4, `=HYPERLINK("http://x")`, {}),
	result("s_1", 4, { command: null, rows: 0, error: { code: "42601", message: "-syntax" } }),
	statement("s_1", 5, "UPDATE app.users SET note = 'a\nb'"),
	{ ...sessionEnd("s_1", 5), reason: EVIL },
]);

async function* stream(entries: readonly LoggedEntry[]): AsyncGenerator<LoggedEntry> {
	yield* entries;
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
	const all: Item[] = [];
	for await (const item of items) all.push(item);
	return all;
}

/** A reader of RFC 4180 that shares nothing with the writer. */
function parseCsv(text: string): string[][] {
	const rows: string[][] = [];
	let row: string[] = [];
	let at = 0;
	while (at < text.length) {
		let field = "";
		if (text[at] === '"') {
			for (at += 1; ; at++) {
				if (at >= text.length) throw new Error("a quote is open");
				if (text[at] !== '"') field += text[at];
				else if (text[at + 1] === '"') field += text[++at];
				else break;
			}
			at += 1;
		} else while (at < text.length && text[at] !== "," && text[at] !== "\r") field += text[at++];
		row.push(field);
		if (text[at] === ",") at += 1;
		else if (text.startsWith("\r\n", at)) {
			rows.push(row);
			row = [];
			at += 2;
		} else throw new Error(`a field ends with ${JSON.stringify(text.slice(at, at + 5))}`);
	}
	return rows;
}

t.test("sql", async (t) => {
	const script = (await collect(sqlLines(stream(SESSION)))).join("\n");
	const code = script.split("\n").filter((line) => line !== "" && !line.startsWith("--"));
	t.same(code, [
		"SET client_encoding = 'UTF8';",
		"SELECT name FROM app.users WHERE id = '7'",
		";",
		'=HYPERLINK("http://x")',
		";",
		"UPDATE app.users SET note = 'a",
		"b'",
		";",
	]);
	t.match(script, "-- DENIED (d_x.2): held");
	t.match(script, "--   DELETE FROM hr.salaries\n--   WHERE 1 = 1");
	t.match(script, "-- prepared, not run:\n--   SELECT 1");
	t.match(script, /-- #2 failed: 42501/);
	t.match(script, /run it with psql/);
	t.notMatch(script.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u, "no control of the recording's");
	const cut = (await collect(sqlLines(stream(SESSION.slice(0, 2))))).join("\n");
	t.match(cut, "-- the recording holds no end of this session");
	const unknown = logged([sessionStart("s_1", { engine: "oracle" }), statement("s_1", 1, "SELECT 1\rDROP")]);
	t.match(
		(await collect(sqlLines(stream(unknown)))).join("\n"),
		"-- not written as code: the engine is not known\n--   SELECT 1\n--   DROP",
	);
});

t.test("csv", async (t) => {
	const lines = await collect(csvLines(stream(SESSION)));
	const [head, ...rows] = parseCsv(lines.map((line) => `${line}\r\n`).join(""));
	const records = rows.map((row) => Object.fromEntries((head ?? []).map((name, index) => [name, row[index]])));
	for (const row of rows) t.equal(row.length, head?.length);
	t.match(records[0], {
		session: "s_1",
		subject: "service:etl",
		statement: "1",
		effect: "allow",
		parameters: '["7"]',
		rows: "1",
		durationMs: "2.5",
		masked: "name",
		run: "yes",
	});
	t.match(records[1], { effect: "deny", sql: "DELETE FROM hr.salaries\nWHERE 1 = 1", errorCode: "42501", run: "no" });
	t.equal(records[1]?.errorMessage, EVIL, "quotes, commas and line ends come back as they were");
	t.match(
		records.find(({ statement }) => statement === "4"),
		{ sql: `'=HYPERLINK("http://x")`, errorMessage: "'-syntax" },
		"no spreadsheet runs it",
	);
	t.match(
		records.map(({ statement, run }) => [statement, run]),
		[
			["1", "yes"],
			["2", "no"],
			["4", "yes"],
			["3", "prepared only"],
			["5", "result not recorded"],
		],
	);
});

t.test("ocsf", async (t) => {
	const events = (await collect(ocsfLines(stream(SESSION), { version: "9.9" }))).map(
		(line) => JSON.parse(line) as Record<string, unknown>,
	);
	t.equal(events.length, 6, "the connection and five statements");
	for (const event of events) {
		t.match(event, {
			category_uid: 6,
			class_uid: 6005,
			class_name: "Datastore Activity",
			time: Number,
			severity_id: Number,
			metadata: { version: "1.6.0", product: { name: "Licet", vendor_name: "Licet", version: "9.9" } },
			actor: { user: { name: "etl", type_id: 4 }, session: { uid: "s_1" } },
			src_endpoint: { ip: "127.0.0.1" },
			database: { name: "shop", type_id: 1 },
		});
		t.equal(event.type_uid, 600_500 + Number(event.activity_id));
		t.ok(Number.isInteger(event.time));
	}
	t.match(events[0], { activity_id: 3, activity_name: "Connect", type_name: "Datastore Activity: Connect" });
	t.match(events[1], {
		activity_id: 4,
		status_id: 1,
		action_id: 1,
		disposition_id: 1,
		duration: 3,
		query_info: { query_string: "SELECT name FROM app.users WHERE id = $1", bytes: 40 },
		unmapped: { parameters: ["7"], rows: 1 },
	});
	t.match(events[2], {
		activity_id: 7,
		status_id: 2,
		status_code: "42501",
		action_id: 2,
		disposition_id: 2,
		disposition: "Blocked",
		severity_id: 3,
	});
	t.match(events[3], { activity_id: 99, activity_name: "UNKNOWN", status_id: 2, action_id: 1 });
	t.match(events[5], { activity_id: 2, status_id: 0, status_detail: "the result is not recorded" });
	const words = ["/**/ -- x\n (SELECT 1)", "with a as (select 1) select 1", "", "/*".repeat(2000), "vacuum"];
	const texts = logged([sessionStart("s_1"), ...words.map((sql, index) => statement("s_1", index + 1, sql))]);
	t.same(
		(await collect(ocsfLines(stream(texts), { version: "1" })))
			.slice(1)
			.map((line) => (JSON.parse(line) as { activity_name: string }).activity_name),
		["Query", "Query", "UNKNOWN", "UNKNOWN", "VACUUM"],
	);
});

t.test("asciicast", async (t) => {
	const [head = "", ...events] = await collect(asciicastLines(stream(SESSION)));
	t.match(JSON.parse(head), {
		version: 3,
		term: { cols: 120, rows: 36 },
		timestamp: 1772366400,
		idle_time_limit: 3,
		title: "s_1: service:etl on shop",
	});
	const parsed = events.map((line) => JSON.parse(line) as [number, string, string]);
	t.ok(parsed.every((event) => event.length === 3 && event[0] >= 0));
	t.same(
		parsed.filter(([, code]) => code === "m").map(([, , label]) => label),
		["#1", "#2 denied", "#3", "#4", "#5"],
	);
	const total = parsed.reduce((sum, [seconds]) => sum + seconds, 0);
	t.ok(Math.abs(total - 1.5 * (SESSION.length - 1)) < 0.001, "intervals, not times since the start");
	const shown = parsed
		.filter(([, code]) => code === "o")
		.map(([, , text]) => text)
		.join("");
	t.notMatch(shown, /(?<!\r)\n/, "a terminal needs its carriage returns");
	// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
	t.notMatch(shown.replaceAll("\r\n", "").replace(/\u001b\[\d*m/g, ""), /[\p{Cc}\p{Cf}]/u);
	t.match(shown, "no result is recorded of #5");
});

t.test("a pipeline whose results never come is not kept without bound", async (t) => {
	const many = logged([
		sessionStart("s_1"),
		...Array.from({ length: 12_000 }, (_, index) => statement("s_1", index + 1)),
		result("s_1", 12_000),
	]);
	const parts = await collect(sessionParts(stream(many)));
	const numbers = parts.flatMap((part) => (part.kind === "exchange" ? [part.statement.statement] : []));
	t.equal(numbers.length, 12_000);
	t.equal(new Set(numbers).size, 12_000);
	t.equal(numbers[0], 1);
});
