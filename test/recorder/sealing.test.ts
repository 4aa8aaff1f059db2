/**
 * Sealed literals: the wrapping of keys by its standard's own vectors, what entries show and give back, keys that are
 * destroyed where they stand, and forgetting that a crash at any moment does not break.
 */
import { generateKeyPairSync } from "node:crypto";
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import t, { type Test } from "tap";
import { keyId, loadPrivateKey, loadPublicKey, makeAuditorKey } from "../../src/recorder/auditor-key.js";
import { encodeEntry } from "../../src/recorder/encode.js";
import type { Entry, LoggedEntry } from "../../src/recorder/entry.js";
import { Forgetter } from "../../src/recorder/forget.js";
import { privateKeyOf, rawPublicKey, unwrap, wrap } from "../../src/recorder/hpke.js";
import { parseVerifierKey } from "../../src/recorder/note.js";
import { Recorder, type RecorderOptions } from "../../src/recorder/recorder.js";
import { type Sealing, SessionSeal, unsealed } from "../../src/recorder/seal.js";
import { listSegments } from "../../src/recorder/segments.js";
import { SessionKeyReader, SessionKeys } from "../../src/recorder/session-keys.js";
import { opened, openUnsealer } from "../../src/recorder/unseal.js";
import { verifyLog } from "../../src/recorder/verify-log.js";
import { openStore } from "../../src/store/store.js";
import { silentLog } from "../../src/telemetry/log.js";
import { type Result, result, type Statement, sessionEnd, sessionStart, statement } from "./entries.js";
import { openLog } from "./evidence-log.js";

const hex = (text: string) => Buffer.from(text, "hex");

t.test("RFC 9180, A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode", (t) => {
	const ephemeral = privateKeyOf(
		hex("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736"),
		hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"),
	);
	const recipient = privateKeyOf(
		hex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"),
		hex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d"),
	);
	const context = {
		info: Buffer.from("Ode on a Grecian Urn"),
		additional: Buffer.from("Count-0"),
		aead: "aes-128-gcm",
	} as const;
	const message = Buffer.from("Beauty is truth, truth beauty");
	const wrapped = wrap(message, recipient, context, ephemeral);
	t.equal(wrapped.encapsulated.toString("hex"), "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
	t.equal(
		wrapped.ciphertext.toString("hex"),
		"f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
	);
	t.same(unwrap(wrapped, recipient, context), message);
	t.end();
});

t.test("what is wrapped opens with its key, whole and in its place alone", (t) => {
	const [recipient, other] = [generateKeyPairSync("x25519").privateKey, generateKeyPairSync("x25519").privateKey];
	const context = { info: Buffer.from("i"), additional: Buffer.from("s_1") };
	const message = Buffer.from("a key of thirty-two bytes at all");
	const wrapped = wrap(message, recipient, context);
	t.same(unwrap(wrapped, recipient, context), message);
	t.equal(unwrap(wrapped, other, context), undefined);
	t.equal(unwrap(wrapped, recipient, { ...context, additional: Buffer.from("s_2") }), undefined);
	t.equal(unwrap(wrapped, recipient, { ...context, info: Buffer.from("j") }), undefined);
	for (const field of ["encapsulated", "ciphertext"] as const) {
		for (let at = 0; at < wrapped[field].length; at++) {
			const bytes = Buffer.from(wrapped[field]);
			bytes[at] = (bytes[at] as number) ^ 1;
			t.equal(unwrap({ ...wrapped, [field]: bytes }, recipient, context), undefined, `${field} ${at}`);
		}
		t.equal(unwrap({ ...wrapped, [field]: wrapped[field].subarray(1) }, recipient, context), undefined);
	}
	// A key of small order would make the secret known to all (RFC 7748, 6.1).
	const zero = { ...wrapped, encapsulated: Buffer.alloc(32) };
	t.equal(unwrap(zero, recipient, context), undefined);
	t.not(
		wrap(message, recipient, context).encapsulated.equals(wrapped.encapsulated),
		true,
		"an ephemeral key is used once",
	);
	t.end();
});

t.test("the auditor's key: made once, for its owner alone, and each half where it belongs", (t) => {
	const folder = t.testdir({ rsa: "", none: "no key" });
	const file = join(folder, "auditor.key");
	const made = makeAuditorKey(file);
	t.equal(statSync(file).mode & 0o777, 0o600);
	t.equal(keyId(loadPrivateKey(file)), made.id);
	t.equal(keyId(loadPublicKey(made.publicFile)), made.id);
	t.equal(rawPublicKey(loadPublicKey(made.publicFile)).length, 32);
	t.throws(() => makeAuditorKey(file), { message: /is there already/ });
	t.throws(() => loadPublicKey(file), { message: /private key; expected the public one/ });
	t.throws(() => loadPrivateKey(made.publicFile), { message: /public key; expected the auditor's private/ });
	t.throws(() => loadPublicKey(join(folder, "none")), {
		message: /holds no key; expected a PEM file with an X25519 public/,
	});
	t.throws(() => loadPublicKey(join(folder, "absent")), { message: /cannot be read/ });
	const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "pem", type: "spki" });
	writeFileSync(join(folder, "rsa"), rsa);
	t.throws(() => loadPublicKey(join(folder, "rsa")), { message: /of type rsa; expected/ });
	t.throws(() => makeAuditorKey(join(folder, "no", "where")), { message: /cannot be written/ });
	t.end();
});

const ALL: Sealing = { isUnderstood: true, isColumn: (name) => name === "email" };
const NONE: Sealing = { ...ALL, isUnderstood: false };

function logged(entry: Entry, seq = 7): LoggedEntry {
	return JSON.parse(encodeEntry(entry, seq, "2026-01-01T00:00:00.000000Z")) as LoggedEntry;
}

const CANARY = "zqx7";

t.test("entries show no value, and give back all", (t) => {
	const key = Buffer.alloc(32, 7);
	const seal = new SessionSeal("s_1", "0123", Buffer.from(key), (text) =>
		text.includes("unread") ? undefined : "SELECT ?",
	);
	const decision = {
		id: "d_1",
		effect: "deny",
		reasons: [{ term: "denies[0]", message: `column ${CANARY}` }],
		masks: [
			{ column: "email", mask: "email", term: "masks[0]" },
			{ column: `concat(email,'${CANARY}')`, mask: "email", term: "masks[0]" },
		],
	} as const;
	const sql = `SELECT '${CANARY}'`;
	const made: [Entry, Entry][] = [];
	const add = (entry: Entry, sealed: Entry) => made.push([entry, sealed]);
	const start = sessionStart("s_1", { application: CANARY }) as Extract<Entry, { type: "session.start" }>;
	add({ ...start, sealedFor: "0123" }, seal.start(start));
	const quiet = { ...start, application: null };
	add({ ...quiet, sealedFor: "0123" }, seal.start(quiet));
	const one = statement("s_1", 1, sql, { parameters: [CANARY, null], prepared: CANARY });
	add(one, seal.statement(one, ALL));
	const denied = statement("s_1", 2, `unread ${CANARY}`, { decision, parseOnly: true });
	add(denied, seal.statement(denied, ALL));
	add(denied, seal.statement(denied, NONE));
	const shown = { ...decision, reasons: [{ term: null, message: "select on hr.salaries is not permitted" }] };
	const known = statement("s_1", 3, sql, { decision: shown });
	const knownSealed = seal.statement(known, ALL) as Statement;
	add(known, knownSealed);
	t.same(knownSealed.decision.reasons, shown.reasons, "what is understood is denied in words");
	t.same(
		knownSealed.decision.masks.map(({ column }) => column),
		["email", "(sealed)"],
	);
	const full = result("s_1", 3, {
		error: { code: "22P02", message: `invalid input: "${CANARY}"` },
		masked: ["email", CANARY],
		sample: { columns: [CANARY], rows: [[CANARY], [null]] },
	});
	const fullSealed = seal.result(full, ALL) as Result;
	add(full, fullSealed);
	t.same(fullSealed.error, { code: "22P02", message: "(sealed)" });
	const plain = result("s_1", 4, { masked: ["email"] });
	t.equal(seal.result(plain, ALL), plain, "what holds nothing is left as it is");
	const incident = { type: "incident", session: "s_1", statement: 4, message: CANARY } as const;
	add(incident, seal.incident(incident));

	const nonces = new Set<number>();
	for (const [entry, sealed] of made) {
		const line = encodeEntry(sealed, 7, "2026-01-01T00:00:00.000000Z");
		t.notMatch(line, CANARY, entry.type);
		const read = JSON.parse(line) as LoggedEntry;
		if ("sealed" in read && read.sealed !== undefined) nonces.add(read.sealed.nonce);
		t.same(unsealed(read, key), logged(entry), entry.type);
	}
	t.equal(nonces.size, made.length - 1, "no nonce comes twice");

	const read = logged(knownSealed) as Extract<LoggedEntry, { type: "statement" }>;
	const fails = (entry: LoggedEntry, under: Buffer, what: string) =>
		t.throws(() => unsealed(entry, under), { message: "what entry 7 seals cannot be opened" }, what);
	fails(read, Buffer.alloc(32, 8), "another key");
	fails({ ...read, statement: 4 }, key, "another statement's place");
	fails({ ...read, session: "s_2" }, key, "another session's");
	fails({ ...read, sealed: { nonce: 99, data: read.sealed?.data ?? "" } }, key, "another nonce");
	fails({ ...read, sealed: { nonce: read.sealed?.nonce ?? 0, data: "AAAA" } }, key, "cut");
	seal.end();
	t.throws(() => seal.incident(incident), { message: /after a session's end/ });
	t.end();
});

t.test("any entry comes back as it was", (t) => {
	const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom("\ud800", "\u0000", "é😀"));
	const key = Buffer.alloc(32, 1);
	const seal = new SessionSeal("s_1", "0123", Buffer.from(key), () => "?");
	fc.assert(
		fc.property(text, fc.array(fc.option(text)), fc.option(text, { nil: undefined }), (sql, parameters, prepared) => {
			const entry = statement("s_1", 1, sql, { parameters, ...(prepared === undefined ? {} : { prepared }) });
			t.same(unsealed(logged(seal.statement(entry, ALL)), key), logged(entry));
		}),
		{ numRuns: 300 },
	);
	t.end();
});

t.test("keys of sessions: kept wrapped, found again, destroyed where they stand", async (t) => {
	const folder = join(t.testdir({}), "keys", "sessions");
	const file = join(t.testdirName, "auditor.key");
	makeAuditorKey(file);
	const [auditor, publicKey] = [loadPrivateKey(file), loadPublicKey(`${file}.pub`)];
	const keys = new SessionKeys(folder);
	const made = new Map<string, Buffer>();
	for (const id of ["s_1", "s_11", "s_2", "s_3"]) made.set(id, await keys.create(id, publicKey, id === "s_2"));
	const name = join(folder, "000000.keys");
	t.equal(statSync(name).mode & 0o777, 0o600);
	const before = readFileSync(name);
	for (const [id, key] of made) {
		t.same(new SessionKeyReader(folder).open(id, auditor), key);
		for (const form of ["hex", "base64", "latin1"] as const)
			t.notOk(before.includes(key.toString(form)), "never in the clear");
	}
	const other = generateKeyPairSync("x25519").privateKey;
	t.throws(() => keys.open("s_1", other), {
		message: new RegExp(`sealed for the auditor's key ${keyId(auditor)}, and this is ${keyId(other)}`),
	});
	t.throws(() => keys.open("s_9", auditor), { message: /there is no key of session s_9/ });
	t.throws(() => keys.open('s_1","x":"', auditor), { message: /there is no key/ });
	await t.rejects(keys.create('s_1","session":"s_2', publicKey, false));

	const kept = keys.find("s_1");
	t.equal(keys.destroy("s_1", "2026-01-01T00:00:00Z"), true);
	t.equal(keys.destroy("s_1", "2026-01-02T00:00:00Z"), false);
	t.equal(keys.destroy("s_9", "2026-01-02T00:00:00Z"), false);
	t.throws(() => keys.open("s_1", auditor), { message: /was destroyed at 2026-01-01T00:00:00Z/ });
	const after = readFileSync(name);
	t.equal(after.length, before.length, "in place");
	t.equal(kept?.state === "kept" && after.includes(kept.wrapped), false);
	t.equal(kept?.state === "kept" && after.includes(kept.encapsulated), false);
	t.same(keys.open("s_11", auditor), made.get("s_11"), "and no other");
	keys.close();

	// A crash in the middle of a line, and a new start.
	appendFileSync(name, '{"state":"kept","session":"s_torn');
	const again = new SessionKeys(folder);
	t.equal(again.find("s_torn"), undefined);
	const next = await again.create("s_4", publicKey, false);
	t.same(again.open("s_4", auditor), next);
	t.same(again.open("s_3", auditor), made.get("s_3"));
	again.close();
	// A full file is followed by another.
	const line = readFileSync(name).subarray(0, 320);
	writeFileSync(name, Buffer.concat(new Array<Buffer>(16_384).fill(line)));
	const third = new SessionKeys(folder);
	const fifth = await third.create("s_5", publicKey, false);
	t.same(third.open("s_5", auditor), fifth);
	t.same(readdirSync(folder), ["000000.keys", "000001.keys"]);
	third.close();
});

t.test("keys of sessions that are no longer in the log", async (t) => {
	const folder = join(t.testdir({}), "keys", "sessions");
	const file = join(t.testdirName, "auditor.key");
	makeAuditorKey(file);
	const [auditor, publicKey] = [loadPrivateKey(file), loadPublicKey(`${file}.pub`)];
	const keys = new SessionKeys(folder);
	t.equal(await keys.remove(new Set(["s_1"])), 0, "where none were ever made");
	const made = new Map<string, Buffer>();
	for (const id of ["s_1", "s_11", "s_2", "s_3"]) made.set(id, await keys.create(id, publicKey, false));
	const name = join(folder, "000000.keys");
	const [before, gone] = [readFileSync(name), keys.find("s_1")];
	keys.destroy("s_2", "2026-01-01T00:00:00Z");
	t.equal(await keys.remove(new Set(["s_1", "s_2", "s_none", "kept", ""])), 2);
	const after = readFileSync(name);
	t.equal(after.length, before.length);
	t.notOk(gone?.state !== "kept" || after.includes(gone.wrapped) || after.includes(gone.encapsulated));
	for (const id of ["s_1", "s_2"]) t.equal(keys.find(id), undefined);
	for (const id of ["s_11", "s_3"]) t.same(keys.open(id, auditor), made.get(id), "no others");
	t.equal(await keys.remove(new Set(["s_1", "s_2"])), 0, "once more it is nothing");
	const fourth = await keys.create("s_4", publicKey, false);
	t.same(keys.open("s_4", auditor), fourth, "and it goes on");
	keys.close();
	/* A full file is left with nothing: it goes. The one that is written stays, whatever is in it. */
	writeFileSync(name, Buffer.concat(new Array<Buffer>(16_384).fill(before.subarray(0, 320))));
	const later = new SessionKeys(folder);
	const fifth = await later.create("s_5", publicKey, false);
	t.equal(await later.remove(new Set(["s_1"])), 16_384);
	t.same(readdirSync(folder), ["000001.keys"]);
	t.equal(await later.remove(new Set(["s_5"])), 1);
	t.same(readdirSync(folder), ["000001.keys"]);
	const sixth = await later.create("s_6", publicKey, false);
	t.same(later.open("s_6", auditor), sixth);
	t.throws(() => later.open("s_5", auditor), { message: /there is no key of session s_5/ });
	t.not(fifth, sixth);
	later.close();
});

async function withRecorder(t: Test, folder: string, auditorFile: string, options: Partial<RecorderOptions> = {}) {
	const store = await openStore({ kind: "embedded", folder });
	const recorder = await Recorder.open({
		folder: join(folder, "log"),
		store,
		log: silentLog,
		auditorKey: loadPublicKey(`${auditorFile}.pub`),
		...options,
	});
	let open = true;
	const close = async () => {
		if (!open) return;
		open = false;
		await recorder.close();
		await store.close();
	};
	t.teardown(close);
	return { recorder, close };
}

async function recordSession(recorder: Recorder, session: string): Promise<void> {
	const seal = await recorder.seal(session, () => "SELECT ?");
	recorder.append(seal.start(sessionStart(session) as Extract<Entry, { type: "session.start" }>));
	recorder.append(seal.statement(statement(session, 1, `SELECT '${CANARY}'`), ALL));
	recorder.append(seal.result(result(session, 1, { sample: { columns: ["c"], rows: [[CANARY]] } }), ALL));
	recorder.append(sessionEnd(session));
	recorder.flush();
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
	const list: Item[] = [];
	for await (const item of items) list.push(item);
	return list;
}

t.test("a session is forgotten: the log says so, stands as it was, and nobody opens it", async (t) => {
	const folder = t.testdir({});
	const file = join(folder, "auditor.key");
	makeAuditorKey(file);
	const { recorder, close } = await withRecorder(t, folder, file);
	await recordSession(recorder, "s_1");
	await recordSession(recorder, "s_2");
	const keys = join(folder, "keys", "sessions");
	const open = () => all(opened(recorder.replay("s_1"), openUnsealer(file, keys)));
	t.match(JSON.stringify(await open()), CANARY);
	const before = await all(recorder.replay("s_1"));
	t.notMatch(JSON.stringify(before), CANARY);

	recorder.append(sessionStart("s_3"));
	await t.rejects(recorder.forget("s_3", "ann", ""), { message: /is running; end it first/ });
	recorder.append(sessionEnd("s_3"));
	await t.rejects(recorder.forget("s_3", "ann", ""), { message: /has no key here: its literals were not sealed/ });
	await t.rejects(recorder.forget("s_9", "ann", ""), { message: /has no key/ });

	await recorder.forget("s_1", "ann", "asked for");
	await t.rejects(open(), { message: /was destroyed/ });
	await t.rejects(recorder.forget("s_1", "ann", ""), { message: /is forgotten already/ });
	t.same(await all(recorder.replay("s_1")), before, "the log is as it was");
	t.match(JSON.stringify(await all(opened(recorder.replay("s_2"), openUnsealer(file, keys)))), CANARY);
	const told = (await all(recorder.reader.entries())).filter(({ entry }) => entry.type === "session.forget");
	t.match(told, [{ entry: { session: "s_1", by: "ann", reason: "asked for" } }]);
	await close();
});

t.test("retention takes the keys of sessions that ended in what it removes", async (t) => {
	const folder = t.testdir({});
	const file = join(folder, "auditor.key");
	makeAuditorKey(file);
	const keys = new SessionKeyReader(join(folder, "keys", "sessions"));
	const first = await withRecorder(t, folder, file, { segmentBytes: 3000 });
	await recordSession(first.recorder, "s_ended");
	const seal = await first.recorder.seal("s_runs", () => "SELECT ?");
	first.recorder.append(seal.start(sessionStart("s_runs") as Extract<Entry, { type: "session.start" }>));
	for (let number = 1; number <= 40; number++) {
		first.recorder.append(seal.statement(statement("s_runs", number, `SELECT '${CANARY}'`), ALL));
		first.recorder.append(seal.result(result("s_runs", number), ALL));
		first.recorder.flush();
	}
	await first.recorder.evidence.checkpoint();
	t.ok(listSegments(join(folder, "log")).length > 5);
	/* Not ended when the node stops: the next start tells the end. */
	await first.close();
	t.equal(keys.find("s_ended")?.state, "kept");
	const second = await withRecorder(t, folder, file, { segmentBytes: 3000, retention: { bytes: 1 } });
	const removed = async (session: string) => {
		for (let waited = 0; keys.find(session) !== undefined && waited < 1500; waited++) await sleep(20);
	};
	await removed("s_ended");
	t.equal(keys.find("s_ended"), undefined);
	t.equal(keys.find("s_runs")?.state, "kept", "one of which entries are left has its key");
	t.ok(keys.open("s_runs", loadPrivateKey(file)));
	for (let number = 1; number <= 20; number++) await recordSession(second.recorder, `s_next_${number}`);
	await second.recorder.evidence.checkpoint();
	await removed("s_runs");
	t.equal(keys.find("s_runs"), undefined, "until they are gone as well");
	t.equal(keys.find("s_next_20")?.state, "kept");
	await second.close();
	const key = parseVerifierKey(readFileSync(join(folder, "keys", "node.pub"), "utf8"));
	const report = await verifyLog({ folder: join(folder, "log"), key, openEnd: "none" });
	t.match(report, { ok: true, findings: [] });
	t.ok(report.from > 0);
});

t.test("keys stay where segments are kept elsewhere", async (t) => {
	const base = t.testdir({});
	const asked: string[] = [];
	const removeKeys = async (sessions: ReadonlySet<string>) => void asked.push(...sessions);
	for (const mayRemove of [undefined, () => true]) {
		const folder = join(base, mayRemove === undefined ? "here" : "elsewhere");
		const retention = { bytes: 1 };
		const log = await openLog(join(folder, "log"), join(folder, "keys"), {
			retention,
			removeKeys,
			...(mayRemove === undefined ? {} : { mayRemove }),
		});
		await log.session("s_1", 20);
		await log.session("s_2", 20);
		for (let waited = 0; listSegments(join(folder, "log")).length > 2 && waited < 1500; waited++) await sleep(20);
		await log.close();
		t.ok((listSegments(join(folder, "log"))[0] ?? 0) > 0, "what is old is gone");
		t.same(asked.splice(0), mayRemove === undefined ? ["s_1"] : []);
	}
});

t.test("a crash at any moment of forgetting", async (t) => {
	for (const crash of ["before the log", "in the log", "before the end"] as const) {
		await t.test(crash, async (t) => {
			const folder = t.testdir({});
			const file = join(folder, "auditor.key");
			makeAuditorKey(file);
			const first = await withRecorder(t, folder, file);
			await recordSession(first.recorder, "s_1");
			const keysFolder = join(folder, "keys", "sessions");
			const keys = new SessionKeys(keysFolder);
			const forgetter = new Forgetter({
				folder: keysFolder,
				keys,
				now: () => "2026-01-01T00:00:00.000Z",
				isTold: () => Promise.resolve(false),
				record: async (entry) => {
					if (crash !== "before the log") first.recorder.record(entry);
					if (crash === "before the end") keys.destroy("s_1", "2026-01-01T00:00:00.000Z");
					throw new Error("killed");
				},
			});
			await t.rejects(forgetter.forget("s_1", "ann", "asked for"));
			await first.close();
			const second = await withRecorder(t, folder, file);
			const { recorder } = second;
			t.throws(() => keys.open("s_1", loadPrivateKey(file)), { message: /was destroyed/ });
			const told = (await all(recorder.reader.entries())).filter(({ entry }) => entry.type === "session.forget");
			t.match(told, [{ entry: { session: "s_1", by: "ann", reason: "asked for" } }], "told once");
			t.equal(told.length, 1);
			t.notOk(readdirSync(keysFolder).includes("forgetting.json"));
			await second.close();
			const third = await withRecorder(t, folder, file);
			t.equal(
				(await all(third.recorder.reader.entries())).filter(({ entry }) => entry.type === "session.forget").length,
				1,
			);
			await third.close();
		});
	}
});
