/** What statements about the session mean: prepared statements, calls, locks, diagnostics, LOAD. */
import { constraintUses, counterUses, replacementUses } from "../constraints.js";
import type { SessionEffect, StatementFacts } from "../facts.js";
import type { Expression } from "../query.js";
import { relationItem } from "../resolve-sources.js";
import { unresolved, unsupported } from "../unreadable.js";
import type {
	DiagnosticsStatement,
	KillStatement,
	LoadStatement,
	LockStatement,
	MysqlStatement,
	TransactionStatement,
} from "./ast.js";
import type { Environment } from "./environment.js";
import { parseText } from "./parse.js";
import type { Draft, Statement } from "./statement.js";

type Target = Statement<MysqlStatement>;

export function transactionMeaning(tree: TransactionStatement): Draft {
	const { tag, op, name, readOnly, chain } = tree;
	const effect: SessionEffect = {
		kind: "transaction",
		op,
		...(name === undefined ? {} : { name }),
		...(readOnly === undefined ? {} : { readOnly }),
	};
	if (chain !== true) return { tag, effect };
	return { tag, effect: { kind: "several", effects: [effect, { kind: "transaction", op: "begin" }] } };
}

export function lockMeaning(s: Target, { tables }: LockStatement): Draft {
	s.command("lock");
	for (const { path, shared } of tables) {
		s.relation(path, "lock");
		if (!shared) continue;
		const { relation, sort } = s.dialect.relation(path);
		s.uses.adoptRelation({ relation, sort, command: "lock" }, [], true);
	}
	return { tag: "LOCK TABLES", resolvesData: true };
}

/** Whose connection it is, the session knows. */
export function killMeaning({ what, connection }: KillStatement): Draft {
	if (connection === undefined) throw unsupported("KILL of something else than a connection by its number");
	return { tag: "KILL", effect: { kind: "kill", connection, what } };
}

// ---- prepared statements ------------------------------------------------------------------------------------------

/** The statement in a text that is written out. A text that is computed, or kept in a variable, is not known. */
function statementIn(s: Target, text: Expression, { server, reading }: Environment): StatementFacts {
	if (text.kind !== "constant" || text.sort !== "text")
		throw unsupported("the text that is prepared is not written out");
	// The server turns it into another character set and back, and what does not fit becomes a question mark.
	if (!/^[\t\n\r -~]*$/.test(text.value))
		throw unsupported("the text that is prepared holds other characters than ASCII");
	const parsed = parseText(text.value, server, { ...reading, multi: false });
	if (parsed.canonical !== undefined) throw unsupported("the text that is prepared can be read in two ways");
	const [only, ...others] = parsed.statements;
	if (only === undefined || others.length > 0) throw unsupported("the text that is prepared is not one statement");
	const { kind } = only.statement;
	if (kind === "prepare" || kind === "execute" || kind === "deallocate" || kind === "executeImmediate") {
		throw unsupported("a prepared statement that prepares");
	}
	const inner = s.quoted(only.statement);
	// Nothing can be wrapped within a string, and then nothing of the text around it is.
	const { guards } = s.dialect;
	if (guards !== undefined && inner.relations.some(({ sort }) => sort === "sensitive")) guards.isLost = true;
	return inner;
}

/** Preparing asks for the rights of what is prepared; running it is judged again, by name. */
export function prepareMeaning(s: Target, name: string, text: Expression, environment: Environment): Draft {
	const statement = statementIn(s, text, environment);
	if (statement.effect !== undefined) throw unsupported("a prepared statement that changes the session");
	s.adopt(statement);
	return { tag: "PREPARE", effect: { kind: "prepare", name, statement }, resolvesData: true };
}

export function executeMeaning(s: Target, name: string, using: readonly Expression[]): Draft {
	parameters(s, using);
	return { tag: "EXECUTE", effect: { kind: "execute", name }, opaqueResult: true };
}

export function immediateMeaning(
	s: Target,
	text: Expression,
	using: readonly Expression[],
	environment: Environment,
): Draft {
	parameters(s, using);
	const inner = statementIn(s, text, environment);
	if (inner.effect !== undefined) throw unsupported("EXECUTE IMMEDIATE of a statement that changes the session");
	s.adopt(inner);
	return {
		tag: inner.tag,
		outputs: inner.outputs,
		opaqueResult: inner.opaqueResult,
		changesCatalog: inner.changesCatalog,
		resolvesData: true,
	};
}

/** A value of a subquery that goes in as a parameter is used, and may come out again. */
function parameters(s: Target, using: readonly Expression[]): void {
	for (const expression of using) {
		if (expression.kind !== "default") s.keep(s.free(expression), "parameter");
	}
}

// ---- calls --------------------------------------------------------------------------------------------------------

export function doMeaning(s: Target, expressions: readonly Expression[]): Draft {
	s.command("select");
	for (const expression of expressions) s.uses.value(s.free(expression), "derive", "DO");
	return { tag: "DO", resolvesData: true };
}

export function callMeaning(s: Target, tree: Extract<MysqlStatement, { kind: "call" }>): Draft {
	s.command("call");
	s.uses.writes = true;
	s.uses.call(s.dialect.procedure(tree.procedure));
	for (const expression of tree.arguments) s.uses.value(s.free(expression), "copy", "CALL");
	return { tag: "CALL", opaqueResult: true, resolvesData: true };
}

/** What of the diagnostics holds no text: messages repeat values. */
const NUMBERS = new Set("class_origin subclass_origin returned_sqlstate mysql_errno number row_count".split(" "));

export function diagnosticsMeaning(s: Target, { items, expressions }: DiagnosticsStatement): Draft {
	const told = items.find((item) => !NUMBERS.has(item));
	if (told !== undefined) throw unsupported(`GET DIAGNOSTICS keeps ${told.toUpperCase()}, which may repeat values`);
	for (const expression of expressions) s.uses.value(s.free(expression), "derive", "GET DIAGNOSTICS");
	return { tag: "GET DIAGNOSTICS" };
}

// ---- LOAD ---------------------------------------------------------------------------------------------------------

export function loadMeaning(s: Target, tree: LoadStatement): Draft {
	s.command("copyFrom");
	s.uses.writes = true;
	const found = s.dialect.relation(tree.target);
	if (found.relation.kind === "view") throw unsupported("LOAD into a view");
	const { schema, name } = found.relation;
	const stored = found.relation.columns.map((column) => column.name);
	const assigned = tree.assignments.map(({ column }) => column);
	const columns = [...new Set([...(tree.columns ?? stored), ...assigned])];
	for (const column of columns) {
		if (!stored.includes(column)) throw unresolved(`column "${column}" does not exist`);
	}
	s.relation(tree.target, "copyFrom", columns);
	if (tree.onDuplicate === "replace") {
		s.command("delete");
		s.relation(tree.target, "delete");
		constraintUses(s.resolver, found.relation, "delete", undefined);
		replacementUses(s.resolver, found.relation);
	}
	for (const column of columns) s.uses.column({ schema, name, column }, "assign", "LOAD");
	constraintUses(s.resolver, found.relation, "copyFrom", columns);
	counterUses(s.resolver, found.relation);
	assignments(s, tree, found);
	if (!tree.local) throw unsupported("LOAD reads a file of the server");
	const format = tree.format === "data" ? "text" : "csv";
	return { tag: "LOAD DATA", copy: { direction: "in", format }, resolvesData: true };
}

/** SET looks at the rows that come in, not at those that are there; functions and subqueries count. */
function assignments(s: Target, tree: LoadStatement, found: ReturnType<Target["dialect"]["relation"]>): void {
	if (tree.assignments.length === 0) return;
	const item = relationItem(s.resolver, found, undefined, "copyFrom", false);
	const scope = { parent: undefined, items: [item], commonTables: new Map() };
	for (const { value } of tree.assignments) s.uses.value(s.value(value, scope), "copy", "LOAD");
}
