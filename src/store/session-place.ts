/**
 * Where the index of sessions says that a session begins, for commands that read a recording beside a `serve` or without
 * one: the store is looked into as it is, and neither made nor brought to this version. What it says is a hint. Whoever
 * follows it finds the session's first entry there, or looks through the whole log.
 */
import { existsSync } from "node:fs";
import Database from "libsql";
import pg from "pg";
import { embeddedFile } from "./embedded.js";
import type { StoreLocation } from "./store.js";

export interface SessionPlace {
	/** The node whose log holds it. */
	readonly node: string;
	readonly segment: number;
	readonly offset: number;
}

/** A store that is slow to answer is not waited for: reading the log does without it. */
const TIMEOUT_MS = 2000;
const COLUMNS = "SELECT node, segment, segment_offset FROM licet_sessions WHERE id =";

/** Undefined when it does not say, or cannot be asked. */
export async function sessionPlace(location: StoreLocation, session: string): Promise<SessionPlace | undefined> {
	try {
		const row =
			location.kind === "embedded" ? embeddedRow(location.folder, session) : await postgresRow(location.url, session);
		return placeOf(row);
	} catch {
		return undefined;
	}
}

function embeddedRow(folder: string, session: string): unknown {
	const file = embeddedFile(folder);
	if (!existsSync(file)) return undefined;
	const database = new Database(file, { readonly: true, timeout: TIMEOUT_MS });
	try {
		return database.prepare(`${COLUMNS} ?`).get(session);
	} finally {
		database.close();
	}
}

async function postgresRow(url: string, session: string): Promise<unknown> {
	const client = new pg.Client({
		connectionString: url,
		connectionTimeoutMillis: TIMEOUT_MS,
		statement_timeout: TIMEOUT_MS,
		query_timeout: TIMEOUT_MS,
		application_name: "licet",
	});
	/* An error outside of a query would otherwise end the process. */
	client.on("error", () => undefined);
	try {
		await client.connect();
		return (await client.query(`${COLUMNS} $1`, [session])).rows[0];
	} finally {
		await client.end();
	}
}

function placeOf(row: unknown): SessionPlace | undefined {
	if (typeof row !== "object" || row === null) return undefined;
	const { node, segment, segment_offset: offset } = row as Readonly<Record<string, unknown>>;
	const [first, byte] = [Number(segment), Number(offset)];
	if (typeof node !== "string" || !isCount(first) || !isCount(byte)) return undefined;
	return { node, segment: first, offset: byte };
}

function isCount(value: number): boolean {
	return Number.isSafeInteger(value) && value >= 0;
}
