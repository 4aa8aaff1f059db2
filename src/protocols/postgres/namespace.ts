/**
 * Names that a session gives to prepared statements and portals, some of them not answered for yet.
 *
 * A change is made when it is sent and is settled or taken back when the server has answered. Until then the name keeps
 * what it stood for before, since the server may skip the change; and a later series that uses the name has to wait
 * when it cannot be told which of the two the server will have (`isUnsure`).
 */

/** What a message did to the model of the session, for when its outcome is known. */
export interface Effect {
	settle(): void;
	revert(): void;
}

class Change<V> implements Effect {
	settled = false;
	newer: Change<V> | undefined;

	constructor(
		readonly space: Map<string, Change<V>>,
		readonly name: string,
		/** Undefined: the name was dropped. */
		readonly value: V | undefined,
		/** The series of messages that it was sent in. */
		readonly series: number,
		/** What the name stands for when this did not happen. */
		public older: Change<V> | undefined,
	) {}

	/** The server has done it: what was before is gone. */
	settle(): void {
		if (this.settled) return;
		this.settled = true;
		this.older = undefined;
		if (this.value !== undefined) return;
		// A name that is surely dropped is one that never was.
		if (this.newer !== undefined) this.newer.older = undefined;
		else if (this.space.get(this.name) === this) this.space.delete(this.name);
	}

	/** The server has refused or skipped it. Changes made since stay as they are. */
	revert(): void {
		const { space, name, newer, older } = this;
		if (this.settled) return;
		this.settled = true;
		if (older !== undefined) older.newer = newer;
		if (newer !== undefined) newer.older = older;
		else if (older !== undefined) space.set(name, older);
		else space.delete(name);
	}
}

export class Namespace<V> {
	readonly #newest = new Map<string, Change<V>>();

	get size(): number {
		return this.#newest.size;
	}

	/** The sum over all that names stand for now. */
	sum(weigh: (value: V) => number): number {
		let sum = 0;
		for (const { value } of this.#newest.values()) if (value !== undefined) sum += weigh(value);
		return sum;
	}

	/** What the name stands for if all that was sent succeeds. */
	get(name: string): V | undefined {
		return this.#newest.get(name)?.value;
	}

	/**
	 * Whether the server may have something else under the name than `get` says. Within one series it cannot: when the
	 * change fails, so does what follows it.
	 */
	isUnsure(name: string, series: number): boolean {
		const change = this.#newest.get(name);
		return change !== undefined && !change.settled && change.series !== series && change.older !== undefined;
	}

	set(name: string, value: V, series: number): Effect {
		return this.#change(name, value, series, this.#newest.get(name));
	}

	/** Undefined: there was nothing to drop. */
	drop(name: string, series: number): Effect | undefined {
		const older = this.#newest.get(name);
		return older === undefined ? undefined : this.#change(name, undefined, series, older);
	}

	/** Drops every name but the unnamed one. */
	clear(series: number): Effect {
		const changes: Effect[] = [];
		for (const [name, older] of this.#newest) {
			if (name !== "") changes.push(this.#change(name, undefined, series, older));
		}
		return together(changes);
	}

	/** Takes out what the server has done away with by itself, of that which is settled. */
	forget(isGone: (value: V) => boolean): void {
		for (const [name, newest] of this.#newest) {
			let change = newest;
			while (!change.settled && change.older !== undefined) change = change.older;
			if (!change.settled || change.value === undefined || !isGone(change.value)) continue;
			if (change.newer === undefined) this.#newest.delete(name);
			else change.newer.older = undefined;
		}
	}

	/** Takes out the oldest settled entry of which this is true. */
	evict(test: (value: V) => boolean): void {
		for (const [name, { settled, value }] of this.#newest) {
			if (!settled || value === undefined || !test(value)) continue;
			this.#newest.delete(name);
			return;
		}
	}

	#change(name: string, value: V | undefined, series: number, older: Change<V> | undefined): Effect {
		const change = new Change(this.#newest, name, value, series, older);
		if (older !== undefined) older.newer = change;
		this.#newest.set(name, change);
		return change;
	}
}

/** Several effects as one. */
export function together(effects: readonly (Effect | undefined)[]): Effect {
	return {
		settle() {
			for (const effect of effects) effect?.settle();
		},
		revert() {
			for (let index = effects.length - 1; index >= 0; index--) effects[index]?.revert();
		},
	};
}
