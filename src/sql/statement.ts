/**
 * One statement while it is analysed: the tools that its family's code works with, and how its facts are put together.
 * Each engine adds what its own statements need.
 */
import type { Dialect } from "./dialect.js";
import type {
	Command,
	FunctionUse,
	Move,
	Output,
	RelationName,
	RelationUse,
	SessionEffect,
	StatementFacts,
} from "./facts.js";
import type { Expression, Query, RelationPath } from "./query.js";
import { StatementResolver } from "./resolve.js";
import { rowsPerLine } from "./rows.js";
import type { ResolvedColumns, Scope } from "./scope.js";
import { holdsData, type Value } from "./taint.js";
import { Unreadable, unsupported } from "./unreadable.js";
import type { Uses } from "./uses.js";

/** Facts that a statement's family adds to what was gathered in `Uses`. */
export interface Draft {
	readonly tag: string;
	readonly outputs?: readonly Output[] | undefined;
	readonly opaqueResult?: boolean;
	/** Its result is about the statement (a plan): no row of data is in it, so caps on rows have nothing to count. */
	readonly delivers?: "nothing";
	readonly copy?: StatementFacts["copy"];
	readonly rowsPerLine?: number;
	readonly effect?: SessionEffect | undefined;
	readonly changesCatalog?: boolean;
	readonly moves?: readonly Move[];
	/** It resolved names of data, so it must not follow a change of definitions in the same text. */
	readonly resolvesData?: boolean;
}

export interface Place {
	readonly start: number;
	readonly end: number;
	/** Turns the parser's positions into characters of the text. */
	readonly position: (bytes: number) => number;
}

export abstract class BaseStatement<Names extends Dialect> {
	readonly dialect: Names;
	readonly resolver: StatementResolver;

	constructor(dialect: Names) {
		this.dialect = dialect;
		this.resolver = new StatementResolver(dialect, []);
	}

	get uses(): Uses {
		return this.resolver.uses;
	}

	command(...commands: readonly Command[]): void {
		for (const command of commands) this.uses.commands.add(command);
	}

	/** Resolves a query and writes down its values as result columns. */
	deliver(query: Query): Pick<Draft, "outputs" | "opaqueResult" | "resolvesData" | "rowsPerLine"> {
		const result = this.resolver.query(query, undefined);
		if (isWrite(query) && result.columns.length === 0 && result.open === undefined) return { resolvesData: true };
		for (const column of result.columns) column.read?.();
		result.columns.forEach((column, index) => {
			this.uses.output(column.value, index);
		});
		const isOpaque = hidesData(result, this.uses);
		if (result.open !== undefined) this.uses.value(result.open, "derive", "function result");
		const values = result.columns.map(({ value }) => value);
		const carried = rowsPerLine(result.open === undefined ? values : [...values, result.open]);
		return {
			outputs: isOpaque ? undefined : result.columns.map(output),
			opaqueResult: isOpaque,
			resolvesData: true,
			...(carried > 1 ? { rowsPerLine: carried } : {}),
		};
	}

	/** Resolves a query whose rows go into a relation or file. */
	copyInto(query: Query, where: string): ResolvedColumns {
		const result = this.resolver.query(query, undefined);
		for (const column of result.columns) column.read?.();
		for (const column of result.columns) this.uses.value(column.value, "copy", where);
		if (result.open !== undefined) this.uses.value(result.open, "copy", where);
		return result;
	}

	/** Takes over the uses of a statement inside this one; its results stay its own. */
	adopt(inner: StatementFacts): void {
		if (inner.refusal !== undefined) {
			throw new Unreadable(inner.refusal.kind, inner.refusal.message);
		}
		this.command(...inner.commands);
		for (const use of inner.relations) {
			const { schema, name, ...access } = use;
			this.uses.adoptRelation({ ...access, relation: { schema, name } }, use.columns, use.shareLock === true);
		}
		for (const use of inner.columns) {
			const { kind, where, outputs, ...column } = use;
			if (outputs.length === 0) this.uses.column(column, kind, where);
			for (const output of outputs) this.uses.column(column, kind, where, output);
		}
		for (const use of inner.functions) this.uses.call(use);
		for (const name of inner.collects) this.uses.collects.add(name);
		this.uses.writes ||= inner.writes;
		this.uses.literalSensitive ||= inner.literalSensitive;
	}

	value(expression: Expression, scope: Scope): Value {
		return this.resolver.value(expression, scope);
	}

	/** The relation that a statement is about. Definitions of the server's own are nobody's to change. */
	relation(path: RelationPath, command: Command, columns: readonly string[] | "all" = []): void {
		const { relation, sort } = this.dialect.relation(path);
		if (sort !== "data" && command !== "lock" && command !== "copyTo") {
			throw unsupported(`${relation.schema}.${relation.name} is a system relation`, path.position);
		}
		this.touch({ schema: relation.schema, name: relation.name }, command, columns, sort);
	}

	/** The name that something gets which comes into being; throws where it may not. */
	abstract newName(path: RelationPath): RelationName;

	createdPath(path: RelationPath, command: Command = "create"): void {
		this.touch(this.newName(path), command, [], "created");
	}

	touch(
		relation: RelationName,
		command: Command,
		columns: readonly string[] | "all" = [],
		sort: RelationUse["sort"] = "data",
	): void {
		const access = { relation, command, sort };
		this.uses.relation(access);
		if (columns === "all") this.uses.touchAll(access);
		else for (const column of columns) this.uses.touch(access, column);
	}

	/** Objects that belong to no schema: roles, databases, extensions … */
	global(name: string, command: Command): void {
		this.touch({ schema: "", name }, command);
	}

	/** Functions that the server runs without being told to, because of what the statement uses. */
	protected implicitUses(_draft: Draft): readonly FunctionUse[] {
		return [];
	}

	/** Functions of a user's that run. */
	protected runsCode(): Pick<StatementFacts, "runsCode"> {
		return {};
	}

	facts(place: Place, draft: Draft, refusal: Unreadable | undefined): StatementFacts {
		const { uses } = this;
		uses.completeProjections();
		for (const use of this.implicitUses(draft)) uses.call(use);
		const relations = uses.relations().map((use) => this.#sorted(use));
		const returnsRows = draft.outputs !== undefined || draft.opaqueResult === true;
		const delivers = draft.delivers !== "nothing" && uses.readsData();
		return {
			start: place.start,
			end: place.end,
			tag: draft.tag,
			commands: [...uses.commands],
			relations,
			columns: uses.columns(),
			functions: uses.functions(),
			outputs: draft.outputs,
			opaqueResult: draft.opaqueResult ?? false,
			writes: uses.writes,
			deliversRows: (returnsRows || draft.copy?.direction === "out") && delivers,
			collects: [...uses.collects],
			...(draft.rowsPerLine === undefined ? {} : { rowsPerLine: draft.rowsPerLine }),
			...(draft.copy === undefined ? {} : { copy: draft.copy }),
			...(draft.effect === undefined ? {} : { effect: draft.effect }),
			...(draft.moves === undefined || draft.moves.length === 0 ? {} : { moves: draft.moves }),
			...this.runsCode(),
			changesCatalog: draft.changesCatalog ?? false,
			// What is wrapped is wrapped by its place in the text.
			literalSensitive: uses.literalSensitive || relations.some(({ sort }) => sort === "guarded"),
			...(refusal === undefined ? {} : { refusal: refusalOf(refusal, place) }),
		};
	}

	/** Some system relations are sensitive by a few of their columns only; which are used is known now. */
	#sorted(use: RelationUse): RelationUse {
		if (use.sort === "data" || use.sort === "created") return use;
		const sort = this.dialect.systemSort(use);
		return sort === "data" || sort === use.sort ? use : { ...use, sort };
	}
}

function refusalOf(refusal: Unreadable, place: Place): NonNullable<StatementFacts["refusal"]> {
	const base = { kind: refusal.kind, message: refusal.message };
	return refusal.position === undefined ? base : { ...base, position: place.position(refusal.position) };
}

export function output(column: { readonly name: string; readonly value: Value }): Output {
	return {
		name: column.name,
		sources: [...column.value.flows.values()].map((flow) => flow.column),
		direct: column.value.exact,
	};
}

export function isWrite(query: Query): boolean {
	return ["insert", "update", "delete", "merge", "joinedUpdate", "joinedDelete"].includes(query.body.kind);
}

/**
 * Whether columns at positions that are not known may hold data: then no mask could be laid on the right one. What a
 * function that is not the server's own reads is not known.
 */
function hidesData(result: ResolvedColumns, uses: Uses): boolean {
	if (result.open === undefined) return false;
	const uncertain = result.columns.slice(result.openAt ?? 0).map((column) => column.value);
	return [result.open, ...uncertain].some(holdsData) || uses.functions().some((use) => use.sort === "user");
}
