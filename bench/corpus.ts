/**
 * `npm run corpus -- [FOLDER]`: how much of real statements the MySQL reader reads, and what it reads that a server
 * rejects. FOLDER holds gzipped JSON Lines `{ sql, mode?, mdb?, my97? }`, where `mdb` (MariaDB 10.11) and `my97` (MySQL
 * 9.7) say whether that server's parser accepts the statement.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Server } from "../src/sql/mysql/flavour.js";
import { parseText } from "../src/sql/mysql/parse.js";
import { parseReading, readingOf } from "../src/sql/mysql/reading.js";
import { Unreadable } from "../src/sql/unreadable.js";

const MARIADB: Server = { flavour: "mariadb", version: 101119, lowerCaseNames: 0 };
const MYSQL: Server = { flavour: "mysql", version: 90704, lowerCaseNames: 0 };
const QUERIES = /^\s*(?:\/\*[\s\S]*?\*\/\s*)*\(*\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\b/i;

interface Row {
	readonly sql: string;
	readonly mode?: string;
	readonly mdb?: number;
	readonly my97?: number;
}

interface Tally {
	accepted: number;
	read: number;
	rejected: number;
	wrong: number;
	readonly reasons: Map<string, { count: number; example: string }>;
}

function tally(): Tally {
	return { accepted: 0, read: 0, rejected: 0, wrong: 0, reasons: new Map() };
}

function readable(sql: string, server: Server, mode: string): string | undefined {
	const reading = parseReading(readingOf({ database: "test", modes: mode, multi: false, charset: "utf8mb4" }));
	try {
		parseText(Buffer.from(sql, "utf8").toString("latin1"), server, reading);
		return undefined;
	} catch (error) {
		if (error instanceof Unreadable) return error.message;
		return `CRASH ${String(error)}`;
	}
}

function note(reasons: Tally["reasons"], reason: string, example: string): void {
	const known = reasons.get(reason);
	if (known === undefined) reasons.set(reason, { count: 1, example });
	else known.count += 1;
}

function percent(part: number, whole: number): string {
	return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(2)} %`;
}

function measure(file: string, server: Server, verdict: "mdb" | "my97", most: number): void {
	const rows = gunzipSync(readFileSync(file)).toString("utf8").trim().split("\n");
	const all = tally();
	const queries = tally();
	const wrong: Tally["reasons"] = new Map();
	for (const line of rows) {
		const row = JSON.parse(line) as Row;
		const accepted = row[verdict];
		if (accepted === undefined) continue;
		const reason = readable(row.sql, server, row.mode ?? "");
		const groups = QUERIES.test(row.sql) ? [all, queries] : [all];
		for (const group of groups) {
			if (accepted === 1) {
				group.accepted += 1;
				if (reason === undefined) group.read += 1;
				else note(group.reasons, `${firstWords(row.sql)}: ${reason}`, row.sql);
			} else {
				group.rejected += 1;
				if (reason === undefined) group.wrong += 1;
			}
		}
		if (accepted === 0 && reason === undefined) note(wrong, firstWords(row.sql), row.sql);
	}
	const name = file.split("/").pop();
	console.log(
		`${name} as ${server.flavour}: all ${percent(all.read, all.accepted)} of ${all.accepted}, queries and DML ${percent(queries.read, queries.accepted)} of ${queries.accepted}; wrongly accepted ${all.wrong} of ${all.rejected} (${percent(all.wrong, all.rejected)})`,
	);
	show("refused, queries and DML", queries.reasons, most);
	show("refused, all", all.reasons, most);
	show("wrongly accepted", wrong, most);
}

function show(title: string, reasons: Tally["reasons"], most: number): void {
	const sorted = [...reasons].sort(([, a], [, b]) => b.count - a.count).slice(0, most);
	if (sorted.length === 0) return;
	console.log(`  ${title}:`);
	for (const [reason, { count, example }] of sorted) {
		console.log(`  ${String(count).padStart(6)}  ${reason}   e.g. ${example.replace(/\s+/g, " ").slice(0, 160)}`);
	}
}

function firstWords(sql: string): string {
	return sql
		.trim()
		.split(/[\s(]+/)
		.slice(0, 2)
		.join(" ")
		.toUpperCase()
		.slice(0, 32);
}

const [folder = "../shared/corpus", count = "12", only = ""] = process.argv.slice(2);
if (!existsSync(folder)) {
	console.error(`${folder}: there is no such folder; name one that holds corpora`);
	process.exit(2);
}
for (const file of readdirSync(folder).sort()) {
	if (!/^(mysql|mariadb)-.*\.jsonl\.gz$/.test(file) || !file.includes(only)) continue;
	measure(join(folder, file), MARIADB, "mdb", Number(count));
	measure(join(folder, file), MYSQL, "my97", Number(count));
}
