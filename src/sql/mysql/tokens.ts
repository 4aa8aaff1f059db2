/** The tokens of a text: plain arrays, so that a megabyte of them is one allocation now and then. */

export const KIND = {
	/** Behind the last token. */
	end: 0,
	/** An unquoted word that may be a keyword; its text is in upper case. */
	word: 1,
	/** A name for certain: quoted, or behind a dot. */
	name: 2,
	/** Operators and punctuation; its text is itself. */
	symbol: 3,
	/** A quoted string, n'…' included. */
	text: 4,
	integer: 5,
	/** Numbers with a point or an exponent. */
	decimal: 6,
	/** x'…', 0x…, b'…', 0b… */
	bits: 7,
	/** `_utf8mb4`: what follows is a string of that character set. */
	charset: 8,
	/** `?` */
	parameter: 9,
	/** `@name`, `@'name'`; also the host of an account. */
	variable: 10,
	/** \N */
	null: 11,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** A piece of the text that is written in another way. */
export interface Edit {
	readonly start: number;
	readonly end: number;
	readonly text: string;
}

/** From so many tokens on, an array that grows as it is filled costs more than one that is made at once. */
const LONG = 4096;

export class Tokens {
	count = 0;
	kinds: Uint8Array;
	starts: Int32Array;
	ends: Int32Array;
	/** Of words and symbols; "" of all others. */
	readonly texts: string[];
	/** What makes the text say one thing only; none: it does already. */
	readonly edits: Edit[] = [];
	/** Where executed comments begin and end, in pairs: a statement may not end inside one. */
	readonly comments: number[] = [];

	/** `characters`: of the text. Most have a token for every three or four, so that long ones never grow. */
	constructor(characters: number) {
		const capacity = Math.max(64, characters >> 1);
		this.kinds = new Uint8Array(capacity);
		this.starts = new Int32Array(capacity);
		this.ends = new Int32Array(capacity);
		this.texts = capacity > LONG ? new Array<string>(capacity) : [];
	}

	push(kind: Kind, start: number, end: number, text: string): void {
		if (this.count === this.kinds.length) this.#grow();
		this.kinds[this.count] = kind;
		this.starts[this.count] = start;
		this.ends[this.count] = end;
		if (this.count < this.texts.length) this.texts[this.count] = text;
		else this.texts.push(text);
		this.count += 1;
	}

	#grow(): void {
		const size = this.kinds.length * 4;
		const kinds = new Uint8Array(size);
		kinds.set(this.kinds);
		this.kinds = kinds;
		const starts = new Int32Array(size);
		starts.set(this.starts);
		this.starts = starts;
		const ends = new Int32Array(size);
		ends.set(this.ends);
		this.ends = ends;
	}

	/** Whether a place is inside an executed comment: an odd number of its ends lie before. */
	isInComment(position: number): boolean {
		let low = 0;
		let high = this.comments.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.comments[middle] as number) <= position) low = middle + 1;
			else high = middle;
		}
		return low % 2 === 1;
	}
}

/** The text with its edits; undefined where there are none. */
export function canonicalText(text: string, edits: readonly Edit[]): string | undefined {
	if (edits.length === 0) return undefined;
	const pieces: string[] = [];
	let position = 0;
	for (const edit of edits) {
		pieces.push(text.slice(position, edit.start), edit.text);
		position = edit.end;
	}
	pieces.push(text.slice(position));
	return pieces.join("");
}
