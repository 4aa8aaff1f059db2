/**
 * COPY: what it reads and writes, and what its stream of rows looks like.
 *
 * The server says of the stream only how many columns there are, never where one comes from or of which type it is: that
 * is known from here or not at all. Specification: PostgreSQL documentation, "COPY"; the server's ProcessCopyOptions.
 */
import type { CatalogRelation } from "../catalog.js";
import { UNKNOWN_TYPE, type ValueType } from "../catalog-index.js";
import { constraintUses } from "../constraints.js";
import type { CopyFacts, Output } from "../facts.js";
import { condition } from "../resolve-expressions.js";
import { relationItem } from "../resolve-sources.js";
import { itemColumn } from "../scope.js";
import { NOTHING } from "../taint.js";
import { unresolved, unsupported } from "../unreadable.js";
import { relationPath } from "./names.js";
import { type Draft, output, type Statement } from "./statement.js";
import { type Body, bodyOf, fields, flag, known, list, nodeOf, optionText, strings, text } from "./tree.js";

const FIELDS = {
	CopyStmt: fields("relation query attlist is_from is_program filename options whereClause"),
	DefElem: fields("defnamespace defname arg defaction location"),
} as const;

export function copy(s: Statement, body: Body): Draft {
	known("CopyStmt", body, FIELDS.CopyStmt);
	const isIn = flag(body.is_from);
	const file = text(body.filename);
	if (flag(body.is_program)) throw unsupported("COPY runs a program on the server");
	if (file !== undefined) throw unsupported("COPY reads or writes a file of the server");
	const options = copyOptions(body.options);
	if (isIn) return { ...copyFrom(s, body), tag: "COPY", copy: { direction: "in", ...options }, resolvesData: true };
	const draft = copyTo(s, body);
	const forced = forcedQuotes(body.options);
	const columns = draft.outputs?.map((one) => ({
		...typeOf(s, one),
		...(forced === "all" || forced.includes(one.name) ? { quoted: true } : {}),
	}));
	return { ...draft, tag: "COPY", copy: { direction: "out", ...options, columns: columns ?? [] }, resolvesData: true };
}

// ---- options ------------------------------------------------------------------------------------------------------

type Options = { -readonly [Key in keyof Omit<CopyFacts, "direction" | "columns">]: CopyFacts[Key] };

/** They say which rows come in and what becomes of bad ones; FORCE_QUOTE: below. */
const WITHOUT_EFFECT = new Set(
	"force_quote force_not_null force_null freeze on_error reject_limit log_verbosity default".split(" "),
);

/** Of the options, what the stream of rows depends on. Those that the server does not take fail there. */
function copyOptions(given: unknown): Options {
	const options: Options = { format: "text" };
	const seen = new Set<string>();
	for (const item of list(given)) {
		const { tag, body } = nodeOf(item);
		known(tag, body, FIELDS.DefElem);
		const name = text(body.defname)?.toLowerCase() ?? "";
		if (seen.has(name)) options.unread ??= `${name}, given twice`;
		seen.add(name);
		copyOption(options, name, body.arg);
	}
	return options;
}

function copyOption(options: Options, name: string, value: unknown): void {
	switch (name) {
		case "format": {
			const format = value === undefined ? "" : optionText(value).toLowerCase();
			if (format !== "text" && format !== "csv" && format !== "binary") {
				throw unsupported("COPY in an unknown format");
			}
			options.format = format;
			return;
		}
		case "encoding":
			if (value === undefined || !/^utf-?8$/i.test(optionText(value))) {
				throw unsupported("COPY in another encoding than UTF8");
			}
			return;
		case "header":
			// HEADER alone, or true, on, 1, match.
			if (value === undefined || !/^(false|off|0)$/i.test(optionText(value))) options.header = true;
			return;
		case "delimiter":
		case "quote":
		case "escape": {
			const character = value === undefined ? "" : optionText(value);
			// The server takes any byte; what is not printed, or ends lines, is nobody's need.
			if (/^[\t -~]$/.test(character)) options[name] = character;
			else options.unread ??= name;
			return;
		}
		case "null": {
			const mark = value === undefined ? undefined : optionText(value);
			if (mark === undefined || /[\r\n]/.test(mark)) options.unread ??= name;
			else options.null = mark;
			return;
		}
		default:
			if (!WITHOUT_EFFECT.has(name)) options.unread ??= name;
	}
}

/** Columns whose values are quoted where they need not be. */
function forcedQuotes(given: unknown): readonly string[] | "all" {
	for (const item of list(given)) {
		const { body } = nodeOf(item);
		if (text(body.defname)?.toLowerCase() !== "force_quote" || body.arg === undefined) continue;
		const { tag, body: value } = nodeOf(body.arg);
		return tag === "List" ? strings(value.items) : "all";
	}
	return [];
}

// ---- FROM ---------------------------------------------------------------------------------------------------------

function copyFrom(s: Statement, body: Body): Pick<Draft, "outputs"> {
	s.command("copyFrom");
	s.uses.writes = true;
	const path = relationPath(bodyOf(body.relation, "relation"));
	const found = s.dialect.relation(path);
	if (found.relation.kind === "view") throw unsupported("COPY into a view");
	const columns = copyColumns(found.relation, body.attlist);
	s.relation(path, "copyFrom", columns);
	for (const column of columns) {
		s.uses.column({ schema: found.relation.schema, name: found.relation.name, column }, "assign", "COPY");
	}
	constraintUses(s.resolver, found.relation, "copyFrom", columns);
	if (body.whereClause !== undefined) {
		// It looks at the rows that come in, not at those that are there; functions and operators count.
		const item = relationItem(s.resolver, found, undefined, "copyFrom", false);
		const scope = { parent: undefined, items: [item], commonTables: new Map() };
		condition(s.resolver, s.translator.expression(body.whereClause), scope, "WHERE");
	}
	return {};
}

function copyColumns(relation: CatalogRelation, listed: unknown): string[] {
	const names = strings(listed);
	const stored = relation.columns.map((column) => column.name);
	for (const name of names) if (!stored.includes(name)) throw unresolved(`column "${name}" does not exist`);
	if (names.length > 0) return names;
	return relation.columns.filter((column) => column.generated !== true).map((column) => column.name);
}

// ---- TO -----------------------------------------------------------------------------------------------------------

function copyTo(s: Statement, body: Body): Pick<Draft, "outputs" | "opaqueResult" | "rowsPerLine"> {
	s.command("copyTo");
	if (body.query !== undefined) {
		const query = s.translator.query(body.query);
		return s.deliver(query);
	}
	const found = s.dialect.relation(relationPath(bodyOf(body.relation, "relation")));
	const item = relationItem(s.resolver, found, undefined, "copyTo", true);
	const values = copyColumns(found.relation, body.attlist).map((name) => ({
		name,
		value: itemColumn(item, name) ?? NOTHING,
	}));
	values.forEach((column, index) => {
		s.uses.output(column.value, index);
	});
	return { outputs: values.map(output) };
}

/** A column's value, unchanged, has the column's type; views pass on what is beneath them as it is. */
function typeOf(s: Statement, { direct, sources }: Output): ValueType {
	if (!direct) return UNKNOWN_TYPE;
	const { index } = s.dialect;
	const types = sources.map((source) => {
		const relation = index.relation(source.schema, source.name);
		const column = relation && index.column(relation, source.column);
		return column === undefined ? UNKNOWN_TYPE : index.typeOf(column);
	});
	const [first = UNKNOWN_TYPE] = types;
	const isOne = types.every(({ type, typeModifier }) => type === first.type && typeModifier === first.typeModifier);
	return isOne ? first : UNKNOWN_TYPE;
}
