/**
 * A host for relays in tests: it knows a few statements by their first words and judges them by what the test says.
 * The facts stand here by hand, so that a test of the relay fails for the relay's faults alone.
 */
import type {
	Denial,
	Execution,
	Judgement,
	OriginVerdict,
	Outcome,
	RelayHost,
	ResultCap,
	ResultPlan,
	ValueMask,
	Verdict,
} from "../../src/protocols/engine.js";
import { declarationFacts, type StatementFacts } from "../../src/sql/facts.js";

export const DENIED: Denial = { case: "notPermitted", message: "not permitted", detail: "a term", hint: "ask" };

export function cap(max: number, onExceed: "error" | "truncate"): ResultCap {
	return {
		max,
		onExceed,
		denial: { case: "capExceeded", message: `more than ${max}`, detail: "a term", hint: "fewer" },
	};
}

export interface HostOptions {
	/** Statements that hold one of these words are denied. */
	readonly denied?: RegExp;
	readonly rows?: ResultCap | undefined;
	readonly bytes?: ResultCap | undefined;
	readonly sampleRows?: number;
	readonly reduceErrors?: boolean;
	/** Judges by promises. */
	readonly isSlow?: boolean;
	readonly unrestricted?: boolean;
	/** By result column. */
	readonly masks?: ReadonlyMap<number, ValueMask>;
	readonly origin?: (relation: number, column: number) => OriginVerdict | undefined;
	readonly originNamed?: (schema: string, relation: string, column: string) => OriginVerdict | undefined;
	/** The facts of a text; without it, those of a few PostgreSQL statements by their first words. */
	readonly facts?: (sql: string) => readonly StatementFacts[];
	readonly canonical?: (sql: string) => string | undefined;
	readonly kill?: (connection: number) => Promise<void> | undefined;
	/** All rows of all relations may be shown in errors. */
	readonly showsRows?: boolean;
	readonly cancel?: () => Promise<void>;
}

export interface Run {
	readonly statement: number;
	readonly text: string;
	readonly parameters: readonly (string | null)[];
	readonly parseOnly: boolean;
	readonly denied: boolean;
	readonly verdict: Verdict;
	outcome: Outcome | undefined;
}

export class TestHost implements RelayHost {
	readonly runs: Run[] = [];
	readonly incidents: string[] = [];
	readonly judged: { text: string; path: readonly string[] }[] = [];
	clientBytes: Buffer[] = [];
	upstreamBytes: Buffer[] = [];
	ended: string | undefined;
	held = false;
	cancels = 0;
	epochNow = 1;
	isSlow: boolean;
	denied: RegExp | undefined;
	/** Adds the search path to the tag of facts: what a statement was read by shows in its runs. */
	tagsPath = false;
	/** Called with whatever goes upstream. */
	onUpstream: (bytes: Buffer) => void = () => {};
	/** Called with whatever the client gets; without it that is kept. */
	onClient: ((bytes: Buffer) => void) | undefined;
	onEnd: () => void = () => {};
	readonly unrestricted: boolean;
	readonly checksOrigin: boolean;
	readonly #options: HostOptions;

	constructor(options: HostOptions = {}) {
		this.#options = options;
		this.isSlow = options.isSlow === true;
		this.denied = options.denied;
		this.unrestricted = options.unrestricted ?? false;
		this.checksOrigin = options.origin !== undefined || options.originNamed !== undefined;
	}

	// The chunk belongs to the relay until the turn is over only: what is kept is copied.
	toClient(bytes: Buffer): void {
		if (this.onClient !== undefined) this.onClient(Buffer.from(bytes));
		else this.clientBytes.push(Buffer.from(bytes));
	}

	toUpstream(bytes: Buffer): void {
		const copy = Buffer.from(bytes);
		this.upstreamBytes.push(copy);
		this.onUpstream(copy);
	}

	takeClient(): Buffer {
		const bytes = Buffer.concat(this.clientBytes);
		this.clientBytes = [];
		return bytes;
	}

	takeUpstream(): Buffer {
		const bytes = Buffer.concat(this.upstreamBytes);
		this.upstreamBytes = [];
		return bytes;
	}

	epoch(): number {
		return this.epochNow;
	}

	judge(text: Uint8Array, path: readonly string[]): Judgement | Promise<Judgement> {
		const sql = Buffer.from(text).toString("utf8");
		this.judged.push({ text: sql, path });
		const all = this.#options.facts?.(sql) ?? factsOf(sql, this.tagsPath ? ` @${path.at(-1)}` : "");
		const verdicts = all.map((facts) => this.#verdict(facts, sql.slice(facts.start, facts.end)));
		const judgement = { verdicts, epoch: this.epochNow, canonical: this.#options.canonical?.(sql) };
		return this.isSlow ? new Promise((resolve) => setImmediate(resolve, judgement)) : judgement;
	}

	judgeTypes(types: readonly number[]): Verdict {
		return this.#verdict(declarationFacts([]), types.join());
	}

	verdictFor(facts: StatementFacts): Verdict {
		return this.#verdict(facts, facts.tag);
	}

	#verdict(facts: StatementFacts, sql: string): Verdict {
		return { facts, denied: this.denied?.test(sql) === true, plan: this.#plan(facts) };
	}

	#plan(facts: StatementFacts): ResultPlan {
		const { rows, bytes, masks, reduceErrors, sampleRows } = this.#options;
		const delivers = facts.deliversRows;
		return {
			masks: facts.outputs === undefined ? new Map() : (masks ?? new Map()),
			reduceErrors: reduceErrors ?? false,
			rows: delivers ? rows : undefined,
			bytes: delivers ? bytes : undefined,
			sampleRows: sampleRows ?? 0,
		};
	}

	begin(
		verdict: Verdict,
		text: string,
		parameters: readonly (string | null)[],
		_prepared: string | undefined,
		parseOnly: boolean,
		overruling: Denial | undefined,
	): Execution {
		const statement = this.runs.length + 1;
		const denial = overruling ?? (verdict.denied ? DENIED : undefined);
		const run = { statement, text, parameters, parseOnly, verdict, denied: denial !== undefined, outcome: undefined };
		this.runs.push(run);
		return { statement, decision: `d_test.${statement}`, verdict, denial, beganAt: 0 };
	}

	finish(execution: Execution, outcome: Outcome): void {
		const run = this.runs[execution.statement - 1];
		if (run === undefined || run.outcome !== undefined) throw new Error(`${run?.text} finished twice`);
		run.outcome = outcome;
	}

	origin(relation: number, column: number): OriginVerdict | undefined {
		return this.#options.origin?.(relation, column);
	}

	originNamed(schema: string, relation: string, column: string): OriginVerdict | undefined {
		return this.#options.originNamed?.(schema, relation, column);
	}

	killConnection(connection: number): Promise<void> | undefined {
		return this.#options.kill?.(connection);
	}

	changeUser(): void {
		throw new Error("nobody changes users here");
	}

	showsRowsOf(): boolean {
		return this.#options.showsRows ?? true;
	}

	incident(_execution: Execution | undefined, message: string): void {
		this.incidents.push(message);
	}

	cancelUpstream(): Promise<void> {
		this.cancels += 1;
		return this.#options.cancel?.() ?? Promise.resolve();
	}

	refreshCatalog(): Promise<void> {
		this.epochNow += 1;
		return Promise.resolve();
	}

	readonly ownDefinitionsMoved = false;

	async readOwnDefinitions(ask: (sql: string) => Promise<(string | null)[][]>): Promise<void> {
		await ask("SELECT 1");
		this.epochNow += 1;
	}

	dropOwnDefinitions(): void {
		this.epochNow += 1;
	}

	holdClient(held: boolean): void {
		this.held = held;
	}

	end(reason: string): void {
		if (this.ended !== undefined) throw new Error("ended twice");
		this.ended = reason;
		this.onEnd();
	}
}

/** Statements are parted by semicolons; the tests write none in strings. */
export function factsOf(sql: string, mark = ""): StatementFacts[] {
	const all: StatementFacts[] = [];
	let start = 0;
	for (const part of sql.split(";")) {
		if (part.trim() !== "") all.push(statementFacts(part, start, mark));
		start += part.length + 1;
	}
	return all;
}

function statementFacts(part: string, start: number, mark: string): StatementFacts {
	const sql = part.trim();
	const word = (/^\w+/.exec(sql)?.[0] ?? "").toLowerCase();
	const writes = /\b(insert|update|delete|create|drop|copy \w+ from|truncate)\b/i.test(sql);
	const delivers = /^(select|values|with|table)\b/i.test(sql) || /\breturning\b/i.test(sql);
	const table = /\b(?:from|into|update|table|copy)\s+(\w+)/i.exec(sql)?.[1];
	const facts: StatementFacts = {
		start,
		end: start + part.length,
		tag: sql + mark,
		commands: [],
		relations:
			table === undefined || word === "fetch"
				? []
				: [{ command: "select", schema: "public", name: table, columns: "all", through: [], sort: "data" }],
		columns: [],
		functions: [],
		outputs: delivers || word === "show" ? [] : undefined,
		opaqueResult: false,
		writes,
		deliversRows: delivers || /^copy .* to stdout/i.test(sql),
		collects: [],
		changesCatalog: /^(create|drop)\b/i.test(sql),
		literalSensitive: false,
	};
	const copy = copyOf(sql);
	const effect = effectOf(word, sql, mark);
	return { ...facts, ...(copy === undefined ? {} : { copy }), ...(effect === undefined ? {} : { effect }) };
}

function copyOf(sql: string): StatementFacts["copy"] {
	const match = /^copy .* (from stdin|to stdout)(.*)$/i.exec(sql);
	if (match === null) return undefined;
	const options = match[2] ?? "";
	const format = /binary/i.test(options) ? "binary" : /csv/i.test(options) ? "csv" : "text";
	return { direction: /stdin/i.test(match[1] ?? "") ? "in" : "out", format, header: /header/i.test(options) };
}

function effectOf(word: string, sql: string, mark: string): StatementFacts["effect"] {
	const name = /^\w+\s+(?:\w+\s+)*?(\w+)/i;
	const named = (pattern: RegExp): string => pattern.exec(sql)?.[1] ?? "";
	switch (word) {
		case "begin":
			return { kind: "transaction", op: "begin" };
		case "commit":
			return { kind: "transaction", op: "commit" };
		case "rollback":
			return { kind: "transaction", op: /to /i.test(sql) ? "rollbackTo" : "rollback" };
		case "savepoint":
			return { kind: "transaction", op: "savepoint" };
		case "prepare": {
			const inner = /\bas\s+(.*)$/is.exec(sql)?.[1] ?? "";
			return { kind: "prepare", name: named(/^prepare (\w+)/i), statement: statementFacts(inner, 0, mark) };
		}
		case "execute":
			return { kind: "execute", name: named(/^execute (\w+)/i) };
		case "deallocate":
			return { kind: "deallocate", name: /\ball\b/i.test(sql) ? undefined : named(/^deallocate (\w+)/i) };
		case "declare": {
			const inner = /\bfor\s+(.*)$/is.exec(sql)?.[1] ?? "";
			return { kind: "declare", name: named(/^declare (\w+)/i), statement: statementFacts(inner, 0, mark) };
		}
		case "fetch":
			return { kind: "fetch", name: named(/from (\w+)/i), moves: false };
		case "move":
			return { kind: "fetch", name: named(/from (\w+)/i), moves: true };
		case "close":
			return { kind: "closeCursor", name: /\ball\b/i.test(sql) ? undefined : named(name) };
		case "discard":
			return { kind: "discard", what: "all" };
		case "set": {
			const path = /^set (local )?search_path = (.*)$/i.exec(sql);
			if (path === null) return undefined;
			return { kind: "set", name: "search_path", values: [path[2] ?? ""], local: path[1] !== undefined };
		}
		default:
			return undefined;
	}
}
