/** Grants on both stores: issued within the license's terms, used to log in, ended by hand and by time. */
import { setTimeout as pause } from "node:timers/promises";
import t, { type Test } from "tap";
import { AccessError } from "../../src/access/errors.js";
import { type GrantRequest, Grants, type GrantsOptions } from "../../src/access/grants.js";
import { formatSubject, parseSubject } from "../../src/access/subjects.js";
import type { TargetConfig } from "../../src/config/document.js";
import { type License, parseLicense } from "../../src/licensing/license.js";
import { makeVerifier } from "../../src/protocols/postgres/scram.js";
import type { Entry } from "../../src/recorder/entry.js";
import { openStore, type Store, type StoreLocation } from "../../src/store/store.js";
import { silentLog } from "../../src/telemetry/log.js";
import { withStores } from "../store/stores.js";

const DAY_MS = 86_400_000;

function license(text: string): License {
	const result = parseLicense(`apiVersion: licet/v1\nkind: License\npermits: all\n${text}`, "test.yaml");
	if ("problems" in result) throw new Error(JSON.stringify(result.problems));
	return result.license;
}

const ACME = `
metadata: { id: acme, licensee: acme, version: 1 }
subjects: [ { user: alice }, { group: analysts }, { service: etl } ]
targets: [ { name: shop } ]
validity: { from: 2026-01-01T00:00:00Z, until: 2026-12-31T00:00:00Z }
access: { maxDuration: 30d, requireReason: true }
`;

const shop: TargetConfig = {
	name: "shop",
	engine: "postgres",
	address: { host: "127.0.0.1", port: 1 },
	databases: ["shop", "shop_*"],
	defaultDatabase: "shop",
	environment: "production",
	region: undefined,
	tls: "disable",
	ca: undefined,
	credentials: { username: "app", password: undefined },
	listen: undefined,
};
const patterns: TargetConfig = { ...shop, name: "patterns", databases: ["*"], defaultDatabase: undefined };

class House {
	readonly licenses = new Map([["acme", license(ACME)]]);
	readonly targets = new Map([
		["shop", shop],
		["patterns", patterns],
	]);
	readonly recorded: Entry[] = [];
	readonly ended: [string, string][] = [];
	nowMs = Date.parse("2026-06-01T12:00:00Z");
	broken = false;

	async open(t: Test, store: Store, more: Partial<GrantsOptions> = {}): Promise<Grants> {
		const grants = await Grants.open({
			store,
			licenses: this.licenses,
			targets: this.targets,
			now: () => this.nowMs,
			record: (entry) => {
				if (this.broken) throw new Error("the log cannot be written");
				this.recorded.push(entry);
			},
			log: silentLog,
			pollMs: 20,
			...more,
		});
		grants.onEnded((grant, how) => this.ended.push([grant.id, how]));
		t.teardown(() => grants.close());
		return grants;
	}
}

const request: GrantRequest = {
	license: "acme",
	target: "shop",
	database: undefined,
	subject: { kind: "user", name: "alice", groups: [] },
	durationMs: 3_600_000,
	reason: "ticket 7",
	by: "root",
};

/** What a server would find out in a SCRAM exchange: whether the password is the verifier's. */
async function fits(grants: Grants, username: string, password: string): Promise<boolean> {
	const { salt, iterations, storedKey, serverKey } = (await grants.verifierFor(username)).scramSha256;
	const made = makeVerifier(password, salt, iterations);
	return made.storedKey.equals(storedKey) && made.serverKey.equals(serverKey);
}

async function eventually(t: Test, what: string, holds: () => boolean): Promise<void> {
	for (let tries = 0; tries < 200 && !holds(); tries++) await pause(10);
	t.ok(holds(), what);
}

await withStores(t, async (t, location: StoreLocation) => {
	const store = await openStore(location);
	t.teardown(() => store.close());

	await t.test("issue", async (t) => {
		const house = new House();
		const grants = await house.open(t, store);
		const { grant, password } = await grants.issue(request);
		t.match(grant, {
			id: /^g_[a-z2-9]{12}$/,
			username: /^lic_[a-z2-9]{16}$/,
			database: "shop",
			subject: request.subject,
			issuedAt: house.nowMs,
			expiresAt: house.nowMs + 3_600_000,
			reason: "ticket 7",
			by: "root",
		});
		t.match(password, /^[a-z2-9]{28}$/, "140 bits, and nothing that a URL would escape");
		t.strictSame(house.recorded, [
			{
				type: "grant.issue",
				grant: grant.id,
				license: "acme",
				target: "shop",
				subject: "alice",
				by: "root",
				reason: "ticket 7",
			},
		]);
		const kept = JSON.stringify(await store.db.selectFrom("licet_grants").selectAll().execute());
		t.notMatch(kept, password, "the password is kept nowhere");
		t.match(kept, /SCRAM-SHA-256\$4096:/);
		t.strictSame(await grants.byUsername(grant.username), grant, "the same as it comes from the store");
		t.strictSame(await grants.get(grant.id), grant);
		t.ok(grants.isActive(grant.id));
		t.equal(grants.refusal(grant), undefined);
		t.ok(await fits(grants, grant.username, password));
		t.notOk(await fits(grants, grant.username, `${password}x`));

		const other = await grants.issue({
			...request,
			database: "shop_eu",
			subject: { kind: "service", name: "etl", groups: ["x", "y"] },
		});
		t.strictSame((await grants.get(other.grant.id))?.subject, { kind: "service", name: "etl", groups: ["x", "y"] });
		t.not(other.password, password);
		house.nowMs += 5;
		const third = await grants.issue({ ...request, subject: { kind: "user", name: "bob", groups: ["analysts"] } });
		t.equal((await grants.list())[0]?.id, third.grant.id, "newest first");
		t.equal((await grants.list({ active: true })).length, 3);
	});

	await t.test("what the license does not grant", async (t) => {
		const house = new House();
		const grants = await house.open(t, store);
		const before = (await grants.list()).length;
		const cases: [string, Partial<GrantRequest>, AccessError["code"], RegExp][] = [
			["a license that is not there", { license: "x" }, "unknown", /no license "x"/],
			["a target that is not there", { target: "x" }, "unknown", /no target "x"/],
			[
				"another subject",
				{ subject: { kind: "user", name: "mallory", groups: ["x"] } },
				"refused",
				/does not cover mallory/,
			],
			[
				"a service of a user's name",
				{ subject: { kind: "service", name: "alice", groups: [] } },
				"refused",
				/service:alice/,
			],
			["another target", { target: "patterns", database: "d" }, "refused", /does not cover target/],
			["no database where there is no default", { target: "patterns" }, "invalid", /no default database/],
			["a database that the target does not serve", { database: "hr" }, "refused", /does not serve/],
			["too long", { durationMs: 30 * DAY_MS + 1 }, "refused", /at most 30d.*access\.maxDuration/],
			["no time", { durationMs: 0 }, "invalid", /duration/],
			["half a millisecond", { durationMs: 0.5 }, "invalid", /duration/],
			["no end", { durationMs: Number.POSITIVE_INFINITY }, "invalid", /duration/],
			["not a number", { durationMs: Number.NaN }, "invalid", /duration/],
			["no reason", { reason: "  " }, "refused", /requires a reason/],
			["a reason that drives terminals", { reason: "a\u001b[2J" }, "invalid", /control characters/],
			["a document of a reason", { reason: "x".repeat(1001) }, "invalid", /too long/],
		];
		for (const [what, change, code, message] of cases) {
			await t.rejects(grants.issue({ ...request, ...change }), { name: "AccessError", code, message }, what);
		}
		house.nowMs = Date.parse("2025-12-31T23:59:59Z");
		await t.rejects(grants.issue(request), { code: "refused", message: /valid from 2026-01-01/ });
		house.nowMs = Date.parse("2026-12-31T00:00:00Z");
		await t.rejects(grants.issue(request), { code: "refused", message: /valid until 2026-12-31/ });
		house.nowMs = Date.parse("2026-06-01T12:00:00Z");
		house.broken = true;
		await t.rejects(grants.issue(request), /log cannot be written/, "nothing is granted unrecorded");
		t.equal((await grants.list()).length, before);
		t.same(house.recorded, []);
	});

	await t.test("no grant outlives its license", async (t) => {
		const house = new House();
		house.nowMs = Date.parse("2026-12-30T23:00:00Z");
		const grants = await house.open(t, store);
		const { grant } = await grants.issue({ ...request, durationMs: 2 * 3_600_000 });
		t.equal(grant.expiresAt, Date.parse("2026-12-31T00:00:00Z"));
		await grants.revoke(grant.id, "root", "");
	});

	await t.test("revoke", async (t) => {
		const house = new House();
		const grants = await house.open(t, store);
		const { grant, password } = await grants.issue(request);
		const { salt } = (await grants.verifierFor(grant.username)).scramSha256;
		house.broken = true;
		const revoked = await grants.revoke(grant.id, "root", "leaked");
		t.match(revoked.ended, { how: "revoked", at: house.nowMs, by: "root", reason: "leaked" });
		house.broken = false;
		t.same(house.ended, [[grant.id, "revoked"]], "told even when it cannot be recorded");
		t.notOk(grants.isActive(grant.id));
		t.match(await grants.byUsername(grant.username), { id: grant.id, ended: { how: "revoked" } });
		t.ok(await fits(grants, grant.username, password), "who has the password is told that it has ended");
		t.same(
			(await grants.verifierFor(grant.username)).scramSha256.salt,
			salt,
			"nobody sees from outside that it has ended",
		);
		t.match((await grants.get(grant.id))?.ended, { how: "revoked", by: "root", reason: "leaked" });
		await t.rejects(grants.revoke(grant.id, "root", ""), { code: "refused", message: /already ended/ });
		await t.rejects(grants.revoke("g_none", "root", ""), { code: "unknown" });
		const next = await grants.issue(request);
		await grants.revoke(next.grant.id, "root", "done");
		t.match(house.recorded.at(-1), {
			type: "grant.revoke",
			grant: next.grant.id,
			by: "root",
			reason: "done",
			subject: "alice",
		});
	});

	await t.test("expiry", async (t) => {
		const house = new House();
		const started = Date.now();
		const base = house.nowMs;
		const grants = await house.open(t, store, { now: () => base + (Date.now() - started) });
		const { grant, password } = await grants.issue({ ...request, durationMs: 150 });
		const long = await grants.issue({ ...request, durationMs: 30 * DAY_MS });
		t.ok(await fits(grants, grant.username, password));
		await eventually(t, "ended by time", () => house.ended.length > 0);
		t.same(house.ended, [[grant.id, "expired"]], "and only it: 30 days are more than a timer holds");
		t.ok(grants.isActive(long.grant.id));
		t.notOk(grants.isActive(grant.id));
		t.match(await grants.byUsername(grant.username), { id: grant.id, ended: { how: "expired" } });
		t.ok(await fits(grants, grant.username, password), "who has the password is told that it has ended");
		await eventually(t, "recorded", () => house.recorded.some(({ type }) => type === "grant.expire"));
		t.match((await grants.get(grant.id))?.ended, { how: "expired", at: grant.expiresAt });
		await t.rejects(grants.revoke(grant.id, "root", ""), { code: "refused" });
	});

	await t.test("over a restart", async (t) => {
		const house = new House();
		const grants = await house.open(t, store);
		const { grant: short } = await grants.issue({ ...request, durationMs: 1000 });
		const { grant: lasting, password } = await grants.issue(request);
		const { scramSha256: unknown } = await grants.verifierFor("lic_aaaabbbbccccdddd");
		grants.close();
		house.nowMs += 2000;
		t.match((await grants.get(short.id))?.ended, { how: "expired" }, "over when its time is, written down or not");
		const again = await house.open(t, store);
		t.ok(again.isActive(lasting.id));
		t.ok(await fits(again, lasting.username, password));
		t.notOk(again.isActive(short.id));
		t.match(
			house.recorded.flatMap((entry) => (entry.type === "grant.expire" ? [entry.grant] : [])),
			[short.id],
		);
		t.strictSame(
			(await again.verifierFor("lic_aaaabbbbccccdddd")).scramSha256,
			unknown,
			"a name that is not there is always the same",
		);
		t.equal((await again.verifierFor("postgres")).scramSha256.salt.length, unknown.salt.length);
		t.notSame((await again.verifierFor("lic_aaaabbbbccccdddf")).scramSha256.salt, unknown.salt);
		t.equal(await again.byUsername("x' or 1=1 --\u0000"), undefined);
	});

	await t.test("as the license and the targets become", async (t) => {
		const house = new House();
		const grants = await house.open(t, store);
		const { grant } = await grants.issue(request);
		house.licenses.set("acme", license(ACME.replace("{ user: alice }, ", "")));
		t.match(grants.refusal(grant), /does not cover alice/);
		house.licenses.delete("acme");
		t.match(grants.refusal(grant), /no license "acme" in force/);
		house.licenses.set("acme", license(ACME));
		house.targets.set("shop", { ...shop, databases: ["other"] });
		t.match(grants.refusal(grant), /does not serve/);
		house.targets.delete("shop");
		t.match(grants.refusal(grant), /no target/);
	});

	await t.test("two nodes on one store", async (t) => {
		const [here, there] = [new House(), new House()];
		const one = await here.open(t, store);
		const two = await there.open(t, store);
		const { grant, password } = await one.issue(request);
		t.notOk(two.isActive(grant.id), "not known there yet");
		t.strictSame(await two.byUsername(grant.username), grant, "until somebody logs in with it");
		t.ok(two.isActive(grant.id));
		t.ok(await fits(two, grant.username, password));
		await one.revoke(grant.id, "root", "");
		if (location.kind === "postgres") {
			await eventually(t, "the other node hears of it", () => there.ended.length > 0);
			t.same(there.ended, [[grant.id, "revoked"]]);
		}
		t.match(await two.byUsername(grant.username), { ended: { how: "revoked" } });
		t.notOk(two.isActive(grant.id));
		t.same(there.ended, [[grant.id, "revoked"]], "told once");
	});

	/* The embedded store has one connection, and answers one question at a time. */
	const oneByOne = location.kind === "embedded" && { skip: "questions do not overlap" };
	await t.test("revoked while a login is asking for it", oneByOne || {}, async (t) => {
		const house = new House();
		/* The store's answer to one question is held back, as a slow network would. */
		let held: Promise<void> | undefined;
		const db = store.db.withPlugin({
			transformQuery: ({ node }) => node,
			transformResult: async ({ result }) => {
				const wait = held;
				held = undefined;
				await wait;
				return result;
			},
		});
		const grants = await house.open(t, { ...store, db });
		const { grant } = await grants.issue(request);
		const { promise, resolve } = deferred();
		held = promise;
		const asking = grants.byUsername(grant.username);
		await pause(20);
		await grants.revoke(grant.id, "root", "");
		resolve();
		t.match(await asking, { ended: { how: "revoked" } });
		t.notOk(grants.isActive(grant.id), "it does not come back");
	});
});

t.test("a store that is lost opens nothing", async (t) => {
	const house = new House();
	const store = await openStore({ kind: "embedded", folder: t.testdir() });
	const started = Date.now();
	const base = house.nowMs;
	const grants = await house.open(t, store, { now: () => base + (Date.now() - started) });
	const { grant } = await grants.issue({ ...request, durationMs: 200 });
	await store.close();
	await t.rejects(grants.issue(request));
	await t.rejects(grants.byUsername(grant.username));
	await t.rejects(grants.verifierFor(grant.username));
	await t.rejects(grants.revoke(grant.id, "root", ""));
	await eventually(t, "what runs ends in time all the same", () => house.ended.length > 0);
	t.notOk(grants.isActive(grant.id));
});

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
	let resolve = () => {};
	const promise = new Promise<void>((done) => {
		resolve = done;
	});
	return { promise, resolve };
}

t.test("subjects", async (t) => {
	t.strictSame(parseSubject("alice"), { kind: "user", name: "alice", groups: [] });
	t.strictSame(parseSubject("user:alice@example.org", ["dba", "dba"]), {
		kind: "user",
		name: "alice@example.org",
		groups: ["dba"],
	});
	t.strictSame(parseSubject("service:nightly-etl"), { kind: "service", name: "nightly-etl", groups: [] });
	for (const text of ["alice", "service:nightly-etl", "Zoë"]) t.equal(formatSubject(parseSubject(text)), text);
	for (const text of ["", ":", "robot:x", "user:", "a b", "a\u001b", "a:b:c", "x".repeat(129), "-rf"]) {
		t.throws(() => parseSubject(text), AccessError, JSON.stringify(text));
	}
	t.throws(() => parseSubject("alice", ["a:b"]), AccessError);
});
