/**
 * SQL/XML and SQL/JSON syntax: expressions, and the columns of XMLTABLE and JSON_TABLE.
 *
 * Whatever may hold an expression (paths, PASSING, ON EMPTY, ON ERROR, namespaces, defaults) becomes an operand.
 */
import type { Expression, Source, TypePath } from "../query.js";
import { unsupported } from "../unreadable.js";
import { aliasOf, typePath } from "./names.js";
import { construct, expressions, sortItems, windowOf } from "./translate-parts.js";
import { maybe, type Translator } from "./translator.js";
import { type Body, bodyOf, fields, flag, known, list, nodeOf, required, text } from "./tree.js";

type Operands = readonly (Expression | undefined)[];

const FIELDS: Readonly<Record<string, ReadonlySet<string>>> = {
	XmlExpr: fields("op name named_args arg_names args xmloption indent location"),
	XmlSerialize: fields("xmloption expr typeName indent location"),
	JsonParseExpr: fields("expr output unique_keys location"),
	JsonScalarExpr: fields("expr output location"),
	JsonSerializeExpr: fields("expr output location"),
	JsonObjectConstructor: fields("exprs output absent_on_null unique location"),
	JsonArrayConstructor: fields("exprs output absent_on_null location"),
	JsonArrayQueryConstructor: fields("query output format absent_on_null location"),
	JsonObjectAgg: fields("constructor arg absent_on_null unique"),
	JsonArrayAgg: fields("constructor arg absent_on_null"),
	JsonAggConstructor: fields("output agg_filter agg_order over location"),
	JsonIsPredicate: fields("expr format item_type unique_keys location"),
	JsonFuncExpr: fields("op column_name context_item pathspec passing output on_empty on_error wrapper quotes location"),
	JsonValueExpr: fields("raw_expr formatted_expr format"),
	JsonKeyValue: fields("key value"),
	JsonArgument: fields("val name"),
	JsonBehavior: fields("btype expr coerce location"),
	JsonOutput: fields("typeName returning"),
	ResTarget: fields("name val location"),
	RangeTableFunc: fields("lateral docexpr rowexpr namespaces columns alias location"),
	RangeTableFuncCol: fields("colname typeName for_ordinality is_not_null colexpr coldefexpr location"),
	JsonTable: fields("context_item pathspec passing columns on_error alias lateral location"),
	JsonTablePathSpec: fields("string name name_location location"),
	JsonTableColumn: fields("coltype name typeName pathspec format wrapper quotes columns on_empty on_error location"),
};

function checked(tag: string, value: unknown): Body {
	const body = bodyOf(value, tag);
	const names = FIELDS[tag];
	if (names === undefined) throw unsupported(`${tag} is not known`);
	known(tag, body, names);
	return body;
}

/** The body of a node that must have this tag. */
function tagged(tag: string, value: unknown): Body {
	const node = nodeOf(value);
	if (node.tag !== tag) throw unsupported(`${node.tag} stands where ${tag} is expected`);
	return checked(tag, node.body);
}

export function translateDocument(t: Translator, tag: string, body: Body): Expression | undefined {
	switch (tag) {
		case "XmlExpr":
			return xml(t, checked(tag, body));
		case "XmlSerialize":
			return construct("XMLSERIALIZE", [t.expression(checked(tag, body).expr)], {
				types: [typePath(body.typeName)],
			});
		case "JsonValueExpr":
			return jsonValue(t, body);
		case "JsonParseExpr":
		case "JsonSerializeExpr":
			return construct("JSON", [jsonValue(t, checked(tag, body).expr)], outputOf(body));
		case "JsonScalarExpr":
			return construct("JSON_SCALAR", [t.expression(checked(tag, body).expr)], outputOf(body));
		case "JsonIsPredicate":
			return construct("IS JSON", [t.expression(checked(tag, body).expr)]);
		case "JsonObjectConstructor":
			return construct(
				"JSON_OBJECT",
				list(checked(tag, body).exprs).flatMap((item) => keyValue(t, item)),
				outputOf(body),
			);
		case "JsonArrayConstructor":
			return construct("JSON_ARRAY", expressions(t, checked(tag, body).exprs), outputOf(body));
		case "JsonArrayQueryConstructor": {
			const query = t.query(checked(tag, body).query);
			return construct("JSON_ARRAY", [{ kind: "subquery", form: "array", query }], outputOf(body));
		}
		case "JsonObjectAgg": {
			const argument = checked("JsonKeyValue", checked(tag, body).arg);
			return aggregate(t, "JSON_OBJECTAGG", body, [t.expression(argument.key), jsonValue(t, argument.value)]);
		}
		case "JsonArrayAgg":
			return aggregate(t, "JSON_ARRAYAGG", body, [jsonValue(t, checked(tag, body).arg)]);
		case "JsonFuncExpr":
			return jsonFunction(t, checked(tag, body));
		default:
			return undefined;
	}
}

function xml(t: Translator, body: Body): Expression {
	const attributes = list(body.named_args).map((item) => t.expression(tagged("ResTarget", item).val));
	return construct("XML", [...attributes, ...expressions(t, body.args)]);
}

function jsonValue(t: Translator, value: unknown): Expression {
	const body = checked("JsonValueExpr", value);
	if (body.formatted_expr !== undefined) throw unsupported("JsonValueExpr.formatted_expr is not known");
	return t.expression(body.raw_expr);
}

function keyValue(t: Translator, item: unknown): Expression[] {
	const body = tagged("JsonKeyValue", item);
	return [t.expression(body.key), jsonValue(t, body.value)];
}

function outputOf(body: Body): { readonly types: TypePath[] } {
	if (body.output === undefined) return { types: [] };
	const output = checked("JsonOutput", body.output);
	return { types: output.typeName === undefined ? [] : [typePath(output.typeName)] };
}

/** JSON_OBJECTAGG and JSON_ARRAYAGG: what FILTER, ORDER BY and OVER hold counts as operands. */
function aggregate(t: Translator, what: string, body: Body, operands: Operands): Expression {
	// A field called "constructor" is on every object's prototype: only its own one counts.
	const own: unknown = Object.hasOwn(body, "constructor") ? body.constructor : {};
	const inner = checked("JsonAggConstructor", own);
	const order = sortItems(t, inner.agg_order);
	const operators = order.flatMap((item) => (item.operator === undefined ? [] : [item.operator]));
	const all = [...operands, maybe(t, inner.agg_filter), ...order.map((item) => item.expression)];
	const expression = construct(what, all, { ...outputOf(inner), operators });
	const window = inner.over === undefined ? {} : { window: windowOf(t, bodyOf(inner.over, "window")) };
	return { ...expression, collects: true, ...window };
}

function passing(t: Translator, value: unknown): Expression[] {
	return list(value).map((item) => jsonValue(t, tagged("JsonArgument", item).val));
}

function behaviour(t: Translator, value: unknown): Expression | undefined {
	return value === undefined ? undefined : maybe(t, checked("JsonBehavior", value).expr);
}

function jsonFunction(t: Translator, body: Body): Expression {
	const operands = [
		jsonValue(t, body.context_item),
		maybe(t, body.pathspec),
		...passing(t, body.passing),
		behaviour(t, body.on_empty),
		behaviour(t, body.on_error),
	];
	return construct("JSON function", operands, outputOf(body));
}

// ---- sources ------------------------------------------------------------------------------------------------------

interface Table {
	readonly inputs: (Expression | undefined)[];
	readonly columns: string[];
	readonly types: TypePath[];
}

function computed(what: string, table: Table, alias: unknown): Source {
	const name = aliasOf(alias);
	return {
		kind: "computed",
		what,
		inputs: table.inputs.filter((input) => input !== undefined),
		columns: table.columns,
		types: table.types,
		...(name === undefined ? {} : { alias: name }),
	};
}

export function translateXmlTable(t: Translator, value: Body): Source {
	const body = checked("RangeTableFunc", value);
	const table: Table = { inputs: [maybe(t, body.docexpr), maybe(t, body.rowexpr)], columns: [], types: [] };
	for (const item of list(body.namespaces)) table.inputs.push(t.expression(tagged("ResTarget", item).val));
	for (const item of list(body.columns)) {
		const column = tagged("RangeTableFuncCol", item);
		table.columns.push(required(column.colname, "column name"));
		if (!flag(column.for_ordinality)) table.types.push(typePath(column.typeName));
		table.inputs.push(maybe(t, column.colexpr), maybe(t, column.coldefexpr));
	}
	return computed("XMLTABLE", table, body.alias);
}

export function translateJsonTable(t: Translator, value: Body): Source {
	const body = checked("JsonTable", value);
	const table: Table = {
		inputs: [jsonValue(t, body.context_item), path(t, body.pathspec), ...passing(t, body.passing)],
		columns: [],
		types: [],
	};
	table.inputs.push(behaviour(t, body.on_error));
	jsonColumns(t, body.columns, table);
	return computed("JSON_TABLE", table, body.alias);
}

function path(t: Translator, value: unknown): Expression | undefined {
	return value === undefined ? undefined : maybe(t, checked("JsonTablePathSpec", value).string);
}

function jsonColumns(t: Translator, value: unknown, table: Table): void {
	for (const item of list(value)) {
		const column = tagged("JsonTableColumn", item);
		table.inputs.push(path(t, column.pathspec), behaviour(t, column.on_empty), behaviour(t, column.on_error));
		if (column.coltype === "JTC_NESTED") {
			jsonColumns(t, column.columns, table);
			continue;
		}
		if (column.columns !== undefined) throw unsupported("a JSON_TABLE column with columns of its own");
		table.columns.push(required(text(column.name), "column name"));
		if (column.typeName !== undefined) table.types.push(typePath(column.typeName));
	}
}
