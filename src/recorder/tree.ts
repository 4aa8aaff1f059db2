/**
 * The Merkle tree over the log's entries: RFC 6962, section 2.1, with SHA-256. The leaves are the entries' lines without
 * their newlines, in order, so that an entry's `seq` is its leaf's index.
 *
 * Nothing of the tree is kept but *compact ranges*: for entries [begin, end) the roots of the largest complete subtrees
 * that they consist of, at most two for each bit of the end. Ranges that meet can be put together, so a segment's range
 * stands for the segment once its entries are gone.
 *
 * Hashes are strings of 32 Latin-1 characters: crypto.hash answers in them fastest, and they compare with ===.
 */
import { hash } from "node:crypto";

export type Hash = string;

const HASH_BYTES = 32;
const LEAF = 0;
const NODE = 1;

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, NODE);

/** SHA-256 of the bytes as they are. */
export function sha256(data: Buffer): Hash {
	return hash("sha256", data, "binary");
}

export const EMPTY_ROOT: Hash = sha256(Buffer.alloc(0));

/** The hash of `bytes[start - 1, end)`, where the byte before `start` is lent to the leaf's prefix: no copy is made. */
export function leafHashIn(bytes: Buffer, start: number, end: number): Hash {
	const lent = bytes[start - 1] ?? 0;
	bytes[start - 1] = LEAF;
	const hashed = sha256(bytes.subarray(start - 1, end));
	bytes[start - 1] = lent;
	return hashed;
}

export function leafHash(line: Buffer): Hash {
	return sha256(Buffer.concat([Buffer.of(LEAF), line]));
}

export function nodeHash(left: Hash, right: Hash): Hash {
	pair.write(left, 1, "latin1");
	pair.write(right, 1 + HASH_BYTES, "latin1");
	return sha256(pair);
}

export function hashToBase64(value: Hash): string {
	return Buffer.from(value, "latin1").toString("base64");
}

/** Undefined unless it is the one base64 text of 32 bytes. */
export function hashFromBase64(text: unknown): Hash | undefined {
	if (typeof text !== "string" || text.length !== 44) return undefined;
	const bytes = Buffer.from(text, "base64");
	return bytes.length === HASH_BYTES && bytes.toString("base64") === text ? bytes.toString("latin1") : undefined;
}

/** The level of the largest complete subtree that starts at `begin` and ends no later than `end`. */
function levelAt(begin: number, end: number): number {
	let level = 0;
	while (begin % 2 ** (level + 1) === 0 && begin + 2 ** (level + 1) <= end) level++;
	return level;
}

/** Levels of the subtrees that entries [begin, end) consist of, from left to right. */
export function levelsOf(begin: number, end: number): number[] {
	const levels: number[] = [];
	for (let at = begin; at < end; at += 2 ** (levels.at(-1) ?? 0)) levels.push(levelAt(at, end));
	return levels;
}

export class CompactRange {
	readonly begin: number;
	#end: number;
	readonly #levels: number[] = [];
	readonly #hashes: Hash[] = [];

	constructor(begin: number) {
		this.begin = begin;
		this.#end = begin;
	}

	/** Undefined when there are not as many hashes as the range has subtrees. */
	static of(begin: number, end: number, hashes: readonly Hash[]): CompactRange | undefined {
		const range = new CompactRange(begin);
		const levels = levelsOf(begin, end);
		if (levels.length !== hashes.length) return undefined;
		for (const [index, level] of levels.entries()) range.#push(level, hashes[index] ?? "");
		return range;
	}

	get end(): number {
		return this.#end;
	}

	/** From left to right. */
	get hashes(): readonly Hash[] {
		return this.#hashes;
	}

	copy(): CompactRange {
		const copied = new CompactRange(this.begin);
		copied.#end = this.#end;
		copied.#levels.push(...this.#levels);
		copied.#hashes.push(...this.#hashes);
		return copied;
	}

	append(leaf: Hash): void {
		this.#push(0, leaf);
	}

	/** Takes in the range that follows this one. */
	extend(next: CompactRange): void {
		if (next.begin !== this.#end) throw new RangeError(`${next.begin} does not follow ${this.#end}`);
		for (const [index, level] of next.#levels.entries()) this.#push(level, next.#hashes[index] ?? "");
	}

	#push(level: number, pushed: Hash): void {
		let height = level;
		let top = pushed;
		let index = this.#end / 2 ** level;
		while (index % 2 === 1 && this.#levels.at(-1) === height) {
			top = nodeHash(this.#hashes.pop() ?? "", top);
			this.#levels.pop();
			height++;
			index = (index - 1) / 2;
		}
		this.#levels.push(height);
		this.#hashes.push(top);
		this.#end += 2 ** level;
	}

	/** The root of the tree that ends here; only for a range from the log's beginning. */
	root(): Hash {
		if (this.begin !== 0) throw new RangeError("a range from the middle has no root");
		return this.#hashes.reduceRight(
			(right, left, index) => (index === this.#hashes.length - 1 ? left : nodeHash(left, right)),
			EMPTY_ROOT,
		);
	}
}
