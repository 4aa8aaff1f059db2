/**
 * What the proxy knows of a session: its prepared statements, portals and cursors, and the settings that change how text
 * is read.
 *
 * Statements made by SQL PREPARE and by Parse share one namespace, and so do DECLAREd cursors and Bind's portals. Changes
 * are made when they are sent and taken back when the server refuses or skips them (namespace.ts). Where the model errs,
 * it remembers what the server has forgotten, which ends in the server's own error; never the other way round.
 */
import { FIRST_USER_OID } from "../../sql/catalog.js";
import type { StatementFacts } from "../../sql/facts.js";
import { isBlank, NAME_BYTES, writtenNames } from "../../sql/postgres/identifiers.js";
import type { Judgement, Verdict } from "../engine.js";
import type { RowColumn } from "./messages.js";
import { type Effect, Namespace, together } from "./namespace.js";
import type { RowPlan } from "./row-plan.js";

/** Bounds of the model: beyond them the client is refused, since nothing here may grow without end. */
const MAX_STATEMENTS = 20_000;
export const MAX_PORTALS = 20_000;

/** Likewise of their texts together, in bytes, as they are weighed with every so many statements. */
const MAX_STATEMENTS_BYTES = 64 * 1024 * 1024;
const WEIGHED_EVERY = 64;

/** Those of a user's: making values of them may run code. */
export function userTypes(types: readonly number[]): readonly number[] {
	return types.filter((type) => type >= FIRST_USER_OID);
}

/** Rows and bytes delivered for one statement, over all its fetches. */
export interface Counter {
	rows: number;
	bytes: number;
	/** All that the license allows was delivered (`then: truncate`). */
	exhausted: boolean;
}

/** What is known of the rows that a statement or portal delivers. */
export class Described {
	/** Row description as the server gave it; null when there are no rows; undefined: not known yet. */
	columns: readonly RowColumn[] | null | undefined;
	/** A Describe that will make `columns` known has been sent. */
	described = false;
	/** Row plan for `planVerdict` and `planFormats`, so that executions of one statement share it. */
	plan: RowPlan | undefined;
	planVerdict: Verdict | undefined;
	planFormats: readonly number[] | undefined;
}

/** A prepared statement, made by Parse or by SQL PREPARE. */
export class PreparedStatement extends Described {
	/** It was executed at least once, so its text stands in the recording. */
	executed = false;
	/** Types of a user's among those that the client gave its parameters. */
	readonly declaredTypes: readonly number[];
	#sql: string | undefined;
	readonly #sent: string | undefined;

	constructor(
		readonly name: string,
		/** Text of the Parse, or of the whole PREPARE statement when `sqlLevel`. */
		readonly text: Buffer,
		public judgement: Judgement,
		/** Search path that it was judged under: under another one the server reads the text anew. */
		public path: readonly string[] | undefined,
		/** Parameter type OIDs that the client gave. */
		public parameterTypes: readonly number[],
		readonly sqlLevel: boolean,
	) {
		super();
		this.#sent = judgement.canonical;
		this.declaredTypes = userTypes(parameterTypes);
	}

	/** What went upstream in its text's place is not what would go today. */
	get isOutdated(): boolean {
		return this.judgement.canonical !== this.#sent;
	}

	get sql(): string {
		this.#sql ??= this.text.toString("utf8");
		return this.#sql;
	}

	/** The one verdict of its text; undefined for an empty one. */
	get verdict(): Verdict | undefined {
		return this.judgement.verdicts[0];
	}

	/** What it delivers is decided when it runs: EXECUTE, FETCH. */
	get isReference(): boolean {
		const kind = this.verdict?.facts.effect?.kind;
		return kind === "execute" || kind === "fetch";
	}

	/** It was judged anew: what the server said of its rows may hold no longer. */
	rejudge(judgement: Judgement, path: readonly string[] | undefined): void {
		this.judgement = judgement;
		this.path = path;
		this.columns = undefined;
		this.described = false;
		this.plan = undefined;
	}
}

/** When a text was judged, and what stands for it upstream. */
type Read = Pick<Judgement, "epoch" | "canonical">;

/** A portal (Bind) or a cursor (DECLARE): one statement over all its fetches, planned when it was made. */
export class Portal extends Described implements Counter {
	/** Rows and bytes delivered so far, over all fetches. */
	rows = 0;
	bytes = 0;
	/** It has delivered all that its license allows. */
	exhausted = false;
	/** It was executed: names in its text mean what they meant then. */
	isStarted = false;

	constructor(
		readonly name: string,
		/** The prepared statement that it binds; undefined for a cursor. */
		readonly statement: PreparedStatement | undefined,
		/** How its text was read when it was planned. */
		public judgement: Judgement,
		readonly parameters: readonly (string | null)[],
		readonly resultFormats: readonly number[],
		/** A cursor's text, for the recording. */
		readonly sql: string,
		readonly isCursor: boolean,
		/** Search path that its text was read by. */
		readonly path: readonly string[] | undefined,
	) {
		super();
	}
}

export class SessionModel {
	readonly statements = new Namespace<PreparedStatement>();
	readonly portals = new Namespace<Portal>();
	/** Number of the series of messages that is being sent; each Sync and each query string ends one. */
	series = 0;
	/** Effective search path as last known; undefined when it has to be asked for. */
	searchPath: readonly string[] | undefined;
	/** The path was set since it was last certain, so that the end of a transaction may change it. */
	pathDirty = false;
	/** The server reports the path whenever it is ready and it has changed (PostgreSQL 18). Undefined: it does not. */
	#reportedPath: { path: readonly string[] | undefined } | undefined;
	/** Code that ran by itself may have changed the path: it is asked for before the next series of messages. */
	isPathDoubtful = false;
	/**
	 * Code of a user's may have changed how strings are read. The server tells so when it is ready for the next query, so
	 * until then it is not known (ReportChangedGUCOptions, from PostgreSQL 14 on).
	 */
	isReadingDoubtful = false;
	/** Code of a user's that is attached to what this transaction touched may run again when it is committed. */
	#codeInTransaction = false;
	/** Definitions were changed by this session and the snapshot does not hold them yet. */
	catalogDirty = false;
	/** Texts are judged by definitions as this transaction sees them. */
	ownDefinitions = false;
	/** Planning this portal may have changed the path: it is not known for what is read next. */
	#planned: Portal | undefined;
	#lastPath: readonly string[] | undefined;
	#pathChange: Effect | undefined;
	#pathSeries = 0;

	/** No more prepared statements are taken. */
	get holdsTooMany(): boolean {
		const { size } = this.statements;
		if (size >= MAX_STATEMENTS) return true;
		return (
			size > 0 && size % WEIGHED_EVERY === 0 && this.statements.sum(({ text }) => text.length) > MAX_STATEMENTS_BYTES
		);
	}

	/** At the end of a transaction portals are gone; cursors may have been declared WITH HOLD and are kept. */
	endTransaction(): void {
		if (this.portals.size > 0) this.portals.forget((portal) => !portal.isCursor);
		this.doubtPath();
		this.pathDirty = false;
		this.#codeInTransaction = false;
	}

	/** The path is not what it was thought to be, perhaps: it has to be asked for. */
	doubtPath(): void {
		if (this.pathDirty) this.searchPath = undefined;
	}

	/** The server's own word. Equal paths are one array, so that whoever keeps something for a path finds it again. */
	learnPath(path: readonly string[] | undefined): void {
		this.searchPath = samePath(this.#lastPath, path) ? this.#lastPath : path;
		this.#lastPath = this.searchPath;
	}

	/** What it reports just before it is ready; until then the path may have been set anew. */
	pathReported(path: readonly string[] | undefined): void {
		this.#reportedPath = { path };
		this.searchPath = undefined;
	}

	/** It is ready, and all that was sent is answered: the path is what was reported last. */
	settleReportedPath(): void {
		if (this.#reportedPath === undefined) return;
		this.learnPath(this.#reportedPath.path);
		this.isPathDoubtful = false;
		this.#planned = undefined;
	}

	/**
	 * What a statement does to the session once it runs, from its facts. `sql` is its own text, read as said. `again`:
	 * its portal has been executed before, so that it may be over and do nothing more.
	 */
	apply(verdict: Verdict, sql: string, { epoch, canonical }: Read, again = false): Effect | undefined {
		const effect = verdict.facts.effect;
		if (verdict.facts.changesCatalog) this.catalogDirty = true;
		this.#afterCode(verdict.facts.runsCode);
		if (effect === undefined) return undefined;
		const { series } = this;
		switch (effect.kind) {
			case "set":
				return effect.name === "search_path" ? this.#setPath(again ? undefined : effect.values) : undefined;
			case "resetAll":
				return this.#setPath(undefined);
			case "prepare": {
				const judgement = { verdicts: [verdict], canonical, epoch };
				const text = Buffer.from(sql, "utf8");
				const statement = new PreparedStatement(effect.name, text, judgement, this.searchPath, [], true);
				return this.statements.set(effect.name, statement, series);
			}
			case "deallocate":
				return effect.name === undefined ? this.statements.clear(series) : this.statements.drop(effect.name, series);
			case "declare":
				return this.#declare(effect.name, effect.statement, sql, { epoch, canonical });
			case "closeCursor":
				return effect.name === undefined ? this.portals.clear(series) : this.portals.drop(effect.name, series);
			case "discard":
				return this.#discard(effect.what);
			case "transaction":
				// It may take definitions back.
				if (effect.op === "rollbackTo" && this.ownDefinitions) this.catalogDirty = true;
				if (!KEEPS_PATH.has(effect.op)) this.doubtPath();
				if (this.#codeInTransaction) this.isReadingDoubtful = true;
				return undefined;
			case "execute":
			case "fetch":
				return undefined;
			// MySQL's alone.
			case "database":
			case "kill":
			case "several":
			case "save":
			case "restore":
				return undefined;
			default:
				return unknownEffect(effect);
		}
	}

	/**
	 * Binding makes values of its parameters, and plans, which works calls out that do not depend on rows. The portal itself
	 * was read before them. `verdicts`: of its text, and of the types that were declared for it.
	 */
	plan(portal: Portal, verdicts: readonly Verdict[]): void {
		const code = verdicts.flatMap(({ facts }) => facts.runsCode ?? []);
		if (code.length === 0) return;
		this.isReadingDoubtful = true;
		if (code.includes("called")) this.#planned = portal;
	}

	/** Before a text, a prepared statement or another portal is read. */
	settlePlans(portal?: Portal): void {
		if (this.#planned === undefined || this.#planned === portal) return;
		this.#planned = undefined;
		this.pathDirty = true;
		this.searchPath = undefined;
	}

	/** Functions of a user's may change how strings are read, and the path, which newer servers tell of, but not before Sync. */
	#afterCode(runsCode: StatementFacts["runsCode"]): void {
		if (runsCode === undefined) return;
		this.isReadingDoubtful = true;
		this.#codeInTransaction = true;
		this.pathDirty = true;
		if (runsCode === "called") this.searchPath = undefined;
		else this.isPathDoubtful = true;
	}

	/** Most cursors end unseen with their transaction, so it is the oldest that makes room. */
	#declare(name: string, facts: StatementFacts, sql: string, { epoch, canonical }: Read): Effect {
		if (this.portals.size >= MAX_PORTALS) this.portals.evict((portal) => portal.isCursor);
		const verdict: Verdict = { facts, denied: false, plan: NO_PLAN };
		const judgement = { verdicts: [verdict], canonical, epoch };
		return this.portals.set(
			name,
			new Portal(name, undefined, judgement, [], [], sql, true, this.searchPath),
			this.series,
		);
	}

	/** A local setting ends with its transaction, as a plain one does when that is rolled back: `endTransaction` asks again. */
	#setPath(values: readonly string[] | undefined): Effect {
		this.pathDirty = true;
		this.searchPath = values;
		const effect = {
			settle: () => {
				if (this.#pathChange === effect) this.#pathChange = undefined;
			},
			revert: () => {
				effect.settle();
				this.searchPath = undefined;
			},
		};
		this.#pathChange = effect;
		this.#pathSeries = this.series;
		return effect;
	}

	/** An earlier series changes the path and has not been answered: it may fail, and then has not changed it. */
	get isPathUnsure(): boolean {
		return this.#pathChange !== undefined && this.#pathSeries !== this.series;
	}

	#discard(what: "all" | "plans" | "sequences" | "temporary"): Effect | undefined {
		if (what !== "all") return undefined;
		const { series } = this;
		return together([this.statements.clear(series), this.portals.clear(series), this.#setPath(undefined)]);
	}
}

/** What begins or marks a transaction leaves the search path alone. */
const KEEPS_PATH: ReadonlySet<string> = new Set(["begin", "savepoint", "release", "setCharacteristics"]);

/** A cursor's verdict is given anew at each fetch; this one only carries its facts. */
const NO_PLAN = { masks: new Map(), reduceErrors: false, rows: undefined, bytes: undefined, sampleRows: 0 };

function unknownEffect(effect: never): never {
	throw new Error(`unknown session effect ${JSON.stringify(effect)}`);
}

export function samePath(left: readonly string[] | undefined, right: readonly string[] | undefined): boolean {
	if (left === right) return true;
	if (left === undefined || right === undefined || left.length !== right.length) return false;
	return left.every((name, index) => name === right[index]);
}

/**
 * Reads a search_path value as the server does (SplitIdentifierString): folded names, quoted names, commas.
 * Undefined: it cannot be read, so nothing may be resolved by it.
 */
export function parseSearchPath(value: string): readonly string[] | undefined {
	if (isBlank(value)) return [];
	const names = writtenNames(value, ",")?.map(({ text, isQuoted }) => (isQuoted ? text : folded(text)));
	if (names === undefined || names.some((name) => Buffer.byteLength(name) > NAME_BYTES)) return undefined;
	return names.filter((name) => name !== "");
}

/** In UTF-8 databases the server folds ASCII alone. */
function folded(name: string): string {
	return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
