/** SCRAM-SHA-256 (RFC 5802, RFC 7677), channel binding (RFC 5929) and certificate hashes. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import {
	certificateHash,
	formatVerifier,
	makeVerifier,
	mockVerifier,
	parseVerifier,
	SCRAM,
	SCRAM_PLUS,
	ScramClient,
	ScramServer,
	type ScramStep,
} from "../../src/protocols/postgres/scram.js";
import { certificates } from "./certificates.js";

const latin1 = (text: string) => Buffer.from(text, "latin1");

function textOf(step: ScramStep): string {
	return step.kind === "message" ? step.message.toString("latin1") : `failed: ${step.reason}`;
}

/** RFC 7677, chapter 3. */
const vector = {
	salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"),
	serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	clientFinal:
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

function vectorServer(channelBinding?: Buffer): ScramServer {
	return new ScramServer({
		verifier: makeVerifier("pencil", vector.salt),
		nonce: vector.serverNonce,
		channelBinding,
	});
}

t.test("the server role follows the RFC's exchange", async (t) => {
	const server = vectorServer();
	t.equal(textOf(server.first(SCRAM, latin1(vector.clientFirst))), vector.serverFirst);
	t.equal(textOf(server.final(latin1(vector.clientFinal))), vector.serverFinal);
	t.match(textOf(server.final(latin1(vector.clientFinal))), /out of order/, "a final message counts once");
});

t.test("every changed byte of the client's final message fails", async (t) => {
	const bytes = latin1(vector.clientFinal);
	for (let at = 0; at < bytes.length; at++) {
		const server = vectorServer();
		server.first(SCRAM, latin1(vector.clientFirst));
		const changed = Buffer.from(bytes);
		changed[at] = (changed[at] ?? 0) ^ 1;
		if (server.final(changed).kind !== "failed") t.fail(`byte ${at} does not matter`);
	}
	for (let length = 0; length < bytes.length; length++) {
		const server = vectorServer();
		server.first(SCRAM, latin1(vector.clientFirst));
		if (server.final(bytes.subarray(0, length)).kind !== "failed") t.fail(`${length} bytes are enough`);
	}
});

t.test("the GS2 header must fit what was offered", async (t) => {
	const binding = Buffer.alloc(32, 7);
	const rest = "n=,r=abc";
	const cases: readonly (readonly [string, string, boolean, RegExp])[] = [
		[SCRAM, `n,,${rest}`, false, /^r=abc/],
		[SCRAM, `y,,${rest}`, false, /^r=abc/],
		[SCRAM, `p=tls-server-end-point,,${rest}`, false, /failed/],
		[SCRAM_PLUS, `p=tls-server-end-point,,${rest}`, false, /not offered/],
		[SCRAM, `n,,${rest}`, true, /^r=abc/],
		[SCRAM, `y,,${rest}`, true, /believes that the server does not/],
		[SCRAM_PLUS, `p=tls-server-end-point,,${rest}`, true, /^r=abc/],
		[SCRAM_PLUS, `p=tls-unique,,${rest}`, true, /does not fit/],
		[SCRAM_PLUS, `n,,${rest}`, true, /does not fit/],
		[SCRAM_PLUS, `y,,${rest}`, true, /does not fit/],
		["SCRAM-SHA-1", `n,,${rest}`, true, /not offered/],
		[SCRAM, `n,a=admin,${rest}`, false, /authorization identity/],
		[SCRAM, `n,,m=ext,${rest}`, false, /malformed/],
		[SCRAM, "n,,n=,r=", false, /malformed/],
		[SCRAM, "n,,n=,r=a\x01", false, /malformed/],
		[SCRAM, "x,,n=,r=a", false, /malformed/],
		[SCRAM, "", false, /malformed/],
	];
	for (const [mechanism, first, offered, expected] of cases) {
		const server = vectorServer(offered ? binding : undefined);
		t.match(textOf(server.first(mechanism, latin1(first))), expected, `${mechanism} ${first} ${offered}`);
	}
});

interface Run {
	readonly password: string;
	readonly server: ScramServer;
	readonly binding?: Buffer | undefined;
	readonly offered?: readonly string[];
}

/** Both roles against each other; answers how it ended. */
function exchange({ password, server, binding, offered = server.mechanisms }: Run): string {
	const client = new ScramClient({ password, nonce: "client+nonce", channelBinding: binding, offered });
	const first = server.first(client.mechanism ?? "", client.first());
	if (first.kind === "failed") return first.reason;
	const response = client.respond(first.message);
	if (response.kind === "failed") return response.reason;
	const final = server.final(response.message);
	if (final.kind === "failed") return final.reason;
	return client.verify(final.message) ?? `in by ${client.mechanism}`;
}

t.test("both roles agree, with and without channel binding", async (t) => {
	const verifier = makeVerifier("s3cret", Buffer.alloc(16, 1));
	const binding = Buffer.alloc(32, 7);
	const plain = () => new ScramServer({ verifier, nonce: "server" });
	const bound = () => new ScramServer({ verifier, nonce: "server", channelBinding: binding });
	t.equal(exchange({ password: "s3cret", server: plain() }), `in by ${SCRAM}`);
	t.equal(exchange({ password: "wrong", server: plain() }), "wrong password");
	t.equal(exchange({ password: "s3cret", server: bound(), binding }), `in by ${SCRAM_PLUS}`);
	t.equal(exchange({ password: "s3cret", server: bound() }), `in by ${SCRAM}`, "a client without TLS data");
	t.equal(exchange({ password: "s3cret", server: plain(), binding }), `in by ${SCRAM}`, "a server without PLUS");
	const other = Buffer.alloc(32, 8);
	t.match(exchange({ password: "s3cret", server: bound(), binding: other }), /channel binding/, "a man in the middle");
	const stripped = exchange({ password: "s3cret", server: bound(), binding, offered: [SCRAM] });
	t.match(stripped, /believes that the server does not/, "the offer was stripped on the way");
});

t.test("an unknown user's exchange is like any other until it fails", async (t) => {
	const secret = Buffer.alloc(32, 3);
	const mock = mockVerifier("nobody", secret);
	t.same(mock, mockVerifier("nobody", secret), "the same each time");
	t.notSame(mock.salt, mockVerifier("somebody", secret).salt);
	t.equal(mock.iterations, makeVerifier("x", Buffer.alloc(16)).iterations);
	const server = new ScramServer({ verifier: mock, nonce: "server" });
	t.equal(exchange({ password: "anything", server }), "wrong password");
});

t.test("passwords are prepared as the server prepares them", async (t) => {
	// Soft hyphen maps to nothing, a roman numeral to its letters, a no-break space to a space (RFC 4013, chapter 3).
	const pairs: readonly (readonly [string, string])[] = [
		["I\u00adX", "IX"],
		["\u2168", "IX"],
		["a\u00a0b", "a b"],
		["\u00aa", "a"],
	];
	const salt = Buffer.alloc(16, 5);
	for (const [left, right] of pairs) t.same(makeVerifier(left, salt), makeVerifier(right, salt), left);
	// Prohibited, mixed direction, nothing left: taken as they are.
	for (const raw of ["é\u0007", "\u0627\u0031", "\u00ad"]) {
		t.equal(
			exchange({ password: raw, server: new ScramServer({ verifier: makeVerifier(raw, salt), nonce: "n" }) }),
			`in by ${SCRAM}`,
		);
	}
	t.notSame(makeVerifier("\u0007", salt), makeVerifier("", salt));
});

t.test("the client refuses what does not prove the server", async (t) => {
	const start = () => new ScramClient({ password: "pencil", nonce: "abc", offered: [SCRAM] });
	t.equal(new ScramClient({ password: "p", nonce: "abc", offered: ["SCRAM-SHA-1"] }).mechanism, undefined);
	const firsts: readonly (readonly [string, RegExp])[] = [
		["r=abcdef,s=AAAA,i=4096", /^c=biws,r=abcdef,p=/],
		["r=abc,s=AAAA,i=4096", /nonce/],
		["r=xbcdef,s=AAAA,i=4096", /nonce/],
		["r=abcdef,s=,i=4096", /malformed/],
		["r=abcdef,s=*,i=4096", /malformed/],
		["r=abcdef,s=AAAA,i=0", /malformed/],
		["r=abcdef,s=AAAA,i=4096x", /malformed/],
		["r=abcdef,s=AAAA,i=2000000000", /too many/],
		["m=x,r=abcdef,s=AAAA,i=4096", /malformed/],
		["", /malformed/],
	];
	for (const [message, expected] of firsts) t.match(textOf(start().respond(latin1(message))), expected, message);
	t.match(start().verify(latin1("v=AAAA")), /malformed/, "before the exchange");
	const client = start();
	client.respond(latin1("r=abcdef,s=AAAA,i=4096"));
	t.match(client.verify(latin1(`v=${Buffer.alloc(32).toString("base64")}`)), /signature is wrong/);
	const refused = start();
	refused.respond(latin1("r=abcdef,s=AAAA,i=4096"));
	t.match(refused.verify(latin1("e=other-error")), /refuses: other-error/);
	t.throws(() => new ScramClient({ password: "p", nonce: "a,b", offered: [SCRAM] }), RangeError);
	t.throws(() => new ScramServer({ verifier: makeVerifier("p", Buffer.alloc(4)), nonce: "" }), RangeError);
});

t.test("verifiers survive their text form", async (t) => {
	const verifier = makeVerifier("pencil", vector.salt);
	const text = formatVerifier(verifier);
	t.equal(
		text,
		"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
	);
	t.same(parseVerifier(text), verifier);
	for (const wrong of ["", "md5abc", text.slice(0, -1), text.replace("4096", "0"), `${text}x`]) {
		t.equal(parseVerifier(wrong), undefined, wrong);
	}
});

t.test("no bytes make a machine throw", async () => {
	const any = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
	const likely = fc
		.array(fc.constantFrom("n", "y", "p=", ",", "r=", "a", "c=", "s=", "i=1", "AAAA", "=", "v=", "\xff"), {
			maxLength: 12,
		})
		.map((parts) => latin1(parts.join("")));
	fc.assert(
		fc.property(fc.oneof(any, likely), fc.oneof(any, likely), (first, second) => {
			const server = new ScramServer({ verifier: mockVerifier("u", Buffer.alloc(1)), nonce: "n" });
			server.first(SCRAM, first);
			if (server.final(second).kind !== "failed") throw new Error("entered");
			const client = new ScramClient({ password: "", nonce: "n", offered: [SCRAM] });
			client.respond(first);
			if (client.verify(second) === undefined) throw new Error("believed");
		}),
		{ numRuns: 1000 },
	);
});

t.test("a certificate is hashed with its signature's own function", async (t) => {
	const expected: readonly (readonly [keyof typeof certificates, string | undefined])[] = [
		["ecdsaSha512", "sha512"],
		["ecdsaSha1", "sha256"],
		["ed25519", undefined],
		["pssSha384", "sha384"],
		["pssSha1", "sha256"],
	];
	for (const [name, hash] of expected) {
		const der = Buffer.from(certificates[name], "base64");
		const wanted = hash === undefined ? undefined : createHash(hash).update(der).digest("hex");
		t.equal(certificateHash(der)?.toString("hex"), wanted, name);
		for (let length = 0; length < der.length; length++) {
			if (certificateHash(der.subarray(0, length)) !== undefined) t.fail(`${name} cut to ${length}`);
		}
	}
});

t.test("signature algorithms by their identifiers", async (t) => {
	// Certificate ::= SEQUENCE { tbsCertificate SEQUENCE {}, signatureAlgorithm SEQUENCE { OID, NULL }, signature BIT STRING }
	const certificate = (oid: string) => {
		const identifier = Buffer.from(oid, "hex");
		const algorithm = Buffer.concat([Buffer.from([0x06, identifier.length]), identifier, Buffer.from([0x05, 0x00])]);
		const content = Buffer.concat([
			Buffer.from([0x30, 0x00]),
			Buffer.from([0x30, algorithm.length]),
			algorithm,
			Buffer.from([0x03, 0x01, 0x00]),
		]);
		return Buffer.concat([Buffer.from([0x30, 0x81, content.length]), content]);
	};
	const identifiers: Readonly<Record<string, string | undefined>> = {
		"2a864886f70d010104": "sha256" /* md5WithRSAEncryption */,
		"2a864886f70d010105": "sha256" /* sha1WithRSAEncryption */,
		"2a864886f70d01010b": "sha256",
		"2a864886f70d01010c": "sha384",
		"2a864886f70d01010d": "sha512",
		"2a8648ce3d040302": "sha256" /* ecdsa-with-SHA256 */,
		"2a8648ce3d040303": "sha384",
		"2b6570": undefined /* Ed25519 */,
		"2a864886f70d010181": undefined /* cut in an arc */,
	};
	for (const [oid, hash] of Object.entries(identifiers)) {
		const der = certificate(oid);
		const wanted = hash === undefined ? undefined : createHash(hash).update(der).digest("hex");
		t.equal(certificateHash(der)?.toString("hex"), wanted, oid);
	}
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(3), (bytes, kind) => {
			const der = Buffer.from(bytes);
			if (kind > 0 && der.length > 2) der.set([0x30, der.length - 2], 0);
			certificateHash(der);
		}),
	);
});
