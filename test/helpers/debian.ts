/**
 * The PostgreSQL of the system (Debian's package), newest version first, with psql, pgbench and pg_dump beside it.
 *
 * Under root it is installed when it is missing and apt-get is there. A cluster of the machine's own is never started,
 * stopped or changed: while the package installs, the standard policy hook forbids it to start services.
 * See Debian's /usr/share/doc/init-system-helpers/README.policy-rc.d.gz.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

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

/** The folder of the newest binaries. Installs them if that is possible; else throws, saying what to do. */
export async function debianBinaries(): Promise<string> {
	const present = newest();
	if (present !== undefined) return present;
	if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) await install();
	const installed = newest();
	if (installed === undefined) throw new Error(MISSING);
	return installed;
}

function newest(): string | undefined {
	const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
	return versions
		.sort((a, b) => Number(b) - Number(a))
		.map((version) => join(VERSIONS, version, "bin"))
		.find((folder) => existsSync(join(folder, "initdb")));
}

async function install(): Promise<void> {
	console.log("# PostgreSQL is missing: installing Debian's package");
	const ownPolicy = !existsSync(POLICY);
	if (ownPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
	try {
		const options = { timeout: INSTALL_TIMEOUT_MS, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
		await run("apt-get", ["update"], options);
		await run("apt-get", ["install", "-y", "--no-install-recommends", "postgresql", "postgresql-client"], options);
	} catch (error) {
		const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
		throw new Error(`${MISSING}\n\napt-get failed: ${said}`);
	} finally {
		if (ownPolicy) rmSync(POLICY, { force: true });
	}
}
