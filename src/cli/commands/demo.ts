/**
 * `licet demo`: a small shop in a real PostgreSQL, and in a MariaDB or MySQL where one is installed, a license, the proxy
 * before it, and grants: everything that is needed to see what Licet does, in a temporary folder that is removed at the
 * end.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../telemetry/log.js";
import { configuration } from "../admin-client.js";
import { clientProgram, ENGINE_NAMES, type IssuedGrant, shellLine } from "../client-programs.js";
import { startMysqlShop } from "../demo-mysql.js";
import {
	createShop,
	DEMO_LICENSE,
	DEMO_LICENSE_ID,
	DEMO_MYSQL_TARGET,
	DEMO_STATEMENTS,
	DEMO_SUBJECT,
	DEMO_TARGET,
	demoConfig,
	type ShopTarget,
} from "../demo-shop.js";
import { startEmbeddedPostgres } from "../embedded.js";
import { freePort } from "../free-port.js";
import { type Node, startNode } from "../node.js";
import { stopSignal } from "./serve.js";

const PROXY_PORT = 6432;
const MYSQL_PROXY_PORT = 6033;
const GRANT_MS = 8 * 60 * 60 * 1000;

/** With `json` one line tells what was made, when it is there. */
export async function demo(options: { readonly json?: boolean }, print: (text: string) => void): Promise<void> {
	const say = options.json === true ? () => undefined : print;
	const folder = mkdtempSync(join(tmpdir(), "licet-demo-"));
	// The database may have to run as another user than we do, and must reach its folder below.
	chmodSync(folder, 0o711);
	const opened: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
	const stopped = stopSignal();
	try {
		say("Starting a PostgreSQL with a small shop in it …");
		const { node, configFile, hasMysql } = await start(folder, opened, say);
		const targets = [DEMO_TARGET, ...(hasMysql ? [DEMO_MYSQL_TARGET] : [])];
		const grants = await Promise.all(targets.map((target) => issue(node, target)));
		if (options.json === true) print(JSON.stringify({ config: configFile, grants, statements: DEMO_STATEMENTS }));
		else say(welcome(grants, configFile));
		await stopped;
		say("\nStopping …");
	} finally {
		for (const close of opened.reverse()) await close();
	}
}

async function issue(node: Node, target: string): Promise<IssuedGrant> {
	const grant = await node.control.issueGrant({
		license: DEMO_LICENSE_ID,
		target,
		subject: DEMO_SUBJECT,
		durationMs: GRANT_MS,
		reason: "a look at the demo",
		by: "demo",
	});
	return grant as IssuedGrant;
}

async function start(
	folder: string,
	opened: (() => unknown)[],
	say: (text: string) => void,
): Promise<{ node: Node; configFile: string; hasMysql: boolean }> {
	const cluster = await startEmbeddedPostgres({ folder: join(folder, "database") });
	opened.push(() => cluster.stop());
	const target = await createShop(cluster);
	const mysql = await mysqlShop(join(folder, "mysql"), opened, say);
	const port = await freePort(PROXY_PORT);
	const mysqlPort = await freePort(MYSQL_PROXY_PORT);
	const configFile = join(folder, "licet.yaml");
	mkdirSync(join(folder, "licenses"));
	writeFileSync(join(folder, "licenses", `${DEMO_LICENSE_ID}.yaml`), DEMO_LICENSE);
	const text = demoConfig({
		listen: {
			postgres: `127.0.0.1:${port}`,
			...(mysql === undefined ? {} : { mysql: `127.0.0.1:${mysqlPort}` }),
		},
		target,
		mysql,
		licenses: "./licenses",
		data: "./data",
	});
	writeFileSync(configFile, text, { mode: 0o600 });
	const log = createLog({ level: process.env.LICET_LOG ?? "warn" });
	const node = await startNode(configuration(configFile, true), process.env, log);
	opened.push(() => node.close());
	return { node, configFile, hasMysql: mysql !== undefined };
}

/** The demo goes on without it: not everybody has one. */
async function mysqlShop(
	folder: string,
	opened: (() => unknown)[],
	say: (text: string) => void,
): Promise<ShopTarget | undefined> {
	try {
		const shop = await startMysqlShop(folder);
		if (shop === undefined) {
			say("There is no MariaDB or MySQL on this machine (Debian: apt-get install mariadb-server): PostgreSQL alone.");
			return undefined;
		}
		opened.push(() => shop.server.stop());
		say("And a MariaDB or MySQL with the same shop, for one is installed here.");
		return shop.target;
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		say(`The MariaDB or MySQL of this machine cannot be used, so PostgreSQL alone: ${why}`);
		return undefined;
	}
}

function welcome(grants: readonly IssuedGrant[], configFile: string): string {
	const connect = grants.map(connectLines).join("\n\n");
	const tries = DEMO_STATEMENTS.map(({ about, sql }) => `  ${`${about}:`.padEnd(8)} ${sql}`).join("\n");
	return [
		"",
		`${DEMO_SUBJECT} has a grant under the license ${DEMO_LICENSE_ID}, for eight hours.`,
		"",
		connect,
		"",
		"Then try:",
		"",
		tries,
		"",
		"Afterwards, see what was recorded:",
		"",
		`  npx licet sessions --config ${configFile}`,
		`  npx licet replay SESSION --config ${configFile}`,
		"",
		"Ctrl-C ends the demo and removes all of it.",
	].join("\n");
}

/** A line that works as it stands, where there is a program for it. */
function connectLines(grant: IssuedGrant): string {
	const name = ENGINE_NAMES[grant.engine];
	const opening = clientProgram(grant, process.env.PATH);
	if (opening !== undefined)
		return `${name}: this line connects as it stands:\n\n  ${shellLine(grant, opening.program)}`;
	return `${name}: any client connects with this URL:\n\n  ${grant.url}`;
}
