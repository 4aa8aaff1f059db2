/** Which sequence nextval, currval and setval mean: their argument is a regclass, which a constant must name. */
import type { CallExpression, Expression, RelationPath } from "../query.js";
import { unsupported } from "../unreadable.js";
import { nameParts } from "./identifiers.js";
import { relationPathOf } from "./names.js";

export function sequenceArgument(call: CallExpression): RelationPath | { readonly id: number } {
	const [argument] = call.arguments;
	const text = argument === undefined ? undefined : constantText(argument);
	if (text === undefined) {
		throw unsupported(`${call.name.name} of a sequence that is not named by a constant`, call.name.position);
	}
	// regclass takes digits for an OID.
	if (/^\d+$/.test(text)) return { id: Number(text) };
	const where = call.name.position === undefined ? {} : { position: call.name.position };
	return relationPathOf(nameParts(text), where);
}

const THROUGH = new Set(["regclass", "text", "oid"]);

/** A constant, also through casts that do not change the name. */
function constantText(expression: Expression): string | undefined {
	if (expression.kind === "constant" && (expression.sort === "text" || expression.sort === "number")) {
		return expression.value;
	}
	if (expression.kind !== "cast" || expression.type.array || !THROUGH.has(expression.type.name)) return undefined;
	const { schema } = expression.type;
	return schema === undefined || schema === "pg_catalog" ? constantText(expression.operand) : undefined;
}
