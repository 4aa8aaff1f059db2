/** The doors: what a client may say before it is let in, and what is believed of a server. Every case is bytes alone. */
import fc from "fast-check";
import t from "tap";
import type { DoorAction, UpstreamAction, UpstreamLoginSettings } from "../../src/protocols/engine.js";
import { PostgresClientDoor } from "../../src/protocols/postgres/client-door.js";
import { PostgresOwnQuery } from "../../src/protocols/postgres/own-query.js";
import { makeVerifier } from "../../src/protocols/postgres/scram.js";
import { PostgresUpstreamDoor } from "../../src/protocols/postgres/upstream-door.js";
import {
	cancelRequest,
	errorFields,
	gssRequest,
	int16,
	int32,
	message,
	query,
	split,
	sslRequest,
	startup,
	text,
} from "../helpers/wire.js";

type Tls = "none" | "offered" | "required";

const door = (tls: Tls = "offered", isSecured = false) => new PostgresClientDoor({ tls, isSecured });
const kinds = (actions: readonly DoorAction[]): string =>
	actions
		.map((action) => {
			if (action.kind === "send")
				return action.bytes.length === 1 ? action.bytes.toString("latin1") : String.fromCharCode(action.bytes[0] ?? 0);
			if (action.kind === "refuse")
				return `refuse:${errorFields(split(action.bytes).messages[0] ?? { type: "E", body: Buffer.alloc(0) }).C}`;
			return action.kind;
		})
		.join(" ");

const hello = (more: Record<string, string> = {}, protocol?: number) =>
	startup({ user: "alice", database: "shop", ...more }, protocol);

t.test("encryption requests", async (t) => {
	t.equal(kinds(door().receive(sslRequest)), "S startTls");
	t.equal(kinds(door("none").receive(sslRequest)), "N");
	for (const tls of ["none", "offered", "required"] as const) {
		t.equal(
			kinds(door(tls).receive(Buffer.concat([sslRequest, hello()]))),
			"refuse:08P01",
			`nothing behind an SSLRequest: ${tls}`,
		);
		t.equal(kinds(door(tls).receive(Buffer.concat([gssRequest, hello()]))), "refuse:08P01");
	}
	const both = door();
	t.equal(kinds(both.receive(gssRequest)), "N");
	t.equal(kinds(both.receive(sslRequest)), "S startTls");
	both.secured(undefined);
	t.equal(kinds(both.receive(hello())), "identify");
	const twice = door("none");
	twice.receive(sslRequest);
	t.equal(kinds(twice.receive(sslRequest)), "refuse:08P01");
	t.equal(kinds(door("offered", true).receive(sslRequest)), "refuse:08P01", "no TLS within TLS");
	t.equal(kinds(door("offered", true).receive(gssRequest)), "refuse:08P01");
	t.equal(kinds(door("required").receive(hello())), "refuse:28000");
	t.equal(kinds(door("required", true).receive(hello())), "identify");
	t.equal(kinds(door("required").receive(cancelRequest(1, Buffer.alloc(4)))), "cancel", "as a server takes it");
});

t.test("versions and lengths", async (t) => {
	const negotiated = door();
	const [answer] = negotiated.receive(hello({ "_pq_.grease": "1" }, 0x0003270f));
	t.same(answer?.kind === "send" && answer.bytes, message("v", int32(0x00030002), int32(1), text("_pq_.grease")));
	t.equal(negotiated.secretBytes, 32);
	const newest = door();
	t.equal(kinds(newest.receive(hello({}, 0x00030002))), "identify");
	t.equal(newest.secretBytes, 32);
	const old = door();
	old.receive(hello());
	t.equal(old.secretBytes, 4);
	t.equal(kinds(door().receive(hello({}, 0x00020000))), "refuse:0A000");
	t.equal(kinds(door().receive(hello({}, 0x00040000))), "refuse:0A000");
	t.equal(kinds(door().receive(int32(70_000))), "refuse:08P01", "refused by its length alone");
	t.equal(kinds(door().receive(Buffer.from("GET / HTTP/1.1\r\n"))), "refuse:08P01");
	t.equal(kinds(door().receive(int32(7))), "refuse:08P01");
	t.equal(kinds(door().receive(hello({ application_name: "x".repeat(60_000) }))), "identify");
	for (const bytes of [4, 32, 256]) {
		const [cancel] = door().receive(cancelRequest(7, Buffer.alloc(bytes, 1)));
		t.same(cancel, { kind: "cancel", key: `7:${"01".repeat(bytes)}` });
	}
	for (const bytes of [0, 3, 257])
		t.equal(kinds(door().receive(cancelRequest(7, Buffer.alloc(bytes)))), "refuse:08P01");
	const closed = door();
	closed.receive(int32(7));
	t.same(closed.receive(Buffer.alloc(1 << 20)), [], "what is refused hears and keeps nothing more");
});

t.test("parameters", async (t) => {
	const login = (more: Record<string, string>) => {
		const [action] = door().receive(hello(more));
		return action?.kind === "identify" ? action.login : kinds(action === undefined ? [] : [action]);
	};
	t.match(login({ application_name: "psql", DateStyle: "ISO" }), {
		username: "alice",
		database: "shop",
		application: "psql",
	});
	t.same(login({ options: "-c geqo=off --work-mem=1MB", GEQO: "on" }), {
		username: "alice",
		database: "shop",
		application: undefined,
		settings: new Map([
			["geqo", "on"],
			["work_mem", "1MB"],
		]),
	});
	t.equal(login({ options: "-f s" }), "refuse:42601");
	t.equal(login({ replication: "database" }), "refuse:0A000");
	t.equal(login({ replication: "true" }), "refuse:0A000");
	t.type(login({ replication: "false" }), "object");
	t.equal(login({ user: "" }), "refuse:28000");
	t.equal(
		kinds(door().receive(Buffer.concat([hello(), query("SELECT 1")]))),
		"refuse:08P01",
		"nothing before the login",
	);
});

t.test("a login byte by byte, and one that talks too much", async (t) => {
	const twice = { sha1Twice: Buffer.alloc(20), sha256Twice: Buffer.alloc(32) };
	const verifier = { ...twice, scramSha256: makeVerifier("secret", Buffer.alloc(16, 7)) };
	const fed = door();
	let seen = "";
	for (const byte of hello()) seen += kinds(fed.receive(Buffer.from([byte])));
	t.equal(seen, "identify");
	t.match(kinds(fed.verify(verifier, "abcdefghijklmnopqrstuvwx")), /^R$/);
	t.equal(kinds(fed.receive(query("SELECT 1"))), "refuse:28P01", "a query is no password");
	const long = door();
	long.receive(hello());
	long.verify(verifier, "abcdefghijklmnopqrstuvwx");
	t.equal(kinds(long.receive(Buffer.concat([Buffer.from("p"), int32(1 << 20)]))), "refuse:08P01");
	const eager = door();
	eager.receive(hello());
	t.equal(kinds(eager.receive(Buffer.alloc(70_000))), "refuse:08P01", "too much before it was asked");
});

t.test("any bytes at all", async (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
			fc.constantFrom<Tls>("none", "offered", "required"),
			(chunks, tls) => {
				const fuzzed = door(tls);
				for (const chunk of chunks) fuzzed.receive(Buffer.from(chunk));
			},
		),
	);
	t.pass("none is too much for it");
});

const settings: UpstreamLoginSettings = {
	username: "app",
	password: "secret",
	database: "shop",
	settings: new Map(),
	tls: "prefer",
	nonce: "abcdefghijklmnopqrstuvwx",
	isLocal: false,
};
const upKinds = (actions: readonly UpstreamAction[]): string => actions.map((action) => action.kind).join(" ");

t.test("the upstream's door", async (t) => {
	const asked = (tls: UpstreamLoginSettings["tls"], answer: string) => {
		const up = new PostgresUpstreamDoor({ ...settings, tls });
		const [ask] = up.start();
		t.same(ask, { kind: "send", bytes: sslRequest });
		return upKinds(up.receive(Buffer.from(answer, "latin1")));
	};
	for (const tls of ["prefer", "require", "verify-full"] as const) {
		t.equal(asked(tls, "S"), "startTls");
		t.equal(asked(tls, "S\u0016"), "failed", "anything behind the answer may be somebody else's");
		t.equal(asked(tls, "N"), tls === "prefer" ? "send" : "failed");
		t.equal(asked(tls, "NR"), "failed");
		t.equal(asked(tls, "E\0\0\0\u0010SERROR"), "failed");
	}
	const plain = new PostgresUpstreamDoor({ ...settings, tls: "disable" });
	t.equal(upKinds(plain.start()), "send");
	t.equal(upKinds(plain.receive(message("R", int32(3)))), "failed", "no password in clear over a network");
	const early = new PostgresUpstreamDoor(settings);
	t.equal(upKinds(early.receive(Buffer.from("S"))), "failed");
	const trusted = new PostgresUpstreamDoor({ ...settings, tls: "disable" });
	trusted.start();
	const [ready] = trusted.receive(
		Buffer.concat([
			message("R", int32(0)),
			message("S", text("server_version"), text("15")),
			message("K", int32(9), Buffer.from([1, 2, 3, 4])),
			message("Z", "I"),
			message("N", "rest"),
		]),
	);
	t.match(ready, {
		kind: "ready",
		upstream: {
			status: 0x49,
			rest: message("N", "rest"),
			cancelRequest: { kind: "message", bytes: cancelRequest(9, Buffer.from([1, 2, 3, 4])) },
		},
	});
	const refused = new PostgresUpstreamDoor({ ...settings, tls: "disable" });
	refused.start();
	t.match(refused.receive(message("E", "SFATAL\0C28P01\0Mno\0\0")), [{ kind: "failed", code: "28P01", message: "no" }]);
});

t.test("a query of our own, at each cut", async (t) => {
	const column = Buffer.concat([text("n"), int32(0), int16(0), int32(25), int16(65535), int32(-1), int16(0)]);
	const answer = Buffer.concat([
		message("T", int16(1), column),
		message("D", int16(1), int32(2), "ab"),
		message("D", int16(1), int32(-1)),
		message("C", text("SELECT 2")),
		message("Z", "I"),
	]);
	for (let at = 1; at < answer.length; at++) {
		const own = new PostgresOwnQuery("SELECT n");
		const first = own.receive(answer.subarray(0, at));
		const rows = first ?? own.receive(answer.subarray(at));
		t.same(rows, { rows: [["ab"], [null]] });
	}
	const own = new PostgresOwnQuery("SELECT n");
	t.same(
		own.receive(message("E", "SFATAL\0VFATAL\0C57P01\0Mbye\0\0")),
		{ error: "bye" },
		"no more comes after a FATAL",
	);
});
