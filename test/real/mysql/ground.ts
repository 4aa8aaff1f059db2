/** What MySQL's behaviour suites stand on: a database of the test's own, a Licet before it, grants, clients. */
import { randomBytes } from "node:crypto";
import type { RowDataPacket } from "mysql2/promise";
import type { Test } from "tap";
import { licenses as documents } from "../../helpers/license.js";
import { type IssuedGrant, type Json, type Licet, startLicet, targetOf } from "../../helpers/licet.js";
import { RawMysqlClient, type RawMysqlOptions } from "../../helpers/mysql-raw.js";
import { createMysqlDatabase, type MysqlServer, mysqlOptions, withMysql } from "../../helpers/mysql-servers.js";

export interface Ground {
	readonly server: MysqlServer;
	/** Superuser URL of the database. */
	readonly url: string;
	readonly database: string;
	readonly licet: Licet;
	/** A grant under a license, always the same one. */
	grant(license: string): Promise<IssuedGrant>;
	/** A raw client under a grant of a license; it ends with the test. */
	login(t: Test, license: string, more?: Partial<RawMysqlOptions>): Promise<RawMysqlClient>;
}

export interface GroundOptions {
	readonly schema: string;
	/** Terms by license; `$DB` in them stands for the database. */
	readonly licenses: Readonly<Record<string, Readonly<Record<string, Json>>>>;
	readonly config?: Readonly<Record<string, Json>>;
	/** Further keys of the target. */
	readonly target?: Readonly<Record<string, Json>>;
	readonly nodeFlags?: readonly string[];
}

export async function prepareGround(t: Test, server: MysqlServer, options: GroundOptions): Promise<Ground> {
	const url = await createMysqlDatabase(t, server, options.schema);
	const { database = "" } = mysqlOptions(url);
	const terms = JSON.parse(JSON.stringify(options.licenses).replaceAll("$DB", database)) as GroundOptions["licenses"];
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url, options.target) },
		licenses: documents(terms),
		...(options.config === undefined ? {} : { config: options.config }),
		...(options.nodeFlags === undefined ? {} : { nodeFlags: options.nodeFlags }),
	});
	const grants = new Map<string, Promise<IssuedGrant>>();
	const grant = (license: string): Promise<IssuedGrant> => {
		const issued = grants.get(license) ?? licet.grant({ license, target: "shop" });
		grants.set(license, issued);
		return issued;
	};
	const login = async (t: Test, license: string, more: Partial<RawMysqlOptions> = {}): Promise<RawMysqlClient> => {
		const client = await RawMysqlClient.login({ ...rawMysqlGrant(await grant(license)), ...more });
		t.teardown(() => client.destroy());
		return client;
	};
	return { server, url, database, licet, grant, login };
}

export function rawMysqlGrant({ host, port, username: user, password, database }: IssuedGrant): RawMysqlOptions {
	return { host, port, user, password, database };
}

/** A user of the server's own with some rights. Answers how a raw client logs in as it, straight at the server. */
export async function createUser(t: Test, ground: Ground, rights: readonly string[]): Promise<RawMysqlOptions> {
	const user = `user_${randomBytes(4).toString("hex")}`;
	const password = "a-password";
	const grants = rights.map((right) => `GRANT ${right} TO '${user}'@'%';`).join("\n");
	await withMysql(ground.url, (client) =>
		client.query(`CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'; ${grants}`),
	);
	t.teardown(() => withMysql(ground.url, (client) => client.query(`DROP USER '${user}'@'%'`)));
	const { host, port, database } = mysqlOptions(ground.url);
	const own = new URL(ground.url);
	own.username = user;
	own.password = password;
	// MySQL asks for a password whole until it has seen it once.
	await withMysql(own.href, async () => undefined);
	return { host, port, user, password, ...(database === undefined ? {} : { database }) };
}

/** Rows of a query straight at the server, as arrays. */
export async function direct(ground: Pick<Ground, "url">, sql: string): Promise<unknown[][]> {
	const [rows] = await withMysql(ground.url, (client) => client.query<RowDataPacket[]>(sql));
	return rows.map((row) => Object.values(row));
}

export const pause = (milliseconds: number): Promise<void> =>
	new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until the answer is as awaited, for some seconds at most; answers the last one. */
export async function eventually<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean, limitMs = 6000): Promise<T> {
	const deadline = Date.now() + limitMs;
	for (;;) {
		const answer = await ask();
		if (isGood(answer) || Date.now() > deadline) return answer;
		await pause(25);
	}
}

export type Line = Record<string, unknown> & { readonly type: string; readonly at: string };

export interface SessionLine {
	readonly session: string;
	readonly endedAt: string | null;
	readonly statements: number;
	readonly denied: number;
	readonly rowsOut: number;
}

export async function sessions(licet: Licet): Promise<SessionLine[]> {
	return (await licet.json("sessions")) as SessionLine[];
}

export async function replay(licet: Licet, session?: string): Promise<Line[]> {
	const id = session ?? (await sessions(licet))[0]?.session ?? "";
	const { code, stdout, stderr } = await licet.cli("replay", id, "--json");
	if (code !== 0) throw new Error(stderr);
	return stdout
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line) as Line);
}
