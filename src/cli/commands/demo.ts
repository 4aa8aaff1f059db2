/**
 * `licet demo`: a small shop in a real PostgreSQL, a license, the proxy before it, and a grant: everything that is
 * needed to see what Licet does, in a temporary folder that is removed at the end.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../telemetry/log.js";
import { configuration } from "../admin-client.js";
import {
	createShop,
	DEMO_LICENSE,
	DEMO_LICENSE_ID,
	DEMO_STATEMENTS,
	DEMO_SUBJECT,
	DEMO_TARGET,
	demoConfig,
} from "../demo-shop.js";
import { startEmbeddedPostgres } from "../embedded.js";
import { freePort } from "../free-port.js";
import { type Node, startNode } from "../node.js";
import { stopSignal } from "./serve.js";

const PROXY_PORT = 6432;
const GRANT_MS = 8 * 60 * 60 * 1000;

export async function demo(say: (text: string) => void): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "licet-demo-"));
	// The database may have to run as another user than we do, and must reach its folder below.
	chmodSync(folder, 0o711);
	const opened: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
	const stopped = stopSignal();
	try {
		say("Starting a PostgreSQL with a small shop in it …");
		const { node, configFile } = await start(folder, opened);
		const issued = (await node.control.issueGrant({
			license: DEMO_LICENSE_ID,
			target: DEMO_TARGET,
			subject: DEMO_SUBJECT,
			durationMs: GRANT_MS,
			reason: "a look at the demo",
			by: "demo",
		})) as Record<string, unknown>;
		say(welcome(String(issued.url), configFile));
		await stopped;
		say("\nStopping …");
	} finally {
		for (const close of opened.reverse()) await close();
	}
}

async function start(folder: string, opened: (() => unknown)[]): Promise<{ node: Node; configFile: string }> {
	const cluster = await startEmbeddedPostgres({ folder: join(folder, "database") });
	opened.push(() => cluster.stop());
	const target = await createShop(cluster);
	const port = await freePort(PROXY_PORT);
	const configFile = join(folder, "licet.yaml");
	mkdirSync(join(folder, "licenses"));
	writeFileSync(join(folder, "licenses", `${DEMO_LICENSE_ID}.yaml`), DEMO_LICENSE);
	const text = demoConfig({
		listen: { postgres: `127.0.0.1:${port}` },
		target,
		licenses: "./licenses",
		data: "./data",
	});
	writeFileSync(configFile, text, { mode: 0o600 });
	const log = createLog({ level: process.env.LICET_LOG ?? "warn" });
	const node = await startNode(configuration(configFile, true), process.env, log);
	opened.push(() => node.close());
	return { node, configFile };
}

function welcome(url: string, configFile: string): string {
	const hasPsql = spawnSync("psql", ["--version"], { stdio: "ignore" }).status === 0;
	const connect = hasPsql
		? `Connect (this line works as it stands, for eight hours):\n\n  psql '${url}'`
		: `There is no psql on this machine; any PostgreSQL client connects with this URL:\n\n  ${url}`;
	const tries = DEMO_STATEMENTS.map(({ about, sql }) => `  ${`${about}:`.padEnd(8)} ${sql}`).join("\n");
	return [
		"",
		`${DEMO_SUBJECT} has a grant under the license ${DEMO_LICENSE_ID}. ${connect}`,
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
