/**
 * The PostgreSQL codecs against real servers, old and new: our login by every method, the first packets as the server
 * reads them, values in both formats, and COPY's output.
 */
import { execFile } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import { promisify } from "node:util";
import pg from "pg";
import t, { type Test } from "tap";
import { ClientLogin } from "../../src/protocols/postgres/client-login.js";
import { type CopyFormat, CopyMasker } from "../../src/protocols/postgres/copy.js";
import { encodeError, readErrorFields } from "../../src/protocols/postgres/errors.js";
import { emptyQueryResponse, readyForQuery, sslRequest, terminate } from "../../src/protocols/postgres/messages.js";
import { RowBuffer } from "../../src/protocols/postgres/rows.js";
import { certificateHash, makeVerifier, mockVerifier } from "../../src/protocols/postgres/scram.js";
import { negotiateVersion, parseOptions, readStartup } from "../../src/protocols/postgres/startup.js";
import { UpstreamLogin, type UpstreamLoginEvent } from "../../src/protocols/postgres/upstream-login.js";
import { decodeText, encodeText } from "../../src/protocols/postgres/values.js";
import { fixture } from "../helpers/project.js";
import { RawClient, type RawOptions, rawOptions } from "../helpers/raw-client.js";
import { LOGIN_PASSWORD, LOGIN_USERS, testServers } from "../helpers/servers.js";
import {
	bind,
	copyData,
	describe,
	execute,
	int32,
	message,
	parse,
	rowBytes,
	rowColumns,
	rowValues,
	split,
	startup,
	sync,
	text,
} from "../helpers/wire.js";

const servers = testServers();
const urls = { pg15: servers.pg15, pg18: servers.pg18 };

interface LoginOptions extends RawOptions {
	readonly overTls?: boolean;
	/** Channel binding data to use in place of the certificate's own. */
	readonly binding?: Buffer;
	readonly allowCleartext?: boolean;
}

function once(socket: Socket, event: string): Promise<unknown> {
	return new Promise((resolve, reject) => {
		socket.once(event, resolve);
		socket.once("error", reject);
	});
}

/** Opens TLS with the server's own certificate unchecked: what is tested here is the binding to it. */
async function secure(plain: Socket): Promise<TLSSocket> {
	plain.write(sslRequest());
	await once(plain, "data");
	const socket = connectTls({ socket: plain, rejectUnauthorized: false });
	await once(socket, "secureConnect");
	return socket;
}

/** Logs in with our machine; answers the events without what it sent, and the SASL mechanism that it chose. */
async function login(options: LoginOptions): Promise<{ events: UpstreamLoginEvent[]; mechanism: string | undefined }> {
	const plain = connect({ host: options.host ?? "127.0.0.1", port: options.port });
	await once(plain, "connect");
	const socket = options.overTls ? await secure(plain) : plain;
	const certificate = options.overTls ? certificateHash((socket as TLSSocket).getPeerCertificate().raw) : undefined;
	const machine = new UpstreamLogin({
		username: options.user ?? "postgres",
		password: options.password,
		database: options.database ?? "postgres",
		parameters: new Map([["application_name", "licet test"]]),
		nonce: randomBytes(18).toString("base64"),
		channelBinding: options.binding ?? certificate,
		allowCleartext: options.allowCleartext ?? true,
	});
	const events: UpstreamLoginEvent[] = [];
	let mechanism: string | undefined;
	socket.write(machine.start());
	await new Promise<void>((resolve, reject) => {
		socket.on("error", reject);
		socket.on("close", () => resolve());
		socket.on("data", (chunk: Buffer) => {
			for (const event of machine.receive(chunk)) {
				if (event.kind === "send") {
					mechanism ??= /^SCRAM[-A-Z0-9]*/.exec(event.bytes.toString("latin1", 5))?.[0];
					socket.write(event.bytes);
				} else events.push(event);
				if (event.kind === "ready") socket.end(terminate());
				else if (event.kind === "error" || event.kind === "protocol") socket.end();
			}
		});
	});
	return { events, mechanism };
}

for (const [name, url] of Object.entries(urls)) {
	const superuser = rawOptions(url);
	const as = (user: string) => ({ ...superuser, user, password: LOGIN_PASSWORD });

	t.test(`${name}: our login by every method`, async (t) => {
		const cases: readonly (readonly [string, LoginOptions, string | undefined])[] = [
			["trust", { ...superuser, user: LOGIN_USERS.trust }, undefined],
			["cleartext", as(LOGIN_USERS.cleartext), undefined],
			["MD5", as(LOGIN_USERS.md5), undefined],
			["SCRAM", superuser, "SCRAM-SHA-256"],
			["SCRAM bound to TLS", { ...superuser, overTls: true }, "SCRAM-SHA-256-PLUS"],
		];
		for (const [method, options, expected] of cases) {
			const { events, mechanism } = await login(options);
			t.equal(mechanism, expected, method);
			t.match(events.at(-1), { kind: "ready", status: 0x49 }, method);
			const settings = new Map(
				events.flatMap((each) => (each.kind === "parameterStatus" ? [[each.name, each.value]] : [])),
			);
			t.equal(settings.get("application_name"), "licet test");
			t.match(
				events.find((each) => each.kind === "backendKey"),
				{ processId: Number, secret: { length: 4 } },
			);
		}
	});

	t.test(`${name}: logins that fail`, async (t) => {
		for (const options of [superuser, as(LOGIN_USERS.md5), as(LOGIN_USERS.cleartext)]) {
			const { events } = await login({ ...options, password: "wrong" });
			t.match(events, [{ kind: "error", fields: { severity: "FATAL", code: "28P01" } }]);
		}
		const database = await login({ ...superuser, database: "no_such_database" });
		t.match(database.events.at(-1), { kind: "error", fields: { code: "3D000" } });
		const open = await login({ ...as(LOGIN_USERS.cleartext), allowCleartext: false });
		t.match(open.events, [{ kind: "protocol", message: /clear text/ }]);
		const between = await login({ ...superuser, overTls: true, binding: Buffer.alloc(32, 1) });
		t.match(between.events, [{ kind: "error", fields: { severity: "FATAL" } }], "bound to another certificate");
	});

	t.test(`${name}: options mean what we take them for`, async (t) => {
		const options =
			"-c search_path=a,\\ b --statement-timeout=5s -cgeqo=off -c my.value=x\\\\y --My-Name.x=1 -c geqo=on";
		const client = await RawClient.login({ ...superuser, parameters: { options } });
		t.teardown(() => client.destroy());
		const parsed = parseOptions(options);
		t.equal(parsed.kind, "options");
		if (parsed.kind !== "options") return;
		for (const [setting, value] of parsed.options) {
			const rows = (await client.query(`SHOW ${setting}`)).filter((each) => each.type === "D");
			t.same(rows.map(rowValues), [[value]], setting);
		}
	});

	t.test(`${name}: startup parameters given twice`, async (t) => {
		const twice = Buffer.concat([
			int32(196608),
			...[
				"user",
				"nobody",
				"geqo",
				"on",
				"database",
				superuser.database ?? "",
				"user",
				superuser.user ?? "",
				"geqo",
				"off",
				"",
			].map(text),
		]);
		const client = await RawClient.open(superuser);
		t.teardown(() => client.destroy());
		client.send(Buffer.concat([int32(twice.length + 4), twice]));
		await client.authenticate();
		const rows = (await client.query("SHOW geqo")).filter((each) => each.type === "D");
		t.same(rows.map(rowValues), [["off"]], "the last one holds");
	});

	t.test(`${name}: values in both formats`, (t) => compareValues(t, superuser));
	t.test(`${name}: COPY comes through unchanged where the mask changes nothing`, (t) => compareCopies(t, superuser));

	t.test(`${name}: an error's fields`, async (t) => {
		const client = await RawClient.login(superuser);
		t.teardown(() => client.destroy());
		const [error] = (await client.query("SELECT 1 FROM no_such_table")).filter((each) => each.type === "E");
		const fields = readErrorFields(message("E", error?.body ?? ""));
		t.match(fields, { severity: "ERROR", code: "42P01", position: "15", message: /no_such_table/, routine: String });
	});
}

t.test("pg18: NegotiateProtocolVersion is the server's own", async (t) => {
	const superuser = rawOptions(servers.pg18);
	const extension = "_pq_.test_protocol_negotiation";
	for (const minor of [2, 3, 9999]) {
		const client = await RawClient.open(superuser);
		t.teardown(() => client.destroy());
		client.send(startup({ user: superuser.user ?? "", database: "postgres", [extension]: "" }, (3 << 16) | minor));
		const first = await client.next();
		t.same(message(first.type, first.body), negotiateVersion(minor, [extension]), `3.${minor}`);
	}
});

/** SQL literals of types that masks know, over the edges of their ranges. */
const literals: readonly string[] = [
	"true",
	"'-32768'::int2",
	"'2147483647'::int4",
	"'-9223372036854775808'::int8",
	"'zoë 😀'::text",
	"'abc'::varchar(5)",
	"'abc'::char(5)",
	`'x'::"char"`,
	"'x'::name",
	...[
		"0",
		"-0",
		"0.1",
		"1e6",
		"999999",
		"123456.7",
		"1e-4",
		"1.2345e-5",
		"3.4028235e38",
		"1e-45",
		"NaN",
		"-Infinity",
	].map((each) => `'${each}'::float4`),
	...[
		"0",
		"-0",
		"0.1",
		"1e14",
		"1e15",
		"123456789012345.6",
		"1e-4",
		"1e-5",
		"1e100",
		"4.94065645841247e-324",
		"Infinity",
	].map((each) => `'${each}'::float8`),
	...["0", "0.00", "-1", "10000", "99999999.9999", "0.00010", "1e-20", "1e40", "-123456789.0123456789", "NaN"].map(
		(each) => `'${each}'::numeric`,
	),
	"'-Infinity'::numeric",
	"'Infinity'::numeric",
	"'12000'::numeric(10,2)",
	...[
		"2000-01-01",
		"1999-12-31",
		"2024-02-29",
		"0001-01-01",
		"0001-12-31 BC",
		"4714-11-24 BC",
		"5874897-12-31",
		"infinity",
		"-infinity",
	].map((each) => `'${each}'::date`),
	...[
		"2000-01-01",
		"1969-07-20 20:17:40.5",
		"4714-11-24 00:00:00 BC",
		"294276-12-31 23:59:59.999999",
		"infinity",
	].flatMap((each) => [`'${each}'::timestamp`, `'${each}'::timestamptz`]),
	"'2026-03-29 02:30:00+05:45'::timestamptz",
	"'0f0e0d0c-0b0a-0908-0706-050403020100'::uuid",
	`'{"a": [1, 2]}'::json`,
	`'{"a": [1, 2]}'::jsonb`,
];

async function compareValues(t: Test, superuser: RawOptions): Promise<void> {
	const client = await RawClient.login({ ...superuser, parameters: { DateStyle: "ISO, MDY", TimeZone: "UTC" } });
	t.teardown(() => client.destroy());
	const sql = `SELECT ${literals.join(", ")}`;
	const run = async (format: number) => {
		const steps = [parse(sql), bind({ resultFormats: [format] }), describe("P"), execute(), sync];
		const messages = await client.ask(...steps);
		const description = messages.find((each) => each.type === "T");
		const row = messages.find((each) => each.type === "D");
		if (description === undefined || row === undefined) throw new Error("no row");
		return { columns: rowColumns(description), cells: rowBytes(row) };
	};
	const inText = await run(0);
	const inBinary = await run(1);
	for (const [index, literal] of literals.entries()) {
		const type = inText.columns[index]?.type ?? 0;
		const shown = inText.cells[index]?.toString("utf8") ?? "";
		const sent = inBinary.cells[index] ?? Buffer.alloc(0);
		t.equal(decodeText(type, 1, sent), shown, literal);
		t.equal(encodeText(type, 0, shown)?.toString("utf8"), shown, `${literal} as text`);
		t.same(encodeText(type, 1, shown), sent, `${literal} in binary`);
	}
}

const nasty = `SELECT id, CASE WHEN id % 7 = 0 THEN NULL ELSE
	(ARRAY['plain', '', 'tab' || chr(9) || 'x', 'nl' || chr(10) || 'x', 'cr' || chr(13), E'back\\\\slash', '"quoted"', 'a,b;c|d', E'\\\\N',
	E'\\\\.', 'zoë 😀', '''', chr(8) || chr(11) || chr(12), 'NULL', ' '])[id % 15 + 1] END AS value, id * 10 AS ten
	FROM generate_series(0, 120) AS id`;

async function compareCopies(t: Test, superuser: RawOptions): Promise<void> {
	const client = await RawClient.login(superuser);
	t.teardown(() => client.destroy());
	const formats: readonly (readonly [string, CopyFormat, isForced?: boolean])[] = [
		["FORMAT text", { format: "text" }],
		["FORMAT text, DELIMITER '|', NULL 'NULL'", { format: "text", delimiter: "|", null: "NULL" }],
		["FORMAT csv", { format: "csv" }],
		["FORMAT csv, HEADER, DELIMITER ';', NULL 'NULL'", { format: "csv", header: true, delimiter: ";", null: "NULL" }],
		["FORMAT csv, QUOTE '''', ESCAPE E'\\\\', FORCE_QUOTE *", { format: "csv", quote: "'", escape: "\\" }, true],
		["FORMAT binary", { format: "binary" }],
	];
	for (const [options, format, quoted = false] of formats) {
		const frames = (await client.query(`COPY (${nasty}) TO STDOUT (${options})`)).filter((each) => each.type === "d");
		const sent = Buffer.concat(frames.map((each) => each.body));
		for (const chunkBytes of [1, 7, 100_000]) {
			const seen: string[] = [];
			const same = (value: string) => {
				seen.push(value);
				return value;
			};
			const column = (index: number, type: number) => ({
				index,
				mask: same,
				type,
				quoted,
				format: 0,
				typeModifier: -1,
			});
			const masker = new CopyMasker(format, [column(1, 25), column(2, 23)], 3);
			const target = new RowBuffer();
			for (let at = 0; at < sent.length; at += chunkBytes) {
				const frame = copyData(sent.subarray(at, at + chunkBytes));
				if (!masker.rewrite(frame, 0, frame.length, target)) t.fail(`${options}: refused at ${at}`);
			}
			t.ok(masker.finish(), options);
			t.equal(masker.rows, 121, options);
			const out: Buffer[] = [];
			for (let rest = target.take(); rest.length > 0; rest = rest.subarray(1 + rest.readUInt32BE(1))) {
				out.push(rest.subarray(5, 1 + rest.readUInt32BE(1)));
			}
			t.ok(Buffer.concat(out).equals(sent), `${options}, chunks of ${chunkBytes}`);
			// A NULL text of the statement's own, in text format, is seen as a value.
			const nulls = format.format === "text" && format.null !== undefined ? 0 : 18;
			t.equal(seen.length, 121 - nulls + 121, "each value but the NULLs was seen");
			t.ok(
				["tab\tx", "nl\nx", "back\\slash", '"quoted"', "zoë 😀", "\\."].every((value) => seen.includes(value)),
				options,
			);
		}
	}
}

const certificate = readFileSync(fixture("tls", "server.crt"));
const ourTls = { cert: certificate, key: readFileSync(fixture("tls", "server.key")) };
const ourHash = certificateHash(new X509Certificate(certificate).raw);

/** A listener that logs clients in with our machines and answers every query with nothing. */
class Doorman {
	private bytes: Buffer = Buffer.alloc(0);
	private login: ClientLogin | undefined;
	private entered = false;

	constructor(
		private socket: Socket,
		private readonly overTls: boolean,
		private readonly report: (line: string) => void,
	) {
		socket.on("error", () => {});
		socket.on("data", (chunk: Buffer) => this.receive(chunk));
	}

	private receive(chunk: Buffer): void {
		this.bytes = Buffer.concat([this.bytes, chunk]);
		if (this.login === undefined && !this.readFirst()) return;
		const { messages, rest } = split(this.bytes);
		this.bytes = Buffer.from(rest);
		for (const { type, body } of messages) {
			if (!this.entered) this.authenticate(type, body);
			else if (type === "Q") this.socket.write(Buffer.concat([emptyQueryResponse(), readyForQuery(0x49)]));
			else if (type === "X") this.socket.end();
		}
	}

	private readFirst(): boolean {
		const packet = readStartup(this.bytes);
		if (packet.kind === "ssl") {
			this.socket.removeAllListeners("data");
			this.socket.write("S");
			const secured = new TLSSocket(this.socket, { isServer: true, secureContext: createSecureContext(ourTls) });
			new Doorman(secured, true, this.report);
		}
		if (packet.kind !== "startup") return false;
		this.bytes = this.bytes.subarray(packet.bytes);
		const known = packet.parameters.get("user") === "alice";
		const verifier = known ? makeVerifier("s3cret", Buffer.alloc(16, 1)) : mockVerifier("bob", Buffer.alloc(32));
		const channelBinding = this.overTls ? ourHash : undefined;
		this.login = new ClientLogin({ verifier, nonce: randomBytes(18).toString("base64"), channelBinding });
		this.socket.write(this.login.start());
		return true;
	}

	private authenticate(type: string, body: Buffer): void {
		const mechanism = /^SCRAM-SHA-256(-PLUS)?/.exec(body.toString("latin1"))?.[0];
		if (mechanism !== undefined) this.report(mechanism);
		const step = this.login?.receive(type.charCodeAt(0), body);
		if (step?.kind === "send") this.socket.write(step.bytes);
		else if (step?.kind === "authenticated") {
			this.entered = true;
			this.report("in");
			this.socket.write(Buffer.concat([step.bytes, readyForQuery(0x49)]));
		} else {
			this.report(step?.reason ?? "");
			const message = "password authentication failed";
			this.socket.end(encodeError({ severity: "FATAL", code: "28P01", message }));
		}
	}
}

t.test("psql and node-postgres log in at ours", async (t) => {
	const log: string[] = [];
	const listener = createServer((socket) => new Doorman(socket, false, (line) => log.push(line)));
	await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
	t.teardown(() => listener.close());
	const { port } = listener.address() as AddressInfo;
	const outcome = async (run: Promise<unknown>) => {
		const problem = await run.then(
			() => "",
			(error: Error) => error.message,
		);
		return `${log.splice(0).join(" ")}|${problem}`;
	};
	const psql = (user: string, password: string, options: string) => {
		const target = `host=127.0.0.1 port=${port} dbname=shop user=${user} password=${password} ${options}`;
		return outcome(promisify(execFile)(servers.psql, ["-X", "-c", "", target]));
	};
	t.equal(await psql("alice", "s3cret", "sslmode=disable"), "SCRAM-SHA-256 in|");
	t.equal(await psql("alice", "s3cret", "sslmode=require channel_binding=require"), "SCRAM-SHA-256-PLUS in|");
	t.equal(await psql("alice", "s3cret", "sslmode=require channel_binding=disable"), "SCRAM-SHA-256 in|");
	const wrong = await psql("alice", "wrong", "sslmode=require");
	t.match(wrong, /^SCRAM-SHA-256-PLUS wrong password\|.*password authentication failed/s);
	t.match(await psql("bob", "s3cret", "sslmode=disable"), /^SCRAM-SHA-256 wrong password\|/, "an unknown user");
	const node = async (password: string, tls: boolean) => {
		const ssl = tls ? { rejectUnauthorized: false } : false;
		const client = new pg.Client({ host: "127.0.0.1", port, user: "alice", database: "shop", password, ssl });
		client.on("error", () => {});
		const run = async () => {
			await client.connect();
			await client.query("");
			await client.end();
		};
		return outcome(run());
	};
	t.equal(await node("s3cret", false), "SCRAM-SHA-256 in|");
	t.match(await node("s3cret", true), /^SCRAM-SHA-256(-PLUS)? in\|$/);
	t.match(await node("wrong", false), /^SCRAM-SHA-256 wrong password\|password authentication failed/);
});
