/**
 * A cache bounded by bytes, in two generations: a hit in the older one moves its entry to the younger, and when the
 * younger is full the older is let go. One Map look-up a hit; nothing is sorted, timed or linked.
 */
export class Cache<V> {
	readonly #generationBytes: number;
	#young = new Map<string, V>();
	#old = new Map<string, V>();
	#youngBytes = 0;

	constructor(maxBytes: number) {
		this.#generationBytes = maxBytes / 2;
	}

	get(key: string): V | undefined {
		const found = this.#young.get(key);
		if (found !== undefined) return found;
		const older = this.#old.get(key);
		if (older === undefined) return undefined;
		this.#old.delete(key);
		this.set(key, older, key.length);
		return older;
	}

	/** `bytes`: what the entry weighs, its key included. */
	set(key: string, value: V, bytes: number): void {
		if (bytes > this.#generationBytes) return;
		if (this.#youngBytes + bytes > this.#generationBytes) {
			this.#old = this.#young;
			this.#young = new Map();
			this.#youngBytes = 0;
		}
		this.#young.set(key, value);
		this.#youngBytes += bytes;
	}

	get size(): number {
		return this.#young.size + this.#old.size;
	}
}
