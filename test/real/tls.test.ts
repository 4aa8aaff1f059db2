/**
 * TLS on both sides: what clients ask for and get, by raw protocol and by psql, and how upstreams are reached under each
 * mode of a target. Certificates are those of fixtures/tls.
 */

import { spawn } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { connect as tlsConnect } from "node:tls";
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { type IssuedGrant, type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { libpqEnvironment } from "../helpers/programs.js";
import { fixture } from "../helpers/project.js";
import { RawClient, ServerError } from "../helpers/raw-client.js";
import { createDatabase, LOGIN_PASSWORD, LOGIN_USERS, testServers } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const ca = readFileSync(fixture("tls", "ca.crt"));
const stranger = readFileSync(fixture("tls", "other-ca.crt"));
const certificate = { certificate: fixture("tls", "server.crt"), key: fixture("tls", "server.key") };
const LICENSES = {
	narrow: license("narrow", { permits: [{ on: ["app.*"], commands: ["read"] }] }),
	everything: license("everything", { permits: "all" }),
};
const url = await createDatabase(t, testServers().pg15, "CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 1 AS id;");

async function errorOf(promise: Promise<RawClient>): Promise<unknown> {
	return promise.then(
		(client) => client.destroy(),
		(error: unknown) => error,
	);
}

/** psql with libpq's own TLS settings: its exit code, output and errors. */
async function psqlOver(grant: IssuedGrant, settings: Readonly<Record<string, string>>, host = "127.0.0.1") {
	const env = { ...libpqEnvironment({ ...rawGrant(grant), host }), ...settings };
	const sql = "SELECT id FROM app.t";
	const child = spawn(testServers().psql, ["-X", "-A", "-t", "-w", "-c", sql], { env });
	const [stdout, stderr, code] = await Promise.all([
		text(child.stdout),
		text(child.stderr),
		new Promise<number | null>((resolve) => child.once("close", resolve)),
	]);
	return { code, stdout, stderr };
}

async function useRaw(t: Test, licet: Licet, isRequired: boolean): Promise<void> {
	const options = rawGrant(await licet.grant({ license: "narrow", target: "shop" }));
	for (const tls of ["request", "direct"] as const) {
		for (const channelBinding of [false, true]) {
			const client = await RawClient.login({ ...options, tls, ca, channelBinding });
			t.equal(client.mechanism, channelBinding ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", tls);
			t.equal(wire.outline(await client.query("SELECT id FROM app.t")), "T D C:SELECT 1 Z:I");
			t.equal(wire.outline(await client.query("SELECT repeat('x', 2000000)")), "T D C:SELECT 1 Z:I");
			client.destroy();
		}
		const wrong = await errorOf(RawClient.login({ ...options, tls, ca, password: "wrong", channelBinding: true }));
		t.match(wrong, { fields: { S: "FATAL", C: "28P01" } }, `${tls}: a wrong password`);
		t.type(await errorOf(RawClient.login({ ...options, tls, ca: stranger })), Error, `${tls}: another authority`);
	}
	const plain = await errorOf(RawClient.login(options));
	if (isRequired) {
		t.match(plain, { fields: { S: "FATAL", C: "28000", M: /TLS|SSL|encrypt/i } }, "plaintext is refused");
		const client = await RawClient.open(options);
		client.send(wire.startup({ user: options.user ?? "", database: options.database ?? "" }));
		t.equal((await client.untilEnd()).map(({ type }) => type).join(), "E", "before any password is asked for");
	} else t.equal(plain, undefined, "plaintext is taken too");

	const gss = await RawClient.open(options);
	gss.send(wire.gssRequest);
	await gss.during(100);
	t.equal(gss.bytesReceived, 1, "a GSSENCRequest is answered with one byte");
	gss.destroy();
	await stuffing(t, options.port);
	await directWithoutName(t, options.port);
}

/** Plaintext that comes along with an SSLRequest must not be taken for something said under TLS (CVE-2021-23214). */
async function stuffing(t: Test, port: number): Promise<void> {
	const client = await RawClient.open({ port });
	client.send(Buffer.concat([wire.sslRequest, wire.startup({ user: "injected", database: "x" })]));
	await client.during(200);
	t.ok(client.bytesReceived <= 1 || client.ended, "what is sent along with an SSLRequest ends the connection");
	t.equal(wire.outline(client.received.filter(({ type }) => type === "R")), "", "and is not taken for a startup");
	client.destroy();
}

/** Direct TLS without the protocol's ALPN name could be another protocol's client, led here (ALPACA). */
async function directWithoutName(t: Test, port: number): Promise<void> {
	for (const names of [[], ["http/1.1"]]) {
		const outcome = await new Promise<string>((resolve) => {
			const socket = tlsConnect({
				port,
				host: "127.0.0.1",
				ca,
				...(names.length > 0 ? { ALPNProtocols: names } : {}),
			});
			socket.once("secureConnect", () => {
				socket.write(wire.startup({ user: "x", database: "x" }));
				socket.once("data", (data) => resolve(`answered ${data.toString("latin1", 0, 1)}`));
			});
			socket.once("error", () => resolve("refused"));
			socket.once("close", () => resolve("refused"));
		});
		t.equal(outcome, "refused", `direct TLS with ALPN ${JSON.stringify(names)}`);
	}
}

async function usePsql(t: Test, licet: Licet, isRequired: boolean): Promise<void> {
	const grant = await licet.grant({ license: "narrow", target: "shop" });
	const root = { PGSSLROOTCERT: fixture("tls", "ca.crt") };
	const good = { code: 0, stdout: "1\n", stderr: "" };
	t.match(await psqlOver(grant, { PGSSLMODE: "require" }), good, "require");
	t.match(await psqlOver(grant, { PGSSLMODE: "prefer" }), good, "prefer");
	t.match(await psqlOver(grant, { ...root, PGSSLMODE: "verify-ca" }), good, "verify-ca");
	t.match(await psqlOver(grant, { ...root, PGSSLMODE: "verify-full" }), good, "verify-full");
	t.match(await psqlOver(grant, { ...root, PGSSLMODE: "verify-full" }, "localhost"), good, "verify-full by name");
	const bound = { ...root, PGSSLMODE: "verify-full", PGCHANNELBINDING: "require" };
	t.match(await psqlOver(grant, bound), good, "channel_binding=require");
	t.match(await psqlOver(grant, { PGSSLMODE: "require", PGGSSENCMODE: "prefer" }), good, "with GSSAPI preferred");
	const other = { PGSSLMODE: "verify-full", PGSSLROOTCERT: fixture("tls", "other-ca.crt") };
	t.match(await psqlOver(grant, other), { code: 2, stderr: /certificate verify failed/ }, "another authority");
	const plain = await psqlOver(grant, { PGSSLMODE: "disable" });
	if (isRequired) t.match(plain, { code: 2, stderr: /FATAL/ }, "disable is refused");
	else t.match(plain, good, "disable");
	const demanding = await psqlOver(grant, { PGSSLMODE: "disable", PGCHANNELBINDING: "require" });
	t.match(demanding, { code: 2 }, "channel binding cannot be had without TLS");
}

for (const isRequired of [false, true]) {
	await t.test(`tls, ${isRequired ? "required" : "offered"}`, async (t) => {
		const licet = await startLicet(t, {
			targets: { shop: targetOf(url) },
			licenses: LICENSES,
			config: { tls: { ...certificate, required: isRequired } },
		});
		await t.test("by raw protocol", (t) => useRaw(t, licet, isRequired));
		await t.test("by psql", (t) => usePsql(t, licet, isRequired));
		await t.test("cancel requests", async (t) => {
			const grant = await licet.grant({ license: "everything", target: "shop" });
			const options = { ...rawGrant(grant), tls: "request", ca } as const;
			const client = await RawClient.login(options);
			client.send(wire.query("SELECT pg_sleep(30)"));
			await client.during(150);
			const other = await RawClient.open(options);
			other.send(wire.cancelRequest(client.pid, client.secret));
			t.match(wire.outline(await client.until("Z")), /E:57014 Z:I$/, "over TLS");
			client.destroy();
			const [session] = (await licet.json("sessions")) as { session: string }[];
			const { stdout } = await licet.cli("replay", session?.session ?? "", "--json");
			t.match(JSON.parse(stdout.split("\n")[0] ?? "{}"), { type: "session.start", tls: true }, "the recording knows");
		});
	});
}

await t.test("client certificates", async (t) => {
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		licenses: LICENSES,
		config: { tls: { ...certificate, clientCa: fixture("tls", "ca.crt"), required: true } },
	});
	const grant = await licet.grant({ license: "narrow", target: "shop" });
	const root = { PGSSLROOTCERT: fixture("tls", "ca.crt"), PGSSLMODE: "verify-full" };
	// libpq takes no key that others can read.
	const key = (name: string) => readFileSync(fixture("tls", `${name}.key`), "utf8");
	const folder = t.testdir({ "client.key": key("client"), "untrusted.key": key("untrusted") });
	for (const name of ["client", "untrusted"]) chmodSync(`${folder}/${name}.key`, 0o600);
	const own = { PGSSLCERT: fixture("tls", "client.crt"), PGSSLKEY: `${folder}/client.key` };
	t.match(await psqlOver(grant, { ...root, ...own }), { code: 0, stdout: "1\n" }, "with one of our authority's");
	const other = { PGSSLCERT: fixture("tls", "untrusted.crt"), PGSSLKEY: `${folder}/untrusted.key` };
	t.match(await psqlOver(grant, { ...root, ...other }), { code: 2, stdout: "" }, "with one of another authority's");
	const none = { PGSSLCERT: `${folder}/none.crt`, PGSSLKEY: `${folder}/none.key` };
	t.match(await psqlOver(grant, { ...root, ...none }), { code: 2 }, "without one");
});

await t.test("upstreams", async (t) => {
	const modes = ["disable", "prefer", "require", "verify-full"] as const;
	const authority = { ca: fixture("tls", "ca.crt") };
	const targets = {
		...Object.fromEntries(
			modes.map((tls) => [tls, targetOf(url, { tls, ...(tls === "verify-full" ? authority : {}) })]),
		),
		byName: targetOf(url.replace("127.0.0.1", "localhost"), { tls: "verify-full", ...authority }),
		untrusted: targetOf(url, { tls: "verify-full", ca: fixture("tls", "other-ca.crt") }),
		system: targetOf(url, { tls: "verify-full" }),
		...Object.fromEntries(
			Object.entries(LOGIN_USERS).map(([name, user]) => [
				`by-${name}`,
				targetOf(url, {
					tls: "require",
					credentials: { username: user, password: { value: LOGIN_PASSWORD } },
				}),
			]),
		),
	};
	const licet = await startLicet(t, { targets, licenses: LICENSES });
	for (const target of Object.keys(targets)) {
		const grant = await licet.grant({ license: "everything", target });
		const client: unknown = await RawClient.login(rawGrant(grant)).catch((error: unknown) => error);
		if (target === "untrusted" || target === "system") {
			t.ok(client instanceof ServerError, target);
			t.match(client, { fields: { C: "08001" } }, `${target}: a server that nobody vouches for is not logged in to`);
			continue;
		}
		if (!(client instanceof RawClient)) throw client;
		const answers = await client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
		const row = answers.find(({ type }) => type === "D");
		t.same(row && wire.rowValues(row), [target === "disable" ? "f" : "t"], `${target}: TLS at the server`);
		client.destroy();
	}
	t.match(licet.log(), /certificate/, "the log says why");
});
