/**
 * The store: durable state as tables, in an embedded SQLite file or in a PostgreSQL database. One set of queries and one
 * set of tests serve both, so a column is text or bigint and nothing else (schema.ts).
 */
import { randomBytes } from "node:crypto";
import { type Dialect, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { type Logger, silentLog } from "../telemetry/log.js";
import { embeddedDialect } from "./embedded.js";
import { migrate } from "./migrations.js";
import type { Schema } from "./schema.js";

export type StoreLocation =
	/** The data folder; the file in it is licet.db. */
	{ readonly kind: "embedded"; readonly folder: string } | { readonly kind: "postgres"; readonly url: string };

export interface Store {
	readonly kind: "embedded" | "postgres";
	readonly db: Kysely<Schema>;
	/** 32 random bytes kept under a name, made at first use, the same for every node on the store ("masks", "logins"). */
	secret(name: string): Promise<Buffer>;
	close(): Promise<void>;
}

/** The store cannot be opened. The message never holds the URL, which may hold a password. */
export class StoreError extends Error {
	override readonly name = "StoreError";
}

/** The store is asked for grants and lists, never on the path of a statement: a few connections are plenty. */
const POOL_CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5000;
/** A query that takes longer has met a lock or a dead server; what waits for it must be able to fail. */
const QUERY_TIMEOUT_MS = 10_000;
const SECRET_BYTES = 32;

const PG_INT8 = 20;

/** int8 as a number: milliseconds, counts and offsets stay far below 2^53, and SQLite gives numbers too. */
const types: pg.CustomTypesConfig = {
	getTypeParser: (oid, format) => (oid === PG_INT8 ? Number : pg.types.getTypeParser(oid, format)),
};

function postgresDialect(url: string, log: Logger): Dialect {
	const pool = new pg.Pool({
		connectionString: url,
		max: POOL_CONNECTIONS,
		connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
		statement_timeout: QUERY_TIMEOUT_MS,
		query_timeout: QUERY_TIMEOUT_MS,
		application_name: "licet",
		types,
	});
	/* An idle connection that breaks is replaced at the next query; unheard, the event would end the process. */
	pool.on("error", (error) => log.warn({ err: error }, "a connection to the store was lost"));
	return new PostgresDialect({ pool });
}

/** Makes the secret unless it exists; of several nodes that start at once, one wins and all read the same. */
async function readSecret(db: Kysely<Schema>, name: string): Promise<Buffer> {
	await db
		.insertInto("licet_secrets")
		.values({ name, value: randomBytes(SECRET_BYTES).toString("hex") })
		.onConflict((conflict) => conflict.column("name").doNothing())
		.execute();
	const row = await db.selectFrom("licet_secrets").select("value").where("name", "=", name).executeTakeFirstOrThrow();
	const secret = Buffer.from(row.value, "hex");
	if (secret.length !== SECRET_BYTES) throw new StoreError(`the store's secret "${name}" is damaged`);
	return secret;
}

/** Opens the store and brings its tables to this version. */
export async function openStore(location: StoreLocation, log: Logger = silentLog): Promise<Store> {
	const db = await open(location, log);
	try {
		await migrate(db);
	} catch (error) {
		await db.destroy();
		throw failure(location, error);
	}
	const secrets = new Map<string, Promise<Buffer>>();
	return {
		kind: location.kind,
		db,
		secret(name) {
			const known = secrets.get(name);
			if (known !== undefined) return known;
			const reading = readSecret(db, name);
			secrets.set(name, reading);
			reading.catch(() => secrets.delete(name));
			return reading;
		},
		close: () => db.destroy(),
	};
}

async function open(location: StoreLocation, log: Logger): Promise<Kysely<Schema>> {
	try {
		const dialect =
			location.kind === "embedded" ? embeddedDialect(location.folder) : postgresDialect(location.url, log);
		return new Kysely<Schema>({ dialect });
	} catch (error) {
		throw failure(location, error);
	}
}

function failure(location: StoreLocation, error: unknown): StoreError {
	const where = location.kind === "embedded" ? `in ${location.folder}` : "at the PostgreSQL URL of `store`";
	const cause = error instanceof Error ? error.message : String(error);
	return new StoreError(`cannot open the store ${where}: ${cause}`, { cause: error });
}
