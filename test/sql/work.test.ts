/**
 * Texts made to cost more than they are long: each is refused or read within a bound of work that is counted, so that
 * the answer does not depend on the machine; and while they are read, short texts do not wait behind them.
 */
import t from "tap";
import { createAnalyser } from "../../src/sql/analyser-pool.js";
import { mysqlReader } from "../../src/sql/mysql/reader.js";
import { readingOf } from "../../src/sql/mysql/reading.js";
import { postgresReader } from "../../src/sql/postgres/reader.js";
import type { Answer } from "../../src/sql/reader.js";
import { withinWork } from "../../src/sql/work.js";
import { BOMBS, SHORT_BOMBS } from "../helpers/bombs.js";
import { print } from "../helpers/figures.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { shop } from "./mysql/shop.js";
import { CONTEXT, SHOP } from "./reading.js";

const BOUNDS = { statementBytes: 256 * 1024 };
const UNITS = 100_000;

await postgresReader.load();
const postgresIndex = postgresReader.index(SHOP);
const mysqlIndex = mysqlReader.index(shop("mariadb"));
const MYSQL = readingOf({ database: "app", modes: "", multi: true, charset: "utf8mb4" });

const READERS: Readonly<Record<string, (text: string) => Answer>> = {
	postgres: (text) =>
		postgresReader.analyse(Buffer.from(text), { ...CONTEXT, reading: ["app"] }, postgresIndex, BOUNDS),
	mysql: (text) =>
		mysqlReader.analyse(Buffer.from(text), { ...CONTEXT, database: "", reading: MYSQL }, mysqlIndex, BOUNDS),
};

for (const [engine, read] of Object.entries(READERS)) {
	t.test(`${engine}: short texts that double with each level`, async (t) => {
		for (const [name, text] of Object.entries(SHORT_BOMBS)) {
			const first = withinWork(UNITS, () => read(text));
			const again = withinWork(UNITS, () => read(text));
			t.same(again, first, `${name}: the same answer each time`);
			const { refusal, statements } = first.result.facts;
			const told = (refusal ?? statements[0]?.refusal)?.kind;
			t.ok(told !== undefined || !first.exceeded, `${name}: ${told ?? "read"}`);
		}
	});
}

t.test("common tables that a server reads anew for each use", async (t) => {
	const doubling = (levels: number, recursive: string) => {
		const tables = Array.from({ length: levels }, (_, i) => `a${i + 1} AS (SELECT x.id FROM a${i} x, a${i} y)`);
		return `WITH ${recursive} a0 AS (SELECT id FROM users), ${tables.join(", ")} SELECT * FROM a${levels}`;
	};
	const refusal = (engine: string, text: string) => {
		const { refusal, statements } = READERS[engine]?.(text).facts ?? { statements: [] };
		return (refusal ?? statements[0]?.refusal)?.message;
	};
	for (const recursive of ["", "RECURSIVE"]) {
		t.equal(refusal("mysql", doubling(6, recursive)), undefined, `127 places ${recursive}`);
		t.match(refusal("mysql", doubling(10, recursive)), /more than 1000 places/, `2047 places ${recursive}`);
		t.equal(refusal("postgres", doubling(30, recursive)), undefined, "PostgreSQL reads each once");
	}
});

t.test("work is counted for a text alone", async (t) => {
	const read = READERS.postgres as (text: string) => Answer;
	const recursion = SHORT_BOMBS["recursion within recursion"] ?? "";
	t.equal(withinWork(UNITS, () => read(recursion)).exceeded, true);
	const { exceeded, result } = withinWork(UNITS, () => read("SELECT email FROM people"));
	t.same([exceeded, result.facts.statements[0]?.refusal], [false, undefined], "the next one has its own");
	// A view is not unreadable for ever because one statement had no work left for it.
	t.equal(withinWork(600, () => read("SELECT shout FROM twice")).exceeded, true);
	const later = withinWork(UNITS, () => read("SELECT shout FROM twice"));
	t.same([later.exceeded, later.result.facts.statements[0]?.refusal], [false, undefined], "and the view can be read");
});

t.test("lists that a server would compare pair by pair", async (t) => {
	const many = Array.from({ length: 5000 }, (_, index) => `id + ${index}`).join(", ");
	for (const read of Object.values(READERS)) {
		for (const text of [`GROUP BY ${many}`, `ORDER BY ${many}`]) {
			const { refusal, statements } = read(`SELECT count(*) FROM users ${text}`).facts;
			t.match((refusal ?? statements[0]?.refusal)?.message, /BY has more than 4096 expressions/, text.slice(0, 9));
		}
	}
});

t.test("who sent a bomb waits with the bombs", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const analyser = createAnalyser({ statementBytes: 256 * 1024, cacheBytes: 1 << 20, timeoutMs: 10_000 });
	t.teardown(() => analyser.close());
	analyser.useCatalog("shop", SHOP);
	/* Each session has a context of its own. */
	const session = () => {
		const context = { target: "shop", database: "shop", reading: ["app"], user: "alice" };
		return (text: string) => Promise.resolve(analyser.analyse(Buffer.from(text), context));
	};
	const [bomber, other, third] = [session(), session(), session()];
	const short = SHORT_BOMBS["columns that double"] as string;
	await bomber(short);
	const order: string[] = [];
	const long = third(BOMBS["4000 joins"] as string).then(() => order.push("long"));
	const asked = [
		long,
		bomber("SELECT name FROM users a").then((facts) => order.push(facts.refusal === undefined ? "bomber" : "refused")),
		other("SELECT name FROM users b").then((facts) => order.push(facts.refusal === undefined ? "other" : "refused")),
	];
	await Promise.all(asked);
	t.same(order, ["other", "long", "bomber"]);
	t.ok(await bomber("SELECT name FROM users a"), "what is known is answered at once");
});

t.test("short texts do not wait behind bombs", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const analyser = createAnalyser({ statementBytes: 256 * 1024, cacheBytes: 1 << 20, timeoutMs: 1000 });
	t.teardown(() => analyser.close());
	analyser.useCatalog("shop", SHOP);
	const context = { target: "shop", database: "shop", reading: ["app"], user: "alice" };
	const ask = (text: string) => analyser.analyse(Buffer.from(text), context);
	await ask("SELECT 1");
	let running = true;
	let bombs = 0;
	const bombing = async () => {
		for (const text of Object.values({ ...BOMBS, ...SHORT_BOMBS })) {
			if (!running) return;
			await ask(text);
			bombs += 1;
		}
	};
	const lanes = [bombing(), bombing()];
	const waits: number[] = [];
	for (let index = 0; index < 200; index++) {
		const asked = performance.now();
		const facts = await ask(`SELECT name FROM users u${index} WHERE id = ${index}`);
		waits.push(performance.now() - asked);
		t.equal(facts.refusal, undefined);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	running = false;
	await Promise.all(lanes);
	waits.sort((one, other) => one - other);
	const [median = 0, p99 = 0, most = 0] = [0.5, 0.99, 1].map((part) => waits[Math.ceil(part * waits.length) - 1]);
	print(t, `median ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, most ${most.toFixed(1)} ms, ${bombs} bombs`);
	// One bomb takes up to its second: on a busy machine too, nobody waits for one.
	t.ok(p99 < 500, `p99 ${p99.toFixed(1)} ms beside ${bombs} bombs`);
});
