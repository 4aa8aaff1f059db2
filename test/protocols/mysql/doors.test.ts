/** MySQL's doors, byte by byte: greetings, TLS, proofs of a password, and everything that is not one. */
import { constants, createHash, generateKeyPairSync, publicEncrypt, sign } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import type {
	ClientDoorOptions,
	ClientLoginRequest,
	DoorAction,
	PasswordVerifier,
	UpstreamAction,
	UpstreamLoginSettings,
	UpstreamReady,
} from "../../../src/protocols/engine.js";
import { MysqlClientDoor } from "../../../src/protocols/mysql/client-door.js";
import { signedChallenge } from "../../../src/protocols/mysql/ed25519.js";
import { mysql } from "../../../src/protocols/mysql/engine.js";
import { readError } from "../../../src/protocols/mysql/errors.js";
import { greetingPayload, readGreeting } from "../../../src/protocols/mysql/handshake.js";
import { MysqlOwnQuery } from "../../../src/protocols/mysql/own-query.js";
import { MysqlUpstreamDoor } from "../../../src/protocols/mysql/upstream-door.js";
import { makeVerifier } from "../../../src/protocols/postgres/scram.js";

// ---- a client that shares nothing with the doors

const sha1 = (...parts: Buffer[]) => createHash("sha1").update(Buffer.concat(parts)).digest();
const sha256 = (...parts: Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
const xor = (a: Buffer, b: Buffer) => Buffer.from(a.map((byte, at) => byte ^ (b[at % b.length] ?? 0)));
const native = (password: string, scramble: Buffer) => {
	const once = sha1(Buffer.from(password));
	return xor(once, sha1(scramble, sha1(once)));
};
const caching = (password: string, scramble: Buffer) => {
	const once = sha256(Buffer.from(password));
	return xor(once, sha256(sha256(once), scramble));
};
const packet = (sequence: number, ...parts: (Buffer | string)[]) => {
	const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
	return Buffer.concat([Buffer.from([body.length & 255, (body.length >> 8) & 255, body.length >> 16, sequence]), body]);
};
const int4 = (value: number) => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value >>> 0);
	return bytes;
};

/** What ordinary clients ask for: 4.1, plugins, attributes, a database. */
const FLAGS = 0x0000_0200 | 0x8000 | 0x8_0000 | 0x10_0000 | 0x8 | 0x1;
const fixed = (flags: number, charset = 45) =>
	Buffer.concat([int4(flags), int4(1 << 24), Buffer.from([charset]), Buffer.alloc(23)]);
const hello = (proof: Buffer, plugin: string, flags = FLAGS, sequence = 1) =>
	packet(
		sequence,
		fixed(flags),
		"alice\0",
		Buffer.from([proof.length]),
		proof,
		"shop\0",
		`${plugin}\0`,
		Buffer.from([20]),
		"\u000cprogram_name\u0006tester",
	);

const PASSWORD = "correct horse";
const verifier: PasswordVerifier = {
	scramSha256: makeVerifier(PASSWORD, Buffer.alloc(16, 7)),
	sha1Twice: sha1(sha1(Buffer.from(PASSWORD))),
	sha256Twice: sha256(sha256(Buffer.from(PASSWORD))),
};
/** A grant from before this protocol was served. */
const older: PasswordVerifier = { ...verifier, sha1Twice: Buffer.alloc(20), sha256Twice: Buffer.alloc(32) };
const NONCE = "abcdefghijklmnopqrstuvwxyzABCDEF";
const SWITCHED = Buffer.from(NONCE.slice(0, 20));

const servers = {
	mysql: new Map([
		["greeting", "9.7.4"],
		["flavour", "mysql"],
		["charset", "255"],
		["capabilities", String(0xdfff_ffff)],
	]),
	mariadb: new Map([
		["greeting", "5.5.5-10.11.6-MariaDB"],
		["flavour", "mariadb"],
		["charset", "45"],
		["capabilities", String(0x81ff_f7fe)],
		["extended_capabilities", "31"],
	]),
};

function knock(more: Partial<ClientDoorOptions> & { flavour?: keyof typeof servers } = {}) {
	const server = servers[more.flavour ?? "mysql"];
	const random = Buffer.from([...Array(32).keys()].map((at) => (at % 3 === 0 ? 0 : at + 33)));
	const door = new MysqlClientDoor({ tls: "offered", isSecured: false, server, connectionId: 77, random, ...more });
	const [greeted] = door.start();
	const greeting = readGreeting(greeted?.kind === "send" ? greeted.bytes.subarray(4) : Buffer.alloc(0));
	if (greeting === undefined) throw new Error("no greeting");
	return { door, greeting };
}

/** Actions in a word each: packets by sequence and first bytes, refusals by error number. */
const told = (actions: readonly DoorAction[]): string =>
	actions
		.map((action) => {
			if (action.kind === "send") return `${action.bytes[3]}:${action.bytes.subarray(4, 6).toString("hex")}`;
			if (action.kind !== "refuse") return action.kind;
			return `${action.bytes[3]}:refuse ${readError(action.bytes.subarray(4)).errno}`;
		})
		.join(" ");

t.test("the greeting", async (t) => {
	const { greeting } = knock();
	t.match(greeting, { version: "9.7.4", connectionId: 77, charset: 255, plugin: "caching_sha2_password", extended: 0 });
	t.equal(greeting.scramble.length, 20);
	t.equal(
		greeting.scramble.every((byte) => byte > 0 && byte < 0x80 && byte !== 0x24),
		true,
	);
	const never = 0x20 | 0x10 | (1 << 26) | (1 << 22) | (1 << 25) | (1 << 27) | (1 << 28);
	t.equal(greeting.capabilities & never, 0, "no compression and nothing else that is not served whole");
	t.equal(greeting.capabilities & 0x800, 0x800);
	t.equal(knock({ tls: "none" }).greeting.capabilities & 0x800, 0);
	const { greeting: maria } = knock({ flavour: "mariadb" });
	t.match(maria, { version: "5.5.5-10.11.6-MariaDB", plugin: "mysql_native_password", extended: 8 });
	t.equal(maria.capabilities & 1, 0, "by which its clients know it");
});

t.test("proofs of a password", async (t) => {
	const login = (proof: (scramble: Buffer) => Buffer, plugin: string, kept = verifier, flags?: number) => {
		const { door, greeting } = knock();
		const said = told(door.receive(hello(proof(greeting.scramble), plugin, flags)));
		return said === "identify" ? told(door.verify(kept, NONCE)) : said;
	};
	const nothing = () => Buffer.alloc(0);
	t.equal(
		login((scramble) => native(PASSWORD, scramble), "mysql_native_password"),
		"authenticated",
	);
	t.equal(
		login((scramble) => native("wrong", scramble), "mysql_native_password"),
		"2:refuse 1045",
	);
	t.equal(
		login((scramble) => caching(PASSWORD, scramble), "caching_sha2_password"),
		"2:0103 authenticated",
	);
	t.equal(
		login((scramble) => caching("wrong", scramble), "caching_sha2_password"),
		"2:0104",
	);
	t.equal(login(nothing, "caching_sha2_password"), "2:refuse 1045", "no password");
	t.equal(
		login(() => Buffer.alloc(1), "caching_sha2_password"),
		"2:refuse 1045",
	);
	t.equal(login(nothing, "mysql_native_password"), "2:fe6d", "of another plugin than the greeting's: it is asked anew");
	t.equal(login(nothing, "client_ed25519"), "2:fe63", "another plugin is asked for");
	t.equal(
		login((scramble) => native(PASSWORD, scramble), "mysql_native_password", verifier, FLAGS & ~0x18_0000),
		"authenticated",
		"a client without plugins",
	);
	t.equal(
		login((scramble) => native(PASSWORD, scramble), "mysql_native_password", older),
		"2:refuse 1045",
	);
	t.equal(
		login(() => Buffer.alloc(19), "mysql_native_password"),
		"2:refuse 1045",
	);
});

t.test("another plugin's challenge", async (t) => {
	for (const [flavour, answer, expected] of [
		["mysql", caching(PASSWORD, SWITCHED), "4:0103 authenticated"],
		["mysql", caching("wrong", SWITCHED), "4:0104"],
		["mysql", Buffer.alloc(0), "4:refuse 1045"],
		["mariadb", native(PASSWORD, SWITCHED), "authenticated"],
		["mariadb", native("wrong", SWITCHED), "4:refuse 1045"],
	] as const) {
		const { door } = knock({ flavour });
		door.receive(hello(Buffer.from("?"), "dialog"));
		const [asked] = door.verify(verifier, NONCE);
		t.equal(asked?.kind === "send" && asked.bytes.subarray(-21).equals(Buffer.concat([SWITCHED, Buffer.of(0)])), true);
		t.equal(told(door.receive(packet(3, answer))), expected);
	}
});

t.test("the whole password, inside TLS and under our key", async (t) => {
	const until = (kept: PasswordVerifier, isSecured: boolean) => {
		const { door, greeting } = knock({ isSecured });
		door.receive(hello(caching("stale", greeting.scramble), "caching_sha2_password"));
		t.equal(told(door.verify(kept, NONCE)), "2:0104");
		return { door, scramble: greeting.scramble };
	};
	for (const kept of [verifier, older]) {
		t.equal(told(until(kept, true).door.receive(packet(3, `${PASSWORD}\0`))), "authenticated");
		t.equal(told(until(kept, true).door.receive(packet(3, "wrong\0"))), "4:refuse 1045");
		t.equal(told(until(kept, true).door.receive(packet(3, PASSWORD))), "4:refuse 1045", "not ended by a NUL");
		t.equal(told(until(kept, true).door.receive(packet(3, "\0"))), "4:refuse 1045");
		for (const password of [PASSWORD, "wrong"]) {
			const { door, scramble } = until(kept, false);
			const [sent] = door.receive(packet(3, "\u0002"));
			if (sent?.kind !== "send") return t.fail("no key");
			t.equal(sent.bytes[3], 4);
			const key = { key: sent.bytes.subarray(5), padding: constants.RSA_PKCS1_OAEP_PADDING };
			const hidden = publicEncrypt(key, xor(Buffer.from(`${password}\0`), scramble));
			t.equal(told(door.receive(packet(5, hidden))), password === PASSWORD ? "authenticated" : "6:refuse 1045");
		}
	}
	t.equal(told(until(verifier, false).door.receive(packet(3, `${PASSWORD}\0`))), "4:refuse 1045", "not in clear");
	t.equal(told(until(verifier, true).door.receive(packet(3, "\u0002"))), "4:refuse 1045", "no key inside TLS");
	t.equal(told(until(verifier, true).door.receive(packet(3, "x".repeat(60_000), "\0"))), "4:refuse 1045");
});

t.test("TLS", async (t) => {
	const request = packet(1, fixed(FLAGS | 0x800));
	const { door, greeting } = knock({ tls: "required" });
	t.equal(told(door.receive(request)), "startTls");
	door.secured();
	t.equal(
		told(door.receive(hello(native(PASSWORD, greeting.scramble), "mysql_native_password", FLAGS | 0x800, 2))),
		"identify",
	);
	t.equal(told(door.verify(verifier, NONCE)), "authenticated");
	const [begun] = knock().door.receive(Buffer.concat([request, Buffer.from("\u0016\u0003")]));
	t.same(begun, { kind: "startTls", received: Buffer.from("\u0016\u0003") }, "what follows is TLS's");
	t.equal(told(knock({ tls: "none" }).door.receive(request)), "2:refuse 1043");
	t.equal(
		told(knock({ tls: "required" }).door.receive(hello(Buffer.alloc(20), "mysql_native_password"))),
		"2:refuse 3159",
	);
	t.equal(told(knock().door.receive(hello(Buffer.alloc(20), "mysql_native_password", FLAGS | 0x800))), "2:refuse 1043");
	const twice = knock();
	twice.door.receive(request);
	twice.door.secured();
	t.match(told(twice.door.receive(packet(2, fixed(FLAGS | 0x800)))), /refuse 1043/, "no TLS within TLS");
	t.match(told(knock().door.receive(Buffer.from("16030100f1010000ed0303", "hex"))), /refuse/, "TLS at once");
});

t.test("what is no login", async (t) => {
	const cases: Readonly<Record<string, [Buffer, number]>> = {
		"an HTTP request": [Buffer.from("GET / HTTP/1.1\r\n\r\n"), 1043],
		"a length beyond the bound": [Buffer.from("ffffff01", "hex"), 1043],
		"a wrong sequence": [hello(Buffer.alloc(20), "mysql_native_password", FLAGS, 2), 1156],
		"nothing at all": [packet(1), 1043],
		"a protocol of before 4.1": [packet(1, Buffer.from("8524000000"), "root\0"), 1251],
		"flags of before 4.1": [packet(1, int4(0x8008), Buffer.alloc(60)), 1251],
		"a proof beyond the end": [packet(1, fixed(FLAGS), "alice\0", Buffer.from([200]), "x"), 1043],
		"a name without an end": [packet(1, fixed(FLAGS), "alice"), 1043],
		"a name that is too long": [packet(1, fixed(FLAGS), "a".repeat(600), "\0\0\0\0"), 1043],
		"a name that is not UTF-8": [packet(1, fixed(FLAGS), Buffer.from([0xff, 0, 0, 0, 0])), 1043],
		"no name": [packet(1, fixed(FLAGS), "\0\0\0\0"), 1045],
		"attributes beyond the end": [packet(1, fixed(FLAGS), "alice\0\0\0p\0", Buffer.from([9]), "x"), 1043],
		"attributes that lie": [packet(1, fixed(FLAGS), "alice\0\0\0p\0", Buffer.from([2, 9, 0x61])), 1043],
		"more behind it": [Buffer.concat([hello(Buffer.alloc(20), "dialog"), packet(0, "\u0003SELECT 1")]), 1043],
	};
	for (const [name, [bytes, errno]] of Object.entries(cases)) {
		t.equal(told(knock().door.receive(bytes)).split("refuse ")[1], String(errno), name);
	}
	const closed = knock().door;
	closed.receive(Buffer.from("GET / HTTP/1.1\r\n"));
	t.same(closed.receive(Buffer.alloc(1 << 20)), [], "what is refused hears and keeps nothing more");
	const eager = knock().door;
	eager.receive(hello(Buffer.alloc(20), "dialog"));
	t.match(told(eager.receive(Buffer.alloc(70_000))), /refuse 1043/, "too much before it was asked");
});

t.test("a login byte by byte, and what is told of it", async (t) => {
	const { door, greeting } = knock();
	const actions: DoorAction[] = [];
	for (const byte of hello(caching(PASSWORD, greeting.scramble), "caching_sha2_password")) {
		actions.push(...door.receive(Buffer.from([byte])));
	}
	t.match(actions, [{ kind: "identify", login: { username: "alice", database: "shop", application: "tester" } }]);
	const [identify] = actions;
	const login = identify?.kind === "identify" ? identify.login : undefined;
	t.match(Object.fromEntries(login?.settings ?? []), {
		charset: "45",
		extended: "0",
		secured: "0",
		"attribute:program_name": "tester",
	});
	t.equal(told(door.verify(verifier, NONCE)), "2:0103 authenticated");
	const ready = { status: 2 } as UpstreamReady;
	t.same(door.welcome(ready), packet(3, Buffer.from("00000002000000", "hex")));
	t.match(readError(door.refusal("database", "no", "why").subarray(4)), {
		errno: 1049,
		state: "42000",
		message: "no (why)",
	});
	const early = new MysqlClientDoor({
		tls: "none",
		isSecured: false,
		server: undefined,
		connectionId: 1,
		random: Buffer.alloc(32),
	});
	t.same(
		early.refusal("upstream", "down"),
		packet(0, Buffer.from("ff9505", "hex"), "down"),
		"in place of the greeting",
	);
});

t.test("another user on a connection that stands", async (t) => {
	const settings = new Map([
		["flags", String(FLAGS)],
		["extended", "8"],
		["charset", "45"],
		["secured", "1"],
	]);
	const login: ClientLoginRequest = { username: "alice", database: "shop", application: undefined, settings };
	const change = (...parts: (Buffer | string)[]) =>
		MysqlClientDoor.changingUser(
			Buffer.concat(parts.map((part) => Buffer.from(part))),
			0,
			Buffer.alloc(0),
			login,
			servers.mysql,
			5,
		);
	const proof = Buffer.concat([Buffer.from([20]), Buffer.alloc(20, 9)]);
	const changing = change("\u0011bob\0", proof, "hr\0", Buffer.from([33, 0]), "mysql_native_password\0\0");
	t.match(changing?.actions, [{ kind: "identify", login: { username: "bob", database: "hr" } }]);
	const door = changing?.door;
	t.equal(told(door?.verify(verifier, NONCE) ?? []), "1:fe6d", "never by the proof that came along");
	t.equal(told(door?.receive(packet(2, native(PASSWORD, SWITCHED))) ?? []), "authenticated");
	t.equal(door?.welcome({ status: 2 } as UpstreamReady)[3], 3);
	t.equal(change("\u0011bob"), undefined);
	t.equal(change("\u0011bob\0", Buffer.from([200])), undefined);
	t.match(change("\u0011\0\0\0")?.actions, [{ kind: "refuse" }], "nobody");
});

t.test("character sets that cannot be read", async (t) => {
	for (const id of [1, 13, 28, 35, 54, 60, 95, 249])
		t.type(mysql.refusedSetting("charset", String(id)), "string", `${id}`);
	for (const id of [8, 33, 45, 63, 224, 255]) t.equal(mysql.refusedSetting("charset", String(id)), undefined, `${id}`);
	t.type(mysql.refusedSetting("variable:sql_mode", "x"), "string");
	const reported = new Map([
		["character_set_client", "utf8mb4"],
		["flags", String(1 << 23)],
	]);
	t.equal(mysql.refusedUpstream(reported), undefined);
	t.type(mysql.refusedUpstream(new Map([...reported, ["character_set_client", "gbk"]])), "string");
	t.type(mysql.refusedUpstream(new Map([...reported, ["flags", "0"]])), "string");
});

t.test("any bytes at all", async (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }),
			fc.constantFrom("none", "offered", "required"),
			fc.boolean(),
			(chunks, tls, framed) => {
				const { door } = knock({ tls });
				for (const [at, chunk] of chunks.entries()) {
					const bytes = Buffer.concat([framed ? fixed(FLAGS) : Buffer.alloc(0), Buffer.from(chunk)]);
					const actions = door.receive(framed ? packet(at + 1, bytes) : bytes);
					if (actions.some(({ kind }) => kind === "identify")) door.verify(verifier, NONCE);
					if (actions.some(({ kind }) => kind === "authenticated")) throw new Error("let in");
				}
			},
		),
		{ numRuns: 1000 },
	);
	t.pass("none is too much for it");
});

// ---- the upstream's side

const settings: UpstreamLoginSettings = {
	username: "app",
	password: PASSWORD,
	database: "shop",
	settings: new Map(),
	tls: "prefer",
	nonce: NONCE,
	isLocal: false,
};
const SCRAMBLE = Buffer.from("01234567890123456789");
const serverGreeting = (more: Partial<Parameters<typeof greetingPayload>[0]> = {}) =>
	packet(
		0,
		greetingPayload({
			version: "8.4.0",
			connectionId: 42,
			scramble: SCRAMBLE,
			capabilities: 0xdfff_ffff & ~0x800,
			extended: 0,
			charset: 255,
			status: 2,
			plugin: "caching_sha2_password",
			...more,
		}),
	);
const said = (actions: readonly UpstreamAction[]): string =>
	actions
		.map((action) => {
			if (action.kind === "send") return `${action.bytes[3]}`;
			return action.kind === "failed" ? `failed ${action.code ?? ""}`.trim() : action.kind;
		})
		.join(" ");
const column = packet(2, "\u0003def");
const rows = (...values: string[]) =>
	Buffer.concat([
		packet(1, Buffer.from([values.length])),
		...values.map((_value, at) => Buffer.concat([column.subarray(0, 3), Buffer.from([at + 2]), column.subarray(4)])),
		packet(values.length + 2, ...values.flatMap((value) => [Buffer.from([value.length]), value])),
		packet(values.length + 3, Buffer.from("fe000002000000", "hex")),
	]);
const OK = Buffer.from("00000002000000", "hex");

t.test("the upstream's door", async (t) => {
	const up = (more: Partial<UpstreamLoginSettings> = {}) => new MysqlUpstreamDoor({ ...settings, ...more });
	const answered = up({ settings: new Map([["variable:x", "1"]]) });
	t.same(answered.start(), []);
	const [response] = answered.receive(serverGreeting());
	if (response?.kind !== "send") return t.fail("no answer");
	t.equal(response.bytes.includes(Buffer.concat([Buffer.from([32]), caching(PASSWORD, SCRAMBLE)])), true);
	t.equal(said(answered.receive(packet(2, "\u0001\u0003"))), "");
	const [set] = answered.receive(packet(3, OK));
	t.same(set?.kind === "send" && set.bytes, packet(0, "\u0003SET SESSION x = 1"));
	const [ask] = answered.receive(packet(1, OK));
	t.match(ask?.kind === "send" && ask.bytes.toString(), /SELECT @@version, @@sql_mode/);
	const [ready] = answered.receive(rows("8.4.0", "ANSI", "utf8mb4", "utf8mb4", "utf8mb4", "c", "0", "shop"));
	t.match(ready, {
		kind: "ready",
		upstream: { connectionId: 42, cancelRequest: { kind: "statement", sql: "KILL QUERY 42" }, status: 2 },
	});
	t.match(ready?.kind === "ready" && Object.fromEntries(ready.upstream.reported), {
		greeting: "8.4.0",
		flavour: "mysql",
		sql_mode: "ANSI",
		database: "shop",
	});
	const refused = packet(0, Buffer.from([0xff, 0x10, 0x04]), "Too many connections");
	t.match(up().receive(refused), [{ kind: "failed", code: "1040", message: "Too many connections" }]);
	t.equal(said(up().receive(packet(0, Buffer.from([0xff, 0x15, 0x04]), "#28000denied"))), "failed 1045");
	for (const tls of ["require", "verify-full"] as const) t.equal(said(up({ tls }).receive(serverGreeting())), "failed");
	const offers = { capabilities: 0xdfff_ffff };
	t.equal(said(up({ tls: "disable" }).receive(serverGreeting(offers))), "1");
	const secure = up({ tls: "require" });
	t.equal(said(secure.receive(serverGreeting(offers))), "1 startTls");
	t.equal(said(secure.secured()), "2");
	t.equal(said(up().receive(Buffer.concat([serverGreeting(offers), Buffer.from([1])]))), "failed", "somebody else's");
	for (const bad of ["\u0001\0\0\0\u0009", "\u0001\0\0\u0001\u000a", "HTTP/1.1 400 Bad Request\r\n"]) {
		t.equal(said(up().receive(Buffer.from(bad, "latin1"))), "failed", bad);
	}
});

t.test("what an upstream may ask of the password", async (t) => {
	const asked = (body: Buffer | string, more: Partial<UpstreamLoginSettings> = {}) => {
		const door = new MysqlUpstreamDoor({ ...settings, tls: "disable", ...more });
		door.receive(serverGreeting());
		return { door, actions: door.receive(packet(2, body)) };
	};
	const sent = (actions: readonly UpstreamAction[]) => (actions[0]?.kind === "send" ? actions[0].bytes : said(actions));
	const other = (plugin: string, data: Buffer = SCRAMBLE) =>
		Buffer.concat([Buffer.from(`\u00fe${plugin}\0`, "latin1"), data, Buffer.of(0)]);
	const clear = Buffer.from(`${PASSWORD}\0`);
	t.same(sent(asked(other("mysql_native_password")).actions), packet(3, native(PASSWORD, SCRAMBLE)));
	t.same(sent(asked(other("caching_sha2_password")).actions), packet(3, caching(PASSWORD, SCRAMBLE)));
	t.same(
		sent(asked(other("mysql_clear_password", Buffer.alloc(0))).actions),
		"failed",
		"not where it can be listened to",
	);
	t.same(sent(asked(other("mysql_clear_password", Buffer.alloc(0)), { isLocal: true }).actions), packet(3, clear));
	t.same(
		sent(asked("\u0001\u0004", { isLocal: true }).actions),
		packet(3, "\u0002"),
		"servers take it inside TLS alone",
	);
	t.same(sent(asked(other("sha256_password")).actions), packet(3, "\u0001"));
	for (const bad of [
		"\u00fe",
		"\u00fedialog\0x",
		"\u00feno end",
		"\u0001\u0009",
		"\u0002",
		"\u00fb/etc/passwd",
		"\u00femysql_native_password\0short",
	]) {
		t.equal(sent(asked(Buffer.from(bad, "latin1")).actions), "failed", bad);
	}
	const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
	const pem = publicKey.export({ type: "spki", format: "pem" });
	const { door, actions } = asked("\u0001\u0004");
	t.same(sent(actions), packet(3, "\u0002"), "the key is asked for");
	const hidden = sent(door.receive(packet(4, "\u0001", pem)));
	t.equal(typeof hidden === "object" && hidden.length, 4 + 128);
	t.ok(privateKey);
	t.equal(sent(asked("\u0001\u0004").door.receive(packet(4, "\u0001-----BEGIN"))), "failed");
	const secure = new MysqlUpstreamDoor({ ...settings, tls: "require" });
	secure.receive(serverGreeting({ capabilities: 0xdfff_ffff }));
	secure.secured();
	t.same(sent(secure.receive(packet(3, "\u0001\u0004"))), packet(4, clear));
	t.equal(sent(secure.receive(packet(5, `\u0001${pem}`))), "failed", "a key that nobody asked for");
});

t.test("MariaDB's ed25519 is the standard's own for a password of 32 bytes", async (t) => {
	for (const fill of [0, 1, 77, 255]) {
		const seed = Buffer.alloc(32, fill);
		const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
		const challenge = sha256(seed);
		t.same(signedChallenge(seed, challenge), sign(null, challenge, { key: der, format: "der", type: "pkcs8" }));
	}
	t.same(signedChallenge("", Buffer.alloc(32)), Buffer.alloc(0));
});

t.test("a query of our own, in both framings, at each cut", async (t) => {
	const modern = Buffer.concat([
		packet(1, "\u0002"),
		packet(2, "\u0003def"),
		packet(3, "\u0003def"),
		packet(4, "\u0002ab", Buffer.of(0xfb)),
		packet(5, Buffer.from("fe000002000000", "hex")),
	]);
	const old = Buffer.concat([
		packet(1, "\u0002"),
		packet(2, "\u0003def"),
		packet(3, "\u0003def"),
		packet(4, Buffer.from("fe00000200", "hex")),
		packet(5, "\u0002ab", Buffer.of(0xfb)),
		packet(6, Buffer.from("fe00000200", "hex")),
	]);
	for (const answer of [modern, old]) {
		for (let at = 1; at < answer.length; at++) {
			const own = new MysqlOwnQuery("SELECT 1");
			const first = own.receive(answer.subarray(0, at));
			t.same(first ?? own.receive(answer.subarray(at)), { rows: [["ab", null]] });
		}
	}
	const answer = (...packets: Buffer[]) => new MysqlOwnQuery("SELECT 1").receive(Buffer.concat(packets));
	t.same(answer(packet(1, OK)), { rows: [] });
	t.same(answer(packet(1, Buffer.from([0xff, 0x28, 0x04]), "#42000bad")), { error: "bad (1064, 42000)" });
	t.match(answer(packet(1, Buffer.from([0xfb]), "/etc/passwd")), { error: /file/ });
	t.match(answer(packet(1, OK), packet(2, OK)), { error: /more/ });
	t.match(answer(packet(2, OK)), { error: /malformed/ });
	t.match(answer(packet(1, "\u0001"), packet(2, "d"), packet(3, "\u0005ab")), { error: /malformed/ });
	t.match(answer(packet(1, "\u0001"), packet(2, "d"), packet(3, "\u0001ab")), { error: /malformed/ });
	fc.assert(
		fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 }), (payloads) => {
			answer(...payloads.map((payload, at) => packet(at + 1, Buffer.from(payload))));
		}),
	);
});
