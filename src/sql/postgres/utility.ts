/**
 * Every kind of statement in PostgreSQL's grammar, by its node's tag, and what is decided about it. A tag that is not in
 * this table is refused.
 */
import type { Command } from "../facts.js";
import type { CallExpression, Constant, Expression, Query, Select } from "../query.js";
import { unsupported } from "../unreadable.js";
import type { Handler } from "./defining.js";
import { judgeConfigCall } from "./settings.js";
import type { Draft, Statement } from "./statement.js";
import type { Body } from "./tree.js";
import { copy } from "./utility-copy.js";
import { DEFINITIONS } from "./utility-definitions.js";
import { createTableAs, createView, explain, fillNew, intoClause, refresh } from "./utility-queries.js";
import {
	anonymousCode,
	callProcedure,
	closeCursor,
	deallocate,
	declareCursor,
	discard,
	execute,
	fetch,
	prepare,
	show,
	transaction,
	variableSet,
} from "./utility-session.js";

// ---- queries ------------------------------------------------------------------------------------------------------

const QUERY_TAGS: Readonly<Record<string, readonly [Command, string]>> = {
	SelectStmt: ["select", "SELECT"],
	InsertStmt: ["insert", "INSERT"],
	UpdateStmt: ["update", "UPDATE"],
	DeleteStmt: ["delete", "DELETE"],
	MergeStmt: ["merge", "MERGE"],
};

function query(s: Statement, tag: string, body: Body): Draft {
	const [command, name] = QUERY_TAGS[tag] ?? [undefined, ""];
	if (command === undefined) throw unsupported(`${tag} is not a query`);
	const into = tag === "SelectStmt" ? intoClause(body) : undefined;
	if (into !== undefined) return fillNew(s, into.into, { SelectStmt: into.without }, "SELECT INTO");
	s.command(command);
	const translated = s.translator.query({ [tag]: body });
	const effect = configEffect(s, translated);
	return { tag: name, ...s.deliver(translated), effect };
}

/**
 * `SELECT set_config('name', 'value', false)` does what SET does. One that stands alone runs exactly once; one with a
 * FROM runs or not, which is no matter for settings that nothing here depends on.
 */
function configEffect(s: Statement, translated: Query): Draft["effect"] {
	if (translated.body.kind !== "select") return undefined;
	const calls = translated.body.items.flatMap(({ expression }) =>
		expression.kind === "call" && expression.name.name === "set_config" ? [expression] : [],
	);
	const [call, ...others] = calls;
	if (call === undefined) return undefined;
	if (others.length > 0) throw unsupported("more than one set_config in a statement");
	const { from, where, groupBy, having } = translated.body;
	const [name, value, local] = constants(call, settingRow(s, translated.body));
	const setting = judgeConfigCall(name.value, value.value, local.value === "true");
	const runsOnce = [from.length, groupBy.length, translated.limits.length].every((length) => length === 0);
	if (setting.effect.name === "search_path" && !(runsOnce && where === undefined && having === undefined)) {
		throw unsupported("set_config of search_path stands alone in its SELECT");
	}
	s.judgedCalls.add(call);
	s.uses.literalSensitive = true;
	s.command(...setting.commands);
	return setting.effect;
}

/** `FROM pg_settings WHERE name = 'x'`: there `name` is that constant (what pg_dump sends for settings of newer servers). */
function settingRow(s: Statement, body: Select): Constant | undefined {
	const [source, ...others] = body.from;
	if (source?.kind !== "relation" || source.alias !== undefined || others.length > 0) return undefined;
	const { relation } = s.dialect.relation(source.relation);
	if (relation.schema !== "pg_catalog" || relation.name !== "pg_settings") return undefined;
	if (body.where?.kind !== "operator" || body.where.operator.name !== "=") return undefined;
	const [left, right] = body.where.operands;
	return left !== undefined && isSettingName(left) && right?.kind === "constant" ? right : undefined;
}

function isSettingName(expression: Expression): boolean {
	return expression.kind === "name" && !expression.star && expression.parts.join(".") === "name";
}

function constants(call: CallExpression, row: Constant | undefined): [Constant, Constant, Constant] {
	const [first, value, local, ...others] = call.arguments;
	const name = first !== undefined && isSettingName(first) ? row : first;
	const wellFormed = others.length === 0 && call.filter === undefined && call.window === undefined && !call.distinct;
	if (wellFormed && name?.kind === "constant" && value?.kind === "constant" && local?.kind === "constant") {
		if (name.sort === "text" && value.sort !== "null" && local.sort === "boolean") return [name, value, local];
	}
	throw unsupported("set_config is read only with constants", call.name.position);
}

// ---- the table ----------------------------------------------------------------------------------------------------

function fixed(tag: string, command?: Command): Handler {
	return (s) => {
		if (command !== undefined) s.command(command);
		return { tag };
	};
}

function refused(what: string): Handler {
	return () => {
		throw unsupported(what);
	};
}

const SESSION: Readonly<Record<string, Handler>> = {
	TransactionStmt: transaction,
	VariableSetStmt: variableSet,
	VariableShowStmt: show,
	DiscardStmt: discard,
	PrepareStmt: prepare,
	ExecuteStmt: execute,
	DeallocateStmt: deallocate,
	DeclareCursorStmt: declareCursor,
	FetchStmt: fetch,
	ClosePortalStmt: closeCursor,
	CallStmt: callProcedure,
	DoStmt: anonymousCode,
	ExplainStmt: explain,
	CopyStmt: copy,
	CreateTableAsStmt: createTableAs,
	ViewStmt: createView,
	RefreshMatViewStmt: refresh,
	ConstraintsSetStmt: fixed("SET CONSTRAINTS"),
	ListenStmt: fixed("LISTEN", "listen"),
	UnlistenStmt: fixed("UNLISTEN"),
	NotifyStmt: fixed("NOTIFY", "notify"),
	CheckPointStmt: (s) => {
		s.command("vacuum");
		s.global("*", "vacuum");
		return { tag: "CHECKPOINT" };
	},
	LoadStmt: refused("LOAD brings foreign code into the server"),
	RuleStmt: refused("a rule would rewrite statements unseen"),
	PLAssignStmt: refused("an assignment of PL/pgSQL"),
	ReturnStmt: refused("RETURN outside a function"),
};

/** Utility statements hold literals as parts of what they do: their facts hold for their very text only. */
export function analyseNode(s: Statement, tag: string, body: Body): Draft {
	if (Object.hasOwn(QUERY_TAGS, tag)) return query(s, tag, body);
	const handler = Object.hasOwn(SESSION, tag)
		? SESSION[tag]
		: Object.hasOwn(DEFINITIONS, tag)
			? DEFINITIONS[tag]
			: undefined;
	if (handler === undefined) throw unsupported(`statements of the kind ${tag} are not known`);
	if (tag !== "ExplainStmt") s.uses.literalSensitive = true;
	return handler(s, body);
}
