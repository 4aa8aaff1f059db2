/** The tree of a log that is being written, as compact ranges: what stands before the segment at work, and in it. */
import type { TreeHead } from "./checkpoint.js";
import { CompactRange, type Hash } from "./tree.js";

/** Hashes of a segment's entries, from one of them on. */
export interface TakenLeaves {
	readonly segment: number;
	readonly from: number;
	readonly leaves: readonly Hash[];
}

export class LogTree {
	readonly #before: CompactRange;
	#within: CompactRange;
	/** Segments that have been finished and not been asked for. */
	#finished: CompactRange[] = [];
	/** Leaf hashes of the last segment from the entry `#leavesFrom` on, and those of the segments before that remain. */
	#leaves: Hash[];
	#leavesFrom: number;
	#earlierLeaves: TakenLeaves[] = [];

	/** `leaves`: of the entries within. */
	constructor(before: CompactRange, within: CompactRange, leaves: readonly Hash[]) {
		this.#before = before;
		this.#within = within;
		this.#leaves = [...leaves];
		this.#leavesFrom = within.begin;
	}

	append(leaf: Hash): void {
		this.#within.append(leaf);
		this.#leaves.push(leaf);
	}

	/** The next entry begins a new segment. */
	finishSegment(): void {
		this.#before.extend(this.#within);
		this.#finished.push(this.#within);
		this.#earlierLeaves.push(this.#newLeaves());
		this.#within = new CompactRange(this.#before.end);
		this.#leaves = [];
		this.#leavesFrom = this.#before.end;
	}

	head(): TreeHead {
		const tree = this.#before.copy();
		tree.extend(this.#within);
		return { size: tree.end, root: tree.root() };
	}

	/** Segments that have been finished since this was last asked. */
	takeFinished(): CompactRange[] {
		return this.#finished.splice(0);
	}

	/** Leaf hashes since this was last asked. */
	takeLeaves(): TakenLeaves[] {
		const taken = [...this.#earlierLeaves.splice(0), this.#newLeaves()];
		this.#leavesFrom += this.#leaves.length;
		this.#leaves = [];
		return taken;
	}

	#newLeaves(): TakenLeaves {
		return { segment: this.#within.begin, from: this.#leavesFrom, leaves: this.#leaves };
	}
}
