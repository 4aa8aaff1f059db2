/**
 * The analyser's caches and its reader thread: what is asked again is answered at once and the same, what changes the
 * reading is kept apart, and no text takes the reader away from the others.
 */
import fc from "fast-check";
import t, { type Test } from "tap";
import type { Analyser, ReadingContext } from "../../src/sql/analyser.js";
import { type AnalyserOptions, type AnalyserStats, createAnalyser } from "../../src/sql/analyser-pool.js";
import { CacheBudget } from "../../src/sql/cache.js";
import type { Catalog, CatalogRelation } from "../../src/sql/catalog.js";
import type { TextFacts } from "../../src/sql/facts.js";
import { readCatalog } from "../../src/sql/postgres/catalog.js";
import { templateOf } from "../../src/sql/postgres/template.js";
import { testServers, withClient } from "../helpers/servers.js";
import { corpus } from "./corpus.js";

const OPTIONS: AnalyserOptions = { statementBytes: 256 * 1024, cacheBytes: 4 * 1024 * 1024, timeoutMs: 2000 };
const CONTEXT: ReadingContext = { target: "shop", database: "shop", reading: ["app"], user: "alice" };

function table(id: number, schema: string, name: string, columns: readonly string[]): CatalogRelation {
	const listed = columns.map((column, index) => ({ number: index + 1, name: column, type: 25 }));
	return { id, schema, name, kind: "table", columns: listed, parents: [] };
}

function catalogOf(epoch: number, users: readonly string[]): Catalog {
	return {
		engine: "postgres",
		version: 150000,
		database: "shop",
		epoch,
		schemas: ["app", "other", "pg_catalog", "information_schema"],
		relations: [
			table(20001, "app", "users", users),
			table(20002, "other", "users", ["id", "secret"]),
			table(20003, "app", "orders", ["id", "user_id", "total", "note"]),
		],
		functions: [],
		builtinFunctions: [
			"lower",
			"count",
			"sum",
			"now",
			"array_agg",
			"set_config",
			"current_setting",
			"nextval",
			"regclass",
		],
		operators: [],
		types: [],
		casts: [],
	};
}

type Tested = Analyser & { readonly stats: AnalyserStats };

function analyser(t: Test, options: Partial<AnalyserOptions> = {}): Tested {
	const created = createAnalyser({ ...OPTIONS, ...options });
	t.teardown(() => created.close());
	created.useCatalog("shop", catalogOf(1, ["id", "email", "name"]));
	return created;
}

const ask = (from: Analyser, text: string, context = CONTEXT) => from.analyse(Buffer.from(text), context);

function relationsOf(facts: TextFacts): string[] {
	return facts.statements.flatMap(({ relations }) => relations.map(({ schema, name }) => `${schema}.${name}`));
}

t.test("the second time is synchronous, the same, and from the cache", async (t) => {
	const it = analyser(t);
	const first = ask(it, "select id, email from users where id = 5");
	t.type(first, Promise);
	const facts = await first;
	t.equal(facts.refusal, undefined);
	t.same(relationsOf(facts), ["app.users"]);
	t.equal(ask(it, "select id, email from users where id = 5"), facts);
	t.match(it.stats, { exactHits: 1, templateHits: 0, misses: 1 });
	t.same(ask(it, "select id, email from users where id = 6"), facts);
	t.match(it.stats, { exactHits: 1, templateHits: 1, misses: 1 });
});

t.test("the caller may reuse its bytes", async (t) => {
	const it = analyser(t);
	const wire = Buffer.from("????select email from users????");
	const answer = it.analyse(wire.subarray(4, wire.length - 4), CONTEXT);
	wire.fill(0x20);
	t.same(relationsOf(await answer), ["app.users"]);
	t.same(relationsOf(ask(it, "select email from users") as TextFacts), ["app.users"]);
	t.type(ask(it, " ".repeat(23)), Promise, "what the buffer became is another text");
});

t.test("one statement's end in another text of its template", async (t) => {
	const it = analyser(t);
	for (const [one, other] of [
		["select id from users where id = 1", "select id from users where id = 123456"],
		["  select id from users where id = 1 ;  ", "  select id from users where id = 123456 ;  "],
		["insert into orders (id, note) values (1, 'x');", "insert into orders (id, note) values (22, 'a longer one');"],
	] as const) {
		await ask(it, one);
		const fresh = analyser(t);
		t.same(ask(it, other), await ask(fresh, other), other);
	}
	t.equal(it.stats.templateHits, 3);
});

t.test("texts of a template that end alike share their facts, however many ends there are", async (t) => {
	const it = analyser(t);
	const ending = (length: number) => `select id from users where email = '${"7".repeat(length)}'`;
	const first = await ask(it, ending(1));
	t.equal(ask(it, ending(1).replace("7", "8")), first);
	for (let length = 2; length < 60; length++) {
		const facts = ask(it, ending(length));
		t.equal((facts as TextFacts).statements[0]?.end, ending(length).length);
		t.equal(ask(it, ending(length).replaceAll("7", "8")), facts);
	}
	t.match(it.stats, { templateHits: 1 + 2 * 58, misses: 1 });
});

t.test("a text of many statements comes whole, and others have their turn meanwhile", async (t) => {
	// The longest text that is read takes a second and a half, which is most of the usual limit.
	const it = analyser(t, { timeoutMs: 20_000 });
	const one = "select id from users;";
	const facts = await ask(it, one.repeat(1999));
	t.equal(facts.statements.length, 1999);
	t.same(
		facts.statements.map(({ start }) => start),
		Array.from({ length: 1999 }, (_, index) => index * one.length),
	);
	const [alone] = (await ask(it, one)).statements;
	t.same(facts.statements[0], alone);
	t.equal((await ask(it, one.repeat(2001))).refusal?.kind, "limit");
});

t.test("what changes the reading is kept apart", async (t) => {
	const it = analyser(t);
	const text = "select * from users where id = 1";
	t.same(relationsOf(await ask(it, text)), ["app.users"]);
	const elsewhere = { ...CONTEXT, reading: ["other", "app"] };
	const other = ask(it, text, elsewhere);
	t.type(other, Promise);
	t.same(relationsOf(await other), ["other.users"]);
	t.same(relationsOf(await ask(it, text, { ...CONTEXT })), ["app.users"], "an equal context reads alike");
	t.equal(it.stats.exactHits, 1);
	const elseone = ask(it, text, { ...CONTEXT, user: "bob" });
	t.type(elseone, Promise);
	await elseone;

	it.useCatalog("shop", catalogOf(2, ["id", "phone"]));
	const again = ask(it, text);
	t.type(again, Promise, "a new snapshot forgets");
	t.same(
		(await again).statements[0]?.outputs?.map(({ name }) => name),
		["id", "phone"],
	);
	t.equal(it.catalog("shop", "shop")?.epoch, 2);
	t.equal(it.catalog("shop", "nowhere"), undefined);
	t.equal((await ask(it, text, { ...CONTEXT, database: "nowhere" })).refusal?.kind, "unresolved");
});

t.test("a space outlives the session that made it", async (t) => {
	const it = analyser(t);
	await ask(it, "select id from users", { ...CONTEXT });
	// Another target's snapshot forgets nothing of this one's.
	it.useCatalog("elsewhere", catalogOf(1, ["id"]));
	await ask(it, "select email from users", { ...CONTEXT });
	t.notOk(ask(it, "select id from users", { ...CONTEXT }) instanceof Promise);
	t.notOk(ask(it, "select email from users", { ...CONTEXT }) instanceof Promise);
});

t.test("an answer under way when the snapshot changes is not kept for the new one", async (t) => {
	const it = analyser(t);
	const text = "select * from users";
	const early = ask(it, text);
	it.useCatalog("shop", catalogOf(2, ["id", "phone"]));
	await early;
	const late = await ask(it, text);
	t.same(
		late.statements[0]?.outputs?.map(({ name }) => name),
		["id", "phone"],
	);
});

t.test("what depends on a literal, is refused or fails is not shared", async (t) => {
	const it = analyser(t);
	const pairs = [
		["select set_config('DateStyle', 'ISO', false)", "select set_config('search_path', 'other', false)"],
		["select nextval('app.orders_id_seq')", "select nextval('other.orders_id_seq')"],
		["select 'app.users'::regclass", "select 'other.users'::regclass"],
		["select nothing from users where id = 1", "select nothing from users where id = 2"],
		["select id, email from users order by 1", "select id, email from users order by 2"],
		["select email, count(*) from users group by 1", "select email, count(*) from users group by 2"],
	] as const;
	for (const [one, other] of pairs) {
		await ask(it, one);
		const answer = ask(it, other);
		t.type(answer, Promise, other);
		await answer;
	}
	t.equal(it.stats.templateHits, 0);
});

t.test("texts that cannot be read", async (t) => {
	const it = analyser(t, { statementBytes: 100_000 });
	const refusal = async (text: string | Uint8Array) => {
		const facts = await it.analyse(typeof text === "string" ? Buffer.from(text) : text, CONTEXT);
		return facts.refusal ?? facts.statements.find((statement) => statement.refusal !== undefined)?.refusal;
	};
	t.match(await refusal("select 1 from"), { kind: "syntax" });
	t.match(await refusal("select 1\0"), { kind: "syntax", message: /NUL/ });
	t.match(await refusal(Buffer.from([0x73, 0xff])), { kind: "syntax", message: /UTF-8/ });
	t.match(await refusal(`select '${"x".repeat(100_000)}'`), { kind: "limit" });
	t.match(await refusal("select * from missing"), { kind: "unresolved" });
	for (const text of ["", " ", ";", "-- nothing", "/* nothing */ ;;"]) {
		t.same(await ask(it, text), { statements: [] }, JSON.stringify(text));
	}
	t.equal(it.stats.readersReplaced, 0);
});

t.test("a text that breaks the reader is refused, and the others are answered", async (t) => {
	const it = analyser(t);
	// What a reader needs to start is not what is measured.
	await ask(it, "select 1");
	const bombs = [
		`select ${"(".repeat(100_000)}`,
		`select ${"not ".repeat(60_000)}true`,
		`select 1${"+1".repeat(100_000)}`,
		`select ${"- ".repeat(100_000)}1`,
		`select ${"case when true then ".repeat(10_000)}`,
		`select a${"[1]".repeat(60_000)} from users`,
		`select ${"array[".repeat(900)}1${"]".repeat(900)}`,
		`select ${"(select ".repeat(990)}1${")".repeat(990)}`,
		`select 1 ${"union select 1 ".repeat(15_000)}`,
		`select * from users ${"natural join users ".repeat(10_000)}`,
		`${"with a as (".repeat(900)}select 1${") select 1".repeat(900)}`,
		`select * from users where ${"id = 1 or ".repeat(20_000)}true`,
	];
	const started = performance.now();
	const answers = bombs.flatMap((bomb, index) => [
		ask(it, bomb),
		ask(it, `select id from users where name = 'n${index}'`),
	]);
	t.ok(performance.now() - started < 500, "this thread is not held up");
	const all = await Promise.all(answers);
	for (const [index, facts] of all.entries()) {
		if (index % 2 === 1) t.same(relationsOf(facts), ["app.users"], `the neighbour of bomb ${(index - 1) / 2}`);
		else t.ok(facts.refusal !== undefined || facts.statements.length > 0);
	}
	t.match(all[0]?.refusal, { kind: "limit" });
	t.equal((await ask(it, "select 1")).refusal, undefined);
});

t.test("a slow text is given up after its time, alone", async (t) => {
	// Far more time than the neighbour needs on a busy machine, and far less than the slow one does.
	const it = analyser(t, { timeoutMs: 500, statementBytes: 64 * 1024 * 1024 });
	await ask(it, "select 1");
	const slow = `select ${"1,".repeat(4_000_000)}1`;
	const answers = [ask(it, slow), ask(it, "select id from users")];
	const [given, other] = await Promise.all(answers);
	t.match(given?.refusal, { kind: "limit", message: /too long/ });
	t.same(relationsOf(other as TextFacts), ["app.users"]);
	t.equal(it.stats.readersReplaced, 1);
	const after = await ask(it, "select email from users");
	t.same(relationsOf(after), ["app.users"], "the new reader knows the catalog");
});

t.test("a large catalog takes no statement's time", async (t) => {
	const it = analyser(t, { timeoutMs: 50 });
	const columns = Array.from({ length: 10 }, (_, index) => `c${index}`);
	const small = catalogOf(2, ["id"]);
	const many = Array.from({ length: 40_000 }, (_, index) => table(30_000 + index, "other", `t${index}`, columns));
	const text = "select id from users";
	await ask(it, text);
	it.useCatalog("shop", { ...small, relations: [...small.relations, ...many] });
	t.same(relationsOf(await ask(it, text)), ["app.users"]);
	t.same(relationsOf(await ask(it, "select c3 from other.t39999")), ["other.t39999"]);
	t.equal(it.stats.readersReplaced, 0);
});

t.test("after close everything is refused", async (t) => {
	const it = analyser(t);
	const open = ask(it, "select id from users where 1 = 1");
	await it.close();
	t.match((await open).refusal ?? {}, (await open).statements.length > 0 ? {} : { kind: "limit" });
	t.match((await ask(it, "select id from users where 2 = 2 or true")).refusal, { kind: "limit" });
});

t.test("facts by template equal facts analysed afresh", async (t) => {
	const shared = analyser(t);
	const fresh = analyser(t, { cacheBytes: 0 });
	const literal = fc.oneof(
		fc.nat(999_999_999).map(String),
		fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value.toFixed(3)),
		fc
			.string({ unit: fc.constantFrom("a", "'", " ", "-", "/", "*", ";", '"', "$", "%"), maxLength: 8 })
			.map((value) => `'${value.replaceAll("'", "''")}'`),
	);
	const statement = fc
		.tuple(
			fc.constantFrom(
				"select id, email from users where id = ?",
				"select ?, name || ? from users where id between ? and ? order by name limit ?",
				"select * from orders o join users u on u.id = o.user_id where o.total > ? and u.name like ?",
				"select lower(?), count(*) from users group by ?",
				"select id, note from orders order by ?",
				"insert into orders (id, note) values (?, ?), (?, ?);",
				"update users set name = ? where email = ? returning id, ?",
				"delete from orders where id in (?, ?, ?)",
				"select (select max(total) from orders where id = ?) from users offset ?",
				"select array_agg(name) from (select name from users limit ?) x",
				"select set_config(?, ?, false)",
				"select nextval(?), current_setting(?)",
				"select ?::regclass, ?::text, cast(? as numeric(10, ?))",
				"select * from users where id = ? union all select * from users where id = ? order by ?",
			),
			fc.array(literal, { minLength: 5, maxLength: 5 }),
		)
		.map(([text, literals]) => {
			let next = 0;
			return text.replace(/\?/g, () => literals[next++ % literals.length] ?? "1");
		});
	await fc.assert(
		fc.asyncProperty(statement, async (text) => {
			const [one, other] = [await ask(shared, text), await ask(fresh, text)];
			if (JSON.stringify(one) !== JSON.stringify(other)) throw new Error(`${text}: facts differ`);
		}),
		{ numRuns: 600 },
	);
	t.ok(shared.stats.templateHits > 50, `${shared.stats.templateHits} by template`);
	t.equal(fresh.stats.templateHits + fresh.stats.exactHits, 0);
});

t.test("what tools ask of the catalogs, by template and afresh", async (t) => {
	const rows = ["postgres-tools", "postgres-pgadmin"].flatMap((name) => corpus(name) ?? []);
	if (rows.length === 0) {
		t.comment("the corpora are not at hand");
		return;
	}
	const catalog = await withClient(testServers().pg15, (client) => {
		const types = { getTypeParser: () => (value: string) => value };
		const run = async (text: string) => (await client.query<(string | null)[]>({ text, rowMode: "array", types })).rows;
		return readCatalog(run, "shop", 2);
	});
	const shared = analyser(t);
	const fresh = analyser(t, { cacheBytes: 0 });
	shared.useCatalog("shop", catalog);
	fresh.useCatalog("shop", catalog);
	for (const { sql } of rows) {
		const template = templateOf(Buffer.from(sql));
		if (template === undefined) continue;
		await ask(shared, sql);
		// Another integer and another string wherever the template has one.
		const variant = template
			.replaceAll("\u0001", "3")
			.replaceAll("\u0002", "2.25")
			.replaceAll("\u0003", "'another value'");
		t.same(await ask(shared, variant), await ask(fresh, variant), variant);
	}
	t.ok(shared.stats.templateHits > 10, `${shared.stats.templateHits} by template`);
	t.equal(shared.stats.readersReplaced, 0);
});

t.test("the cache is bounded by bytes and keeps what is used", async (t) => {
	const budget = new CacheBudget(1000);
	const one = budget.cache<string>();
	const two = budget.cache<string>();
	one.set("hot", "hot", 97);
	for (let round = 0; round < 100; round++) {
		t.equal(one.get("hot"), "hot");
		two.set(`cold${round}`, "cold", 93);
		t.ok(one.size + two.size <= 11, "never more than the bound");
	}
	t.equal(two.get("cold0"), undefined);
	one.set("large", "large", 600);
	t.equal(one.get("large"), undefined, "what is larger than half the bound is not kept");
	budget.drop(two);
	t.equal(two.size, 0);
	const none = new CacheBudget(0).cache<string>();
	none.set("", "x", 0);
	none.set("a", "x", 1);
	t.equal(none.get("a"), undefined);
});

t.test("many search paths do not fill the memory", async (t) => {
	const it = analyser(t);
	for (let index = 0; index < 300; index++) {
		const facts = await ask(it, "select 1", { ...CONTEXT, reading: [`s${index}`] });
		t.equal(facts.refusal, undefined);
	}
	t.type(ask(it, "select 1", { ...CONTEXT, reading: ["s0"] }), Promise, "the first was forgotten");
});
