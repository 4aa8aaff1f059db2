/**
 * By what a session's texts are judged: its license and the definitions that its server has for it. Those are everybody's,
 * but for a transaction that has changed some and not committed them: its own (decision 013).
 */
import { setImmediate as othersTurn } from "node:timers/promises";
import { servesDatabase, type TargetConfig } from "../config/document.js";
import type { License } from "../licensing/license.js";
import type { Engine, Judgement, Verdict } from "../protocols/engine.js";
import type { Analyser, ReadingContext } from "../sql/analyser.js";
import { CatalogView } from "../sql/catalog-view.js";
import type { TextFacts } from "../sql/facts.js";
import type { Logger } from "../telemetry/log.js";
import type { DatabaseCatalog } from "./catalogs.js";
import { Policy } from "./policy.js";

export interface JudgeOptions {
	/** Of the session. */
	readonly id: string;
	readonly engine: Engine;
	readonly target: TargetConfig;
	/** Where it may be: of an engine whose catalog spans a server, anywhere. */
	readonly database: string;
	readonly catalog: DatabaseCatalog;
	readonly policy: Policy;
	readonly analyser: Analyser;
	readonly log: Logger;
	/** Of everybody's licenses and definitions. */
	readonly epoch: () => number;
	/** By the license and the definitions as they are now; undefined when the license was withdrawn. */
	readonly policyNow: () => Policy | undefined;
}

/** Definitions as they are inside a session's transaction, before they are committed. */
interface OwnDefinitions {
	/** By this name the analyser knows them. */
	readonly target: string;
	/** Epoch of everybody's definitions when these were read. */
	readonly shared: number;
	readonly policy: Policy;
	readonly policyFor: (license: License) => Policy;
	/** Somebody else's definitions, or the license, have changed since. */
	readonly moved: boolean;
}

/** What is decided before others have their turn: some milliseconds. */
const TURN_STATEMENTS = 100;

let ownEpochs = 0;

/** Unlike every epoch of everybody's definitions, and of all other transactions. */
function ownEpoch(): number {
	ownEpochs -= 1;
	return ownEpochs;
}

export class Judge {
	readonly #options: JudgeOptions;
	readonly #database: string;
	#policy: Policy;
	#own: OwnDefinitions | undefined;
	#reading: ReadingContext | undefined;
	#ended = false;
	/** Types for which the catalog has just been read again: what it still does not hold is not there. */
	#typesMissed: string | undefined;

	constructor(options: JudgeOptions) {
		this.#options = options;
		this.#policy = options.policy;
		this.#database = options.engine.catalogSpan === "server" ? "" : options.database;
	}

	/** As it was when a policy was last asked for. */
	get license(): License {
		return this.#policy.license;
	}

	get checksOrigin(): boolean {
		return this.#policy.checksOrigin;
	}

	epoch(): number {
		return this.#ownPolicy()?.epoch ?? this.#options.epoch();
	}

	/** The policy as license and catalog are now. */
	policy(): Policy {
		return this.#ownPolicy() ?? this.#sharedPolicy();
	}

	/** In a transaction that changed definitions: by these, and the license as it is now. */
	#ownPolicy(): Policy | undefined {
		const own = this.#own;
		if (own === undefined) return undefined;
		const shared = this.#options.epoch();
		if (own.shared === shared) return own.policy;
		const policy = own.policyFor(this.#sharedPolicy().license);
		this.#own = { ...own, shared, policy, moved: true };
		return policy;
	}

	#sharedPolicy(): Policy {
		const policy = this.#policy.epoch === this.#options.epoch() ? this.#policy : this.#options.policyNow();
		if (policy !== undefined) this.#policy = policy;
		return this.#policy;
	}

	/** `text` is not kept. `reading`: how it is read, in the engine's own terms. */
	judge(text: Uint8Array, reading: readonly string[]): Judgement | Promise<Judgement> {
		const context = this.#readingContext(reading);
		const facts = this.#options.analyser.analyse(text, context);
		if (facts instanceof Promise) {
			const copy = Buffer.from(text);
			return facts.then((answer) => this.#judged(answer, copy, context));
		}
		if (this.#isMissed(facts)) return this.#judged(facts, Buffer.from(text), context);
		return this.policy().judgement(facts, text.length);
	}

	/** Types of a user's that a client gives its parameters. A promise: it has to be asked again. */
	judgeTypes(types: readonly number[]): Verdict | Promise<unknown> {
		const policy = this.policy();
		const key = types.join();
		const isMissed = this.#own === undefined && this.#typesMissed !== key && !policy.knowsTypes(types);
		this.#typesMissed = undefined;
		if (!isMissed) return policy.declaration(types);
		const { catalog, log, target } = this.#options;
		// They may be newer than the snapshot: it is read again, once.
		return catalog
			.missed()
			.catch((error: unknown) => {
				log.warn({ target: target.name, err: String(error) }, "the catalog could not be read");
			})
			.then(() => {
				this.#typesMissed = key;
			});
	}

	#readingContext(reading: readonly string[]): ReadingContext {
		if (this.#reading?.reading !== reading) {
			const { target } = this.#options;
			this.#reading = {
				target: this.#own?.target ?? target.name,
				database: this.#database,
				reading,
				user: target.credentials.username,
			};
		}
		return this.#reading;
	}

	/** What is not in definitions that were read just now is not there. */
	#isMissed(facts: TextFacts): boolean {
		if (this.#own !== undefined) return false;
		return facts.statements.some((statement) => statement.refusal?.kind === "unresolved");
	}

	/** A name that the snapshot does not know may be newer than it: it is read again, once, before the verdict. */
	async #judged(facts: TextFacts, text: Buffer, context: ReadingContext): Promise<Judgement> {
		const { catalog, analyser, log } = this.#options;
		let answer = facts;
		if (this.#isMissed(facts) && !this.license.unrestricted) {
			const changed = await catalog.missed().catch((error: unknown) => {
				log.warn({ target: this.#options.target.name, err: String(error) }, "the catalog could not be read");
				return false;
			});
			if (changed) answer = await analyser.analyse(text, context);
		}
		await this.#decideInTurns(answer);
		return this.policy().judgement(answer, text.length);
	}

	/** Decisions are kept by their facts; of a text with thousands, other sessions have their turn between some. */
	async #decideInTurns({ statements }: TextFacts): Promise<void> {
		const policy = this.policy();
		for (const [index, statement] of statements.entries()) {
			if (index % TURN_STATEMENTS === TURN_STATEMENTS - 1) await othersTurn();
			policy.verdict(statement);
		}
	}

	/** Reads definitions as the session's transaction sees them, and judges by them until `dropOwn`. */
	async readOwn(ask: (sql: string) => Promise<(string | null)[][]>): Promise<void> {
		const { engine, target, id, analyser } = this.#options;
		const shared = this.#options.epoch();
		const scope = { database: this.#database, serves: (name: string) => servesDatabase(target, name) };
		const catalog = await engine.readCatalog(ask, scope, 0);
		if (this.#ended) return;
		const name = `${target.name}\0${id}`;
		const view = new CatalogView(catalog);
		const policyFor = (license: License) => new Policy(license, view, ownEpoch());
		analyser.useCatalog(name, catalog);
		this.#own = { target: name, shared, policyFor, policy: policyFor(this.#sharedPolicy().license), moved: false };
		this.#reading = undefined;
	}

	dropOwn(): void {
		const own = this.#own;
		if (own === undefined) return;
		this.#own = undefined;
		this.#reading = undefined;
		this.#options.analyser.forgetCatalog(own.target, this.#database);
	}

	/** Its own definitions have to be read again. */
	get ownMoved(): boolean {
		return this.#ownPolicy() !== undefined && this.#own?.moved === true;
	}

	/** The session is over: nothing of it stays with the analyser. */
	end(): void {
		this.#ended = true;
		this.dropOwn();
	}
}
