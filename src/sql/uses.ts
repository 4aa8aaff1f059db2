/**
 * What a statement was seen to use, gathered while it is resolved: the raw material of its facts. Everything is kept
 * once (by identity of what is used and how), so resolving a part twice changes nothing. Sets of uses can be merged,
 * which is how a view's body, worked out once, becomes part of each statement that reads the view.
 */
import type { ColumnName, ColumnUse, ColumnUseKind, Command, FunctionUse, RelationName, RelationUse } from "./facts.js";
import { columnKey, type Value } from "./taint.js";
import { spend } from "./work.js";

type RelationSort = RelationUse["sort"];

interface RelationEntry {
	readonly relation: RelationName;
	readonly command: Command;
	readonly sort: RelationSort;
	readonly through: readonly RelationName[];
	readonly columns: Set<string>;
	whole: boolean;
	shareLock: boolean;
}

interface ColumnEntry {
	readonly column: ColumnName;
	readonly kind: ColumnUseKind;
	readonly where: string;
	readonly outputs: Set<number>;
}

/** A use of a relation, without the columns, which are added one by one. */
export interface RelationAccess {
	readonly relation: RelationName;
	readonly command: Command;
	readonly sort: RelationSort;
	readonly through?: readonly RelationName[];
}

export class Uses {
	readonly #relations = new Map<string, RelationEntry>();
	readonly #columns = new Map<string, ColumnEntry>();
	readonly #functions = new Map<string, FunctionUse>();
	readonly commands = new Set<Command>();
	readonly collects = new Set<string>();
	literalSensitive = false;
	writes = false;

	relation(access: RelationAccess): RelationEntry {
		const through = access.through ?? [];
		const key = [access.command, access.relation.schema, access.relation.name, ...through.flatMap(pathOf)].join("\0");
		let entry = this.#relations.get(key);
		if (entry === undefined) {
			const relation = { schema: access.relation.schema, name: access.relation.name };
			entry = { ...access, relation, through, columns: new Set(), whole: false, shareLock: false };
			this.#relations.set(key, entry);
		}
		return entry;
	}

	/** Adds a column to a use of a relation. */
	touch(access: RelationAccess, column: string): void {
		this.relation(access).columns.add(column);
	}

	touchAll(access: RelationAccess): void {
		this.relation(access).whole = true;
	}

	column(column: ColumnName, kind: ColumnUseKind, where: string, output?: number): void {
		const key = `${columnKey(column)}\0${kind}\0${where}`;
		let entry = this.#columns.get(key);
		if (entry === undefined) {
			entry = { column, kind, where, outputs: new Set() };
			this.#columns.set(key, entry);
		}
		if (output !== undefined) entry.outputs.add(output);
	}

	/** A use of everything that flows into a value. What was derived before stays on record as that. */
	value(value: Value, kind: ColumnUseKind, where: string): void {
		for (const flow of value.flows.values()) this.column(flow.column, kind, where);
		this.#collected(value);
	}

	/** A value that goes out as result column `output`. */
	output(value: Value, output: number): void {
		spend(10 * value.flows.size);
		for (const flow of value.flows.values()) {
			if (flow.unchanged) this.column(flow.column, "project", "result", output);
			else this.column(flow.column, "derive", flow.via, output);
		}
		this.#collected(value);
	}

	/** What holds values of any number of rows, and goes out or elsewhere. */
	#collected({ rows }: Value): void {
		for (const { many } of rows) if (many === true) this.collects.add("the path of SEARCH or CYCLE");
	}

	call(use: FunctionUse): void {
		this.#functions.set([use.form, use.schema, use.name].join("\0"), use);
		if (use.sort === "user") this.writes = true;
	}

	/** Takes over what another set holds, as reached through these views. */
	merge(other: Uses, through: readonly RelationName[], withFunctions = true): void {
		spend(10 * (other.#relations.size + other.#columns.size) + other.#functions.size);
		for (const entry of other.#relations.values()) {
			const own = this.relation({ ...entry, through: [...through, ...entry.through] });
			for (const column of entry.columns) own.columns.add(column);
			own.whole ||= entry.whole;
		}
		for (const entry of other.#columns.values()) this.column(entry.column, entry.kind, entry.where);
		for (const name of other.collects) this.collects.add(name);
		if (withFunctions) for (const use of other.#functions.values()) this.call(use);
	}

	adoptRelation(access: RelationAccess, columns: readonly string[] | "all", shareLock: boolean): void {
		const entry = this.relation(access);
		if (columns === "all") entry.whole = true;
		else for (const column of columns) entry.columns.add(column);
		entry.shareLock ||= shareLock;
	}

	/**
	 * EXPLAIN delivers no values: what would be projected is only counted (ANALYZE tells how many there are), or measured.
	 */
	projectionsAsCounts(kind: "count" | "derive" = "count"): void {
		for (const [key, entry] of [...this.#columns]) {
			entry.outputs.clear();
			if (entry.kind !== "project") continue;
			this.#columns.delete(key);
			this.column(entry.column, kind, "EXPLAIN");
		}
	}

	/** Columns that are read and flow nowhere (`SELECT 1 FROM (SELECT email FROM u) s`) are projected into no output. */
	completeProjections(): void {
		const used = new Set([...this.#columns.values()].map((entry) => columnKey(entry.column)));
		for (const entry of this.#relations.values()) {
			if (entry.command !== "select") continue;
			for (const column of entry.columns) {
				const name = { ...entry.relation, column };
				if (!used.has(columnKey(name))) this.column(name, "project", "subquery");
			}
		}
	}

	readsData(): boolean {
		return [...this.#relations.values()].some(
			(entry) => entry.sort === "data" && (entry.command === "select" || entry.command === "copyTo"),
		);
	}

	relations(): RelationUse[] {
		return [...this.#relations.values()].map((entry) => ({
			...entry.relation,
			command: entry.command,
			columns: entry.whole ? "all" : [...entry.columns],
			through: entry.through,
			sort: entry.sort,
			...(entry.shareLock ? { shareLock: true } : {}),
		}));
	}

	columns(): ColumnUse[] {
		return [...this.#columns.values()].map((entry) => ({
			schema: entry.column.schema,
			name: entry.column.name,
			column: entry.column.column,
			kind: entry.kind,
			outputs: [...entry.outputs].sort((a, b) => a - b),
			where: entry.where,
		}));
	}

	functions(): FunctionUse[] {
		return [...this.#functions.values()];
	}
}

function pathOf(relation: RelationName): string[] {
	return [relation.schema, relation.name];
}
