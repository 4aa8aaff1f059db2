/**
 * What has to be known before a client's text is judged: the search path, definitions, how strings are read. What is not
 * known is asked for or waited for, and the frame that needs it is held.
 */
import type { StatementFacts } from "../../sql/facts.js";
import type { Judgement, Verdict } from "../engine.js";
import { FAILED_TRANSACTION, IDLE, IN_TRANSACTION } from "./codes.js";
import type { RelayCore } from "./core.js";
import { type PreparedStatement, samePath } from "./model.js";
import { isStale, renewed } from "./runs.js";
import { isReadOneWay } from "./string-rules.js";

const NO_PATH: readonly string[] = [];

/** A judgement that was waited for, with what it holds for. */
interface Awaited {
	readonly judgement: Judgement;
	readonly path: readonly string[];
	readonly epoch: number;
}

export class Readiness {
	readonly #core: RelayCore;
	/** The judgement that was waited for, for the frame that is held. */
	#awaited: Awaited | undefined;

	constructor(core: RelayCore) {
		this.#core = core;
	}

	/** Judges a text. `unknown`: the server reads it in a way that it has not told yet, and tells behind this series only. */
	judge(text: Buffer): Judgement | "hold" | "unknown" {
		this.#core.model.settlePlans();
		if (this.unready()) return "hold";
		const doubt = this.#doubt(text);
		if (doubt === "later") this.#core.wait("drain");
		if (doubt !== undefined) return doubt === "later" ? "hold" : "unknown";
		const judgement = this.#judgeNow(text);
		return judgement === undefined || this.#readsOwnDefinitions(judgement) ? "hold" : judgement;
	}

	/** The frame will be held although its text is judged. */
	keep(judgement: Judgement): void {
		this.#awaited = { judgement, path: this.#core.model.searchPath ?? NO_PATH, epoch: judgement.epoch };
	}

	/** The frame is dealt with: what was waited for holds for no other. */
	forget(): void {
		this.#awaited = undefined;
	}

	/** Whatever has to be known before a text can be judged. True: it is being asked for. */
	unready(): boolean {
		const core = this.#core;
		const { model } = core;
		if (this.refreshesCatalog()) return true;
		if (model.isPathDoubtful && !core.inSeries) {
			model.isPathDoubtful = false;
			model.searchPath = undefined;
		}
		if (core.host.unrestricted || (model.searchPath !== undefined && !model.isPathUnsure)) return false;
		if (!core.queue.drained) {
			core.wait("drain");
			return true;
		}
		// An aborted transaction answers no question, and runs nothing that would have to be resolved.
		if (core.transaction === FAILED_TRANSACTION && !core.inSeries) return false;
		core.askPath();
		return true;
	}

	/** After definitions were changed and committed. Inside a transaction nobody else sees them: see string-rules.ts. */
	refreshesCatalog(): boolean {
		const core = this.#core;
		if (!core.model.catalogDirty || core.inSeries) return false;
		if (!core.queue.drained) {
			if (core.host.unrestricted) return false;
			core.wait("drain");
			return true;
		}
		if (core.transaction !== IDLE) return false;
		if (core.refreshFailed) {
			core.refreshFailed = false;
			return false;
		}
		core.refreshCatalog();
		return !core.host.unrestricted;
	}

	/**
	 * Within a transaction that has changed definitions. Statements that name nothing of a user's are judged without, so that
	 * a script which only makes things is not held up at each. True: they are being read.
	 */
	#readsOwnDefinitions(judgement?: Judgement): boolean {
		const core = this.#core;
		const { model } = core;
		if (core.host.unrestricted || core.inSeries || core.transaction !== IN_TRANSACTION) return false;
		if (model.ownDefinitions && core.host.ownDefinitionsMoved) model.catalogDirty = true;
		if (!model.catalogDirty) return false;
		if (judgement !== undefined && !judgement.verdicts.some(({ facts }) => dependsOnDefinitions(facts))) return false;
		if (!core.queue.drained) {
			core.wait("drain");
			return true;
		}
		if (core.refreshFailed) {
			core.refreshFailed = false;
			return false;
		}
		core.readOwnDefinitions();
		return true;
	}

	/** Undefined: it is being thought about. */
	#judgeNow(text: Buffer): Judgement | undefined {
		const core = this.#core;
		const path = core.model.searchPath ?? NO_PATH;
		const awaited = this.#awaited;
		if (awaited !== undefined && awaited.epoch === core.host.epoch() && samePath(awaited.path, path)) {
			return awaited.judgement;
		}
		const answer = core.host.judge(text, path);
		if (!(answer instanceof Promise)) return answer;
		core.waitFor(
			answer.then((judgement) => {
				this.#awaited = { judgement, path, epoch: judgement.epoch };
			}),
		);
		return undefined;
	}

	/**
	 * Whether a text may be read otherwise than it would be judged. `later`: the server has yet to say; `unknown`: it says so
	 * only behind the Sync of this series.
	 */
	#doubt(text: Buffer): "later" | "unknown" | undefined {
		const { model, queue, inSeries, host } = this.#core;
		if (!model.isReadingDoubtful || host.unrestricted) return undefined;
		if (queue.drained && !inSeries) model.isReadingDoubtful = false;
		if (!model.isReadingDoubtful || isReadOneWay(text)) return undefined;
		return inSeries ? "unknown" : "later";
	}

	/** The verdict on types that the client gave its parameters, where any is a user's. */
	declaration(types: readonly number[]): readonly Verdict[] | "hold" {
		const core = this.#core;
		if (types.length === 0 || core.host.unrestricted) return [];
		if (this.#readsOwnDefinitions()) return "hold";
		const verdict = core.host.judgeTypes(types);
		if (!(verdict instanceof Promise)) return [verdict];
		core.waitFor(verdict);
		return "hold";
	}

	/** A prepared statement under definitions, search path and license as they are now. False: it has to be waited for. */
	renew(statement: PreparedStatement): boolean {
		this.#core.model.settlePlans();
		if (this.#readsOwnDefinitions()) return false;
		if (!isStale(this.#core, statement)) return true;
		if (this.unready()) return false;
		const pending = renewed(this.#core, statement);
		if (pending === undefined) return true;
		this.#core.waitFor(pending);
		return false;
	}
}

/** Whether what a statement means may depend on definitions that the snapshot does not hold. */
function dependsOnDefinitions({ relations, functions, refusal, effect }: StatementFacts): boolean {
	if (refusal?.kind === "unresolved" || effect?.kind === "execute" || effect?.kind === "fetch") return true;
	if (effect?.kind === "prepare" || effect?.kind === "declare") return true;
	return relations.some(({ sort }) => sort !== "created") || functions.some(({ sort }) => sort === "user");
}
