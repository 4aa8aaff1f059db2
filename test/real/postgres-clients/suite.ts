/**
 * Clients of PostgreSQL, compared: each does its work twice, straight at the server and through Licet, and prints what it
 * saw, a case under each line "== name". What they print holds all that the client shows: values, row descriptions,
 * errors by field (but for routine, file and line), notices and transaction status.
 *
 * LICET_TEST_CLIENT names one client to run. A client that cannot be had is told in the table with its reason.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { type CommandResult, outcome } from "../../helpers/command.js";
import { installPackages } from "../../helpers/debian.js";
import { license } from "../../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { libpqEnvironment } from "../../helpers/programs.js";
import { PROJECT } from "../../helpers/project.js";
import { type RawOptions, rawOptions } from "../../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../../helpers/servers.js";

/** One client: what it needs, and what runs its program. */
export interface ClientProgram {
	readonly name: string;
	/** Debian's packages that bring it. */
	readonly packages: readonly string[];
	/** Succeeds where the client is there. */
	readonly present: readonly [string, ...string[]];
	/** Builds in a folder of its own; undefined where there is nothing to build. */
	readonly build?: (folder: string) => readonly [string, ...string[]];
	readonly run: (folder: string) => readonly [string, ...string[]];
	readonly environment?: Readonly<Record<string, string>>;
	/** Brings it where no package does. */
	readonly prepare?: readonly [string, ...string[]];
}

/** Where the programs lie. */
export const program = (name: string): string => join(PROJECT, "test", "real", "postgres-clients", "programs", name);

const PROGRAM_TIMEOUT_MS = 40_000;
/** Of what is fetched from Debian's mirror. */
const PREPARE_TIMEOUT_MS = 180_000;

const DATABASE_SQL = `
	CREATE SCHEMA compat;
	CREATE TYPE compat.mood AS ENUM ('sad', 'glad');
	CREATE TYPE compat.pair AS (n int, word text);
	CREATE TABLE compat.items (
		id int PRIMARY KEY, name text NOT NULL, price numeric(10,2) CHECK (price >= 0), made timestamptz,
		tags text[], doc jsonb, raw bytea, mood compat.mood, ratio float8, small int2, big int8, yes bool);
	INSERT INTO compat.items
		SELECT n, 'item ' || n, n * 1.25, '2026-01-01 00:00:00+00'::timestamptz + n * interval '1 hour',
			ARRAY['a', 'b' || n], jsonb_build_object('n', n), decode(lpad(to_hex(n), 8, '0'), 'hex'),
			CASE WHEN n % 3 = 0 THEN 'sad' ELSE 'glad' END::compat.mood, n / 7.0, n, n * 10000000000, n % 2 = 0
		FROM generate_series(1, 500) n;
	-- Vacuum of what was rolled back would let later rows fill its place, and a COPY of the table tells them in that order.
	CREATE TABLE compat.scratch (id int PRIMARY KEY, word text) WITH (autovacuum_enabled = off);
	CREATE INDEX items_name ON compat.items (name);
	CREATE VIEW compat.cheap AS SELECT id, name FROM compat.items WHERE price < 10;
	ANALYZE compat.items;
`;

const LICENSES = {
	everything: license("everything", { permits: "all" }),
	schema: license("schema", { permits: [{ on: ["compat.*"], commands: ["all"] }] }),
};

/** Cases that only a license without bounds gives as the server does: their names begin with this. */
const UNBOUND = "any:";

/** Runs these clients with one of the test servers and prints the table of what came of it. */
export async function compareClients(
	t: Test,
	clients: readonly ClientProgram[],
	server: "pg15" | "pg18" = "pg15",
): Promise<void> {
	const only = process.env.LICET_TEST_CLIENT;
	const chosen = clients.filter(({ name }) => only === undefined || name === only);
	if (chosen.length === 0) return;
	const url = await createDatabase(t, testServers()[server], DATABASE_SQL);
	const licet = await startLicet(t, { targets: { compat: targetOf(url) }, licenses: LICENSES });
	const issue = async (name: string) => rawGrant(await licet.grant({ license: name, target: "compat" }));
	const through = [["everything", await issue("everything")] as const, ["schema", await issue("schema")] as const];
	const missing = await whatIsMissing(chosen);
	const table: string[] = [];
	for (const client of chosen) {
		const reason = missing.get(client);
		if (reason !== undefined) {
			table.push(`${client.name.padEnd(16)} not run: ${reason}`);
			await t.test(client.name, { skip: reason }, async () => {});
			continue;
		}
		await t.test(client.name, async (t) => {
			const cases = await compareClient(t, client, url, through);
			table.push(`${client.name.padEnd(16)} ${cases} cases${t.passing() ? "" : "  DIFFERENCES"}`);
		});
	}
	// On the error stream, so that the table is seen when all is well too.
	for (const line of table) console.error(`# ${line}`);
}

/** For each client that cannot be had, why. All that can be installed is, in one go. */
export async function whatIsMissing(clients: readonly ClientProgram[]): Promise<ReadonlyMap<ClientProgram, string>> {
	const absent = clients.filter((client) => !isPresent(client));
	if (absent.length === 0) return new Map();
	const packages = [...new Set(absent.flatMap((client) => client.packages))];
	const failure = packages.length === 0 ? undefined : await installPackages("clients of PostgreSQL", packages);
	const reasons = new Map<ClientProgram, string>();
	for (const client of absent) {
		const unprepared = client.prepare && (await prepared(client.name, client.prepare));
		if (!isPresent(client)) reasons.set(client, unprepared ?? failure ?? `${client.present.join(" ")} fails`);
	}
	return reasons;
}

/** Runs what brings a client. Answers why it could not, undefined when it did. */
async function prepared(name: string, command: readonly [string, ...string[]]): Promise<string | undefined> {
	console.log(`# ${name} is missing: running ${command.join(" ")}`);
	const { code, stderr } = await start(command, process.env, PREPARE_TIMEOUT_MS);
	return code === 0 ? undefined : `${command.join(" ")} failed: ${stderr.trim().split("\n").at(-1)}`;
}

function isPresent({ present: [file, ...words] }: ClientProgram): boolean {
	try {
		execFileSync(file, words, { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}

async function compareClient(
	t: Test,
	client: ClientProgram,
	url: string,
	through: readonly (readonly [string, RawOptions])[],
): Promise<number> {
	const folder = mkdtempSync(join(tmpdir(), "licet-client-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	if (client.build !== undefined) {
		const built = await start(client.build(folder), { ...process.env, ...client.environment });
		if (built.code !== 0) throw new Error(`${client.name} does not build: ${built.stderr}${built.stdout}`);
	}
	const run = async (login: RawOptions) => {
		await withClient(url, (admin) => admin.query("TRUNCATE compat.scratch"));
		return start(client.run(folder), environmentOf(client, login));
	};
	const expected = await run(rawOptions(url));
	t.equal(expected.code, 0, `${client.name} does its work directly: ${expected.stderr.slice(-2000)}`);
	let compared = 0;
	for (const [name, login] of through) {
		const got = await run(login);
		// What a narrower license denies may end the client: then the cases that are missing tell.
		if (name === "everything") t.equal(got.code, expected.code, `${name}: ends the same: ${got.stderr.slice(-2000)}`);
		const found = casesOf(got.stdout);
		for (const [title, said] of casesOf(expected.stdout)) {
			if (name !== "everything" && title.startsWith(UNBOUND)) continue;
			compared++;
			t.equal(found.get(title), said, `${name}: ${title}`);
		}
	}
	return compared;
}

function environmentOf(client: ClientProgram, login: RawOptions): NodeJS.ProcessEnv {
	return {
		...libpqEnvironment(login),
		PSQL: testServers().psql,
		PYTHONIOENCODING: "utf-8",
		PYTHONDONTWRITEBYTECODE: "1",
		...client.environment,
	};
}

function start(
	[file, ...words]: readonly [string, ...string[]],
	env: NodeJS.ProcessEnv,
	timeout = PROGRAM_TIMEOUT_MS,
): Promise<CommandResult> {
	const child = spawn(file, words, { env, stdio: ["ignore", "pipe", "pipe"], timeout });
	return outcome(child);
}

/** What was printed, by case; one that is there twice is joined. */
function casesOf(output: string): ReadonlyMap<string, string> {
	const cases = new Map<string, string>();
	for (const part of output.split(/^== /m)) {
		const end = part.indexOf("\n");
		const title = part.slice(0, end < 0 ? part.length : end);
		if (title !== "") cases.set(title, `${cases.get(title) ?? ""}${part.slice(title.length + 1)}`);
	}
	return cases;
}
