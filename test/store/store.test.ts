/**
 * The store on both databases: the same tests, once over an embedded file and once over a real PostgreSQL when
 * LICET_TEST_PG15 holds the URL of a server where databases may be created.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import t from "tap";
import { MIGRATIONS } from "../../src/store/migrations.js";
import { lockFolder } from "../../src/store/process-lock.js";
import { openStore, type Store, StoreError, type StoreLocation } from "../../src/store/store.js";
import { withStores } from "./stores.js";

const grant = {
	id: "g_1",
	license: "l",
	target: "shop",
	database: "shop",
	subject_kind: "user",
	subject_name: "älïce",
	subject_groups: '["dba"]',
	username: "lic_1",
	verifiers: "{}",
	issued_ms: 1_800_000_000_123,
	expires_ms: Number.MAX_SAFE_INTEGER,
	reason: "a 'quoted' \u0001 reason",
	issued_by: "root",
	ended_ms: null,
	ended_how: null,
	ended_by: null,
	ended_reason: null,
};

await withStores(t, async (t, location) => {
	const open = async (): Promise<Store> => openStore(location);
	const store = await open();
	t.equal(store.kind, location.kind);

	await store.db.insertInto("licet_grants").values(grant).execute();
	t.strictSame(
		{ ...(await store.db.selectFrom("licet_grants").selectAll().executeTakeFirst()) },
		grant,
		"every column comes back as it went in, with the same types",
	);
	await t.rejects(
		store.db
			.insertInto("licet_grants")
			.values({ ...grant, id: "g_2" })
			.execute(),
		"names are unique",
	);
	const updated = await store.db
		.updateTable("licet_grants")
		.set({ ended_ms: 5, ended_how: "revoked" })
		.where("id", "=", "g_1")
		.where("ended_ms", "is", null)
		.executeTakeFirst();
	t.equal(updated.numUpdatedRows, 1n, "counts of changed rows are told");
	const again = await store.db
		.updateTable("licet_grants")
		.set({ ended_ms: 6 })
		.where("id", "=", "g_1")
		.where("ended_ms", "is", null)
		.executeTakeFirst();
	t.equal(again.numUpdatedRows, 0n);
	await t.rejects(
		store.db.transaction().execute(async (transaction) => {
			await transaction.deleteFrom("licet_grants").execute();
			throw new Error("changed my mind");
		}),
		/changed my mind/,
	);
	t.equal((await store.db.selectFrom("licet_grants").select("ended_ms").executeTakeFirst())?.ended_ms, 5);

	const [one, same, other] = await Promise.all([store.secret("a"), store.secret("a"), store.secret("b")]);
	t.equal(one.length, 32);
	t.same(one, same);
	t.notSame(one, other);

	const second = await open();
	t.same(await second.secret("a"), one, "a secret outlives its process, and migrations run once");
	await second.close();

	t.equal(
		(await sql<{ count: number }>`select count(*) as count from licet_migrations`.execute(store.db)).rows[0]?.count,
		Object.keys(MIGRATIONS).length,
	);
	await sql`insert into licet_migrations (name, timestamp) values ('9999-later', 'then')`.execute(store.db);
	await store.close();
	await t.rejects(open(), StoreError, "a store that a newer build has taken further is refused");
});

t.test("the embedded file", async (t) => {
	const folder = join(t.testdir(), "deep", "data");
	const store = await openStore({ kind: "embedded", folder });
	await store.secret("a");
	for (const name of ["licet.db", "licet.db-wal"]) {
		t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, `${name} is the owner's alone`);
	}
	t.equal(statSync(folder).mode & 0o777, 0o700);
	const pragma = async (name: string) =>
		Object.values((await sql`pragma ${sql.raw(name)}`.execute(store.db)).rows[0] ?? {});
	t.same(await pragma("journal_mode"), ["wal"]);
	t.same(await pragma("synchronous"), [2], "FULL");

	const ask = (name: string) => store.db.selectFrom("licet_secrets").selectAll().where("name", "=", name).execute();
	for (let times = 0; times < 500; times++) {
		await ask("b");
		await store.db.selectFrom("licet_secrets").select(sql.lit(times).as("n")).execute();
	}
	const before = process.memoryUsage().rss;
	for (let times = 0; times < 20_000; times++) await ask(`b${times}`);
	t.ok(process.memoryUsage().rss - before < 100e6, "asking again and again costs no memory");
	t.equal((await ask("a")).length, 1);
	await sql`alter table licet_secrets add column extra text default 'x'`.execute(store.db);
	t.match(await ask("a"), [{ extra: "x" }], "kept statements follow the tables");
	await store.close();

	const broken: StoreLocation = { kind: "embedded", folder: join(folder, "licet.db") };
	await t.rejects(openStore(broken), StoreError);
});

t.test("a store that is not there", async (t) => {
	const url = "postgres://licet:hunter2@127.0.0.1:1/none";
	const error: unknown = await openStore({ kind: "postgres", url }).then(
		() => undefined,
		(error: unknown) => error,
	);
	t.ok(error instanceof StoreError);
	t.notMatch(String(error), "hunter2");
});

t.test("a lock on a folder", async (t) => {
	const folder = t.testdir();
	const lock = lockFolder(folder);
	if ("holder" in lock) throw new Error("a new folder was locked");
	t.same(lockFolder(folder), { holder: String(process.pid) }, "held against the same process");
	const module = new URL("../../src/store/process-lock.js", import.meta.url).href;
	const script = `
		const { lockFolder } = await import(${JSON.stringify(module)});
		const lock = lockFolder(process.argv[1]);
		process.stdout.write("holder" in lock ? "refused " + lock.holder : "held");
		if (!("holder" in lock)) setInterval(() => {}, 1000);
	`;
	const child = () =>
		spawn(process.execPath, ["--input-type=module", "-e", script, folder], { stdio: ["ignore", "pipe", "inherit"] });
	const refused = child();
	const [answer]: unknown[] = await once(refused.stdout, "data");
	t.equal(String(answer), `refused ${process.pid}`, "held against others");
	lock.release();

	const holder = child();
	const [held]: unknown[] = await once(holder.stdout, "data");
	t.equal(String(held), "held");
	t.same(lockFolder(folder), { holder: String(holder.pid) });
	holder.kill("SIGKILL");
	await once(holder, "exit");
	const next = lockFolder(folder);
	t.notOk("holder" in next, "a killed process holds nothing");
	if (!("holder" in next)) next.release();
	t.ok(existsSync(join(folder, "lock")));
});
