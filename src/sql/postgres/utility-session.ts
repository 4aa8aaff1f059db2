/** Statements about the session itself: transactions, settings, prepared statements, cursors, notifications. */
import type { SessionEffect, TransactionOp } from "../facts.js";
import { isSecretSetting } from "../functions/postgres-guards.js";
import { emptyScope } from "../resolve.js";
import { unsupported } from "../unreadable.js";
import { typePath } from "./names.js";
import { judgeSetting } from "./settings.js";
import type { Draft, Statement } from "./statement.js";
import { construct } from "./translate-parts.js";
import { type Body, bodyOf, fields, flag, known, list, nodeOf, position, required, text } from "./tree.js";

const FIELDS = {
	TransactionStmt: fields("kind options savepoint_name gid chain location"),
	VariableSetStmt: fields("kind name args jumble_args is_local location"),
	VariableShowStmt: fields("name"),
	PrepareStmt: fields("name argtypes query"),
	ExecuteStmt: fields("name params"),
	DeallocateStmt: fields("name isall location"),
	DeclareCursorStmt: fields("portalname options query"),
	FetchStmt: fields("direction howMany portalname ismove"),
	ClosePortalStmt: fields("portalname"),
} as const;

// ---- transactions -------------------------------------------------------------------------------------------------

const TRANSACTIONS: Readonly<Record<string, readonly [TransactionOp, string]>> = {
	TRANS_STMT_BEGIN: ["begin", "BEGIN"],
	TRANS_STMT_START: ["begin", "START TRANSACTION"],
	TRANS_STMT_COMMIT: ["commit", "COMMIT"],
	TRANS_STMT_ROLLBACK: ["rollback", "ROLLBACK"],
	TRANS_STMT_SAVEPOINT: ["savepoint", "SAVEPOINT"],
	TRANS_STMT_RELEASE: ["release", "RELEASE"],
	TRANS_STMT_ROLLBACK_TO: ["rollbackTo", "ROLLBACK"],
	TRANS_STMT_PREPARE: ["prepareTransaction", "PREPARE TRANSACTION"],
	TRANS_STMT_COMMIT_PREPARED: ["commitPrepared", "COMMIT PREPARED"],
	TRANS_STMT_ROLLBACK_PREPARED: ["rollbackPrepared", "ROLLBACK PREPARED"],
};

export function transaction(_s: Statement, body: Body): Draft {
	known("TransactionStmt", body, FIELDS.TransactionStmt);
	const [op, tag] = TRANSACTIONS[text(body.kind) ?? ""] ?? [undefined, ""];
	if (op === undefined) throw unsupported(`${String(body.kind)} is not known`);
	const name = text(body.savepoint_name) ?? text(body.gid);
	const readOnly = readOnlyMode(body.options);
	return {
		tag,
		effect: {
			kind: "transaction",
			op,
			...(name === undefined ? {} : { name }),
			...(readOnly === undefined ? {} : { readOnly }),
		},
	};
}

/** What a list of transaction modes says about READ ONLY. */
function readOnlyMode(options: unknown): boolean | undefined {
	let found: boolean | undefined;
	for (const item of list(options)) {
		const { body } = nodeOf(item);
		if (text(body.defname) !== "transaction_read_only") continue;
		const constant = nodeOf(body.arg).body;
		found = Number(bodyOf(constant.ival, "mode").ival ?? 0) !== 0;
	}
	return found;
}

// ---- settings -----------------------------------------------------------------------------------------------------

export function variableSet(s: Statement, body: Body): Draft {
	known("VariableSetStmt", body, FIELDS.VariableSetStmt);
	const tag = body.kind === "VAR_RESET" || body.kind === "VAR_RESET_ALL" ? "RESET" : "SET";
	const local = flag(body.is_local);
	switch (body.kind) {
		case "VAR_SET_VALUE":
			return judged(s, tag, required(body.name, "setting"), list(body.args).map(settingText), local);
		case "VAR_SET_DEFAULT":
		case "VAR_RESET":
			return judged(s, tag, required(body.name, "setting"), undefined, local);
		case "VAR_SET_MULTI":
			return characteristics(tag, body);
		case "VAR_RESET_ALL":
			return { tag, effect: { kind: "resetAll" } };
		default:
			throw unsupported(`SET in the form ${String(body.kind)}`, position(body));
	}
}

function judged(s: Statement, tag: string, name: string, values: readonly string[] | undefined, local: boolean): Draft {
	const { commands, effect } = judgeSetting(name, values, local);
	s.command(...commands);
	return { tag, effect };
}

function characteristics(tag: string, body: Body): Draft {
	const readOnly = readOnlyMode(body.args);
	switch (body.name) {
		case "TRANSACTION":
		case "SESSION CHARACTERISTICS": {
			const effect: SessionEffect = { kind: "transaction", op: "setCharacteristics" };
			return { tag, effect: readOnly === undefined ? effect : { ...effect, readOnly } };
		}
		default:
			throw unsupported(`SET ${String(body.name)} takes over another session's view of the data`);
	}
}

/** An item of a SET list as text; constants only, as the grammar has it. */
function settingText(item: unknown): string {
	const { tag, body } = nodeOf(item);
	if (tag === "TypeCast") return settingText(body.arg);
	if (tag !== "A_Const") throw unsupported(`${tag} as the value of a setting`);
	for (const [field, inner] of [
		["sval", "sval"],
		["fval", "fval"],
	] as const) {
		if (body[field] !== undefined) return text(bodyOf(body[field], "value")[inner]) ?? "";
	}
	if (body.ival !== undefined) return String(bodyOf(body.ival, "value").ival ?? 0);
	if (body.boolval !== undefined) return String(flag(bodyOf(body.boolval, "value").boolval));
	throw unsupported("the value of a setting is of an unknown kind");
}

export function show(s: Statement, body: Body): Draft {
	known("VariableShowStmt", body, FIELDS.VariableShowStmt);
	s.command("show");
	const name = required(body.name, "setting");
	const names = name === "all" ? ["name", "setting", "description"] : [name];
	// Names with a dot are those of extensions and applications, which may keep anything there.
	if (name === "all" || name.includes(".") || isSecretSetting(name)) {
		const why = "it shows commands, connection strings, places of files and an application's own settings";
		s.uses.call({ schema: "pg_catalog", name: "current_setting", form: "function", sort: "restricted", why });
	}
	return { tag: "SHOW", outputs: names.map((column) => ({ name: column, sources: [], direct: false })) };
}

export function discard(_s: Statement, body: Body): Draft {
	const what = DISCARDS[text(body.target) ?? ""];
	if (what === undefined) throw unsupported(`DISCARD ${String(body.target)} is not known`);
	return { tag: `DISCARD ${what.toUpperCase()}`, effect: { kind: "discard", what } };
}

const DISCARDS: Readonly<Record<string, Extract<SessionEffect, { kind: "discard" }>["what"]>> = {
	DISCARD_ALL: "all",
	DISCARD_PLANS: "plans",
	DISCARD_SEQUENCES: "sequences",
	DISCARD_TEMP: "temporary",
};

// ---- prepared statements and cursors ------------------------------------------------------------------------------

/** Preparing asks for the rights of what is prepared; running it is judged again, by name. */
export function prepare(s: Statement, body: Body): Draft {
	known("PrepareStmt", body, FIELDS.PrepareStmt);
	const query = s.nested(body.query);
	// Making values of its parameters' types may run code, each time that it is run.
	const types = list(body.argtypes).flatMap((type) => s.dialect.type(typePath(bodyOf(nodeOf(type).body, "type"))));
	const functions = [...query.functions, ...types];
	const statement = types.length === 0 ? query : { ...query, functions, runsCode: "called" as const };
	s.adopt(statement);
	return { tag: "PREPARE", effect: { kind: "prepare", name: required(body.name, "name"), statement } };
}

export function execute(s: Statement, body: Body): Draft {
	known("ExecuteStmt", body, FIELDS.ExecuteStmt);
	for (const parameter of list(body.params)) {
		s.uses.value(s.value(s.translator.expression(parameter), emptyScope()), "derive", "EXECUTE");
	}
	return { tag: "EXECUTE", effect: { kind: "execute", name: required(body.name, "name") } };
}

export function deallocate(_s: Statement, body: Body): Draft {
	known("DeallocateStmt", body, FIELDS.DeallocateStmt);
	return { tag: "DEALLOCATE", effect: { kind: "deallocate", name: text(body.name) } };
}

export function declareCursor(s: Statement, body: Body): Draft {
	known("DeclareCursorStmt", body, FIELDS.DeclareCursorStmt);
	const statement = s.nested(body.query);
	// It would take effect when rows are first fetched, or at COMMIT, if at all.
	if (statement.effect !== undefined) throw unsupported("a cursor over a statement that changes a setting");
	s.adopt(statement);
	return {
		tag: "DECLARE CURSOR",
		effect: { kind: "declare", name: required(body.portalname, "cursor"), statement },
	};
}

export function fetch(_s: Statement, body: Body): Draft {
	known("FetchStmt", body, FIELDS.FetchStmt);
	const moves = flag(body.ismove);
	const name = required(body.portalname, "cursor");
	return { tag: moves ? "MOVE" : "FETCH", effect: { kind: "fetch", name, moves } };
}

export function closeCursor(_s: Statement, body: Body): Draft {
	known("ClosePortalStmt", body, FIELDS.ClosePortalStmt);
	return { tag: "CLOSE CURSOR", effect: { kind: "closeCursor", name: text(body.portalname) } };
}

/** Code that nobody has read may have set the search path: it has to be asked for again. */
const UNKNOWN_PATH: SessionEffect = { kind: "set", name: "search_path", values: undefined, local: false };

export function anonymousCode(s: Statement): Draft {
	s.command("execute");
	s.uses.writes = true;
	return { tag: "DO", changesCatalog: true, effect: UNKNOWN_PATH };
}

// ---- calls --------------------------------------------------------------------------------------------------------

/** CALL: the procedure's name resolves like a function's; its arguments are expressions without a source. */
export function callProcedure(s: Statement, body: Body): Draft {
	known("CallStmt", body, fields("funccall"));
	s.command("call");
	s.uses.writes = true;
	const call = s.translator.expression({ FuncCall: body.funccall });
	if (call.kind !== "call") throw unsupported("CALL of something that is not a call");
	for (const use of s.dialect.functionNamed(call.name)) s.uses.call({ ...use, form: "procedure" });
	s.value(construct("CALL", call.arguments), emptyScope());
	return { tag: "CALL", opaqueResult: true, resolvesData: true, effect: UNKNOWN_PATH };
}
