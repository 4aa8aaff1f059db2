/** Expressions of the parser's tree into the common query form. An unknown node or field is refused. */
import type { CallExpression, Expression } from "../query.js";
import { unsupported } from "../unreadable.js";
import { objectPath, operatorPath, typePath } from "./names.js";
import { translateDocument } from "./translate-documents.js";
import { construct, EQUALS, expressions, sortItems, subscripts, windowOf } from "./translate-parts.js";
import { maybe, type Translator } from "./translator.js";
import { at, type Body, bodyOf, fields, flag, itemsOf, known, list, nodeOf, position, stringOf, text } from "./tree.js";

type Reader = (t: Translator, body: Body) => Expression;

export function translateExpression(t: Translator, value: unknown): Expression {
	const { tag, body } = nodeOf(value);
	const entry = READERS.get(tag);
	if (entry !== undefined) {
		known(tag, body, entry.fields);
		return entry.read(t, body);
	}
	const document = translateDocument(t, tag, body);
	if (document === undefined) throw unsupported(`${tag} is not known in an expression`, position(body));
	return document;
}

const READERS = new Map<string, { readonly fields: ReadonlySet<string>; readonly read: Reader }>();

function reader(tag: string, names: string, read: Reader): void {
	READERS.set(tag, { fields: fields(names), read });
}

// ---- constants and names ------------------------------------------------------------------------------------------

reader("A_Const", "ival fval boolval sval bsval isnull location", (_t, body) => {
	if (body.isnull === true) return { kind: "constant", sort: "null", value: "" };
	if (body.ival !== undefined) return { kind: "constant", sort: "number", value: integer(body.ival) };
	if (body.fval !== undefined) {
		return { kind: "constant", sort: "number", value: text(bodyOf(body.fval, "number").fval) ?? "0" };
	}
	if (body.boolval !== undefined) {
		return { kind: "constant", sort: "boolean", value: String(flag(bodyOf(body.boolval, "boolean").boolval)) };
	}
	if (body.sval !== undefined) {
		return { kind: "constant", sort: "text", value: text(bodyOf(body.sval, "text").sval) ?? "" };
	}
	if (body.bsval !== undefined) return { kind: "constant", sort: "bits", value: "" };
	throw unsupported("a constant of an unknown kind", position(body));
});

export function integer(value: unknown): string {
	return String(bodyOf(value, "integer").ival ?? 0);
}

reader("ParamRef", "number location", () => ({ kind: "parameter" }));
reader("SetToDefault", "location", () => ({ kind: "default" }));

reader("ColumnRef", "fields location", (_t, body) => {
	const parts: string[] = [];
	let star = false;
	for (const field of list(body.fields)) {
		if (star) throw unsupported("a name that goes on after *", position(body));
		if (nodeOf(field).tag === "A_Star") star = true;
		else parts.push(stringOf(field));
	}
	return { kind: "name", parts, star, ...at(body) };
});

reader("A_Indirection", "arg indirection", (t, body) => {
	let of = t.expression(body.arg);
	for (const step of list(body.indirection)) of = indirection(t, of, step);
	return of;
});

function indirection(t: Translator, of: Expression, step: unknown): Expression {
	const { tag, body } = nodeOf(step);
	switch (tag) {
		case "String":
			return { kind: "field", of, field: text(body.sval) ?? "" };
		case "A_Star":
			return { kind: "field", of, field: undefined };
		case "A_Indices":
			return { kind: "element", of, indexes: subscripts(t, body) };
		default:
			throw unsupported(`${tag} is not known as a subscript`);
	}
}

// ---- operators ----------------------------------------------------------------------------------------------------

reader("BoolExpr", "boolop args location", (t, body) => {
	const operands = expressions(t, body.args);
	switch (body.boolop) {
		case "AND_EXPR":
			return { kind: "logic", op: "and", operands };
		case "OR_EXPR":
			return { kind: "logic", op: "or", operands };
		case "NOT_EXPR":
			return { kind: "logic", op: "not", operands };
		default:
			throw unsupported(`${String(body.boolop)} is not known`, position(body));
	}
});

reader("A_Expr", "kind name lexpr rexpr rexpr_list_start rexpr_list_end location", (t, body) => {
	const operator = () => operatorPath(body.name, body);
	const left = () => t.expression(body.lexpr);
	const right = () => t.expression(body.rexpr);
	switch (body.kind) {
		case "AEXPR_OP":
		case "AEXPR_LIKE":
		case "AEXPR_ILIKE":
		case "AEXPR_SIMILAR": {
			const operands = [maybe(t, body.lexpr), right()].filter((operand) => operand !== undefined);
			return { kind: "operator", operator: operator(), operands };
		}
		case "AEXPR_OP_ANY":
		case "AEXPR_OP_ALL": {
			const every = body.kind === "AEXPR_OP_ALL";
			return { kind: "quantified", operator: operator(), left: left(), right: right(), every };
		}
		case "AEXPR_DISTINCT":
		case "AEXPR_NOT_DISTINCT":
			return construct("IS DISTINCT FROM", [left(), right()], { operators: [EQUALS] });
		case "AEXPR_NULLIF":
			return construct("NULLIF", [left(), right()], { operators: [operator()] });
		case "AEXPR_IN": {
			const path = operator();
			const items = itemsOf(body.rexpr).map((item) => t.expression(item));
			return { kind: "membership", operator: path, operand: left(), list: items, negated: path.name !== "=" };
		}
		case "AEXPR_BETWEEN":
		case "AEXPR_NOT_BETWEEN":
		case "AEXPR_BETWEEN_SYM":
		case "AEXPR_NOT_BETWEEN_SYM": {
			const bounds = itemsOf(body.rexpr).map((item) => t.expression(item));
			const operators = ["<=", ">=", "<", ">"].map((name) => ({ name }));
			return construct("BETWEEN", [left(), ...bounds], { operators });
		}
		default:
			throw unsupported(`${String(body.kind)} is not known`, position(body));
	}
});

// ---- calls and casts ----------------------------------------------------------------------------------------------

reader("TypeCast", "arg typeName location", (t, body) => ({
	kind: "cast",
	operand: t.expression(body.arg),
	type: typePath(body.typeName),
}));

reader("CollateClause", "arg collname location", (t, body) => construct("COLLATE", [t.expression(body.arg)]));

const CALL =
	"funcname args agg_order agg_filter over agg_within_group agg_star agg_distinct func_variadic funcformat location";
reader("FuncCall", CALL, (t, body) => callOf(t, body));

const CALL_FIELDS = fields(CALL);

export function callOf(t: Translator, body: Body): CallExpression {
	known("FuncCall", body, CALL_FIELDS);
	const filter = maybe(t, body.agg_filter);
	return {
		kind: "call",
		name: objectPath(functionName(body.funcname), at(body)),
		arguments: expressions(t, body.args),
		star: flag(body.agg_star),
		distinct: flag(body.agg_distinct),
		orderBy: sortItems(t, body.agg_order),
		...(filter === undefined ? {} : { filter }),
		...(body.over === undefined ? {} : { window: windowOf(t, bodyOf(body.over, "window")) }),
	};
}

function functionName(value: unknown): readonly unknown[] {
	const parts = list(value);
	if (parts.length > 2) throw unsupported("a function name with a database");
	return parts;
}

reader("NamedArgExpr", "arg name argnumber location", (t, body) => t.expression(body.arg));

reader("GroupingFunc", "args location", (t, body) => construct("GROUPING", expressions(t, body.args)));
reader("MergeSupportFunc", "msftype location", () => construct("MERGE_ACTION", []));
reader("SQLValueFunction", "op typmod location", (_t, body) =>
	construct(body.op === "SVFOP_SYSTEM_USER" ? "SYSTEM_USER" : "SQL value", []),
);
reader("CurrentOfExpr", "cvarno cursor_name cursor_param", () => construct("CURRENT OF", []));

// ---- syntax that computes -----------------------------------------------------------------------------------------

reader("CaseExpr", "arg args defresult location", (t, body) => {
	const operands: (Expression | undefined)[] = [maybe(t, body.arg), maybe(t, body.defresult)];
	for (const item of list(body.args)) {
		const branch = nodeOf(item);
		known(branch.tag, branch.body, CASE_WHEN);
		operands.push(t.expression(branch.body.expr), t.expression(branch.body.result));
	}
	return construct("CASE", operands, body.arg === undefined ? {} : { operators: [EQUALS] });
});
const CASE_WHEN = fields("expr result location");

reader("CoalesceExpr", "args location", (t, body) => construct("COALESCE", expressions(t, body.args)));
reader("MinMaxExpr", "op args location", (t, body) => construct("GREATEST or LEAST", expressions(t, body.args)));
reader("NullTest", "arg nulltesttype argisrow location", (t, body) => construct("IS NULL", [t.expression(body.arg)]));
reader("BooleanTest", "arg booltesttype location", (t, body) => construct("IS TRUE", [t.expression(body.arg)]));
reader("A_ArrayExpr", "elements list_start list_end location", (t, body) =>
	construct("ARRAY", expressions(t, body.elements)),
);
reader("RowExpr", "args row_format colnames location", (t, body) => ({
	kind: "row",
	items: expressions(t, body.args),
}));
reader("MultiAssignRef", "source colno ncolumns", (t, body) => ({
	kind: "part",
	of: t.expression(body.source),
	index: Number(body.colno ?? 1) - 1,
}));

reader("SubLink", "subLinkType subLinkId testexpr operName subselect location", (t, body) => {
	const query = t.query(body.subselect);
	const test = maybe(t, body.testexpr);
	const tested = {
		...(test === undefined ? {} : { test }),
		operator: body.operName === undefined ? EQUALS : operatorPath(body.operName, body),
	};
	switch (body.subLinkType) {
		case "EXISTS_SUBLINK":
			return { kind: "subquery", form: "exists", query };
		case "EXPR_SUBLINK":
			return { kind: "subquery", form: "scalar", query };
		case "ARRAY_SUBLINK":
			return { kind: "subquery", form: "array", query };
		case "ANY_SUBLINK":
			return { kind: "subquery", form: "any", query, ...tested };
		case "ALL_SUBLINK":
			return { kind: "subquery", form: "all", query, ...tested };
		default:
			throw unsupported(`${String(body.subLinkType)} is not known`, position(body));
	}
});
