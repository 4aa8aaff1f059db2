/**
 * What PostgreSQL calls a result column that has no AS. It must be exact: derived tables are reached by these names, and
 * a wrong one would let a reference be taken for another column. Follows FigureColname of
 * src/backend/parser/parse_target.c.
 */
import type { Query } from "../query.js";
import type { Translator } from "./translator.js";
import { list, nodeOf, stringOf, text } from "./tree.js";

type Label = string | Query;
/** `firm`: the node names itself; otherwise the name is a fallback that an outer node may replace. */
interface Found {
	readonly label: Label;
	readonly firm: boolean;
}

const FIXED: Readonly<Record<string, string>> = {
	GroupingFunc: "grouping",
	MergeSupportFunc: "merge_action",
	A_ArrayExpr: "array",
	RowExpr: "row",
	CoalesceExpr: "coalesce",
	XmlSerialize: "xmlserialize",
	JsonParseExpr: "json",
	JsonScalarExpr: "json_scalar",
	JsonSerializeExpr: "json_serialize",
	JsonObjectConstructor: "json_object",
	JsonArrayConstructor: "json_array",
	JsonArrayQueryConstructor: "json_array",
	JsonObjectAgg: "json_objectagg",
	JsonArrayAgg: "json_arrayagg",
};

const BY_OPERATION: Readonly<Record<string, string>> = {
	SVFOP_CURRENT_DATE: "current_date",
	SVFOP_CURRENT_TIME: "current_time",
	SVFOP_CURRENT_TIME_N: "current_time",
	SVFOP_CURRENT_TIMESTAMP: "current_timestamp",
	SVFOP_CURRENT_TIMESTAMP_N: "current_timestamp",
	SVFOP_LOCALTIME: "localtime",
	SVFOP_LOCALTIME_N: "localtime",
	SVFOP_LOCALTIMESTAMP: "localtimestamp",
	SVFOP_LOCALTIMESTAMP_N: "localtimestamp",
	SVFOP_CURRENT_ROLE: "current_role",
	SVFOP_CURRENT_USER: "current_user",
	SVFOP_USER: "user",
	SVFOP_SESSION_USER: "session_user",
	SVFOP_CURRENT_CATALOG: "current_catalog",
	SVFOP_CURRENT_SCHEMA: "current_schema",
	IS_GREATEST: "greatest",
	IS_LEAST: "least",
	IS_XMLCONCAT: "xmlconcat",
	IS_XMLELEMENT: "xmlelement",
	IS_XMLFOREST: "xmlforest",
	IS_XMLPARSE: "xmlparse",
	IS_XMLPI: "xmlpi",
	IS_XMLROOT: "xmlroot",
	IS_XMLSERIALIZE: "xmlserialize",
	JSON_EXISTS_OP: "json_exists",
	JSON_QUERY_OP: "json_query",
	JSON_VALUE_OP: "json_value",
};

/** Call after the expression itself was translated. */
export function labelOf(t: Translator, node: unknown): Label {
	return find(t, node)?.label ?? "?column?";
}

function find(t: Translator, value: unknown): Found | undefined {
	if (value === undefined) return undefined;
	const { tag, body } = nodeOf(value);
	const fixed = FIXED[tag];
	if (fixed !== undefined) return firm(fixed);
	switch (tag) {
		case "ColumnRef":
			return lastName(body.fields);
		case "A_Indirection":
			return lastName(body.indirection) ?? find(t, body.arg);
		case "FuncCall":
			return firm(stringOf(list(body.funcname).at(-1)));
		case "A_Expr":
			return body.kind === "AEXPR_NULLIF" ? firm("nullif") : undefined;
		case "TypeCast": {
			const inner = find(t, body.arg);
			if (inner?.firm === true) return inner;
			const type = nodeOf({ TypeName: body.typeName }).body;
			return { label: stringOf(list(type.names).at(-1)), firm: false };
		}
		case "CollateClause":
			return find(t, body.arg);
		case "CaseExpr": {
			const inner = find(t, body.defresult);
			return inner?.firm === true ? inner : { label: "case", firm: false };
		}
		case "SubLink":
			return subquery(t, body);
		case "MinMaxExpr":
		case "SQLValueFunction":
		case "XmlExpr":
		case "JsonFuncExpr": {
			const label = BY_OPERATION[text(body.op) ?? ""];
			return label === undefined ? undefined : firm(label);
		}
		default:
			return undefined;
	}
}

function firm(label: Label): Found {
	return { label, firm: true };
}

function subquery(t: Translator, body: Readonly<Record<string, unknown>>): Found | undefined {
	switch (body.subLinkType) {
		case "EXISTS_SUBLINK":
			return firm("exists");
		case "ARRAY_SUBLINK":
			return firm("array");
		case "EXPR_SUBLINK": {
			const query = t.translated(body.subselect);
			return query === undefined ? undefined : firm(query);
		}
		default:
			return undefined;
	}
}

/** The last name in a list of names, stars and subscripts. */
function lastName(value: unknown): Found | undefined {
	const names = list(value).filter((item) => nodeOf(item).tag === "String");
	const last = names.at(-1);
	return last === undefined ? undefined : firm(stringOf(last));
}
