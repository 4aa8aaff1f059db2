/**
 * Expressions inside definitions (defaults, checks, generated columns, index keys, predicates, USING of ALTER TYPE):
 * found wherever they stand in a statement's tree, and resolved over the relation that is defined, so that functions,
 * operators and columns in them are on record.
 */
import type { ColumnUseKind } from "../facts.js";
import type { RelationPath } from "../query.js";
import { relationItem } from "../resolve-sources.js";
import type { Item, Scope } from "../scope.js";
import { NOTHING } from "../taint.js";
import { Unreadable, unsupported } from "../unreadable.js";
import { typePath } from "./names.js";
import type { Statement } from "./statement.js";
import { isBody } from "./tree.js";

const EXPRESSIONS = new Set(
	`A_ArrayExpr A_Expr A_Indirection BoolExpr BooleanTest CaseExpr CoalesceExpr CollateClause ColumnRef FuncCall
	GroupingFunc JsonArrayConstructor JsonArrayQueryConstructor JsonFuncExpr JsonIsPredicate JsonObjectConstructor
	JsonParseExpr JsonScalarExpr JsonSerializeExpr MinMaxExpr NullTest RowExpr SQLValueFunction SubLink TypeCast XmlExpr
	XmlSerialize`
		.trim()
		.split(/\s+/),
);

const QUERIES = new Set(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);
/** They hold names and constants that look like expressions. */
const SKIPPED = new Set(["typeName", "TypeName", "argType", "DefElem", "collClause"]);

/** Resolves every expression under `tree`; values of existing columns are used as `kind`. */
export function definitionUses(
	s: Statement,
	tree: unknown,
	relation: RelationPath | undefined,
	kind: ColumnUseKind,
	where: string,
): void {
	const found = relation === undefined ? undefined : s.dialect.findRelation(relation);
	// Names of what is only now being defined (new columns, VALUE, MINVALUE) carry nothing.
	const unknown: Item = { name: undefined, columns: [], open: NOTHING, nameVisible: false, columnsVisible: true };
	const items: Item[] = [unknown];
	if (found !== undefined) {
		const item = relationItem(s.resolver, found, undefined, "select", false);
		items.push(item);
		for (const name of ["old", "new"]) items.push({ ...item, name, columnsVisible: false });
	}
	const scope: Scope = { parent: undefined, items, commonTables: new Map() };
	const expression = (node: unknown): void => {
		s.uses.value(s.value(s.translator.expression(node), scope), kind, where);
	};
	walk(tree, expression, (type) => typeUses(s, type));
}

/**
 * What is written into a column runs what is attached to its type. A type that the snapshot does not hold was made in this
 * transaction, by which what it runs was judged.
 */
function typeUses(s: Statement, type: unknown): void {
	try {
		for (const use of s.dialect.type(typePath(type))) s.uses.call(use);
	} catch (error) {
		if (!(error instanceof Unreadable)) throw error;
	}
}

function walk(value: unknown, use: (node: unknown) => void, useType: (type: unknown) => void): void {
	if (Array.isArray(value)) {
		for (const item of value) walk(item, use, useType);
		return;
	}
	if (!isBody(value)) return;
	for (const [name, inner] of Object.entries(value)) {
		if (name === "typeName") useType(inner);
		if (SKIPPED.has(name)) continue;
		if (QUERIES.has(name)) throw unsupported("a query inside a definition");
		if (EXPRESSIONS.has(name)) use({ [name]: inner });
		else walk(inner, use, useType);
	}
}
