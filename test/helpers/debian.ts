/**
 * The servers of the system (Debian's packages): PostgreSQL, newest version first, with psql, pgbench and pg_dump beside
 * it, and MariaDB with its client programs.
 *
 * Under root they are installed when they are missing and apt-get is there. A server of the machine's own is never
 * started, stopped or changed: while a package installs, the standard policy hook forbids it to start services.
 * See Debian's /usr/share/doc/init-system-helpers/README.policy-rc.d.gz.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type MysqldPrograms, systemMariadb } from "../../src/cli/mysqld.js";

const run = promisify(execFile);

const VERSIONS = "/usr/lib/postgresql";
const POLICY = "/usr/sbin/policy-rc.d";
const INSTALL_TIMEOUT_MS = 300_000;

const MISSING = `The tests need a PostgreSQL of the system, with psql, pgbench and pg_dump, and found none in ${VERSIONS}.
Install one (Debian, Ubuntu: apt-get install postgresql), or start one in Docker and name it:

    docker compose -f fixtures/docker/test-servers.yml up -d --wait
    export LICET_TEST_PG15=postgres://postgres:licet-test@127.0.0.1:54315/postgres
    npm test

(psql, pgbench and pg_dump are then looked for on the PATH.)`;

const MISSING_MARIADB = `The tests need a MariaDB of the system, with its client programs, and found none.
Install it (Debian, Ubuntu: apt-get install mariadb-server mariadb-client), or start one in Docker and name it:

    docker compose -f fixtures/docker/test-servers.yml up -d --wait
    export LICET_TEST_MARIADB=mysql://licet_root:licet-test@127.0.0.1:54306/
    npm test

(mariadb and mariadb-dump are then looked for on the PATH.)`;

/** The folder of the newest binaries. Installs them if that is possible; else throws, saying what to do. */
export async function debianBinaries(): Promise<string> {
	const present = newest();
	if (present !== undefined) return present;
	const failure = await installPackages("PostgreSQL", ["postgresql", "postgresql-client"]);
	const installed = newest();
	if (installed === undefined) throw new Error(failure === undefined ? MISSING : `${MISSING}\n\n${failure}`);
	return installed;
}

/** MariaDB's programs. Installs them if that is possible; else throws, saying what to do. */
export async function debianMariadb(): Promise<MysqldPrograms> {
	const present = systemMariadb();
	if (present !== undefined) return present;
	const failure = await installPackages("MariaDB", ["mariadb-server", "mariadb-client"]);
	const installed = systemMariadb();
	if (installed !== undefined) return installed;
	throw new Error(failure === undefined ? MISSING_MARIADB : `${MISSING_MARIADB}\n\n${failure}`);
}

function newest(): string | undefined {
	const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
	return versions
		.sort((a, b) => Number(b) - Number(a))
		.map((version) => join(VERSIONS, version, "bin"))
		.find((folder) => existsSync(join(folder, "initdb")));
}

let queue: Promise<unknown> = Promise.resolve();

/** Installs packages if we may. Answers why they are not there, undefined when they are. One at a time, as apt-get asks. */
export function installPackages(what: string, packages: readonly string[]): Promise<string | undefined> {
	const mine = queue.then(() => install(what, packages));
	queue = mine;
	return mine;
}

async function install(what: string, packages: readonly string[]): Promise<string | undefined> {
	if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return "only root can install it, with apt-get";
	console.log(`# ${what} is missing: installing Debian's packages ${packages.join(" ")}`);
	const ownPolicy = !existsSync(POLICY);
	if (ownPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
	try {
		const options = { timeout: INSTALL_TIMEOUT_MS, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
		await run("apt-get", ["update"], options);
		await run("apt-get", ["install", "-y", "--no-install-recommends", ...packages], options);
		return undefined;
	} catch (error) {
		const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
		return `apt-get failed: ${said}`;
	} finally {
		if (ownPolicy) rmSync(POLICY, { force: true });
	}
}

const MISSING_SWIFT = `The tests of the archive need an S3-compatible server: OpenStack Swift with its s3api, and found none.
Install it (Debian, Ubuntu: apt-get install swift-proxy swift-account swift-container swift-object).`;

/** Of Swift's four servers and the program that makes their rings. */
export const SWIFT_PROGRAMS = "/usr/bin";

/** Swift's programs. Installs them if that is possible; else throws, saying what to do. */
export async function debianSwift(): Promise<void> {
	const kinds = ["proxy", "account", "container", "object"];
	const isThere = () => kinds.every((kind) => existsSync(join(SWIFT_PROGRAMS, `swift-${kind}-server`)));
	if (isThere()) return;
	const failure = await installPackages(
		"OpenStack Swift",
		kinds.map((kind) => `swift-${kind}`),
	);
	if (!isThere()) throw new Error(failure === undefined ? MISSING_SWIFT : `${MISSING_SWIFT}\n\n${failure}`);
}
