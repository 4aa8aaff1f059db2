/**
 * Proofs over the log's tree: that an entry is in it, and that a later tree extends an earlier one (RFC 6962, sections
 * 2.1.1 and 2.1.2; the checks as RFC 9162 writes them, sections 2.1.3.2 and 2.1.4.2).
 */
import { type CompactRange, EMPTY_ROOT, type Hash, levelsOf, nodeHash } from "./tree.js";

/** The hash of a complete subtree: node `index` of its level, whose leaves have the level 0. */
export type NodeAt = (level: number, index: number) => Hash;

/** The largest power of two that is smaller than `count`. */
function split(count: number): number {
	let half = 1;
	while (half * 2 < count) half *= 2;
	return half;
}

/** MTH(D[begin:end]) of RFC 6962 for the ranges that occur in proofs, each of which starts at a complete subtree. */
function treeHash(begin: number, end: number, nodeAt: NodeAt): Hash {
	const hashes: Hash[] = [];
	let at = begin;
	for (const level of levelsOf(begin, end)) {
		hashes.push(nodeAt(level, at / 2 ** level));
		at += 2 ** level;
	}
	return hashes.reduceRight(
		(right, left, index) => (index === hashes.length - 1 ? left : nodeHash(left, right)),
		EMPTY_ROOT,
	);
}

/** PATH(leaf, D[0:size]). */
export function inclusionProof(leaf: number, size: number, nodeAt: NodeAt): Hash[] {
	const proof: Hash[] = [];
	let [begin, end] = [0, size];
	while (end - begin > 1) {
		const middle = begin + split(end - begin);
		if (leaf < middle) {
			proof.push(treeHash(middle, end, nodeAt));
			end = middle;
		} else {
			proof.push(treeHash(begin, middle, nodeAt));
			begin = middle;
		}
	}
	return proof.reverse();
}

/** PROOF(earlier, D[0:later]); empty when there is nothing to prove. */
export function consistencyProof(earlier: number, later: number, nodeAt: NodeAt): Hash[] {
	const proof: Hash[] = [];
	if (earlier === 0 || earlier >= later) return proof;
	let [begin, end] = [0, later];
	let whole = true;
	while (earlier !== end) {
		const middle = begin + split(end - begin);
		if (earlier <= middle) {
			proof.push(treeHash(middle, end, nodeAt));
			end = middle;
		} else {
			proof.push(treeHash(begin, middle, nodeAt));
			begin = middle;
			whole = false;
		}
	}
	if (!whole) proof.push(treeHash(begin, end, nodeAt));
	return proof.reverse();
}

const isOdd = (value: number) => value % 2 === 1;
const half = (value: number) => Math.floor(value / 2);

/** The root of a tree of `size` leaves that the proof puts the leaf into; undefined when it cannot be one. */
export function rootFromInclusion(leaf: Hash, index: number, size: number, proof: readonly Hash[]): Hash | undefined {
	if (index >= size) return undefined;
	let [node, last, root] = [index, size - 1, leaf];
	for (const sibling of proof) {
		if (last === 0) return undefined;
		if (isOdd(node) || node === last) {
			root = nodeHash(sibling, root);
			while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
		} else {
			root = nodeHash(root, sibling);
		}
		[node, last] = [half(node), half(last)];
	}
	return last === 0 ? root : undefined;
}

interface TreeHead {
	readonly size: number;
	readonly root: Hash;
}

/** Whether the proof shows that the later tree begins with the earlier one. */
export function isConsistent(earlier: TreeHead, later: TreeHead, proof: readonly Hash[]): boolean {
	if (earlier.size > later.size) return false;
	if (earlier.size === later.size) return earlier.root === later.root && proof.length === 0;
	if (earlier.size === 0) return earlier.root === EMPTY_ROOT && proof.length === 0;
	/* A complete earlier tree is itself the first node of the proof. */
	const isComplete = levelsOf(0, earlier.size).length === 1;
	const [first, ...rest] = isComplete ? [earlier.root, ...proof] : proof;
	if (first === undefined) return false;
	let [node, last] = [earlier.size - 1, later.size - 1];
	while (isOdd(node)) [node, last] = [half(node), half(last)];
	let [earlierRoot, laterRoot] = [first, first];
	for (const sibling of rest) {
		if (last === 0) return false;
		if (isOdd(node) || node === last) {
			earlierRoot = nodeHash(sibling, earlierRoot);
			laterRoot = nodeHash(sibling, laterRoot);
			while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
		} else {
			laterRoot = nodeHash(laterRoot, sibling);
		}
		[node, last] = [half(node), half(last)];
	}
	return last === 0 && earlierRoot === earlier.root && laterRoot === later.root;
}

/**
 * Nodes of the tree, of which some are known (subtrees of segments that need not be read) and the rest follow from the
 * leaves that have been read.
 */
export class KnownNodes {
	readonly #known = new Map<number, Hash>();

	static #key(level: number, index: number): number {
		return index * 64 + level;
	}

	addLeaf(index: number, hash: Hash): void {
		this.#known.set(KnownNodes.#key(0, index), hash);
	}

	addRange(range: CompactRange): void {
		let at = range.begin;
		for (const [position, level] of levelsOf(range.begin, range.end).entries()) {
			this.#known.set(KnownNodes.#key(level, at / 2 ** level), range.hashes[position] ?? "");
			at += 2 ** level;
		}
	}

	readonly at: NodeAt = (level, index) => {
		const key = KnownNodes.#key(level, index);
		const known = this.#known.get(key);
		if (known !== undefined) return known;
		if (level === 0) throw new RangeError(`leaf ${index} is not known`);
		const made = nodeHash(this.at(level - 1, index * 2), this.at(level - 1, index * 2 + 1));
		this.#known.set(key, made);
		return made;
	};
}
