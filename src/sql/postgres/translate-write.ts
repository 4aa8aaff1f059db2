/** INSERT, UPDATE, DELETE and MERGE of the parser's tree into the common query form. */
import type {
	AssignedColumn,
	Assignment,
	Expression,
	Insert,
	Merge,
	MergeClause,
	Query,
	Body as QueryBody,
	Returning,
	Target,
} from "../query.js";
import { unsupported } from "../unreadable.js";
import { relationPath } from "./names.js";
import { expressions, subscripts } from "./translate-parts.js";
import { targetList, withOf } from "./translate-query.js";
import { maybe, type Translator } from "./translator.js";
import { at, type Body, bodyOf, fields, known, list, nodeOf, position, required, text } from "./tree.js";

const FIELDS = {
	InsertStmt: fields("relation cols selectStmt onConflictClause returningClause withClause override"),
	UpdateStmt: fields("relation targetList whereClause fromClause returningClause withClause"),
	DeleteStmt: fields("relation usingClause whereClause returningClause withClause"),
	MergeStmt: fields("relation sourceRelation joinCondition mergeWhenClauses returningClause withClause"),
	MergeWhenClause: fields("matchKind commandType override condition targetList values"),
	ReturningClause: fields("options exprs"),
	ReturningOption: fields("option value location"),
	OnConflictClause: fields("action infer targetList whereClause location"),
	InferClause: fields("indexElems whereClause conname location"),
	IndexElem: fields("name expr collation opclass ordering nulls_ordering location"),
	ResTarget: fields("name indirection val location"),
} as const;

/** The query of a data-modifying statement; undefined for other tags. */
export function translateWrite(t: Translator, tag: string, body: Body): Query | undefined {
	const translated = writeBody(t, tag, body);
	if (translated === undefined) return undefined;
	return { kind: "query", ...withOf(t, body.withClause), body: translated, orderBy: [], limits: [], locking: [] };
}

function writeBody(t: Translator, tag: string, body: Body): QueryBody | undefined {
	const where = maybe(t, body.whereClause);
	const tail = {
		...(where === undefined ? {} : { where }),
		...returningOf(t, body.returningClause),
	};
	switch (tag) {
		case "InsertStmt":
			known(tag, body, FIELDS.InsertStmt);
			return insert(t, body);
		case "UpdateStmt":
			known(tag, body, FIELDS.UpdateStmt);
			return {
				kind: "update",
				target: targetOf(body.relation),
				assignments: assignments(t, body.targetList),
				from: list(body.fromClause).map((item) => t.source(item)),
				...tail,
			};
		case "DeleteStmt":
			known(tag, body, FIELDS.DeleteStmt);
			return {
				kind: "delete",
				target: targetOf(body.relation),
				using: list(body.usingClause).map((item) => t.source(item)),
				...tail,
			};
		case "MergeStmt":
			known(tag, body, FIELDS.MergeStmt);
			return merge(t, body);
		default:
			return undefined;
	}
}

function targetOf(value: unknown): Target {
	const body = bodyOf(value, "target");
	const relation = relationPath(body);
	const alias = body.alias === undefined ? undefined : text(bodyOf(body.alias, "alias").aliasname);
	return alias === undefined ? { relation } : { relation, alias };
}

function column(t: Translator, value: unknown): AssignedColumn & { readonly body: Body } {
	const { tag, body } = nodeOf(value);
	known(tag, body, FIELDS.ResTarget);
	const steps = list(body.indirection).map(nodeOf);
	const indexes = steps.flatMap((step): Expression[] => {
		if (step.tag === "String") return [];
		if (step.tag === "A_Indices") return subscripts(t, step.body);
		throw unsupported(`${step.tag} is not known in an assignment`, position(body));
	});
	return { column: required(body.name, "column name"), indexes, ...at(body), body };
}

function columns(t: Translator, value: unknown): AssignedColumn[] | undefined {
	const items = list(value);
	return items.length === 0 ? undefined : items.map((item) => column(t, item));
}

function assignments(t: Translator, value: unknown): Assignment[] {
	return list(value).map((item) => {
		const { body, ...rest } = column(t, item);
		return { ...rest, value: t.expression(body.val) };
	});
}

function insert(t: Translator, body: Body): Insert {
	const source = body.selectStmt === undefined ? undefined : t.query(body.selectStmt);
	return {
		kind: "insert",
		target: targetOf(body.relation),
		columns: columns(t, body.cols),
		source,
		...conflictOf(t, body.onConflictClause),
		...returningOf(t, body.returningClause),
	};
}

function conflictOf(t: Translator, value: unknown): Pick<Insert, "conflict"> {
	if (value === undefined) return {};
	const body = bodyOf(value, "ON CONFLICT");
	known("OnConflictClause", body, FIELDS.OnConflictClause);
	const where = maybe(t, body.whereClause);
	return {
		conflict: {
			arbiter: arbiter(t, body.infer),
			assignments: assignments(t, body.targetList),
			...(where === undefined ? {} : { where }),
		},
	};
}

function arbiter(t: Translator, value: unknown): Expression[] {
	if (value === undefined) return [];
	const body = bodyOf(value, "ON CONFLICT target");
	known("InferClause", body, FIELDS.InferClause);
	const elements = list(body.indexElems).map((item): Expression => {
		const element = nodeOf(item);
		known(element.tag, element.body, FIELDS.IndexElem);
		if (element.body.expr !== undefined) return t.expression(element.body.expr);
		const name = required(element.body.name, "column name");
		return { kind: "name", parts: [name], star: false };
	});
	const where = maybe(t, body.whereClause);
	return where === undefined ? elements : [...elements, where];
}

function returningOf(t: Translator, value: unknown): { readonly returning?: Returning } {
	if (value === undefined) return {};
	const body = bodyOf(value, "RETURNING");
	known("ReturningClause", body, FIELDS.ReturningClause);
	const names = { old: "old", new: "new" };
	for (const item of list(body.options)) {
		const option = nodeOf(item);
		known(option.tag, option.body, FIELDS.ReturningOption);
		const name = required(option.body.value, "alias");
		if (option.body.option === "RETURNING_OPTION_OLD") names.old = name;
		else if (option.body.option === "RETURNING_OPTION_NEW") names.new = name;
		else throw unsupported(`${String(option.body.option)} is not known`);
	}
	return { returning: { items: targetList(t, body.exprs), ...names } };
}

function merge(t: Translator, body: Body): Merge {
	return {
		kind: "merge",
		target: targetOf(body.relation),
		source: t.source(body.sourceRelation),
		on: t.expression(body.joinCondition),
		clauses: list(body.mergeWhenClauses).map((item) => mergeClause(t, item)),
		...returningOf(t, body.returningClause),
	};
}

const COMMANDS: Readonly<Record<string, MergeClause["command"]>> = {
	CMD_INSERT: "insert",
	CMD_UPDATE: "update",
	CMD_DELETE: "delete",
	CMD_NOTHING: "nothing",
};

const SEES: Readonly<Record<string, MergeClause["sees"]>> = {
	MERGE_WHEN_MATCHED: "both",
	MERGE_WHEN_NOT_MATCHED_BY_SOURCE: "target",
	MERGE_WHEN_NOT_MATCHED_BY_TARGET: "source",
};

function mergeClause(t: Translator, value: unknown): MergeClause {
	const { tag, body } = nodeOf(value);
	known(tag, body, FIELDS.MergeWhenClause);
	const command = COMMANDS[text(body.commandType) ?? ""];
	const sees = SEES[text(body.matchKind) ?? ""];
	if (command === undefined || sees === undefined) throw unsupported("a MERGE action that is not known");
	const condition = maybe(t, body.condition);
	const base = { command, sees, ...(condition === undefined ? {} : { condition }) };
	if (command !== "insert") return { ...base, assignments: assignments(t, body.targetList) };
	const listed = columns(t, body.targetList);
	return {
		...base,
		assignments: [],
		...(listed === undefined ? {} : { columns: listed }),
		...(body.values === undefined ? {} : { values: expressions(t, body.values) }),
	};
}
