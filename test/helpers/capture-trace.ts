/**
 * Writes fixtures/traces anew from a real PostgreSQL: `node dist/test/helpers/capture-trace.js postgres://…`. It makes a
 * schema of its own in the database and drops it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONVERSATION_SCHEMA, conversations, type Turn } from "./conversations.js";
import { fixture } from "./project.js";
import { RawClient, rawOptions } from "./raw-client.js";
import { withClient } from "./servers.js";
import { framesOf, type TraceFrame, writeTrace } from "./traces.js";
import { message } from "./wire.js";

async function capture(client: RawClient, turns: readonly Turn[]): Promise<TraceFrame[]> {
	const frames: TraceFrame[] = [];
	for (const { send, until } of turns) {
		client.send(...send);
		for (const bytes of framesOf(Buffer.concat(send))) frames.push({ from: "client", bytes });
		for (const type of until) {
			for (const { type: letter, body } of await client.until(type)) {
				frames.push({ from: "server", bytes: message(letter, body) });
			}
		}
	}
	return frames;
}

async function main(url: string): Promise<void> {
	mkdirSync(fixture("traces"), { recursive: true });
	const schema = "licet_traces";
	await withClient(url, async (admin) => {
		await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}; SET search_path = ${schema}`);
		await admin.query(CONVERSATION_SCHEMA);
		for (const [name, turns] of Object.entries(conversations)) {
			const client = await RawClient.login({ ...rawOptions(url), parameters: { search_path: schema } });
			const version = client.reported.get("server_version") ?? "";
			const text = writeTrace(`${name}, captured from PostgreSQL ${version}`, await capture(client, turns));
			writeFileSync(join(fixture("traces"), `${name}.txt`), text);
			client.destroy();
		}
		await admin.query(`DROP SCHEMA ${schema} CASCADE`);
	});
}

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error("which server? give its postgres:// URL");
await main(url);
