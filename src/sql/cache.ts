/**
 * Caches that share one bound in bytes, each in two generations: a hit in the older one moves its entry to the younger,
 * and when the young generations together are full, every cache lets its older one go. One Map look-up a hit; nothing is
 * sorted, timed or linked.
 */

interface Entry<V> {
	readonly value: V;
	readonly bytes: number;
}

/** The bound that caches share. */
export class CacheBudget {
	readonly #generationBytes: number;
	readonly #caches = new Set<{ rotate(): void }>();
	#youngBytes = 0;

	constructor(maxBytes: number) {
		this.#generationBytes = maxBytes / 2;
	}

	cache<V>(): Cache<V> {
		const cache = new Cache<V>(this);
		this.#caches.add(cache);
		return cache;
	}

	/** Its entries no longer count from the next generation on. */
	drop(cache: Cache<unknown>): void {
		cache.clear();
		this.#caches.delete(cache);
	}

	/** False when the entry is too large to be kept at all. */
	take(bytes: number): boolean {
		if (bytes > this.#generationBytes) return false;
		if (this.#youngBytes + bytes > this.#generationBytes) {
			for (const cache of this.#caches) cache.rotate();
			this.#youngBytes = 0;
		}
		this.#youngBytes += bytes;
		return true;
	}
}

export class Cache<V> {
	readonly #budget: CacheBudget;
	#young = new Map<string, Entry<V>>();
	#old = new Map<string, Entry<V>>();

	/** Made by its budget. */
	constructor(budget: CacheBudget) {
		this.#budget = budget;
	}

	get(key: string): V | undefined {
		const found = this.#young.get(key);
		if (found !== undefined) return found.value;
		const older = this.#old.get(key);
		if (older === undefined) return undefined;
		this.#old.delete(key);
		this.#put(key, older);
		return older.value;
	}

	/** `bytes`: what the value weighs; the key is added. */
	set(key: string, value: V, bytes: number): void {
		this.#old.delete(key);
		this.#put(key, { value, bytes: bytes + key.length });
	}

	#put(key: string, entry: Entry<V>): void {
		if (this.#budget.take(entry.bytes)) this.#young.set(key, entry);
		else this.#young.delete(key);
	}

	rotate(): void {
		this.#old = this.#young;
		this.#young = new Map();
	}

	clear(): void {
		this.#old = new Map();
		this.#young = new Map();
	}

	get size(): number {
		return this.#young.size + this.#old.size;
	}
}
