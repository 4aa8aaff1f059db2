/**
 * What a decision asks of the catalog: inheritance and partitions, and with them which relations a term reaches.
 * Declared here because licensing is pure and knows no catalog; the session answers from its snapshot.
 */
import type { ColumnName, RelationName } from "../sql/facts.js";

export interface Ancestry {
	/** Tables that a relation inherits from or is a partition of. */
	parents(relation: RelationName): readonly RelationName[];
	/** Tables that inherit from it: a mask or deny named on one of them concerns who reads the parent. */
	children?(relation: RelationName): readonly RelationName[];
	/** Columns of a relation; undefined when unknown. Sharpens what is otherwise decided on the safe side. */
	columns?(relation: RelationName): readonly string[] | undefined;
	/** Whether a schema is the server's own, which `*` for the schema does not mean. Unknown: as PostgreSQL's. */
	isSystemSchema?(schema: string): boolean;
	/** Columns of the same relation that a generated column is computed from. */
	generatedFrom?(column: ColumnName): readonly string[];
}

export const NO_ANCESTRY: Ancestry = { parents: () => [] };

/** The relation, all that it descends from and all that descends from it: whoever reads one may see rows of another. */
export function family(relation: RelationName, ancestry: Ancestry): readonly RelationName[] {
	const members = new Map<string, RelationName>([[keyOf(relation), relation]]);
	collect(relation, (member) => ancestry.parents(member), members);
	collect(relation, (member) => ancestry.children?.(member) ?? [], members);
	return [...members.values()];
}

function collect(
	from: RelationName,
	next: (relation: RelationName) => readonly RelationName[],
	into: Map<string, RelationName>,
): void {
	const waiting: RelationName[] = [from];
	const seen = new Set<string>([keyOf(from)]);
	for (let member = waiting.pop(); member !== undefined; member = waiting.pop()) {
		for (const relative of next(member)) {
			const key = keyOf(relative);
			if (seen.has(key)) continue;
			seen.add(key);
			into.set(key, relative);
			waiting.push(relative);
		}
	}
}

/** NUL cannot be part of a name. */
function keyOf(relation: RelationName): string {
	return `${relation.schema}\0${relation.name}`;
}
