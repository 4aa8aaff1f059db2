/** FROM items of the parser's tree into the common query form. */
import type { Alias, Expression, FunctionItem, JoinSource, Source } from "../query.js";
import { unsupported } from "../unreadable.js";
import { labelOf } from "./labels.js";
import { aliasOf, objectPath, relationPath, typePath } from "./names.js";
import { translateJsonTable, translateXmlTable } from "./translate-documents.js";
import { expressions } from "./translate-parts.js";
import { maybe, type Translator } from "./translator.js";
import { at, type Body, fields, flag, itemsOf, known, list, nodeOf, position, required, strings } from "./tree.js";

const FIELDS = {
	RangeSubselect: fields("lateral subquery alias"),
	RangeFunction: fields("lateral ordinality is_rowsfrom functions alias coldeflist"),
	RangeTableSample: fields("relation method args repeatable location"),
	JoinExpr: fields("jointype isNatural larg rarg usingClause join_using_alias quals alias rtindex"),
	ColumnDef: fields("colname typeName is_local collClause location"),
} as const;

function optional(alias: Alias | undefined): { readonly alias?: Alias } {
	return alias === undefined ? {} : { alias };
}

export function translateSource(t: Translator, value: unknown): Source {
	const { tag, body } = nodeOf(value);
	switch (tag) {
		case "RangeVar":
			return { kind: "relation", relation: relationPath(body), ...optional(aliasOf(body.alias)) };
		case "RangeSubselect":
			known(tag, body, FIELDS.RangeSubselect);
			return {
				kind: "derived",
				query: t.query(body.subquery),
				lateral: flag(body.lateral),
				...optional(aliasOf(body.alias)),
			};
		case "RangeFunction":
			known(tag, body, FIELDS.RangeFunction);
			return settings(body) ?? functions(t, body);
		case "RangeTableSample":
			known(tag, body, FIELDS.RangeTableSample);
			return sample(t, body);
		case "RangeTableFunc":
			return translateXmlTable(t, body);
		case "JsonTable":
			return translateJsonTable(t, body);
		case "JoinExpr":
			known(tag, body, FIELDS.JoinExpr);
			return join(t, body);
		default:
			throw unsupported(`${tag} is not known in FROM`, position(body));
	}
}

function sample(t: Translator, body: Body): Source {
	const source = t.source(body.relation);
	if (source.kind !== "relation") throw unsupported("TABLESAMPLE of something that is not a table");
	const repeatable = maybe(t, body.repeatable);
	return {
		...source,
		sample: {
			method: objectPath(body.method),
			arguments: [...expressions(t, body.args), ...(repeatable === undefined ? [] : [repeatable])],
		},
	};
}

/**
 * `pg_catalog.pg_show_all_settings()`, which pgAdmin asks: the rows of the view pg_settings, whose values are guarded.
 * Written otherwise it is a function like any other, and not permitted.
 */
function settings(body: Body): Source | undefined {
	const [entry, ...more] = list(body.functions);
	if (more.length > 0 || flag(body.ordinality) || flag(body.is_rowsfrom) || list(body.coldeflist).length > 0) return;
	const call = nodeOf(itemsOf(entry)[0]);
	if (call.tag !== "FuncCall" || Object.keys(call.body).some((field) => !PLAIN_CALL.has(field))) return;
	const { schema, name, position } = objectPath(call.body.funcname, at(call.body));
	if (schema !== "pg_catalog" || name !== SETTINGS_FUNCTION || position === undefined) return;
	const alias = aliasOf(body.alias);
	return {
		kind: "relation",
		relation: { schema, name: "pg_settings", position, called: { name, isAliased: alias !== undefined } },
		alias: alias ?? { name, columns: [] },
	};
}

const SETTINGS_FUNCTION = "pg_show_all_settings";
const PLAIN_CALL = fields("funcname funcformat location");

/** Each function is a list of the call and, in ROWS FROM, its column definitions. */
function functions(t: Translator, body: Body): Source {
	const outer = columnDefinitions(body.coldeflist);
	const items = list(body.functions).map((entry): FunctionItem => {
		const [call, definitions, ...others] = itemsOf(entry);
		if (others.length > 0) throw unsupported("a function in FROM with more than its columns");
		const expression: Expression = t.expression(call);
		const label = labelOf(t, call);
		const own = definitions === undefined || !isList(definitions) ? [] : columnDefinitions(itemsOf(definitions));
		return {
			expression,
			label: typeof label === "string" ? label : "?column?",
			columns: own.length > 0 ? own : outer,
		};
	});
	return { kind: "functions", items, ordinality: flag(body.ordinality), ...optional(aliasOf(body.alias)) };
}

/** An absent list stands as an empty node. */
function isList(value: unknown): boolean {
	if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return false;
	return nodeOf(value).tag === "List";
}

function columnDefinitions(value: unknown): FunctionItem["columns"] {
	return list(value).map((item) => {
		const { tag, body } = nodeOf(item);
		if (tag !== "ColumnDef") throw unsupported(`${tag} in a column definition list`);
		known(tag, body, FIELDS.ColumnDef);
		return { name: required(body.colname, "column name"), type: typePath(body.typeName) };
	});
}

function join(t: Translator, body: Body): Source {
	const on = maybe(t, body.quals);
	const usingAlias = aliasOf(body.join_using_alias);
	return {
		kind: "join",
		type: joinType(body),
		left: t.source(body.larg),
		right: t.source(body.rarg),
		natural: flag(body.isNatural),
		using: strings(body.usingClause),
		...(usingAlias === undefined ? {} : { usingAlias: usingAlias.name }),
		...(on === undefined ? {} : { on }),
		...optional(aliasOf(body.alias)),
	};
}

function joinType(body: Body): JoinSource["type"] {
	switch (body.jointype) {
		case "JOIN_INNER":
			return "inner";
		case "JOIN_LEFT":
			return "left";
		case "JOIN_RIGHT":
			return "right";
		case "JOIN_FULL":
			return "full";
		default:
			throw unsupported(`${String(body.jointype)} is not known`);
	}
}
