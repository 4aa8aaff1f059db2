/** The first packets of a connection, the login of a client, and our login at an upstream. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { ClientLogin } from "../../src/protocols/postgres/client-login.js";
import { makeVerifier, mockVerifier } from "../../src/protocols/postgres/scram.js";
import { negotiateVersion, parseOptions, readStartup } from "../../src/protocols/postgres/startup.js";
import {
	UpstreamLogin,
	type UpstreamLoginEvent,
	type UpstreamLoginOptions,
} from "../../src/protocols/postgres/upstream-login.js";
import {
	cancelRequest,
	gssRequest,
	int32,
	message,
	PROTOCOL_3_2,
	password,
	split,
	sslRequest,
	startup,
	text,
} from "../helpers/wire.js";

t.test("a startup packet, whole and at every cut", async (t) => {
	const packet = startup({ user: "älice", database: "shop", options: "-c geqo=off", "_pq_.x": "" }, PROTOCOL_3_2);
	const followed = Buffer.concat([packet, Buffer.from("Q")]);
	const read = readStartup(followed);
	t.equal(read.kind, "startup");
	if (read.kind !== "startup") return;
	t.same([read.major, read.minor, read.bytes], [3, 2, packet.length]);
	t.same(
		[...read.parameters],
		[
			["user", "älice"],
			["database", "shop"],
			["options", "-c geqo=off"],
			["_pq_.x", ""],
		],
	);
	for (let length = 0; length < packet.length; length++) {
		if (readStartup(packet.subarray(0, length)).kind !== "incomplete") t.fail(`${length} bytes are enough`);
	}
});

function raw(body: string, length = body.length + 8, code = 196608): Buffer {
	return Buffer.concat([int32(length), int32(code), Buffer.from(body, "latin1")]);
}

t.test("startup packets that the server would refuse", async (t) => {
	const cases: Readonly<Record<string, Buffer>> = {
		"length zero": Buffer.alloc(8),
		"length seven": raw("", 7),
		"a length beyond the bound": Buffer.from("ffffffff", "hex"),
		"an HTTP request": Buffer.from("GET / HTTP/1.1\r\n\r\n"),
		"a TLS hello": Buffer.from("16030100f1010000ed0303", "hex"),
		"no terminator": raw("user\0alice\0"),
		"a value missing": raw("user\0\0", 8 + 5),
		"a name unterminated": raw("user"),
		"bytes after the terminator": raw("user\0alice\0\0x"),
		"no parameters and no terminator": raw(""),
		"not UTF-8": raw("user\0\xff\0\0"),
		"an encryption request with a body": raw("x", 9, 80877103),
		"a cancel request without a key": raw("\0\0\0\x01", 12, 80877102),
		"a cancel key of 257 bytes": raw("k".repeat(261), 269, 80877102),
	};
	for (const [name, packet] of Object.entries(cases)) t.equal(readStartup(packet).kind, "malformed", name);
	const odd = readStartup(raw("user\0alice\0database\0\0"));
	t.equal(odd.kind, "malformed", "a name and the packet's terminator for its value");
	const twice = readStartup(raw("user\0mallory\0geqo\0on\0user\0alice\0\0"));
	t.same(
		twice.kind === "startup" && [...twice.parameters],
		[
			["geqo", "on"],
			["user", "alice"],
		],
		"the last value holds",
	);
	const empty = readStartup(raw("\0"));
	t.equal(empty.kind === "startup" && empty.parameters.size, 0, "no parameters at all");
	t.equal(readStartup(startup({ user: "x".repeat(500) }), 512).kind, "malformed", "a bound of the caller's");
	const old = readStartup(raw("anything", 16, 0x0002_0000));
	t.match(old, { kind: "startup", major: 2, minor: 0 }, "another major version is told, not read");
});

t.test("encryption and cancel requests", async (t) => {
	t.same(readStartup(Buffer.concat([sslRequest, Buffer.from("rest")])), { kind: "ssl", bytes: 8 });
	t.same(readStartup(gssRequest), { kind: "gss", bytes: 8 });
	for (const length of [4, 32, 256]) {
		const secret = Buffer.alloc(length, 9);
		const packet = cancelRequest(-5, secret);
		t.same(readStartup(packet), { kind: "cancel", processId: -5, secret, bytes: packet.length });
	}
	t.equal(readStartup(cancelRequest(1, Buffer.alloc(3))).kind, "malformed");
});

t.test("no bytes make the reader of first packets throw", async () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, framed) => {
			const buffer = Buffer.from(bytes);
			if (framed && buffer.length >= 8) {
				buffer.writeUInt32BE(buffer.length, 0);
				buffer.writeUInt32BE(196608, 4);
			}
			const read = readStartup(buffer);
			if (read.kind === "startup" && read.bytes > buffer.length) throw new Error("read beyond the end");
		}),
		{ numRuns: 2000 },
	);
});

t.test("the protocol version is negotiated down", async (t) => {
	t.equal(negotiateVersion(0, []), undefined);
	t.equal(negotiateVersion(2, []), undefined);
	const grease = negotiateVersion(9999, ["_pq_.test_protocol_negotiation"]);
	t.same(grease, message("v", int32(PROTOCOL_3_2), int32(1), text("_pq_.test_protocol_negotiation")));
	t.same(negotiateVersion(3, []), message("v", int32(PROTOCOL_3_2), int32(0)));
	t.same(
		negotiateVersion(0, ["_pq_.a", "_pq_.b"]),
		message("v", int32(196608), int32(2), text("_pq_.a"), text("_pq_.b")),
	);
});

t.test("options as on the server's command line", async (t) => {
	const good: Readonly<Record<string, Record<string, string>>> = {
		"": {},
		"  ": {},
		"-c geqo=off": { geqo: "off" },
		"-cgeqo=off": { geqo: "off" },
		"--geqo=off --statement-timeout=5s": { geqo: "off", statement_timeout: "5s" },
		"-c search_path=a,\\ b": { search_path: "a, b" },
		"-c a.b=x\\\\y=z": { "a.b": "x\\y=z" },
		"-c TimeZone=UTC --timezone=CET": { timezone: "CET" },
		"\t-c\nx-y=1-2": { x_y: "1-2" },
		"-c -x=1": { _x: "1" },
		"-c x=": { x: "" },
		"-c x=1\\": { x: "1" },
	};
	for (const [options, expected] of Object.entries(good)) {
		const parsed = parseOptions(options);
		t.same(parsed.kind === "options" && Object.fromEntries(parsed.options), expected, JSON.stringify(options));
	}
	const bad = ["-c", "-c x", "--x", "--", "-", "x=1", "-O", "-P", "-S 64", "-d 5", "-W 1", "-c =1", "--=1", "-c x=1 y"];
	for (const options of bad) t.equal(parseOptions(options).kind, "malformed", options);
});

const verifier = makeVerifier("s3cret", Buffer.alloc(16, 1));

function upstream(options: Partial<UpstreamLoginOptions> = {}): UpstreamLogin {
	return new UpstreamLogin({
		username: "app",
		password: "s3cret",
		database: "shop",
		parameters: new Map(),
		nonce: "client-nonce",
		allowCleartext: true,
		...options,
	});
}

const ok = message("R", int32(0));
const ready = message("Z", "I");

function send(events: readonly UpstreamLoginEvent[]): Buffer {
	const [event] = events;
	if (event?.kind !== "send" || events.length !== 1) throw new Error(`expected one answer: ${JSON.stringify(events)}`);
	return event.bytes;
}

/** Our client login against our upstream login, the upstream's bytes in chunks of a size. */
function loginBothWays(secret: string, binding: Buffer | undefined, chunkBytes: number): string {
	const server = new ClientLogin({ verifier, nonce: "server-nonce", channelBinding: binding });
	const client = upstream({ password: secret, channelBinding: binding });
	let toClient = server.start();
	for (let turn = 0; turn < 5; turn++) {
		let answer: Buffer | undefined;
		for (let at = 0; at < toClient.length; at += chunkBytes) {
			const events = client.receive(toClient.subarray(at, at + chunkBytes));
			for (const event of events) {
				if (event.kind === "send") answer = event.bytes;
				else if (event.kind === "ready") return "in";
				else return event.kind;
			}
		}
		const [frame] = split(answer ?? Buffer.alloc(0)).messages;
		if (frame === undefined) return "silence";
		const step = server.receive(frame.type.charCodeAt(0), frame.body);
		if (step.kind === "failed") return step.reason;
		toClient = step.kind === "authenticated" ? Buffer.concat([step.bytes, ready]) : step.bytes;
	}
	return "no end";
}

t.test("a client logs in", async (t) => {
	const binding = Buffer.alloc(32, 4);
	for (const chunkBytes of [1, 2, 7, 1000]) {
		t.equal(loginBothWays("s3cret", undefined, chunkBytes), "in");
		t.equal(loginBothWays("s3cret", binding, chunkBytes), "in");
		t.equal(loginBothWays("wrong", binding, chunkBytes), "wrong password");
	}
	const start = (channelBinding?: Buffer) => new ClientLogin({ verifier, nonce: "n", channelBinding }).start();
	t.same(start(), message("R", int32(10), "SCRAM-SHA-256\0\0"));
	t.same(start(binding), message("R", int32(10), "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"));
});

t.test("a client that does not follow the login fails", async (t) => {
	const initial = Buffer.concat([text("SCRAM-SHA-256"), int32(9), Buffer.from("n,,n=,r=a")]);
	const fresh = () => new ClientLogin({ verifier: mockVerifier("nobody", Buffer.alloc(8)), nonce: "n" });
	t.equal(fresh().receive(0x70, initial).kind, "send");
	t.equal(fresh().receive(0x51, initial).kind, "failed", "a query instead");
	for (let length = 0; length < initial.length; length++) {
		if (fresh().receive(0x70, initial.subarray(0, length)).kind !== "failed") t.fail(`${length} bytes are enough`);
	}
	const noResponse = Buffer.concat([text("SCRAM-SHA-256"), int32(-1)]);
	t.equal(fresh().receive(0x70, noResponse).kind, "failed", "no initial response");
	const login = fresh();
	login.receive(0x70, initial);
	t.equal(login.receive(0x70, Buffer.from("c=biws,r=an,p=AAAA")).kind, "failed");
	t.match(login.receive(0x70, initial), { kind: "failed", reason: "the login is over" }, "no second try");
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (first, second) => {
			const machine = fresh();
			machine.receive(0x70, Buffer.from(first));
			const last = machine.receive(0x70, Buffer.from(second));
			if (last.kind === "authenticated") throw new Error("entered");
		}),
	);
});

t.test("our startup packet", async (t) => {
	const login = upstream({
		parameters: new Map([
			["client_encoding", "UTF8"],
			["user", "someone-else"],
		]),
	});
	const packet = login.start();
	t.same(packet, startup({ client_encoding: "UTF8", user: "app", database: "shop" }), "the user is the configured one");
	t.equal(readStartup(packet).kind, "startup");
	t.throws(() => upstream({ parameters: new Map([["application_name", "x\0role\0postgres"]]) }).start(), RangeError);
});

t.test("trust, cleartext and MD5", async (t) => {
	t.same(upstream({ password: undefined }).receive(ok), []);
	t.same(send(upstream().receive(message("R", int32(3)))), password("s3cret"));
	const salt = Buffer.from([1, 2, 3, 4]);
	const md5 = (...parts: (string | Buffer)[]) =>
		parts.reduce((hash, part) => hash.update(part), createHash("md5")).digest("hex");
	const expected = `md5${md5(md5("s3cretapp"), salt)}`;
	t.same(send(upstream().receive(message("R", int32(5), salt))), password(expected));
});

t.test("what an upstream may not ask for", async (t) => {
	const cases: readonly (readonly [string, Buffer | readonly Buffer[], Partial<UpstreamLoginOptions>, RegExp])[] = [
		["cleartext in the open", message("R", int32(3)), { allowCleartext: false }, /clear text/],
		["a password that is not there", message("R", int32(5), "salt"), { password: undefined }, /none is configured/],
		["a password with a NUL", message("R", int32(3)), { password: "a\0b" }, /NUL/],
		["a second password", [message("R", int32(3)), message("R", int32(3))], {}, /out of order/],
		["GSSAPI", message("R", int32(7)), {}, /GSSAPI, which is not supported/],
		["SSPI", message("R", int32(9)), {}, /SSPI, which is not supported/],
		["Kerberos", message("R", int32(2)), {}, /Kerberos V5, which is not supported/],
		["something new", message("R", int32(99)), {}, /method 99, which is not supported/],
		["SASL that we do not speak", message("R", int32(10), "OAUTHBEARER\0\0"), {}, /no SASL mechanism/],
		["PLUS alone without TLS", message("R", int32(10), "SCRAM-SHA-256-PLUS\0\0"), {}, /no SASL mechanism/],
		["an unterminated list", message("R", int32(10), "SCRAM-SHA-256\0"), {}, /malformed/],
		["entry in the midst of SCRAM", [message("R", int32(10), "SCRAM-SHA-256\0\0"), ok], {}, /out of order/],
		["SCRAM that never began", message("R", int32(11), "r=x"), {}, /out of order/],
		["a final message alone", message("R", int32(12), "v=x"), {}, /out of order/],
		["a session before the login", message("S", "a\0b\0"), {}, /out of order/],
		["readiness before the login", ready, {}, /out of order/],
		["an older protocol", message("v", int32(196608), int32(0)), {}, /3\.0/],
		["rows", [ok, message("D", "\0\0")], {}, /out of order/],
		["a status of no meaning", [ok, message("Z", "X")], {}, /malformed/],
		["a cancel key of three bytes", [ok, message("K", int32(1), "abc")], {}, /malformed/],
		["a setting cut short", [ok, message("S", "a\0")], {}, /malformed/],
		["a short salt", message("R", int32(5), "abc"), {}, /malformed/],
		["a message without a code", message("R"), {}, /malformed/],
		["a length below its own size", Buffer.from("R\0\0\0\x03", "latin1"), {}, /malformed/],
		["a length beyond the bound", Buffer.from("R\x7f\xff\xff\xff", "latin1"), {}, /malformed/],
	];
	for (const [name, bytes, options, expected] of cases) {
		const login = upstream(options);
		const events = login.receive(Buffer.isBuffer(bytes) ? bytes : Buffer.concat(bytes));
		const last = events.at(-1);
		t.match(last?.kind === "protocol" ? last.message : JSON.stringify(last), expected, name);
		t.same(login.receive(Buffer.concat([ok, ready])), [], `${name}: nothing comes after it`);
	}
});

t.test("from AuthenticationOk to ReadyForQuery, in chunks of every size", async (t) => {
	const notice = message("N", "SNOTICE\0VNOTICE\0C00000\0Mhello\0\0");
	const secret = Buffer.from("abcd");
	const bytes = Buffer.concat([
		ok,
		message("S", text("server_version"), text("15.4")),
		notice,
		message("K", int32(-7), secret),
		message("Z", "T"),
	]);
	const expected: readonly UpstreamLoginEvent[] = [
		{ kind: "parameterStatus", name: "server_version", value: "15.4" },
		{ kind: "notice", frame: notice },
		{ kind: "backendKey", processId: -7, secret },
		{ kind: "ready", status: 0x54, rest: Buffer.alloc(0) },
	];
	for (let size = 1; size <= bytes.length; size++) {
		const login = upstream();
		const events: UpstreamLoginEvent[] = [];
		for (let at = 0; at < bytes.length; at += size) {
			// A socket's buffer is used again for the next chunk.
			const chunk = Buffer.from(bytes.subarray(at, at + size));
			events.push(...login.receive(chunk));
			chunk.fill(0xee);
		}
		t.same(events, expected, `chunks of ${size}`);
	}
	const rest = message("A", int32(1), "c\0p\0");
	t.match(
		upstream()
			.receive(Buffer.concat([ok, ready, rest]))
			.at(-1),
		{ kind: "ready", rest },
		"bytes after it are kept",
	);
});

t.test("an upstream that refuses", async (t) => {
	const frame = message("E", "SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0");
	const login = upstream();
	t.match(login.receive(Buffer.concat([frame, ok, ready])), [
		{ kind: "error", fields: { severity: "FATAL", code: "28P01" }, frame },
	]);
	t.same(login.receive(ok), []);
	const lying = upstream();
	const offer = message("R", int32(10), "SCRAM-SHA-256\0\0");
	const [first] = split(send(lying.receive(offer))).messages;
	t.match(first?.body.toString("latin1"), /^SCRAM-SHA-256\0\0\0\0.n,,n=,r=client-nonce$/s);
	send(lying.receive(message("R", int32(11), "r=client-nonceX,s=AAAA,i=4096")));
	const wrong = lying.receive(message("R", int32(12), `v=${Buffer.alloc(32).toString("base64")}`));
	t.match(wrong, [{ kind: "protocol", message: /signature is wrong/ }], "a server that does not know the password");
});

t.test("no bytes make the upstream login throw, nor is anybody in without AuthenticationOk", async () => {
	const anyFrame = fc
		.tuple(fc.constantFrom("R", "S", "K", "Z", "E", "N", "v", "D"), fc.uint8Array({ maxLength: 24 }))
		.map(([type, body]) => message(type, Buffer.from(body)));
	const authFrame = fc
		.tuple(
			fc.constantFrom(3, 5, 7, 10, 11, 12),
			fc.constantFrom("", "salt", "SCRAM-SHA-256\0\0", "r=client-nonce1,s=AAAA,i=1"),
		)
		.map(([code, body]) => message("R", int32(code), body));
	const noise = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes));
	fc.assert(
		fc.property(
			fc.array(fc.oneof(anyFrame, authFrame, noise), { maxLength: 6 }),
			fc.integer({ min: 1, max: 40 }),
			(frames, size) => {
				const bytes = Buffer.concat(frames);
				const login = upstream();
				for (let at = 0; at < bytes.length; at += size) {
					for (const event of login.receive(bytes.subarray(at, at + size))) {
						if (event.kind === "ready" && !bytes.includes(ok)) throw new Error("in without AuthenticationOk");
					}
				}
			},
		),
		{ numRuns: 2000 },
	);
});
