/** The search index: what is found, in what order, whatever is in the term; made from the log, and after it. */
import { chmodSync, closeSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t, { type Test } from "tap";
import { timestamp } from "../../src/recorder/clock.js";
import type { Entry, LoggedEntry } from "../../src/recorder/entry.js";
import { Journal } from "../../src/recorder/journal.js";
import { LogReader } from "../../src/recorder/reader.js";
import { SearchFinder } from "../../src/recorder/search/finder.js";
import type { SearchHit, SearchQuery } from "../../src/recorder/search/query.js";
import { openSearchIndex } from "../../src/recorder/search/schema.js";
import { Search } from "../../src/recorder/search/search.js";
import { fold, matchExpression } from "../../src/recorder/search/terms.js";
import { SearchWriter } from "../../src/recorder/search/writer.js";
import { silentLog } from "../../src/telemetry/log.js";
import { result, sessionEnd, sessionStart, statement } from "./entries.js";

const START_MS = Date.parse("2026-03-01T12:00:00Z");

/** Entry n is taken n seconds after the start. */
function logOf(t: Test, entries: readonly Entry[]) {
	const folder = join(t.testdir({ data: {} }), "data");
	let second = 0;
	const journal = Journal.open({
		folder: join(folder, "log"),
		now: () => START_MS + second * 1000,
		segmentBytes: 20_000,
	});
	const append = (more: readonly Entry[]) => {
		for (const entry of more) {
			journal.append(entry);
			second += 1;
		}
		journal.flush();
	};
	append(entries);
	let open = true;
	const close = () => {
		if (open) journal.close();
		open = false;
	};
	t.teardown(close);
	return { folder, journal, append, close, reader: new LogReader(join(folder, "log")) };
}

async function indexed(t: Test, entries: readonly Entry[], blockStatements?: number) {
	const log = logOf(t, entries);
	const file = openSearchIndex(log.folder, "n_1");
	t.teardown(() => file.close());
	const writer = new SearchWriter(file, blockStatements);
	t.ok(await writer.catchUp(log.reader, Number.POSITIVE_INFINITY));
	const finder = new SearchFinder(file);
	const find = (terms: string | readonly string[], more: Partial<SearchQuery> = {}) =>
		finder.find({ terms: typeof terms === "string" ? [terms] : terms, limit: 100, ...more }).hits;
	return { ...log, file, writer, finder, find };
}

const places = (hits: readonly SearchHit[]) =>
	hits.map(({ session, statement }) => `${session.slice(2)}${statement}`).join(" ");

const deny = { id: "d", effect: "deny", reasons: [], masks: [] } as const;

const TEXTS: readonly Entry[] = [
	sessionStart("s_a"),
	statement("s_a", 1, "SELECT *\n\tFROM   app.customer_orders -- the list"),
	statement("s_a", 2, 'select "Weird ""Name""" from `back``tick` where x = \'it\'\'s\''),
	sessionStart("s_b", { subject: "service:etl", license: "beta", target: "stock" }),
	statement("s_b", 1, "UPDATE app.kunden SET größe = 'ÄÖÜ' WHERE straße LIKE '%ΟΔΟΣ%' AND 名前 = '東京都'"),
	result("s_b", 1, { sample: { columns: ["a"], rows: [["onlyinrows"]] } }),
	statement("s_a", 3, "SELECT 1 WHERE a = $1 AND b = $2", {
		parameters: ["ann.larkspur@mail.example", null],
		prepared: "p",
	}),
	statement("s_b", 2, "DELETE FROM hr.salaries", { decision: deny }),
	statement("s_a", 4, "SELECT 1 WHERE a = $1 AND b = $2", { parameters: ["bob", "lark"], parseOnly: true }),
	sessionEnd("s_b"),
	statement("s_a", 5, '%_\\ * AND OR NOT NEAR(a b) "unclosed ^ : {x} -- (('),
	statement("s_a", 6, "SELECT * FROM app.customer_orders -- the list"),
];

const CASES: readonly (readonly [string | readonly string[], string])[] = [
	["customer_orders", "a6 a1"],
	["CUSTOMER_ORDERS", "a6 a1"],
	["omer_ord", "a6 a1"],
	["customer orders", ""],
	["from app.customer_orders", "a6 a1"],
	["select * from app", "a6 a1"],
	["  select   *\n from ", "a6 a1"],
	['"Weird ""Name"""', "a2"],
	["`back``tick`", "a2"],
	["it''s", "a2"],
	["'", "b1 a2"],
	["größe = 'äöü'", "b1"],
	["GRO\u0308SSE", ""],
	["gro\u0308ße", "b1"],
	["οδοσ", "b1"],
	["οδος", "b1"],
	["東京", "b1"],
	["東京都", "b1"],
	["名前 = '東", "b1"],
	["larkspur@mail", "a3"],
	["lark", "a4 a3"],
	[["where a", "lark"], "a4 a3"],
	[["larkspur", "where b"], ""],
	[["larkspur", "b = $2"], "a3"],
	[["app.", "list"], "a6 a1"],
	["onlyinrows", ""],
	["1", "a4 a3"],
	["x", "a5 a3 a2"],
	["%_\\ *", "a5"],
	["AND OR NOT NEAR(a b)", "a5"],
	['"unclosed', "a5"],
	["text:abc", ""],
	["a* OR b*", ""],
	["^", "a5"],
	["{x}", "a5"],
	["'); DROP TABLE found; --", ""],
	["\0", ""],
	["\ud800", ""],
];

t.test("what is found", async (t) => {
	const { find } = await indexed(t, TEXTS);
	for (const [terms, expected] of CASES) t.equal(places(find(terms)), expected, JSON.stringify(terms));
	t.match(find("larkspur"), [
		{
			session: "s_a",
			at: "2026-03-01T12:00:06.000000Z",
			subject: "alice",
			license: "acme",
			target: "shop",
			statement: 3,
			effect: "allow",
			parseOnly: false,
			sql: "SELECT 1 WHERE a = $1 AND b = $2",
			parameters: ["ann.larkspur@mail.example", null],
		},
	]);
	t.match(find("hr.salaries"), [{ effect: "deny", parameters: [] }]);
	const filters: readonly (readonly [Partial<SearchQuery>, string])[] = [
		[{ subject: "service:etl" }, "b2 b1"],
		[{ license: "beta", target: "stock" }, "b2 b1"],
		[{ license: "acme", target: "stock" }, ""],
		[{ denied: true }, "b2"],
		[{ denied: true, subject: "alice" }, ""],
		[{ limit: 2 }, "a6 a5"],
		[{ since: timestamp((START_MS + 8000) * 1000) }, "a6 a5 a4"],
		[{ until: timestamp((START_MS + 4000) * 1000) }, "a2 a1"],
		[{ since: timestamp((START_MS + 4000) * 1000), until: timestamp((START_MS + 5000) * 1000) }, "b1"],
	];
	for (const [filter, expected] of filters)
		t.equal(places(find(" ", { ...filter, terms: ["e"] })), expected, JSON.stringify(filter));
});

t.test("no term is query syntax, and any part of a text finds it", async (t) => {
	const unit = fc.constantFrom(
		"a",
		"B",
		'"',
		"'",
		"*",
		"(",
		")",
		":",
		"^",
		"-",
		" ",
		"AND",
		"OR",
		"NEAR",
		"é",
		"東",
		"😀",
		"\\",
		"%",
		"_",
		"\n",
		"İ",
		"ß",
	);
	const text = fc.array(unit, { minLength: 1, maxLength: 30 }).map((units) => units.join(""));
	await fc.assert(
		fc.asyncProperty(
			fc.array(text, { minLength: 1, maxLength: 8 }),
			text,
			fc.nat(),
			fc.nat(),
			async (texts, term, from, length) => {
				const folder = t.testdir();
				const { find, file, close } = await indexedQuietly(folder, texts);
				try {
					find(term);
					const source = texts[from % texts.length] ?? "";
					const characters = [...source];
					const start = from % characters.length;
					const part = characters.slice(start, start + 1 + (length % characters.length)).join("");
					if (part.trim() === "") return;
					const expected = texts.filter((one) => fold(one).includes(fold(part).trim())).length;
					if (find(part).length !== expected) throw new Error(`${JSON.stringify(part)} in ${JSON.stringify(texts)}`);
				} finally {
					file.close();
					close();
				}
			},
		),
		{ numRuns: 40 },
	);
	t.equal(matchExpression('a"b'), '"a""b"');
	t.equal(matchExpression("ab"), undefined);
	t.ok((matchExpression(`${"x".repeat(999)}y`) ?? "").length < 2000);
});

async function indexedQuietly(folder: string, texts: readonly string[]) {
	const journal = Journal.open({ folder: join(folder, "log"), now: Date.now });
	journal.append(sessionStart("s_a"));
	for (const [index, sql] of texts.entries()) journal.append(statement("s_a", index + 1, sql));
	journal.flush();
	const file = openSearchIndex(folder, "n");
	await new SearchWriter(file).catchUp(new LogReader(join(folder, "log")), Number.POSITIVE_INFINITY);
	const finder = new SearchFinder(file);
	const find = (term: string) => finder.find({ terms: [term], limit: 100 }).hits;
	const close = () => {
		journal.close();
		rmSync(join(folder, "log"), { recursive: true });
		for (const name of readdirSync(folder)) rmSync(join(folder, name));
	};
	return { find, file, close };
}

t.test("it goes on where it stopped, whoever goes on", async (t) => {
	const { find, append, reader, folder } = await indexed(t, TEXTS);
	const other = openSearchIndex(folder, "n_1");
	t.teardown(() => other.close());
	const second = new SearchWriter(other);
	append([statement("s_a", 7, "select later1"), result("s_a", 7)]);
	await second.catchUp(reader, Number.POSITIVE_INFINITY);
	t.equal(places(find("later")), "a7", "what another process has read in is there");
	append([statement("s_a", 8, "select later2")]);
	await second.catchUp(reader, Number.POSITIVE_INFINITY);
	append([statement("s_a", 9, "select later3")]);
	const third = new SearchWriter(other);
	await Promise.all([
		third.catchUp(reader, Number.POSITIVE_INFINITY),
		second.catchUp(reader, Number.POSITIVE_INFINITY),
	]);
	t.equal(places(find("later")), "a9 a8 a7", "each once");
	t.equal(await second.catchUp(reader, 0), true, "nothing more is nothing late");
});

t.test("an index of another log, another version or damaged is made anew", async (t) => {
	const { folder, reader, file, find } = await indexed(t, TEXTS);
	t.equal(find("customer_orders").length, 2);
	file.exec("PRAGMA user_version = 999");
	file.close();
	const replace = (content: string) => {
		for (const suffix of ["", "-wal", "-shm"]) rmSync(join(folder, `search.db${suffix}`), { force: true });
		writeFileSync(join(folder, "search.db"), content);
	};
	for (const spoil of [
		() => undefined,
		() => replace("no database at all, but long enough to be one ".repeat(100)),
		() => replace(""),
	]) {
		spoil();
		const again = openSearchIndex(folder, "n_1");
		t.equal((again.prepare("SELECT count(*) AS n FROM statements").get() as { n: number }).n, 0);
		await new SearchWriter(again).catchUp(reader, Number.POSITIVE_INFINITY);
		t.equal(new SearchFinder(again).find({ terms: ["customer_orders"], limit: 9 }).hits.length, 2);
		again.close();
	}
	const foreign = openSearchIndex(folder, "n_2");
	t.equal((foreign.prepare("SELECT count(*) AS n FROM statements").get() as { n: number }).n, 0, "of another node");
	foreign.close();
	t.equal(statSync(join(folder, "search.db")).mode & 0o777, 0o600);
});

t.test("many blocks and many hits", async (t) => {
	const entries: Entry[] = [];
	for (let session = 0; session < 30; session++) {
		const name = `s_${session}`;
		entries.push(sessionStart(name, { subject: session % 10 === 0 ? "rare" : "often" }));
		for (let number = 1; number <= 400; number++) {
			const marks = number === 7 ? ` needle${session}` : "";
			entries.push(statement(name, number, `SELECT common FROM t${number % 300} WHERE id = ${number % 7}${marks}`));
		}
		entries.push(sessionEnd(name));
	}
	const { find, finder, file } = await indexed(t, entries, 2500);
	t.ok((file.prepare("SELECT count(*) AS n FROM blocks").get() as { n: number }).n >= 4, "more than one block");
	t.equal(
		find("common", { limit: 5 })
			.map(({ session }) => session)
			.join(),
		"s_29,s_29,s_29,s_29,s_29",
	);
	t.equal(find("needle", { limit: 1000 }).length, 30);
	t.equal(find("needle", { limit: 1000, subject: "rare" }).length, 3);
	t.equal(find("common", { limit: 5, subject: "rare" })[0]?.session, "s_20");
	t.equal(find("co", { limit: 7000 }).length, 7000, "a term too short for the index is found too");
	const order = find("common", { limit: 3000 }).map(({ at }) => at);
	t.same(order, [...order].sort().reverse(), "newest first");
	t.equal(finder.sessions({ terms: ["common"], limit: 1000 }).names.length, 30);
	t.same(finder.sessions({ terms: ["needle12"], limit: 1000 }).names, ["s_12"]);
	t.equal(finder.sessions({ terms: ["common"], limit: 4 }).names.length, 4);
});

t.test("what retention took from the log is not in the index", async (t) => {
	const { file, writer, folder, find, close } = await indexed(t, TEXTS);
	t.equal(places(find("customer_orders")), "a6 a1");
	close();
	const trimmed = {
		v: 1,
		seq: 12,
		at: timestamp((START_MS + 60_000) * 1000),
		type: "trim",
		through: 9,
	} as unknown as LoggedEntry;
	const reader = {
		async *searchable() {
			yield { entry: trimmed, position: { segment: 0, offset: 1 } };
		},
	} as unknown as LogReader;
	await writer.catchUp(reader, Number.POSITIVE_INFINITY);
	t.equal(places(find("customer_orders")), "a6");
	t.equal(places(find("lark")), "");
	t.equal(places(find("e")), "a6 a5");
	t.match(find("customer_orders"), [{ subject: "alice" }], "a session that goes on is still known");
	const left = (sql: string) => (file.prepare(sql).get() as { n: number }).n;
	t.equal(left("SELECT count(*) AS n FROM docs WHERE text LIKE '%larkspur%'"), 0);
	t.equal(left("SELECT count(*) AS n FROM sessions WHERE name = 's_b'"), 0);
	t.ok(folder);
});

t.test("in a thread of its own", async (t) => {
	const log = logOf(t, TEXTS);
	const search = new Search({
		folder: log.folder,
		logFolder: join(log.folder, "log"),
		node: "n_1",
		log: silentLog,
		nextSeq: () => log.journal.nextSeq,
	});
	t.teardown(() => search.close());
	t.equal(places((await search.find({ terms: ["customer_orders"], limit: 9 })).hits), "a6 a1");
	log.append([statement("s_a", 7, "select fresh_text")]);
	t.equal(places((await search.find({ terms: ["fresh_text"], limit: 9 })).hits), "a7", "what was recorded just now");
	t.same((await search.sessions({ terms: ["fresh_text"], limit: 9 })).names, ["s_a"]);
	t.match(await search.find({ terms: ["fresh_text"], limit: 9 }), { hits: [{ statement: 7 }], incomplete: null });
	const many = await Promise.all(TEXTS.map(() => search.find({ terms: ["app."], limit: 9 })));
	t.ok(many.every(({ hits }) => hits.length === 3));
	await search.close();

	/* Its pages are overwritten, the first one, which says what it is, left as it was. */
	const file = join(log.folder, "search.db");
	const size = statSync(file).size;
	const descriptor = openSync(file, "r+");
	writeSync(descriptor, Buffer.alloc(size - 4096, 0x5a), 0, size - 4096, 4096);
	closeSync(descriptor);
	const damaged = new Search({
		folder: log.folder,
		logFolder: join(log.folder, "log"),
		node: "n_1",
		log: silentLog,
		nextSeq: () => log.journal.nextSeq,
	});
	t.teardown(() => damaged.close());
	await damaged.find({ terms: ["fresh_text"], limit: 9 }).catch(() => undefined);
	t.match(
		await damaged.find({ terms: ["fresh_text"], limit: 9 }),
		{ hits: [{ statement: 7 }] },
		"made anew from the log",
	);
	await damaged.close();
	const broken = new Search({
		folder: join(log.folder, "log", "node"),
		logFolder: join(log.folder, "log"),
		node: "n_1",
		log: silentLog,
		nextSeq: () => 1,
	});
	t.teardown(() => broken.close());
	await t.rejects(broken.find({ terms: ["x"], limit: 1 }), { code: "failed" }, "a search that cannot be says so");
	chmodSync(log.folder, 0o700);
});
