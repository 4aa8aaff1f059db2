/**
 * Expressions: from names to values, and from values to uses of columns.
 *
 * Whatever computes from a column puts a `derive` use on record there and then; a column's value that is only passed on
 * leaves no use until something takes it (a result column, a condition, a write).
 */
import type { ColumnUseKind } from "./facts.js";
import type {
	CallExpression,
	ConstructExpression,
	Expression,
	NameExpression,
	ObjectPath,
	SubqueryExpression,
	TypePath,
	Window,
} from "./query.js";
import type { Resolver } from "./resolver.js";
import { gathered } from "./rows.js";
import {
	findColumn,
	findItem,
	type Item,
	itemColumn,
	readColumn,
	type Scope,
	type ScopeColumn,
	wholeRow,
} from "./scope.js";
import { derived, either, holdsData, NO_ROWS, NOTHING, type Value } from "./taint.js";
import { Unreadable, unresolved, unsupported } from "./unreadable.js";

type VariableExpression = Extract<Expression, { kind: "variable" }>;
type InsertedExpression = Extract<Expression, { kind: "inserted" }>;

/** Writes down a use of the columns that reach this place unchanged; what was derived before is on record already. */
export function consume(r: Resolver, value: Value, kind: ColumnUseKind, where: string): void {
	for (const flow of value.flows.values()) if (flow.unchanged) r.uses.column(flow.column, kind, where);
}

/** Computes from values: a `derive` use of each, and all of them flow into the outcome. */
export function compute(r: Resolver, values: readonly Value[], where: string): Value {
	for (const value of values) consume(r, value, "derive", where);
	return derived(values, where);
}

export function resolveValue(r: Resolver, expression: Expression, scope: Scope): Value {
	switch (expression.kind) {
		case "constant":
		case "parameter":
		case "default":
			return NOTHING;
		case "name":
			return nameValue(r, expression, scope);
		case "field":
			return fieldValue(r, expression, scope);
		case "element":
			return computeFrom(r, [expression.of, ...expression.indexes], scope, "subscript");
		case "call":
			return callValue(r, expression, scope);
		case "operator":
			useOperator(r, expression.operator);
			return computeFrom(r, expression.operands, scope, `operator ${expression.operator.name}`);
		case "membership":
			useOperator(r, expression.operator);
			return computeFrom(r, [expression.operand, ...expression.list], scope, "IN");
		case "quantified":
			useOperator(r, expression.operator);
			return computeFrom(r, [expression.left, expression.right], scope, expression.every ? "ALL" : "ANY");
		case "logic":
			return computeFrom(r, expression.operands, scope, expression.op.toUpperCase());
		case "cast":
			return castValue(r, expression.operand, expression.type, scope);
		case "subquery":
			return subqueryValue(r, expression, scope);
		case "construct":
			return constructValue(r, expression, scope);
		case "row":
			return computeFrom(r, expression.items, scope, "ROW");
		case "part":
			return partValue(r, expression.of, expression.index, scope);
		case "variable":
			return variableValue(r, expression, scope);
		case "setting":
			for (const use of r.dialect.setting(expression.name, expression.scope)) r.uses.call(use);
			return NOTHING;
		case "inserted":
			return insertedValue(r, expression, scope);
		default:
			return never(expression);
	}
}

function never(expression: never): never {
	throw unsupported(`expression ${String(expression)} is not known`);
}

function computeFrom(r: Resolver, operands: readonly Expression[], scope: Scope, where: string): Value {
	return compute(
		r,
		operands.map((operand) => r.value(operand, scope)),
		where,
	);
}

// ---- names --------------------------------------------------------------------------------------------------------

/** The item that a name with up to three parts means as a table reference. */
export function itemNamed(r: Resolver, parts: readonly string[], scope: Scope, position?: number): Item | undefined {
	const [first, second, third] = parts;
	if (first === undefined) return undefined;
	if (second === undefined) return findItem(scope, first, undefined, position);
	if (third === undefined) return findItem(scope, second, first, position);
	if (parts.length > 3 || first !== r.dialect.database) {
		throw unsupported(`reference into another database: ${parts.join(".")}`, position);
	}
	return findItem(scope, third, second, position);
}

function nameValue(r: Resolver, name: NameExpression, scope: Scope): Value {
	if (name.star) {
		const item = itemNamed(r, name.parts, scope, name.position);
		if (item === undefined) throw unresolved(`${[...name.parts, "*"].join(".")} cannot be resolved`, name.position);
		return rowValue(r, item);
	}
	const last = name.parts.at(-1) ?? "";
	if (name.parts.length === 1) {
		const labels = labelled(scope, last);
		const column = labels.length === 0 ? findColumn(scope, last, name.position) : labelOrColumn(r, scope, labels, name);
		if (column !== undefined) return column;
		const item = findItem(scope, last, undefined, name.position);
		if (item === undefined) throw unresolved(`column "${last}" does not exist`, name.position);
		return rowValue(r, item);
	}
	const item = itemNamed(r, name.parts.slice(0, -1), scope, name.position);
	if (item === undefined) throw unresolved(`table reference ${name.parts.join(".")} cannot be resolved`, name.position);
	if (isUncertain(item, last) && hasNamesake(r, item, name, scope)) {
		throw unsupported(
			`"${last}" may be a result column that was given no name, or one of an outer query`,
			name.position,
		);
	}
	return memberValue(r, item, last, name.position);
}

function isUncertain(item: Item, column: string): boolean {
	const isNamed = item.columns.some(({ name, guessed }) => name === column && guessed !== true);
	return !isNamed && item.columns.some(({ guessed }) => guessed === true);
}

/** Whether an outer query has an item of the same name, which the server would ask next. */
function hasNamesake(r: Resolver, item: Item, name: NameExpression, scope: Scope): boolean {
	let level: Scope | undefined = scope;
	while (level !== undefined && !level.items.includes(item)) level = level.parent;
	return level?.parent !== undefined && itemNamed(r, name.parts.slice(0, -1), level.parent) !== undefined;
}

/**
 * Result columns that a name may mean: in HAVING, GROUP BY and ORDER BY those of the same query, in subqueries those so
 * far of the queries around. One whose name is a guess may or may not be meant, so it counts until a certain one is found.
 */
function labelled(scope: Scope, name: string): readonly ScopeColumn[] {
	const found: ScopeColumn[] = [];
	for (let level: Scope | undefined = scope; level !== undefined; level = level.parent) {
		const labels = level.labels ?? (level === scope ? [] : (level.aliases ?? []));
		const certain = labels.find((column) => column.name === name && column.guessed !== true);
		if (certain !== undefined) return [...found, certain];
		found.push(...labels.filter((column) => column.guessed === true));
	}
	return found;
}

/** Which of them the server takes, or whether a column of a source, depends on more than is known here: it is all. */
function labelOrColumn(
	r: Resolver,
	scope: Scope,
	labels: readonly ScopeColumn[],
	{ parts: [name = ""], position }: NameExpression,
): Value | undefined {
	const isNamed = labels.some((label) => label.name === name);
	const { result, uses } = r.apart(() => {
		try {
			return findColumn(scope, name, position);
		} catch (error) {
			// Ambiguous in FROM: then it is the result column.
			if (error instanceof Unreadable && isNamed) return undefined;
			throw error;
		}
	});
	if (result === undefined && !isNamed) return undefined;
	r.uses.merge(uses, []);
	return either([...(result === undefined ? [] : [result]), ...labels.map(readColumn)]);
}

/** `row.name`: a column, or else (attribute notation) a function called with the row. */
function memberValue(r: Resolver, item: Item, name: string, position?: number): Value {
	const column = itemColumn(item, name, position);
	if (column !== undefined) return column;
	const path: ObjectPath = { name, ...(position === undefined ? {} : { position }) };
	if (!r.dialect.functionalNotation || !r.dialect.knowsFunction(path)) {
		throw unresolved(`column "${item.name ?? ""}.${name}" does not exist`, position);
	}
	return calledWithRow(r, path, item);
}

function calledWithRow(r: Resolver, path: ObjectPath, item: Item): Value {
	for (const use of r.dialect.functionNamed(path)) r.uses.call(use);
	const row = rowValue(r, item);
	return compute(r, [row], `function ${path.name}`);
}

/** A whole row as a value: every column is derived from. */
export function rowValue(r: Resolver, item: Item): Value {
	if (item.scalar === true) return wholeRow(item);
	for (const column of item.columns) consume(r, readColumn(column), "derive", "whole row");
	if (item.open !== undefined) consume(r, item.open, "derive", "whole row");
	return wholeRow(item);
}

/** The item whose row an expression is, when it is exactly that: `t`, `s.t`, `t.*`. */
export function rowItem(r: Resolver, expression: Expression, scope: Scope): Item | undefined {
	if (expression.kind !== "name") return undefined;
	if (expression.star) return expression.parts.length === 0 ? undefined : itemNamed(r, expression.parts, scope);
	const [only] = expression.parts;
	if (only === undefined || expression.parts.length > 1) return undefined;
	// A column of that name comes first, as in the server; asking for it must leave no trace.
	const { result } = r.apart(() => findColumn(scope, only, expression.position));
	return result === undefined ? findItem(scope, only, undefined, expression.position) : undefined;
}

function fieldValue(r: Resolver, expression: Extract<Expression, { kind: "field" }>, scope: Scope): Value {
	const item = rowItem(r, expression.of, scope);
	if (item !== undefined && item.scalar !== true) {
		if (expression.field === undefined) return rowValue(r, item);
		return memberValue(r, item, expression.field, expression.position);
	}
	const value = r.value(expression.of, scope);
	const outcome = compute(r, [value], "field");
	if (expression.field === undefined || !r.dialect.functionalNotation) return outcome;
	// `(value).name` may call a function; where one of that name is not the server's own it must be permitted.
	const path: ObjectPath = { name: expression.field };
	if (r.dialect.knowsFunction(path)) {
		for (const use of r.dialect.functionNamed(path)) if (use.sort !== "compute") r.uses.call(use);
	}
	return outcome;
}

// ---- calls --------------------------------------------------------------------------------------------------------

function callValue(r: Resolver, call: CallExpression, scope: Scope): Value {
	const projected = projection(r, call, scope);
	if (projected !== undefined) return projected;
	const meaning = r.dialect.call(call);
	for (const use of meaning.functions) r.uses.call(use);
	if (meaning.literalSensitive) r.uses.literalSensitive = true;
	if (meaning.sequence !== undefined) {
		r.uses.relation({ relation: meaning.sequence.relation, command: "update", sort: meaning.sequence.sort });
		r.uses.commands.add("update");
		r.uses.writes = true;
	}
	const where = `function ${call.name.name}`;
	const around = [
		...call.orderBy.map((item) => sortValue(r, item, scope)),
		...(call.filter === undefined ? [] : [r.value(call.filter, scope)]),
		...(call.window === undefined ? [] : [windowValue(r, call.window, scope)]),
	];
	if (meaning.counts && !call.distinct) {
		for (const argument of call.arguments) countValue(r, argument, scope);
		return { ...compute(r, around, where), rows: NO_ROWS };
	}
	const values = call.arguments.map((argument) => r.value(argument, scope));
	// A sequence keeps what it is set to, for whoever asks it later.
	if (meaning.sequence !== undefined) for (const value of values) r.uses.value(value, "copy", where);
	const outcome = gathered(compute(r, [...values, ...around], where), {
		name: call.name.name.toLowerCase(),
		windowed: call.window !== undefined,
		qualified: call.filter !== undefined || call.distinct || call.orderBy.length > 0,
		arguments: values,
	});
	if (meaning.collects && holdsData(outcome)) r.uses.collects.add(call.name.name);
	return outcome;
}

/** count(x): the value itself never leaves. What x computes from is on record by itself. */
function countValue(r: Resolver, argument: Expression, scope: Scope): void {
	const item = rowItem(r, argument, scope);
	if (item === undefined) {
		consume(r, r.value(argument, scope), "count", "count");
		return;
	}
	for (const column of item.columns) consume(r, readColumn(column), "count", "count");
	if (item.open !== undefined) consume(r, item.open, "count", "count");
}

/** Functional notation: `email(u)` is `u.email` where no function of that name can be meant. */
function projection(r: Resolver, call: CallExpression, scope: Scope): Value | undefined {
	const [argument] = call.arguments;
	const plain = call.window === undefined && call.filter === undefined && call.orderBy.length === 0 && !call.distinct;
	if (!r.dialect.functionalNotation || argument === undefined || call.arguments.length > 1 || !plain) return undefined;
	if (call.name.schema !== undefined || r.dialect.knowsFunction(call.name)) return undefined;
	const item = rowItem(r, argument, scope);
	return item === undefined ? undefined : itemColumn(item, call.name.name, call.name.position);
}

function sortValue(
	r: Resolver,
	item: { readonly expression: Expression; readonly operator?: ObjectPath },
	scope: Scope,
): Value {
	if (item.operator !== undefined) useOperator(r, item.operator);
	return r.value(item.expression, scope);
}

/** What the order and partition of a window are made of: it flows into every value computed over it. */
export function windowValue(r: Resolver, window: Window, scope: Scope): Value {
	const values = [...window.partitionBy, ...window.orderBy].map((item) => sortValue(r, item, scope));
	for (const bound of window.frame) values.push(r.value(bound, scope));
	if (window.base !== undefined) {
		const base = scope.windows?.get(window.base);
		if (base === undefined) throw unresolved(`window "${window.base}" does not exist`);
		values.push(base);
	}
	return compute(r, values, "window");
}

export function useOperator(r: Resolver, operator: ObjectPath): void {
	for (const use of r.dialect.operator(operator)) r.uses.call(use);
}

export function useType(r: Resolver, type: TypePath): void {
	for (const use of r.dialect.type(type)) r.uses.call(use);
}

// ---- the rest -----------------------------------------------------------------------------------------------------

function castValue(r: Resolver, operand: Expression, type: TypePath, scope: Scope): Value {
	const { functions, literal } = r.dialect.cast(type, operand);
	for (const use of functions) r.uses.call(use);
	if (literal) r.uses.literalSensitive = true;
	return computeFrom(r, [operand], scope, `cast to ${type.name}`);
}

function constructValue(r: Resolver, construct: ConstructExpression, scope: Scope): Value {
	if (!r.dialect.knowsSyntax(construct.what)) {
		throw unsupported(`${construct.what} is not syntax of this server's version, where it means something else`);
	}
	for (const operator of construct.operators) useOperator(r, operator);
	for (const type of construct.types) useType(r, type);
	const values = construct.operands.map((operand) => r.value(operand, scope));
	if (construct.window !== undefined) values.push(windowValue(r, construct.window, scope));
	const outcome = gathered(compute(r, values, construct.what), {
		name: construct.what.toLowerCase(),
		windowed: construct.window !== undefined,
		qualified: construct.collects,
		arguments: values,
	});
	if (construct.collects && holdsData(outcome)) r.uses.collects.add(construct.what);
	return outcome;
}

function subqueryValue(r: Resolver, expression: SubqueryExpression, scope: Scope): Value {
	const result = r.query(expression.query, scope);
	if (expression.operator !== undefined) useOperator(r, expression.operator);
	if (expression.form === "exists") return NOTHING;
	const values = result.columns.map(readColumn);
	if (result.open !== undefined) values.push(result.open);
	const [only] = values;
	switch (expression.form) {
		case "scalar":
			return only !== undefined && values.length === 1 ? only : compute(r, values, "subquery");
		case "array": {
			const outcome = compute(r, values, "ARRAY");
			if (holdsData(outcome)) r.uses.collects.add("ARRAY");
			return outcome;
		}
		case "any":
		case "all": {
			const test = expression.test === undefined ? [] : [r.value(expression.test, scope)];
			return compute(r, [...test, ...values], expression.form === "any" ? "IN" : "ALL");
		}
		default:
			return never(expression.form);
	}
}

/** One column of `SET (a, b) = …`. */
function partValue(r: Resolver, of: Expression, index: number, scope: Scope): Value {
	if (of.kind === "row") {
		const item = of.items[index];
		if (item !== undefined && !of.items.some(isStar)) return r.value(item, scope);
	}
	if (of.kind === "subquery" && of.form === "scalar") {
		const result = r.query(of.query, scope);
		const column = result.columns[index];
		if (column !== undefined && result.open === undefined) return readColumn(column);
	}
	return compute(r, [r.value(of, scope)], "ROW");
}

export function isStar(expression: Expression): boolean {
	return (
		(expression.kind === "name" && expression.star) || (expression.kind === "field" && expression.field === undefined)
	);
}

/** What a variable holds carries no data, so that nothing needs to be known of it: data may not be put into it. */
function variableValue(r: Resolver, { name, assigned, position }: VariableExpression, scope: Scope): Value {
	if (assigned === undefined) return NOTHING;
	const value = r.value(assigned, scope);
	if (holdsData(value)) {
		r.uses.value(value, "copy", `user variable @${name}`);
		throw unsupported(`the value of a column is kept in the user variable @${name}`, position);
	}
	return NOTHING;
}

function insertedValue(r: Resolver, { column, position }: InsertedExpression, scope: Scope): Value {
	const item = findItem(scope, r.dialect.insertedName, undefined, position);
	const value = item === undefined ? undefined : itemColumn(item, column, position);
	if (value === undefined) throw unresolved(`VALUES(${column}) names no column that is inserted`, position);
	return value;
}

// ---- conditions ---------------------------------------------------------------------------------------------------

/** A condition of WHERE or ON: equality with constants is `filter`, all else is `derive`. */
export function condition(r: Resolver, expression: Expression, scope: Scope, where: string): void {
	if (expression.kind === "logic" && expression.op !== "not") {
		for (const operand of expression.operands) condition(r, operand, scope, where);
		return;
	}
	const compared = comparedWithConstant(expression);
	if (compared === undefined) {
		consume(r, r.value(expression, scope), "derive", where);
		return;
	}
	useOperator(r, compared.operator);
	for (const constant of compared.constants) r.value(constant, scope);
	consume(r, r.value(compared.operand, scope), rowItem(r, compared.operand, scope) ? "derive" : "filter", where);
}

function comparedWithConstant(
	expression: Expression,
):
	| { readonly operand: Expression; readonly operator: ObjectPath; readonly constants: readonly Expression[] }
	| undefined {
	if (expression.kind === "membership") {
		if (expression.negated || !expression.list.every(isConstant)) return undefined;
		return { operand: expression.operand, operator: expression.operator, constants: expression.list };
	}
	if (expression.kind === "quantified") {
		if (expression.every || expression.operator.name !== "=" || !isConstant(expression.right)) return undefined;
		return { operand: expression.left, operator: expression.operator, constants: [expression.right] };
	}
	if (expression.kind !== "operator" || expression.operator.name !== "=") return undefined;
	const [left, right] = expression.operands;
	if (left === undefined || right === undefined) return undefined;
	if (isConstant(right)) return { operand: left, operator: expression.operator, constants: [right] };
	if (isConstant(left)) return { operand: right, operator: expression.operator, constants: [left] };
	return undefined;
}

function isConstant(expression: Expression): boolean {
	switch (expression.kind) {
		case "constant":
		case "parameter":
		case "variable":
			return expression.kind !== "variable" || expression.assigned === undefined;
		case "cast":
			return isConstant(expression.operand);
		case "operator":
			return expression.operands.length === 1 && expression.operands.every(isConstant);
		case "construct":
			return expression.what === "ARRAY" && expression.operands.every(isConstant);
		default:
			return false;
	}
}
