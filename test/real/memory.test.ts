/**
 * Results are never collected: a gigabyte on its way to a client that reads slowly takes the proxy no more memory than a
 * small one (issue: Done when). Read from /proc, so on Linux only.
 */
import { existsSync, readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const LIMIT_MB = 200;

const SCHEMA = `
CREATE SCHEMA app;
CREATE TABLE app.seed (n int, word text, secret text);
INSERT INTO app.seed SELECT n, repeat('x', 1000), 'secret' || n FROM generate_series(1, 1000) n;
`;

/** Peak of the process's resident memory, in MB. */
function peakMb({ pid }: Licet): number {
	const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
	return Number(found?.[1]) / 1024;
}

/** Reads a whole result, with pauses at its beginning in which nothing is taken. */
async function readSlowly(client: RawClient): Promise<wire.Message[]> {
	for (let pause = 0; pause < 8; pause++) {
		client.hold(true);
		await new Promise((resolve) => setTimeout(resolve, 250));
		client.hold(false);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	return client.until("Z", 120_000);
}

async function stream(t: Test, licet: Licet, name: string, sql: string, rows: number, bytes: number): Promise<void> {
	const grant = await licet.grant({ license: name, target: "shop" });
	const client = await RawClient.login({ ...rawGrant(grant), dropRows: true });
	client.send(wire.query(sql));
	const answers = await readSlowly(client);
	t.equal(client.rowsDropped, rows, `${name}: all rows came`);
	t.match(wire.outline(answers), /^[TH] (c )?C:\w+ \d+ Z:I$/);
	t.ok(client.bytesReceived > bytes, `${name}: ${Math.round(client.bytesReceived / 1e6)} MB`);
	t.ok(peakMb(licet) < LIMIT_MB, `${name}: the proxy took ${Math.round(peakMb(licet))} MB at most`);
	client.destroy();
}

await t.test(
	"a large result and a slow client",
	{ skip: existsSync("/proc/self/status") ? false : "memory is read from /proc" },
	async (t) => {
		const url = await createDatabase(t, testServers().pg15, SCHEMA);
		const permits = [{ on: ["app.*"], commands: ["read", "write"] }];
		const licet = await startLicet(t, {
			targets: { shop: targetOf(url) },
			licenses: {
				plain: license("plain", { permits }),
				masked: license("masked", {
					permits,
					masks: [{ columns: ["app.seed.secret"], with: { partial: { keepLast: 2 } } }],
					recording: { results: 10 },
				}),
				everything: license("everything", { permits: "all" }),
			},
		});
		const wide = "SELECT s.n, s.word, s.secret FROM app.seed s, generate_series(1, $) g";
		await stream(t, licet, "plain", wide.replace("$", "1000"), 1_000_000, 1e9);
		await stream(t, licet, "masked", wide.replace("$", "200"), 200_000, 2e8);
		await stream(t, licet, "everything", `COPY (${wide.replace("$", "200")}) TO STDOUT`, 200_000, 2e8);

		await t.test("COPY in, to a slow server", async (t) => {
			const client = await RawClient.login(rawGrant(await licet.grant({ license: "plain", target: "shop" })));
			client.send(wire.query("COPY app.seed FROM STDIN"));
			t.equal((await client.next()).type, "G");
			const lines = wire.copyData(`1\t${"y".repeat(1000)}\ts\n`.repeat(60));
			for (let n = 0; n < 3_000; n++) {
				client.send(lines);
				if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
			}
			client.send(wire.copyDone);
			t.equal(wire.outline(await client.until("Z", 60_000)), "C:COPY 180000 Z:I");
			t.ok(peakMb(licet) < LIMIT_MB, `the proxy took ${Math.round(peakMb(licet))} MB at most`);
			client.destroy();
		});
	},
);
