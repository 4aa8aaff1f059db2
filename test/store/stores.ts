/**
 * Runs a test once for each database that a store can live in. The PostgreSQL half gets a database of its own on the
 * server that LICET_TEST_PG15 names, and is skipped, with a reason, when there is none.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import type { Test } from "tap";
import type { StoreLocation } from "../../src/store/store.js";

type Body = (t: Test, location: StoreLocation) => Promise<void>;

async function withServer<Result>(url: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		return await use(client);
	} finally {
		await client.end();
	}
}

export async function withStores(t: Test, body: Body): Promise<void> {
	await t.test("embedded store", (t) => body(t, { kind: "embedded", folder: t.testdir() }));
	const server = process.env.LICET_TEST_PG15;
	const options = server === undefined ? { skip: "LICET_TEST_PG15 names no server" } : {};
	await t.test("PostgreSQL store", options, async (t) => {
		if (server === undefined) return;
		const name = `licet_store_${randomBytes(6).toString("hex")}`;
		await withServer(server, (client) => client.query(`create database ${name}`));
		t.teardown(() => withServer(server, (client) => client.query(`drop database ${name} with (force)`)));
		const url = new URL(server);
		url.pathname = `/${name}`;
		await body(t, { kind: "postgres", url: url.href });
	});
}
