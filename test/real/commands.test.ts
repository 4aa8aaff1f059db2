/**
 * The commands as a script meets them: what each prints with --json, field by field, how it exits, and what it says of what
 * it was asked wrongly. The names of fields are a contract.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { license } from "../helpers/license.js";
import { type IssuedGrant, type Json, rawGrant, runLicet, startLicet, targetOf } from "../helpers/licet.js";
import { fixture, licetCommand } from "../helpers/project.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";

const SCHEMA = "CREATE SCHEMA app; CREATE TABLE app.orders (id int); INSERT INTO app.orders VALUES (1), (2);";
const url = await createDatabase(t, testServers().pg15, SCHEMA);
const licet = await startLicet(t, {
	targets: { shop: targetOf(url), own: targetOf(url, { listen: "127.0.0.1:0" }) },
	licenses: {
		reader: license("reader", { permits: [{ on: ["app.*"], commands: ["read"] }], recording: { results: 5 } }),
	},
});

const GRANT = "grant license target engine host port database username password url expiresAt";
const SESSION =
	"session grant license subject target engine startedAt endedAt clientAddress statements denied rowsOut bytesOut";
const keys = (value: unknown) => Object.keys(value as object);

await t.test("what is printed for machines", async (t) => {
	const grant = await licet.grant({ license: "reader", target: "own", reason: "a look" });
	t.strictSame(keys(grant), GRANT.split(" "));
	t.ok(grant.port > 0 && grant.port !== licet.port, "the port that the system chose for it");
	t.equal(grant.url, `postgres://${grant.username}:${grant.password}@127.0.0.1:${grant.port}/${grant.database}`);
	const client = await RawClient.login(rawGrant(grant));
	const running = (await licet.json("sessions", "--live")) as Record<string, Json>[];
	t.match(running, [{ session: /^s_/, target: "own", engine: "postgres", endedAt: null }]);
	for (const field of SESSION.split(" ")) t.ok(field in (running[0] ?? {}), `sessions: ${field}`);
	await client.query("SELECT id FROM app.orders");
	await client.query("SELECT 1 FROM app.nothing").catch(() => undefined);
	client.destroy();
	const session = String(running[0]?.session);
	const lines: Record<string, Json>[] = [];
	for (let tries = 0; tries < 100 && lines.at(-1)?.type !== "session.end"; tries++) {
		const { stdout } = await licet.cli("replay", session, "--json");
		lines.splice(
			0,
			lines.length,
			...stdout
				.trimEnd()
				.split("\n")
				.map((line) => JSON.parse(line) as Record<string, Json>),
		);
	}
	t.strictSame(
		lines.map(({ type }) => type),
		["session.start", "statement", "result", "statement", "result", "session.end"],
	);
	for (const line of lines) t.match(line.at, /^\d{4}-\d\d-\d\dT.*Z$/);
	t.match(lines[1], {
		sql: "SELECT id FROM app.orders",
		parameters: [],
		decision: { effect: "allow", reasons: [{ term: "permits[0]" }], masks: [] },
	});
	t.match(lines[2], {
		command: "SELECT 2",
		rows: 2,
		bytes: Number,
		durationMs: Number,
		error: null,
		sample: { rows: [["1"], ["2"]] },
	});
	t.match(lines[3], { decision: { effect: "deny" } });
	t.match(lines[4], { command: null, error: { code: "42501" }, sample: null });

	const exported = await licet.cli("export", session, "--json");
	t.equal(exported.stdout, (await licet.cli("export", session, "--format", "jsonl")).stdout, "--json is jsonl");
	const connected = (await licet.json("connect", "own", "--license", "reader", "--subject", "alice")) as IssuedGrant;
	t.strictSame(keys(connected), GRANT.split(" "), "connect --json opens nothing");
	t.match(JSON.parse((await runLicet(["license", "schema", "--json"])).stdout), { $schema: String });
	await licet.json("revoke", connected.grant, "--reason", "left the team");
	t.match(await licet.json("grants"), [
		{ grant: connected.grant, status: "revoked", endedBy: String, endReason: "left the team" },
		{ grant: grant.grant, status: "active", endedAt: null, endedBy: null, endReason: null },
	]);
	const refused: unknown = await RawClient.login(rawGrant(connected)).catch((error: unknown) => error);
	t.match(refused, { fields: { C: "28000", D: /revoked: left the team/ } });
});

await t.test("what is asked wrongly", async (t) => {
	const words = ["grant", "--license", "reader", "--target", "shop", "--subject", "alice"];
	const empty = (name: string) => words.map((word, index) => (words[index - 1] === name ? "" : word));
	const rows: [number, readonly string[], RegExp][] = [
		[2, empty("--license"), /^licet: --license: expected a name, got nothing$/m],
		[2, empty("--target"), /^licet: --target: expected a name, got nothing$/m],
		[2, empty("--subject"), /^licet: --subject: expected a name, got nothing$/m],
		[2, [...words, "--group", ""], /^licet: --group: expected a name, got nothing$/m],
		[2, [...words, "--duration", "0s"], /^licet: --duration 0s: expected a duration: a whole number and one of ms, s/m],
		[1, [...words, "--target", "shp"], /^licet: there is no target "shp"; expected one of shop, own$/m],
		[1, ["connect", "shp"], /^licet: there is no target "shp"; expected one of shop, own$/m],
		[2, ["license", "explain", "", "--license", "reader", "--target", "shop"], /^licet: SQL: expected a statement/m],
		[2, ["export", "s_x"], /^licet: --format is missing; expected one of bundle, jsonl/m],
		[2, ["export", "s_x", "--format", "xml"], /^licet: --format xml: expected one of bundle, jsonl/m],
		[2, ["export", "s_x", "--json", "--format", "csv"], /^licet: --json means --format jsonl, and --format is csv/m],
		[1, ["export", "s_x", "--json"], /^licet: there is no session s_x in the recording$/m],
		[
			2,
			["verify", "--checkpoint", "/nowhere"],
			/^licet: --checkpoint \/nowhere: cannot be read: there is no such file$/m,
		],
		[2, ["grants", "more"], /^licet: too many arguments for 'grants'/m],
		[2, ["grant"], /^licet: required option '--license <id>' not specified\n+\(licet --help/m],
	];
	for (const [code, line, expected] of rows) {
		const result = await licet.cli(...line);
		t.equal(result.code, code, line.join(" "));
		t.match(result.stderr, expected);
		t.equal(result.stdout, "", "nothing for whoever reads the output");
	}
	for (const word of ["usage", "invoice", "request", "approve", "refuse"]) {
		t.match(await runLicet([word, "x"]), { code: 2, stderr: new RegExp(`^licet: unknown command '${word}'`) });
	}
	for (const word of ["sign", "verify", "diff", "simulate", "suggest"]) {
		t.match(await runLicet(["license", word]), { code: 2, stderr: /^licet: unknown command/ });
	}
	const server = await licet.cli("grants", "--server", "https://licet.example");
	t.match(server, { code: 2, stderr: /^licet: unknown option '--server'/ });
});

await t.test("a license whose time has passed is told", async (t) => {
	const file = join(licet.folder, "old.yaml");
	writeFileSync(file, license("old", { permits: [], validity: { until: "2020-12-31T00:00:00Z" } }));
	const { code, stdout } = await runLicet(["license", "validate", file]);
	t.equal(code, 0);
	t.match(stdout, /old\.yaml:1:1: validity\.until: has passed; no grant can be issued/);
});

/** A configuration of its own beside the running one. */
function besides(name: string, config: Readonly<Record<string, Json>>): string {
	const folder = join(licet.folder, name);
	mkdirSync(folder);
	const file = join(folder, "licet.yaml");
	writeFileSync(file, JSON.stringify({ licenses: licet.licenses, data: "./data", ...config }));
	return file;
}

await t.test("what cannot be listened on ends the start, with its key", async (t) => {
	const taken = createServer();
	await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
	t.teardown(() => taken.close());
	const { port } = taken.address() as { port: number };
	const used = `127.0.0.1:${port}`;
	const targets = { shop: targetOf(url) };
	const rows: [string, Readonly<Record<string, Json>>, RegExp][] = [
		[
			"postgres",
			{ listen: { postgres: used }, targets },
			/^licet: listen\.postgres: .* another program listens there$/m,
		],
		["api", { listen: { api: used }, targets }, /^licet: listen\.api: .* another program listens there$/m],
		[
			"own",
			{ targets: { shop: targetOf(url, { listen: used }) } },
			/^licet: targets\.shop\.listen: .* another program/m,
		],
		["away", { listen: { postgres: "192.0.2.1:0" }, targets }, /^licet: listen\.postgres: .* has no such address$/m],
	];
	for (const [name, config, expected] of rows) {
		const result = await runLicet(["serve", "--config", besides(name, config)]);
		t.equal(result.code, 1, `${name}: it ends by itself`);
		t.match(result.stderr, expected);
	}
});

await t.test("files that cannot be used end the start, with their key", async (t) => {
	const key = fixture("tls", "server.key");
	const certificate = fixture("tls", "server.crt");
	const targets = { shop: targetOf(url) };
	const text = join(licet.folder, "licet.yaml");
	const trusting = { shop: targetOf(url, { tls: "verify-full", ca: text }) };
	const rows: [string, Readonly<Record<string, Json>>, RegExp][] = [
		["c", { targets, tls: { certificate: key, key } }, /^licet: tls\.certificate: .* expected a PEM file with a cert/m],
		["k", { targets, tls: { certificate, key: text } }, /^licet: tls\.key: .* expected a PEM file with a private key/m],
		[
			"other",
			{ targets, tls: { certificate, key: fixture("tls", "client.key") } },
			/^licet: tls\.key: .* another certificate/m,
		],
		["ca", { targets, tls: { certificate, key, clientCa: text } }, /^licet: tls\.clientCa: .* an authority's cert/m],
		["target", { targets: trusting }, /^licet: targets\.shop\.ca: .* an authority's certificate$/m],
		["store", { targets, store: "postgres://a:b@127.0.0.1:1/x" }, /^licet: cannot open the store .*REFUSED.*\n$/],
	];
	for (const [name, config, expected] of rows) {
		const result = await runLicet(["serve", "--config", besides(name, config)]);
		t.equal(result.code, 1, `${name}: it ends by itself`);
		t.match(result.stderr, expected);
	}
});

await t.test("a target that nothing listens for has no grants", async (t) => {
	const target = { engine: "mysql", address: "127.0.0.1:1", databases: ["x"], environment: "test" };
	const file = besides("unheard", { targets: { unheard: { ...target, credentials: { username: "x" } } } });
	const [program, ...args] = licetCommand();
	const serve = spawn(program, [...args, "serve", "--config", file], { stdio: ["ignore", "pipe", "pipe"] });
	t.teardown(() => serve.kill("SIGKILL"));
	let log = "";
	for (const stream of [serve.stdout, serve.stderr]) stream.on("data", (chunk: Buffer) => (log += chunk));
	for (let tries = 0; tries < 300 && !log.includes('"serving"'); tries++)
		await new Promise((next) => setTimeout(next, 50));
	t.match(log, /nothing listens for this target: expected listen\.mysql, or a listen of its own/);
	const words = ["--license", "reader", "--target", "unheard", "--subject", "alice"];
	t.match(await runLicet(["grant", ...words, "--config", file]), {
		code: 1,
		stderr: /^licet: nothing listens for target "unheard"; expected listen\.mysql in licet\.yaml/,
	});
	t.strictSame(JSON.parse((await runLicet(["grants", "--json", "--config", file])).stdout), []);
});
