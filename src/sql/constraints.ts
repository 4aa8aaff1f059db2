/**
 * What a write tells by its outcome: a unique key refuses a value that is there already (or ON CONFLICT passes over it),
 * a foreign key one that is not there, a check compares with columns that are not written, and so do partitions that take
 * some rows only and generated columns that cannot hold all values. Whoever may only write could ask so for values that
 * may not be read, so each such comparison is a use of the columns that it looks at.
 *
 * MySQL tells more: how many rows were changed, which those are not that held the value before, and, by rows that come in
 * the order of an index, before which others one stands that was just written.
 */
import type { CatalogConstraint, CatalogRelation } from "./catalog.js";
import type { Command, RelationName } from "./facts.js";
import type { Resolver } from "./resolver.js";

/** `written`: columns that are assigned; undefined where whole rows go (DELETE). */
export function constraintUses(
	r: Resolver,
	relation: CatalogRelation,
	command: Command,
	written: readonly string[] | undefined,
): void {
	const { index } = r.dialect;
	if (written !== undefined) {
		for (const constraint of index.constraintsOf(relation)) {
			const concerns = constraint.columns.some((column) => written.includes(column));
			if (concerns) ownUses(r, relation, constraint, command, written);
		}
		if (command === "update") {
			generatedUses(r, relation, written);
			if (r.dialect.countsChanges) probe(r, relation, written, CHANGES);
		}
	}
	for (const { from, constraint } of index.referencesTo(relation)) {
		const { target, columns } = constraint;
		if (target === undefined) continue;
		const refuses = written === undefined ? target.refusesDelete : target.refusesUpdate;
		const concerns = written === undefined || target.columns.some((column) => written.includes(column));
		if (concerns) probe(r, from, columns, refuses ? REFERRED : FOLLOWED);
	}
}

/** A row that REPLACE finds as it would write it stays, and the count says so. */
export function replacementUses(r: Resolver, relation: CatalogRelation): void {
	if (!r.dialect.countsChanges) return;
	const columns = relation.columns.map(({ name }) => name);
	probe(r, relation, columns, CHANGES);
}

/** The number that a new row is given. */
export function counterUses(r: Resolver, { schema, name, columns }: CatalogRelation): void {
	for (const { name: column, counter } of columns) {
		if (counter === true) r.uses.column({ schema, name, column }, "tell", "the answer to INSERT");
	}
}

function ownUses(
	r: Resolver,
	relation: CatalogRelation,
	constraint: CatalogConstraint,
	command: Command,
	written: readonly string[],
): void {
	const rest = constraint.columns.filter((column) => !written.includes(column));
	switch (constraint.kind) {
		case "unique":
			probe(
				r,
				relation,
				constraint.columns.filter((column) => written.includes(column)),
				UNIQUE,
			);
			compare(r, relation, rest, UNIQUE);
			break;
		case "exclusion":
			compare(r, relation, constraint.columns, "an exclusion constraint, which tells what is there");
			break;
		case "check":
			// A new row is all of the writer's making.
			if (command === "update") compare(r, relation, rest, "a check together with what is written");
			break;
		case "partition":
			if (command === "update") compare(r, relation, rest, "a partition key together with what is written");
			break;
		case "order":
			probe(
				r,
				relation,
				constraint.columns.filter((column) => written.includes(column)),
				ORDER,
			);
			break;
		case "reference": {
			const target = constraint.target && r.dialect.index.relationById(constraint.target.relation);
			if (target !== undefined) probe(r, target, constraint.target?.columns ?? [], REFERENCE);
			compare(r, relation, rest, REFERENCE);
			break;
		}
		default:
			constraint.kind satisfies never;
	}
}

/** It is computed anew of what is written and of what is there, which may be too long, out of range or fail. */
function generatedUses(r: Resolver, relation: CatalogRelation, written: readonly string[]): void {
	for (const { generatedFrom = [] } of relation.columns) {
		if (!generatedFrom.some((source) => written.includes(source))) continue;
		const rest = generatedFrom.filter((source) => !written.includes(source));
		compare(r, relation, rest, "a generated column together with what is written");
	}
}

const CHANGES = "a write that counts the rows that it changes";
const ORDER = "an index, which tells where among others a value is";
const REFERRED = "a foreign key that points here, which tells whether a value is there";
const FOLLOWED = "a foreign key that points here, whose rows follow what they point to";
const UNIQUE = "a unique key, which tells whether a value is there";
const REFERENCE = "a foreign key, which tells whether a value is there";

function probe(r: Resolver, { schema, name }: RelationName, columns: readonly string[], where: string): void {
	for (const column of columns) r.uses.column({ schema, name, column }, "probe", where);
}

function compare(r: Resolver, { schema, name }: RelationName, columns: readonly string[], where: string): void {
	for (const column of columns) r.uses.column({ schema, name, column }, "derive", where);
}
