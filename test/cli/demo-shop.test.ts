/**
 * The demo's world on the PostgreSQL from npm: it comes up, holds the same rows everywhere, its license and its
 * configuration are valid, and nothing is left when it ends.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { createShop, DEMO_LICENSE, DEMO_STATEMENTS, demoConfig, SHOP_SQL } from "../../src/cli/demo-shop.js";
import { startEmbeddedPostgres } from "../../src/cli/embedded.js";
import { freePort } from "../../src/cli/free-port.js";
import { loadConfig } from "../../src/config/document.js";
import { parseLicense } from "../../src/licensing/license.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";

/** A fingerprint of all rows of the tables that have to be the same on every machine. */
const FINGERPRINT = `SELECT md5(string_agg(line, '|' ORDER BY line COLLATE "C")) AS value FROM (
	SELECT c::text AS line FROM app.customers c UNION ALL SELECT p::text FROM app.products p
	UNION ALL SELECT concat_ws(' ', o.id, o.customer_id, o.status, extract(epoch FROM o.ordered_at)) FROM app.orders o
	UNION ALL SELECT i::text FROM app.order_items i UNION ALL SELECT s::text FROM hr.salaries s) AS lines`;

t.test("the shop", async (t) => {
	const folder = t.testdir({ licenses: {} });
	const wanted = await freePort();
	const target = mkdtempSync(join(tmpdir(), "licet-target-"));
	t.teardown(() => rmSync(target, { recursive: true, force: true }));
	const cluster = await startEmbeddedPostgres({ folder: target, port: wanted });
	t.teardown(() => cluster.stop());
	const shop = await createShop(cluster);
	t.match(cluster, { host: "127.0.0.1", port: wanted });
	const { host, port, database, username, password } = shop;
	const url = `postgres://${username}:${password}@${host}:${port}/${database}`;
	await withClient(url, async (client) => {
		const [masked, denied, capped] = DEMO_STATEMENTS;
		t.equal((await client.query(masked.sql)).rowCount, 5, "the application may read it");
		t.ok(((await client.query(denied.sql)).rowCount ?? 0) > 0, "and hr: only the license denies it");
		t.ok(((await client.query(capped.sql)).rowCount ?? 0) > 100, "more rows than the cap");
		await t.rejects(client.query("SELECT * FROM pg_authid"), "it is no superuser");
	});
	const twin = await createDatabase(t, testServers().pg15, SHOP_SQL.replace(/^GRANT .*$/gm, ""));
	const prints = await Promise.all(
		[url, twin].map((at) => withClient(at, async (client) => (await client.query(FINGERPRINT)).rows[0]?.value)),
	);
	t.match(prints[0], /^[0-9a-f]{32}$/);
	t.equal(prints[0], prints[1], "the same rows on another server");

	t.test("its documents", async (t) => {
		const parsed = parseLicense(DEMO_LICENSE, "demo.yaml");
		t.same("problems" in parsed ? parsed.problems : [], []);
		const file = join(folder, "licet.yaml");
		const listen = { postgres: "127.0.0.1:6432", api: "127.0.0.1:8432" };
		writeFileSync(file, demoConfig({ listen, target: shop, licenses: "./licenses", data: "./data" }));
		const loaded = loadConfig(file, {});
		t.same("problems" in loaded ? loaded.problems : [], []);
	});

	t.test("its end", async (t) => {
		await cluster.stop();
		await cluster.stop();
		const refused = await new Promise((resolve) => {
			const socket = connect({ host, port });
			socket.once("error", () => resolve(true)).once("connect", () => resolve(socket.destroy() && false));
		});
		t.ok(refused, "nobody listens any more");
	});
});

t.test("a port that is taken", async (t) => {
	const { port } = new URL(testServers().pg18);
	const other = await freePort(Number(port));
	t.not(other, Number(port));
	t.ok(other > 0);
});
