/**
 * Which sequence nextval, currval and setval mean: their argument is a regclass, which a constant must name, or the column
 * that it numbers, by pg_get_serial_sequence of two constants (Django, Rails and SQLAlchemy ask so).
 */
import type { CallExpression, Expression, ObjectPath, RelationPath, TypePath } from "../query.js";
import { unsupported } from "../unreadable.js";
import { nameParts } from "./identifiers.js";
import { relationPathOf } from "./names.js";

/** A column, whose sequence is meant; `by` is the call that finds it. */
export interface NumberedColumn {
	readonly table: RelationPath;
	readonly column: string;
	readonly by: ObjectPath;
}

export function sequenceArgument(call: CallExpression): RelationPath | { readonly id: number } | NumberedColumn {
	const [argument] = call.arguments;
	const where = call.name.position === undefined ? {} : { position: call.name.position };
	const numbered = argument === undefined ? undefined : serialColumn(argument, where);
	if (numbered !== undefined) return numbered;
	const text = argument === undefined ? undefined : constantText(argument);
	if (text === undefined) {
		throw unsupported(`${call.name.name} of a sequence that is not named by a constant`, call.name.position);
	}
	// regclass takes digits for an OID.
	if (/^\d+$/.test(text)) return { id: Number(text) };
	return relationPathOf(nameParts(text), where);
}

function serialColumn(expression: Expression, where: { readonly position?: number }): NumberedColumn | undefined {
	if (expression.kind === "cast")
		return isThrough(expression.type) ? serialColumn(expression.operand, where) : undefined;
	if (expression.kind !== "call" || expression.name.name !== "pg_get_serial_sequence") return undefined;
	const [table, column, ...more] = expression.arguments.map(constantText);
	if (table === undefined || column === undefined || more.length > 0) return undefined;
	// The table's name is read as a name is written, the column's as it is.
	return { table: relationPathOf(nameParts(table), where), column, by: expression.name };
}

const THROUGH = new Set(["regclass", "text", "oid"]);

/** A constant, also through casts that do not change the name. */
function constantText(expression: Expression): string | undefined {
	if (expression.kind === "constant" && (expression.sort === "text" || expression.sort === "number")) {
		return expression.value;
	}
	return expression.kind === "cast" && isThrough(expression.type) ? constantText(expression.operand) : undefined;
}

function isThrough({ schema, name, array }: TypePath): boolean {
	return !array && THROUGH.has(name) && (schema === undefined || schema === "pg_catalog");
}
