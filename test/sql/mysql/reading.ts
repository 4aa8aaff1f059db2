/** Texts read as one of the servers would, for tests: what they name, and what goes upstream. */
import type { Server } from "../../../src/sql/mysql/flavour.js";
import { type ParsedText, parseText } from "../../../src/sql/mysql/parse.js";
import { parseReading, readingOf } from "../../../src/sql/mysql/reading.js";
import { Unreadable } from "../../../src/sql/unreadable.js";

export const MARIADB: Server = { flavour: "mariadb", version: 101119, lowerCaseNames: 0 };
export const MYSQL: Server = { flavour: "mysql", version: 90704, lowerCaseNames: 0 };
export const SERVERS = [MARIADB, MYSQL];

export interface Session {
	readonly modes?: string;
	readonly multi?: boolean;
	readonly charset?: string;
}

export function read(sql: string | Uint8Array, server: Server, session: Session = {}): ParsedText {
	const { modes = "", multi = false, charset = "utf8mb4" } = session;
	const reading = parseReading(readingOf({ database: "app", modes, multi, charset }));
	return parseText(Buffer.from(sql as string).toString("latin1"), server, reading);
}

/** The refusal of a text; undefined: it is read. */
export function refusal(sql: string | Uint8Array, server: Server, session: Session = {}): Unreadable | undefined {
	try {
		read(sql, server, session);
		return undefined;
	} catch (error) {
		if (error instanceof Unreadable) return error;
		throw error;
	}
}

/** Every relation that a tree names, wherever it stands: sorted, each once. */
export function relations(tree: unknown): string[] {
	const found = new Set<string>();
	const walk = (node: unknown): void => {
		if (Array.isArray(node)) for (const each of node) walk(each);
		else if (node instanceof Map) for (const each of node.values()) walk(each);
		else if (typeof node === "object" && node !== null) {
			for (const [key, value] of Object.entries(node)) {
				if (key === "relation" || key === "targets") for (const path of [value].flat()) found.add(pathText(path));
				walk(value);
			}
		}
	};
	walk(tree);
	return [...found].sort();
}

function pathText(path: { readonly schema?: string; readonly name: string }): string {
	return path.schema === undefined ? path.name : `${path.schema}.${path.name}`;
}

/** What a text names, or why it is refused. */
export function tables(sql: string, server: Server, session: Session = {}): string {
	try {
		return relations(read(sql, server, session).statements).join(" ");
	} catch (error) {
		if (error instanceof Unreadable) return `refused: ${error.message}`;
		throw error;
	}
}
