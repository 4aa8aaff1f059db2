/**
 * SHOW, DESCRIBE, EXPLAIN and MariaDB's ANALYZE of statements.
 * MySQL: manual, "SHOW Statements", "EXPLAIN Statement"; MariaDB: "SHOW", "EXPLAIN", "ANALYZE Statement".
 */
import type { Expression, RelationPath } from "../query.js";
import type { ExplainStatement, MysqlStatement, Shown, ShowPlace, ShowStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { limitClause } from "./query-tail.js";
import { relationPath } from "./sources.js";
import { KIND } from "./tokens.js";
import { account, nameOrText, refused } from "./utility-parts.js";

const OPEN: Shown = { kind: "open" };
const PROCESSES: Shown = { kind: "sensitive", schema: "information_schema", name: "processlist" };
const VARIABLES: Shown = { kind: "listing", of: "variables" };
const ROUTINES: Shown = { kind: "listing", of: "routines" };
const RIGHTS: Shown = { kind: "rights" };

/** `FROM db` or `IN db`. */
function fromDatabase(g: Grammar): string | undefined {
	return g.cursor.takeAny("FROM", "IN") === undefined ? undefined : g.cursor.tableName();
}

interface Filter {
	readonly like?: string;
	readonly where?: Expression;
	readonly place?: ShowPlace;
}

/** `LIKE 'pattern'` or `WHERE expr`, or neither. */
function filter(g: Grammar): Filter {
	const { cursor } = g;
	const start = cursor.position();
	if (cursor.take("LIKE")) {
		const like = cursor.string();
		return { like, place: { start, end: cursor.endBefore, like } };
	}
	if (cursor.take("WHERE")) {
		const from = cursor.position();
		const where = g.expression();
		return { where, place: { start, end: cursor.endBefore, where: from } };
	}
	return { place: { start: cursor.endBefore, end: cursor.endBefore } };
}

function show(tag: string, shown: Shown, found: Filter = {}): ShowStatement {
	const { where, place } = found;
	return {
		kind: "show",
		tag: `SHOW ${tag}`,
		shown,
		...(where === undefined ? {} : { where }),
		...(place === undefined ? {} : { place }),
	};
}

/** `t`, `t FROM db`. */
function tableOf(g: Grammar): RelationPath {
	const path = relationPath(g.cursor);
	const schema = fromDatabase(g);
	return schema === undefined ? path : { ...path, schema };
}

type Reader = (g: Grammar) => MysqlStatement;

/** Names of things and their properties, perhaps of one database, filtered. */
function listed(tag: string, shown: Shown = OPEN): Reader {
	return (g) => {
		fromDatabase(g);
		return show(tag, shown, filter(g));
	};
}

function filtered(tag: string, shown: Shown = OPEN): Reader {
	return (g) => show(tag, shown, filter(g));
}

function plain(tag: string, shown: Shown = OPEN): Reader {
	return () => show(tag, shown);
}

function columns(g: Grammar): MysqlStatement {
	if (g.cursor.takeAny("FROM", "IN") === undefined) throw g.cursor.fail();
	return show("COLUMNS", { kind: "relation", path: tableOf(g) }, filter(g));
}

function indexes(g: Grammar): MysqlStatement {
	if (g.cursor.takeAny("FROM", "IN") === undefined) throw g.cursor.fail();
	const path = tableOf(g);
	const where = g.cursor.take("WHERE") ? { where: g.expression() } : {};
	return show("INDEX", { kind: "relation", path }, where);
}

function triggers(g: Grammar): MysqlStatement {
	const database = fromDatabase(g);
	const found = filter(g);
	return show("TRIGGERS", { kind: "listing", of: "triggers", database }, found);
}

function tableStatus(g: Grammar): MysqlStatement {
	const database = fromDatabase(g);
	return show("TABLE STATUS", { kind: "listing", of: "tables", database }, filter(g));
}

/** `[n | offset, n | n OFFSET offset]` */
function messages(tag: string): Reader {
	return (g) => {
		limitClause(g);
		return show(tag, OPEN);
	};
}

function grants(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (cursor.take("FOR")) {
		account(cursor);
		if (!cursor.isMariaDb && cursor.take("USING")) cursor.list(() => account(cursor));
	}
	return show("GRANTS", RIGHTS);
}

function profile(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const types = ["ALL", "CPU", "IPC", "MEMORY", "SOURCE", "SWAPS", "BLOCK", "CONTEXT", "PAGE"];
	if (cursor.isAnyWord(...types)) {
		cursor.list(() => {
			const type = cursor.takeAny(...types);
			if (type === undefined) throw cursor.fail();
			if (type === "BLOCK") cursor.expect("IO");
			if (type === "CONTEXT") cursor.expect("SWITCHES");
			if (type === "PAGE") cursor.expect("FAULTS");
		});
	}
	if (cursor.take("FOR")) {
		cursor.expect("QUERY");
		number(g);
	}
	limitClause(g);
	return show("PROFILE", PROCESSES);
}

function number(g: Grammar): void {
	if (g.cursor.kind() !== KIND.integer) throw g.cursor.fail();
	g.cursor.at += 1;
}

/** Events of a log of changes: rows of any table. */
function logEvents(tag: string): Reader {
	return (g) => {
		const { cursor } = g;
		if (cursor.take("IN")) cursor.string();
		if (cursor.take("FROM")) number(g);
		limitClause(g);
		forChannel(g);
		return show(tag, { kind: "opaque", why: "the log of changes holds rows of any table" });
	};
}

function forChannel(g: Grammar): void {
	if (g.cursor.take("FOR", "CHANNEL")) g.cursor.string();
}

function engine(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.take("ENGINE");
	if (cursor.takeAny("ALL") === undefined) nameOrText(cursor);
	if (cursor.takeAny("STATUS", "MUTEX", "LOGS") === undefined) throw cursor.fail();
	return show("ENGINE", PROCESSES);
}

function replicaStatus(g: Grammar): MysqlStatement {
	if (g.cursor.isMariaDb && g.cursor.kind() === KIND.text) g.cursor.string();
	if (g.cursor.isMariaDb) g.cursor.take("NONBLOCKING");
	forChannel(g);
	return show("REPLICA STATUS", PROCESSES);
}

// ---- SHOW CREATE --------------------------------------------------------------------------------------------------

function showCreate(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const word = cursor.takeAny(
		...[
			"TABLE",
			"VIEW",
			"SEQUENCE",
			"DATABASE",
			"SCHEMA",
			"PROCEDURE",
			"FUNCTION",
			"TRIGGER",
			"EVENT",
			"USER",
			"LIBRARY",
		],
	);
	switch (word) {
		case "TABLE":
		case "VIEW":
		case "SEQUENCE":
			return show(`CREATE ${word}`, { kind: "relation", path: relationPath(cursor) });
		case "DATABASE":
		case "SCHEMA":
			cursor.take("IF", "NOT", "EXISTS");
			return show("CREATE DATABASE", { kind: "database", name: cursor.tableName() });
		case "USER":
			if (!(cursor.isMariaDb && cursor.isEnd)) account(cursor);
			return show("CREATE USER", RIGHTS);
		case undefined: {
			if (!cursor.take("PACKAGE")) throw cursor.fail();
			cursor.take("BODY");
			return show("CREATE PACKAGE", { kind: "source", path: relationPath(cursor) });
		}
		default:
			return show(`CREATE ${word}`, { kind: "source", path: relationPath(cursor) });
	}
}

function routine(word: string): Reader {
	return (g) => {
		if (g.cursor.take("CODE")) return show(`${word} CODE`, { kind: "source", path: relationPath(g.cursor) });
		g.cursor.expect("STATUS");
		return show(`${word} STATUS`, ROUTINES, filter(g));
	};
}

// ---- the table ----------------------------------------------------------------------------------------------------

/** By the words behind SHOW, the longer first where one begins another. */
const FORMS: readonly (readonly [words: string, read: Reader])[] = [
	["CREATE", showCreate],
	["DATABASES", filtered("DATABASES")],
	["SCHEMAS", filtered("DATABASES")],
	["TABLE STATUS", tableStatus],
	["OPEN TABLES", listed("OPEN TABLES")],
	["EXTENDED FULL TABLES", listed("TABLES")],
	["EXTENDED TABLES", listed("TABLES")],
	["FULL TABLES", listed("TABLES")],
	["TABLES", listed("TABLES")],
	["EXTENDED FULL COLUMNS", columns],
	["EXTENDED FULL FIELDS", columns],
	["EXTENDED COLUMNS", columns],
	["EXTENDED FIELDS", columns],
	["FULL COLUMNS", columns],
	["FULL FIELDS", columns],
	["COLUMNS", columns],
	["FIELDS", columns],
	["EXTENDED INDEX", indexes],
	["EXTENDED INDEXES", indexes],
	["EXTENDED KEYS", indexes],
	["INDEX", indexes],
	["INDEXES", indexes],
	["KEYS", indexes],
	["FULL TRIGGERS", triggers],
	["TRIGGERS", triggers],
	["EVENTS", listed("EVENTS")],
	["GLOBAL VARIABLES", filtered("VARIABLES", VARIABLES)],
	["SESSION VARIABLES", filtered("VARIABLES", VARIABLES)],
	["LOCAL VARIABLES", filtered("VARIABLES", VARIABLES)],
	["VARIABLES", filtered("VARIABLES", VARIABLES)],
	["GLOBAL STATUS", filtered("STATUS")],
	["SESSION STATUS", filtered("STATUS")],
	["LOCAL STATUS", filtered("STATUS")],
	["STATUS", filtered("STATUS")],
	["WARNINGS", messages("WARNINGS")],
	["ERRORS", messages("ERRORS")],
	["GRANTS", grants],
	["PRIVILEGES", plain("PRIVILEGES")],
	["FULL PROCESSLIST", plain("PROCESSLIST", PROCESSES)],
	["PROCESSLIST", plain("PROCESSLIST", PROCESSES)],
	["STORAGE ENGINES", plain("ENGINES")],
	["ENGINES", plain("ENGINES")],
	["ENGINE", engine],
	["PLUGINS SONAME", filteredBySoname],
	["PLUGINS", plain("PLUGINS")],
	["COLLATION", filtered("COLLATION")],
	["CHARACTER SET", filtered("CHARACTER SET")],
	["CHARSET", filtered("CHARACTER SET")],
	["PROCEDURE", routine("PROCEDURE")],
	["FUNCTION", routine("FUNCTION")],
	["LIBRARY STATUS", filtered("LIBRARY STATUS", ROUTINES)],
	["PACKAGE BODY", packages],
	["PACKAGE", packages],
	["BINARY LOGS", plain("BINARY LOGS")],
	["MASTER LOGS", plain("BINARY LOGS")],
	["BINARY LOG STATUS", plain("BINARY LOG STATUS")],
	["BINLOG STATUS", plain("BINARY LOG STATUS")],
	["MASTER STATUS", plain("BINARY LOG STATUS")],
	["BINLOG EVENTS", logEvents("BINLOG EVENTS")],
	["RELAYLOG EVENTS", logEvents("RELAYLOG EVENTS")],
	["REPLICA STATUS", replicaStatus],
	["SLAVE STATUS", replicaStatus],
	["ALL REPLICAS STATUS", replicaStatus],
	["ALL SLAVES STATUS", replicaStatus],
	["REPLICA HOSTS", plain("REPLICAS", PROCESSES)],
	["REPLICAS", plain("REPLICAS", PROCESSES)],
	["SLAVE HOSTS", plain("REPLICAS", PROCESSES)],
	["PROFILES", plain("PROFILES", PROCESSES)],
	["PROFILE", profile],
	["AUTHORS", mariaDbOnly("AUTHORS")],
	["CONTRIBUTORS", mariaDbOnly("CONTRIBUTORS")],
	["CLIENT_STATISTICS", plain("STATISTICS", PROCESSES)],
	["USER_STATISTICS", plain("STATISTICS", PROCESSES)],
	["INDEX_STATISTICS", plain("STATISTICS", PROCESSES)],
	["TABLE_STATISTICS", plain("STATISTICS", PROCESSES)],
	["LOCALES", filtered("LOCALES")],
	["QUERY_RESPONSE_TIME", plain("STATISTICS", PROCESSES)],
	["EXPLAIN", explainOther],
	["ANALYZE", explainOther],
];

function filteredBySoname(g: Grammar): MysqlStatement {
	if (g.cursor.take("LIKE")) g.cursor.string();
	else if (g.cursor.take("WHERE")) return show("PLUGINS", OPEN, { where: g.expression() });
	else g.cursor.string();
	return show("PLUGINS", OPEN);
}

function packages(g: Grammar): MysqlStatement {
	if (!g.cursor.isMariaDb) throw g.cursor.fail(undefined, -1);
	return routine("PACKAGE")(g);
}

function mariaDbOnly(tag: string): Reader {
	return (g) => {
		if (!g.cursor.isMariaDb) throw g.cursor.fail(undefined, -1);
		return show(tag, OPEN);
	};
}

/** SHOW EXPLAIN FOR connection (MariaDB). */
function explainOther(g: Grammar): MysqlStatement {
	if (g.cursor.take("FORMAT")) {
		g.cursor.expectSymbol("=");
		nameOrText(g.cursor);
	}
	g.cursor.expect("FOR");
	g.expression();
	return show("EXPLAIN", PROCESSES);
}

export function showStatement(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("SHOW");
	if (cursor.isWord("COUNT") && cursor.isSymbol("(", 1)) return messageCount(g);
	for (const [words, read] of FORMS) if (cursor.take(...words.split(" "))) return read(g);
	throw cursor.fail();
}

/** SHOW COUNT(*) WARNINGS */
function messageCount(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.at += 1;
	cursor.inBrackets(() => cursor.expectSymbol("*"));
	if (cursor.takeAny("WARNINGS", "ERRORS") === undefined) throw cursor.fail();
	return show("COUNT", OPEN);
}

// ---- EXPLAIN, DESCRIBE, ANALYZE -----------------------------------------------------------------------------------

export function explainStatement(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.at += 1;
	const words = options(g);
	const isDescribed = words.length === 0 && (cursor.isName() || cursor.isSymbol("."));
	if (isDescribed) return describe(g);
	if (cursor.take("FOR", "CONNECTION")) {
		number(g);
		return show("EXPLAIN", PROCESSES);
	}
	if (!cursor.isMariaDb && cursor.takeAny("FOR") !== undefined) {
		if (cursor.takeAny("DATABASE", "SCHEMA") === undefined) throw cursor.fail();
		cursor.tableName();
		const explained = explainedBy(g, words);
		return { ...explained, statement: refused("EXPLAIN", "EXPLAIN of a statement for another database") };
	}
	return explainedBy(g, words);
}

function explainedBy(g: Grammar, words: readonly string[]): ExplainStatement {
	const { cursor } = g;
	const isExplained = startsStatement(g);
	if (!isExplained) throw cursor.fail();
	return {
		kind: "explain",
		statement: g.statement(),
		runs: words.includes("ANALYZE"),
		// MySQL's explain_format may make it any format where none is named.
		tellsValues: cursor.isMariaDb ? words.includes("JSON") : !words.includes("TRADITIONAL"),
		tag: "EXPLAIN",
	};
}

function startsStatement(g: Grammar): boolean {
	const { cursor } = g;
	if (cursor.isSymbol("(")) return true;
	const both = ["SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "WITH", "VALUES"];
	return cursor.isAnyWord(...both, ...(cursor.isMariaDb ? [] : ["TABLE"]));
}

/** EXTENDED, PARTITIONS, ANALYZE, FORMAT = …; undefined format is the table. */
function options(g: Grammar): string[] {
	const { cursor } = g;
	const found: string[] = [];
	for (;;) {
		const word = cursor.takeAny("EXTENDED", "PARTITIONS");
		if (word !== undefined) found.push(word);
		else if (!cursor.isMariaDb && cursor.take("ANALYZE")) found.push("ANALYZE");
		else if (cursor.isWord("FORMAT") && cursor.isSymbol("=", 1)) {
			cursor.at += 2;
			found.push(nameOrText(cursor).toUpperCase());
			if (!cursor.isMariaDb && cursor.take("INTO")) {
				if (cursor.kind() !== KIND.variable) throw cursor.fail();
				throw cursor.refuse("a plan that goes into a variable");
			}
		} else return found;
	}
}

/** `DESCRIBE t [column | 'pattern']` */
function describe(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const path = relationPath(cursor);
	if (cursor.kind() === KIND.text) cursor.string();
	else if (cursor.isName()) cursor.columnName();
	return { kind: "show", tag: "DESCRIBE", shown: { kind: "relation", path } };
}

/** Behind ANALYZE (MariaDB): `[FORMAT = JSON] statement`, which runs. */
export function analyzedStatement(g: Grammar): ExplainStatement | undefined {
	const { cursor } = g;
	if (!cursor.isMariaDb) return undefined;
	const hasFormat = cursor.isWord("FORMAT") && cursor.isSymbol("=", 1);
	if (hasFormat) {
		cursor.at += 2;
		nameOrText(cursor);
	}
	if (!startsStatement(g)) {
		if (hasFormat) throw cursor.fail();
		return undefined;
	}
	return { kind: "explain", statement: g.statement(), runs: true, tellsValues: hasFormat, tag: "ANALYZE" };
}
