/** What SET means: effects on the session, permits that it needs, and what it may not do. */
import type { SessionEffect } from "../facts.js";
import type { Expression } from "../query.js";
import { unsupported } from "../unreadable.js";
import type { Assigned, MysqlStatement, SetStatement, SettingValue } from "./ast.js";
import type { Environment } from "./environment.js";
import { isRemovable, judgeSetting, readingFlags } from "./meaning-settings.js";
import { isReadableCharset, type Reading } from "./reading.js";
import type { Draft, Statement } from "./statement.js";

type Target = Statement<MysqlStatement>;
type Setting = Extract<Assigned, { kind: "setting" }>;

/** Settings that the session's reading hangs on. */
const CHARSETS = new Set(["character_set_client", "character_set_connection", "character_set_results"]);
const COLLATIONS = new Set(["collation_connection"]);

export function setMeaning(s: Target, tree: SetStatement, environment: Environment): Draft {
	if (tree.during !== undefined) return setDuring(s, tree, tree.during, environment);
	const effects = tree.assigned.flatMap((assigned) => effectsOf(s, assigned, environment));
	refuseEntangled(tree.assigned, effects);
	const effect: SessionEffect | undefined = effects.length > 1 ? { kind: "several", effects } : effects[0];
	return { tag: "SET", effect, resolvesData: true };
}

/** SET STATEMENT … FOR: the settings hold while the statement runs, which is read under those of the session. */
function setDuring(s: Target, { assigned }: SetStatement, during: MysqlStatement, environment: Environment): Draft {
	for (const one of assigned) {
		const effects = effectsOf(s, one, environment);
		const tracked = effects.find((effect) => effect.kind !== "set" || effect.name !== "autocommit");
		if (tracked !== undefined) throw unsupported("SET STATEMENT of a setting that changes how text is read");
	}
	const inner = s.nested(during);
	s.adopt(inner);
	return {
		tag: inner.tag,
		outputs: inner.outputs,
		opaqueResult: inner.opaqueResult,
		effect: inner.effect,
		changesCatalog: inner.changesCatalog,
		...(inner.copy === undefined ? {} : { copy: inner.copy }),
		resolvesData: true,
	};
}

/** All values are worked out before any is set: what reads what the same statement sets would be told wrongly. */
function refuseEntangled(assigned: readonly Assigned[], effects: readonly SessionEffect[]): void {
	const variables = new Set(assigned.flatMap((one) => (one.kind === "variable" ? [one.name] : [])));
	for (const effect of effects) {
		if (effect.kind === "restore" && variables.has(effect.variable)) {
			throw unsupported(`@${effect.variable} is set and read in one statement`);
		}
	}
	const modes = effects.filter((effect) => effect.kind !== "save" && settingOf(effect) === "sql_mode");
	if (modes.length > 1) throw unsupported("sql_mode is set twice in one statement");
}

function settingOf(effect: SessionEffect): string {
	if (effect.kind === "set") return effect.name;
	return effect.kind === "restore" ? effect.setting : "";
}

function effectsOf(s: Target, assigned: Assigned, environment: Environment): SessionEffect[] {
	switch (assigned.kind) {
		case "variable":
			return variable(s, assigned.name, assigned.value);
		case "setting":
			return setting(s, assigned, environment);
		case "local":
			throw unsupported("a variable of a stored program outside one");
		case "names":
			return names(assigned.charset, assigned.collation);
		case "characterSet":
			// That of literals becomes the database's.
			return [
				charset("character_set_client", assigned.charset),
				charset("character_set_results", assigned.charset),
				charset("character_set_connection", undefined),
			];
		case "transaction":
			return transaction(s, assigned);
		case "rights":
			s.command("grant");
			s.uses.writes = true;
			s.global("*", "grant");
			return [];
		case "role":
			throw unsupported("the session's role is pinned");
		default:
			return assigned satisfies never;
	}
}

// ---- variables ----------------------------------------------------------------------------------------------------

/** `SET @v = @@setting` saves; every other value must carry no data. */
function variable(s: Target, name: string, value: Expression): SessionEffect[] {
	s.keep(s.free(value), name);
	if (value.kind !== "setting" || value.scope !== "session" || !isTracked(value.name)) return [];
	return [{ kind: "save", variable: name, setting: value.name }];
}

function isTracked(name: string): boolean {
	return name === "sql_mode" || name === "character_set_client";
}

// ---- settings -----------------------------------------------------------------------------------------------------

function setting(s: Target, { name, scope, value }: Setting, { reading }: Environment): SessionEffect[] {
	if (value.kind === "expression") settingCarriesNothing(s, value.expression, name);
	if (scope !== "session") {
		// Whoever may set what holds for the whole server may do anything to it.
		s.command("set");
		s.uses.writes = true;
		s.global("*", "set");
		return [];
	}
	// A name with a dot is a component's or a key cache's; none of those has these names.
	if (/\.(sql_mode|character_set_\w+|collation_\w+|session_track_\w+)$/.test(name)) {
		throw unsupported(`the setting ${name} is not known`);
	}
	if (name === "sql_mode") return [sqlMode(value, reading)];
	if (CHARSETS.has(name)) return [charsetSetting(name, value)];
	if (COLLATIONS.has(name)) {
		const constant = constantOf(value);
		if (constant !== undefined) charsetOfCollation(constant);
		return [{ kind: "set", name, values: undefined, local: false }];
	}
	const constant = constantOf(value);
	const judged = judgeSetting(name, constant?.toLowerCase());
	if (name === TRACKING && constant !== undefined && LIST_OF_NAMES.test(constant)) {
		// What the proxy has to be told is added to the list again before anything else runs.
		return [{ kind: "set", name, values: [constant], local: false }];
	}
	if (judged.kind === "pinned" && !(name === TRACKING && keepsTracking(value))) {
		throw unsupported(`the setting ${name} is pinned: ${judged.why}`);
	}
	if (judged.kind === "permit") s.command("set");
	if (name !== "autocommit") return [];
	return [{ kind: "set", name, values: constant === undefined ? undefined : [constant], local: false }];
}

const TRACKING = "session_track_system_variables";
const LIST_OF_NAMES = /^[a-z0-9_, ]*$/i;

/** No column of licensed data may flow into a setting: it can be read back. */
function settingCarriesNothing(s: Target, expression: Expression, name: string): void {
	s.keep(s.free(expression), `@${name}`);
}

/** The text of a constant: a word, a text, a number. */
function constantOf(value: SettingValue): string | undefined {
	if (value.kind === "word") return value.text;
	if (value.kind === "default" || value.expression.kind !== "constant") return undefined;
	return value.expression.sort === "null" ? undefined : value.expression.value;
}

/** `CONCAT(@@session_track_system_variables, ',more')`: nothing is taken from what is told. */
function keepsTracking(value: SettingValue): boolean {
	const added = addedTo(value, TRACKING);
	return added !== undefined && /^[a-z_,]*$/i.test(added);
}

/** `CONCAT(@@name, 'text')`, perhaps as a scalar subquery: the text; undefined for all else. */
function addedTo(value: SettingValue, name: string): string | undefined {
	const call = value.kind === "expression" ? scalar(value.expression) : undefined;
	if (call?.kind !== "call" || call.name.schema !== undefined || call.name.name !== "concat") return undefined;
	const [first, ...others] = call.arguments;
	if (first?.kind !== "setting" || first.name !== name || first.scope !== "session") return undefined;
	if (others.some((other) => other.kind !== "constant" || other.sort !== "text")) return undefined;
	return others.map((other) => (other.kind === "constant" ? other.value : "")).join("");
}

/** `(SELECT expression)` is that expression. */
function scalar(expression: Expression): Expression {
	if (expression.kind !== "subquery" || expression.form !== "scalar") return expression;
	const { body, with: clause, limits } = expression.query;
	if (clause !== undefined || limits.length > 0 || body.kind !== "select") return expression;
	const [item, ...others] = body.items;
	const isPlain =
		others.length === 0 && body.from.length === 0 && body.where === undefined && body.having === undefined;
	return item !== undefined && isPlain && body.groupBy.length === 0 ? scalar(item.expression) : expression;
}

// ---- sql_mode -----------------------------------------------------------------------------------------------------

/** The effect's values are the flags that change how text is read; undefined: the server has to be asked. */
function sqlMode(value: SettingValue, reading: Reading): SessionEffect {
	const set = (values: readonly string[] | undefined) =>
		({ kind: "set", name: "sql_mode", values, local: false }) as const;
	if (value.kind === "default") return set(undefined);
	const constant = constantOf(value);
	if (constant !== undefined) return set(flagsOf(constant === "0" ? "" : constant));
	const added = addedTo(value, "sql_mode");
	if (added !== undefined) {
		if (!added.startsWith(",")) throw unsupported("sql_mode is set to what is not a list of modes");
		return set([...new Set([...flagsNow(reading), ...flagsOf(added)])].sort());
	}
	if (value.kind === "expression") {
		const { expression } = value;
		if (expression.kind === "variable" && expression.assigned === undefined) {
			return { kind: "restore", setting: "sql_mode", variable: expression.name };
		}
		if (keepsModes(expression)) return set(flagsNow(reading));
	}
	throw unsupported("sql_mode is set to a value that is not known here");
}

function flagsOf(constant: string): readonly string[] {
	const flags = readingFlags(constant);
	if (flags === undefined) throw unsupported(`sql_mode is set to a mode whose language is not read`);
	return flags;
}

function flagsNow(reading: Reading): readonly string[] {
	const flags: string[] = [];
	if (reading.ansiQuotes) flags.push("ANSI_QUOTES");
	if (reading.highNotPrecedence) flags.push("HIGH_NOT_PRECEDENCE");
	if (reading.ignoreSpace) flags.push("IGNORE_SPACE");
	if (reading.noBackslashEscapes) flags.push("NO_BACKSLASH_ESCAPES");
	if (reading.pipesAsConcat) flags.push("PIPES_AS_CONCAT");
	return flags;
}

/** `@@sql_mode`, and `REPLACE(@@sql_mode, 'MODE', '')` of a mode that changes no reading. */
function keepsModes(given: Expression): boolean {
	const expression = scalar(given);
	if (expression.kind === "setting") return expression.name === "sql_mode" && expression.scope === "session";
	if (expression.kind !== "call" || expression.name.schema !== undefined || expression.name.name !== "replace")
		return false;
	const [inner, from, to, ...others] = expression.arguments;
	if (inner === undefined || others.length > 0 || !keepsModes(inner)) return false;
	if (from?.kind !== "constant" || to?.kind !== "constant") return false;
	return to.value === "" && isRemovable(from.value);
}

// ---- character sets -----------------------------------------------------------------------------------------------

function names(name: string | undefined, collation: string | undefined): SessionEffect[] {
	if (collation !== undefined) charsetOfCollation(collation);
	return [...CHARSETS].map((setting) => charset(setting, name));
}

function charset(setting: string, name: string | undefined): SessionEffect {
	if (name !== undefined && !isReadableCharset(name))
		throw unsupported(`text in the character set ${name} is not read`);
	return { kind: "set", name: setting, values: name === undefined ? undefined : [name.toLowerCase()], local: false };
}

function charsetOfCollation(collation: string): void {
	const name = collation.split("_")[0] ?? "";
	if (!isReadableCharset(name)) {
		throw unsupported(`text in the character set ${name} is not read`);
	}
}

/** Of a setting alone: a name, a saved value, or the value of another. */
function charsetSetting(name: string, value: SettingValue): SessionEffect {
	if (value.kind === "default") return charset(name, undefined);
	const constant = constantOf(value);
	if (constant !== undefined && !/^[0-9]+$/.test(constant)) return charset(name, constant);
	const expression = value.kind === "expression" ? value.expression : undefined;
	// NULL as character_set_results: values come as they are stored.
	if (name === "character_set_results" && expression?.kind === "constant" && expression.sort === "null") {
		return { kind: "set", name, values: ["binary"], local: false };
	}
	if (expression?.kind === "variable" && expression.assigned === undefined) {
		return name === "character_set_client"
			? { kind: "restore", setting: name, variable: expression.name }
			: { kind: "set", name, values: undefined, local: false };
	}
	throw unsupported(`${name} is set to a value that is not known here`);
}

// ---- transactions -------------------------------------------------------------------------------------------------

function transaction(s: Target, { scope, readOnly }: Extract<Assigned, { kind: "transaction" }>): SessionEffect[] {
	if (scope !== "session") {
		s.command("set");
		s.uses.writes = true;
		s.global("*", "set");
		return [];
	}
	return [{ kind: "transaction", op: "setCharacteristics", ...(readOnly === undefined ? {} : { readOnly }) }];
}
