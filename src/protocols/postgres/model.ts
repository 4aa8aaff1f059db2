/**
 * The proxy's model of what the server keeps for a session: prepared statements, portals and cursors, and the settings
 * that change how text is read.
 *
 * Statements made by SQL PREPARE and by Parse share one namespace, and so do DECLAREd cursors and Bind's portals. Changes
 * are made when they are sent and taken back (`undo`) when the server refuses or skips them. Where the model errs, it
 * remembers what the server has forgotten, which ends in the server's own error; never the other way round.
 */
import type { StatementFacts } from "../../sql/facts.js";
import type { Judgement, Verdict } from "../engine.js";
import type { RowColumn } from "./messages.js";
import type { RowPlan } from "./row-plan.js";

/** Bounds of the model: beyond them the client is refused, since nothing here may grow without end. */
export const MAX_STATEMENTS = 20_000;
export const MAX_PORTALS = 20_000;

/** A prepared statement, made by Parse or by SQL PREPARE. */
export class PreparedStatement {
	/** Row description as the server gave it, formats aside; null when it returns no rows; undefined: not known yet. */
	columns: readonly RowColumn[] | null | undefined;
	/** A Describe that will make `columns` known has been sent. */
	described = false;
	/** Row plan for `planFormats`, so that executions of one statement share it. */
	plan: RowPlan | undefined;
	planVerdict: Verdict | undefined;
	planFormats: readonly number[] | undefined;
	/** It was executed at least once, so its text stands in the recording. */
	executed = false;

	constructor(
		readonly name: string,
		/** Text of the Parse, or of the whole PREPARE statement when `sqlLevel`. */
		readonly text: Buffer,
		public judgement: Judgement,
		/** Parameter type OIDs that the client gave. */
		public parameterTypes: readonly number[],
		readonly sqlLevel: boolean,
	) {}

	/** The one verdict of its text; undefined for an empty one. */
	get verdict(): Verdict | undefined {
		return this.judgement.verdicts[0];
	}
}

/** A portal (Bind) or a cursor (DECLARE): one statement over all its fetches. */
export class Portal {
	/** Rows delivered so far, over all fetches. */
	rows = 0;
	/** Bytes of rows delivered so far. */
	bytes = 0;
	columns: readonly RowColumn[] | null | undefined;
	described = false;
	plan: RowPlan | undefined;
	planVerdict: Verdict | undefined;
	planFormats: readonly number[] | undefined;
	/** It has delivered all that its license allows. */
	exhausted = false;

	constructor(
		readonly name: string,
		/** The prepared statement that it binds; undefined for a cursor. */
		readonly statement: PreparedStatement | undefined,
		/** Facts of a cursor's query. */
		public facts: StatementFacts | undefined,
		readonly parameters: readonly (string | null)[],
		readonly resultFormats: readonly number[],
		/** Text for the recording. */
		readonly sql: string,
		/** When the facts of a cursor were established. */
		public epoch: number,
	) {}

	get isCursor(): boolean {
		return this.facts !== undefined;
	}
}

export type Undo = (() => void) | undefined;

export class SessionModel {
	readonly statements = new Map<string, PreparedStatement>();
	readonly portals = new Map<string, Portal>();
	/** Effective search path as last known; undefined when it has to be asked for. */
	searchPath: readonly string[] | undefined;
	/** The server reports every change of search_path itself (PostgreSQL 18). */
	reportsPath = false;
	/** The path was set since it was last certain, so that the end of a transaction may change it. */
	pathDirty = false;
	/** Definitions were changed by this session and the snapshot does not hold them yet. */
	catalogDirty = false;

	/** Puts a statement into the namespace and gives the way back. */
	setStatement(statement: PreparedStatement): Undo {
		return replaced(this.statements, statement.name, statement);
	}

	setPortal(portal: Portal): Undo {
		return replaced(this.portals, portal.name, portal);
	}

	dropStatement(name: string): Undo {
		return dropped(this.statements, name);
	}

	dropPortal(name: string): Undo {
		return dropped(this.portals, name);
	}

	/** At the end of a transaction portals are gone; cursors may have been declared WITH HOLD and are kept. */
	endTransaction(): void {
		for (const [name, portal] of this.portals) if (!portal.isCursor) this.portals.delete(name);
		if (this.pathDirty && !this.reportsPath) this.searchPath = undefined;
		this.pathDirty = false;
	}

	/** The path is not what it was thought to be, perhaps: it has to be asked for. */
	doubtPath(): void {
		if (this.pathDirty && !this.reportsPath) this.searchPath = undefined;
	}

	/** What a statement does to the session once it runs, from its facts. `sql` is its own text, judged at `epoch`. */
	apply(verdict: Verdict, sql: string, epoch: number): Undo {
		const effect = verdict.facts.effect;
		if (verdict.facts.changesCatalog) this.catalogDirty = true;
		if (effect === undefined) return undefined;
		switch (effect.kind) {
			case "set":
				return effect.name === "search_path" ? this.#setPath(effect.values) : undefined;
			case "resetAll":
				return this.#setPath(undefined);
			case "prepare":
				return this.setStatement(
					new PreparedStatement(effect.name, Buffer.from(sql, "utf8"), { verdicts: [verdict], epoch }, [], true),
				);
			case "deallocate":
				return effect.name === undefined ? cleared(this.statements) : this.dropStatement(effect.name);
			case "declare":
				return this.setPortal(new Portal(effect.name, undefined, effect.statement, [], [], sql, epoch));
			case "closeCursor":
				return effect.name === undefined ? cleared(this.portals) : this.dropPortal(effect.name);
			case "discard":
				return this.#discard(effect.what);
			case "transaction":
				if (effect.op === "rollback" || effect.op === "rollbackTo" || effect.op === "commit") this.doubtPath();
				return undefined;
			case "execute":
			case "fetch":
				return undefined;
			default:
				return unknownEffect(effect);
		}
	}

	/** A local setting ends with its transaction, as a plain one does when that is rolled back: `endTransaction` asks again. */
	#setPath(values: readonly string[] | undefined): Undo {
		const before = this.searchPath;
		this.pathDirty = true;
		this.searchPath = values;
		return () => {
			this.searchPath = this.reportsPath ? before : undefined;
		};
	}

	#discard(what: "all" | "plans" | "sequences" | "temporary"): Undo {
		if (what !== "all") return undefined;
		const undoStatements = cleared(this.statements);
		const undoPortals = cleared(this.portals);
		const undoPath = this.#setPath(undefined);
		return () => {
			undoPath?.();
			undoPortals?.();
			undoStatements?.();
		};
	}
}

function unknownEffect(effect: never): never {
	throw new Error(`unknown session effect ${JSON.stringify(effect)}`);
}

function replaced<V>(map: Map<string, V>, key: string, value: V): Undo {
	const before = map.get(key);
	map.set(key, value);
	return () => {
		if (before === undefined) map.delete(key);
		else map.set(key, before);
	};
}

function dropped<V>(map: Map<string, V>, key: string): Undo {
	const before = map.get(key);
	if (before === undefined) return undefined;
	map.delete(key);
	return () => {
		map.set(key, before);
	};
}

function cleared<V>(map: Map<string, V>): Undo {
	const before = new Map(map);
	map.clear();
	return () => {
		for (const [key, value] of before) map.set(key, value);
	};
}

/**
 * Reads a search_path value as the server does (SplitIdentifierString): folded names, quoted names, commas.
 * Undefined: it cannot be read, so nothing may be resolved by it.
 */
export function parseSearchPath(value: string): readonly string[] | undefined {
	if (value.trim() === "") return [];
	const names: string[] = [];
	const pattern = /\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(,|$)/gy;
	for (;;) {
		const match = pattern.exec(value);
		if (match === null) return undefined;
		const name = match[1] === undefined ? (match[2] as string).toLowerCase() : match[1].replaceAll('""', '"');
		if (name !== "") names.push(name);
		if (match[3] === "") return names;
	}
}
