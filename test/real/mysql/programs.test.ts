/**
 * Clients of other languages: each does the same work straight at the server and through Licet, and prints all it sees
 * (values, errors with number, SQLSTATE and text, column metadata, warnings, affected rows, insert ids), which must be
 * the same: under a license that permits all, and under one that masks, but for the masked column's values.
 *
 * LICET_CLIENT=PyMySQL runs one of them alone.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { outcome } from "../../helpers/command.js";
import { license } from "../../helpers/license.js";
import { startLicet, targetOf } from "../../helpers/licet.js";
import { createMysqlDatabase, type MysqlServer, mysqlOptions, mysqlServers } from "../../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { fixture } from "../../helpers/project.js";
import { CLIENT_PROGRAMS, type ClientProgram, missingPrograms } from "./clients.js";
import { MYSQL_SHOP } from "./shop.js";

const PROGRAM_TIMEOUT_MS = 90_000;
const wanted = process.env.LICET_CLIENT;
const programs = CLIENT_PROGRAMS.filter(({ name }) => wanted === undefined || name.includes(wanted));

type Work = "everything" | "reader";

interface Door {
	readonly host: string;
	readonly port: number;
	readonly username: string;
	readonly password: string;
	readonly database: string;
}

function directDoor(url: string): Door {
	const { host, port, user, password = "", database = "" } = mysqlOptions(url);
	return { host, port, username: user, password, database };
}

async function transcript(command: readonly [string, ...string[]], door: Door, work: Work): Promise<string[]> {
	const [program, ...words] = command;
	const child = spawn(program, words, {
		env: {
			...process.env,
			PYTHONIOENCODING: "utf-8",
			LC_ALL: "C.UTF-8",
			LICET_HOST: door.host,
			LICET_PORT: String(door.port),
			LICET_USER: door.username,
			LICET_PASSWORD: door.password,
			LICET_DATABASE: door.database,
			LICET_WORK: work,
			LICET_CA: fixture("tls", "ca.crt"),
		},
		stdio: ["ignore", "pipe", "pipe"],
	});
	const late = setTimeout(() => child.kill("SIGKILL"), PROGRAM_TIMEOUT_MS);
	const { code, stdout, stderr } = await outcome(child);
	clearTimeout(late);
	const lines = stdout.replaceAll(door.username, "USER").trimEnd().split("\n");
	return [...lines, `code ${code}`, ...stderr.trim().split("\n").slice(0, 5)];
}

const masked = (line: string) => line.replace(/\b4000-0000-0000-(\d{4})\b/g, "***************$1");

/** What a catalog shows by a condition is computed: MariaDB gives such a text 39 decimals (no limit), and the longest type. */
const scaled = (line: string) =>
	line
		.replace(/(\[REMARKS, REMARKS, \w+, VARCHAR, 12, \d+), 39,/g, "$1, 0,")
		.replace(
			"[COLUMN_DEF, COLUMN_DEF, COLUMNS, LONGTEXT, -1, 0, 39,",
			"[COLUMN_DEF, COLUMN_DEF, COLUMNS, MEDIUMTEXT, 12, 196596, 0,",
		);

/** The lines that differ, a few of them. */
function differences(got: readonly string[], expected: readonly string[]): string[] {
	const found: string[] = [];
	for (let n = 0; n < Math.max(got.length, expected.length) && found.length < 6; n++) {
		if (got[n] === expected[n]) continue;
		const [a = "", b = ""] = [got[n], expected[n]];
		let at = 0;
		while (at < Math.min(a.length, b.length) && a[at] === b[at]) at++;
		const from = Math.max(0, at - 60);
		found.push(`${n}: through Licet ${a.slice(from, at + 160)}`, `${n}: directly ${b.slice(from, at + 160)}`);
	}
	return found;
}

async function compare(
	t: Test,
	server: MysqlServer,
	ready: ReadonlyMap<ClientProgram, readonly [string, ...string[]]>,
) {
	const url = await createMysqlDatabase(t, server, MYSQL_SHOP);
	const direct = directDoor(url);
	const tls = { certificate: fixture("tls", "server.crt"), key: fixture("tls", "server.key") };
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		config: { tls },
		licenses: {
			everything: license("everything", { permits: "all" }),
			reader: license("reader", {
				permits: [{ on: [`${direct.database}.*`], commands: ["read"] }],
				masks: [{ columns: ["*.*.card_number"], with: { partial: { keepLast: 4 } } }],
			}),
		},
	});
	const table: string[] = [];
	for (const [program, command] of ready) {
		for (const work of ["everything", "reader"] as const) {
			const grant = await licet.grant({ license: work, target: "shop" });
			const expected = await transcript(command, direct, work);
			const got = await transcript(command, grant, work);
			const shown = work === "reader" ? expected.map(masked) : expected;
			const wrong = differences(work === "reader" ? got.map(scaled) : got, shown);
			t.same(wrong, [], `${program.name}, ${work}: the same directly and through Licet`);
			t.equal(
				expected.find((line) => line.startsWith("code ")),
				"code 0",
				`${program.name}, ${work}: runs to its end`,
			);
			table.push(
				`${program.name.padEnd(22)} ${work.padEnd(11)} ${expected.length - 1} lines, ${wrong.length / 2} differ`,
			);
		}
	}
	t.comment(`${server.name}\n${table.join("\n")}`);
}

t.test("programs", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const missing = await missingPrograms(programs);
	const folder = mkdtempSync(join(tmpdir(), "licet-programs-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	const ready = new Map<ClientProgram, readonly [string, ...string[]]>();
	for (const program of programs) {
		const reason = missing.get(program.name);
		if (reason !== undefined) t.skip(program.name, { skip: reason }, () => {});
		else ready.set(program, await program.prepare(folder));
	}
	t.ok(programs.length > 0, "there is such a client");
	for (const server of mysqlServers()) await t.test(server.name, (t) => compare(t, server, ready));
});
