/**
 * Options of tables: those that reach beyond the server (engines, folders, other servers) are refused. MySQL: manual,
 * "CREATE TABLE Statement", "Table Options".
 */
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { KIND } from "./tokens.js";
import { defaultCharset, engineOption, equals, nameOrText, number, type Seen, size } from "./utility-parts.js";

/** Engines that keep their rows in the server itself. Others reach files, other servers or other tables. */
const OWN_ENGINES = new Set(
	`innodb myisam memory heap aria maria archive blackhole csv ndb ndbcluster rocksdb tokudb performance_schema
	columnstore mroonga example innobase`.split(/\s+/),
);

/** Options whose value is a word, a text or a number. */
const PLAIN = new Set(
	`AUTO_INCREMENT AVG_ROW_LENGTH CHECKSUM COMPRESSION DELAY_KEY_WRITE ENCRYPTION ENCRYPTED ENCRYPTION_KEY_ID IETF_QUOTES
	INSERT_METHOD KEY_BLOCK_SIZE MAX_ROWS MIN_ROWS PACK_KEYS PAGE_CHECKSUM PAGE_COMPRESSED PAGE_COMPRESSION_LEVEL PASSWORD
	ROW_FORMAT STATS_AUTO_RECALC STATS_PERSISTENT STATS_SAMPLE_PAGES TABLE_CHECKSUM TRANSACTIONAL AUTOEXTEND_SIZE COMMENT
	ENGINE_ATTRIBUTE SECONDARY_ENGINE_ATTRIBUTE SECONDARY_ENGINE NODEGROUP SEQUENCE`.split(/\s+/),
);

const KEY_BLOCK_SIZE_MAX = 65_535;

/** One option; false when none is next. */
export function tableOption(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	if (defaultCharset(cursor)) return true;
	if (cursor.kind() !== KIND.word && cursor.kind() !== KIND.name) return false;
	const word = cursor.word();
	switch (word) {
		case "ENGINE":
		case "TYPE":
			if (word === "TYPE" && !cursor.isMariaDb) return false;
			cursor.at += 1;
			equals(cursor);
			engine(seen, nameOrText(cursor));
			return true;
		case "DATA":
		case "INDEX":
			if (!cursor.isWord("DIRECTORY", 1)) return false;
			cursor.at += 2;
			equals(cursor);
			cursor.string();
			seen.deeds.push({ kind: "refused", why: "a table in a folder of its own" });
			return true;
		case "CONNECTION":
			cursor.at += 1;
			equals(cursor);
			cursor.string();
			seen.deeds.push({ kind: "refused", why: "a table of another server" });
			return true;
		case "UNION":
			if (!cursor.isSymbol("=", 1) && !(cursor.isSymbol("(", 1) && !cursor.isWord("SELECT", 2))) return false;
			cursor.at += 1;
			equals(cursor);
			cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => relationPath(cursor))));
			seen.deeds.push({ kind: "refused", why: "a table that is made of others" });
			return true;
		case "TABLESPACE":
			cursor.at += 1;
			equals(cursor);
			nameOrText(cursor);
			return true;
		case "STORAGE":
			cursor.at += 1;
			if (cursor.takeAny("DISK", "MEMORY", "DEFAULT") === undefined) throw cursor.fail();
			return true;
		case "START":
			if (cursor.isMariaDb) return false;
			cursor.expect("START", "TRANSACTION");
			return true;
		case "WITH":
			if (!cursor.isMariaDb || !cursor.isWord("SYSTEM", 1)) return false;
			cursor.expect("WITH", "SYSTEM", "VERSIONING");
			return true;
		default:
			if (PLAIN.has(word)) {
				cursor.at += 1;
				equals(cursor);
				if (word === "PACK_KEYS" && !cursor.isWord("DEFAULT") && Number(cursor.raw()) > 1) throw cursor.fail();
				if (word === "KEY_BLOCK_SIZE" && Number(cursor.raw()) > KEY_BLOCK_SIZE_MAX) throw cursor.fail();
				plainValue(g);
				return true;
			}
			return cursor.isMariaDb && tableEngineOption(g, seen);
	}
}

function plainValue(g: Grammar): void {
	const { cursor } = g;
	if (cursor.kind() === KIND.text) cursor.string();
	else if (cursor.isNameOrWord() && !/^[0-9]/.test(cursor.raw())) cursor.at += 1;
	else if (/^[0-9]+[KMG]$/i.test(cursor.raw())) size(cursor);
	else if (cursor.isSymbol("-")) throw cursor.fail();
	else number(cursor);
}

/** Options of engines may name files and servers. */
function tableEngineOption(g: Grammar, seen: Seen): boolean {
	if (!engineOption(g)) return false;
	seen.deeds.push({ kind: "refused", why: "options of a storage engine" });
	return true;
}

function engine(seen: Seen, name: string): void {
	if (OWN_ENGINES.has(name.toLowerCase())) return;
	seen.deeds.push({ kind: "refused", why: `the storage engine ${name} may reach beyond the server` });
}

/** Options with or without commas between them. */
export function tableOptions(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	while (tableOption(g, seen)) {
		if (cursor.isSymbol(",")) {
			cursor.at += 1;
			if (!tableOption(g, seen)) throw cursor.fail();
			if (cursor.isSymbol(",")) continue;
		}
	}
}
