/** The tree and its proofs against the definitions of RFC 6962, written out naively; notes against the specification. */
import { createHash, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { parseChained, parseCheckpoint, signCheckpoint } from "../../src/recorder/checkpoint.js";
import { isSignedBy, parseNote, parseVerifierKey, signNote, verifierKey } from "../../src/recorder/note.js";
import {
	consistencyProof,
	inclusionProof,
	isConsistent,
	KnownNodes,
	rootFromInclusion,
} from "../../src/recorder/proofs.js";
import {
	CompactRange,
	EMPTY_ROOT,
	hashFromBase64,
	hashToBase64,
	leafHash,
	leafHashIn,
} from "../../src/recorder/tree.js";

const digest = (...parts: Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();

/** MTH of section 2.1. */
function treeHash(leaves: readonly Buffer[]): Buffer {
	const [first] = leaves;
	if (first === undefined) return digest();
	if (leaves.length === 1) return digest(Buffer.of(0), first);
	const middle = split(leaves.length);
	return digest(Buffer.of(1), treeHash(leaves.slice(0, middle)), treeHash(leaves.slice(middle)));
}

function split(count: number): number {
	let half = 1;
	while (half * 2 < count) half *= 2;
	return half;
}

/** PATH of section 2.1.1. */
function path(leaf: number, leaves: readonly Buffer[]): Buffer[] {
	if (leaves.length === 1) return [];
	const middle = split(leaves.length);
	const [left, right] = [leaves.slice(0, middle), leaves.slice(middle)];
	return leaf < middle ? [...path(leaf, left), treeHash(right)] : [...path(leaf - middle, right), treeHash(left)];
}

/** SUBPROOF of section 2.1.2. */
function subproof(earlier: number, leaves: readonly Buffer[], whole: boolean): Buffer[] {
	if (earlier === leaves.length) return whole ? [] : [treeHash(leaves)];
	const middle = split(leaves.length);
	const [left, right] = [leaves.slice(0, middle), leaves.slice(middle)];
	return earlier <= middle
		? [...subproof(earlier, left, whole), treeHash(right)]
		: [...subproof(earlier - middle, right, false), treeHash(left)];
}

const latin1 = (bytes: Buffer) => bytes.toString("latin1");
const MOST = 70;
const lines = Array.from({ length: MOST }, (_, index) => Buffer.from(`entry ${index} ü`));
const leaves = lines.map(leafHash);

function rangeOf(begin: number, end: number): CompactRange {
	const range = new CompactRange(begin);
	for (const leaf of leaves.slice(begin, end)) range.append(leaf);
	return range;
}

t.test("leaves and roots", async (t) => {
	t.equal(
		Buffer.from(EMPTY_ROOT, "latin1").toString("hex"),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	);
	const bytes = Buffer.from("xentry 0 üy");
	t.equal(leafHashIn(bytes, 1, bytes.length - 1), leaves[0], "in place");
	t.equal(bytes.toString(), "xentry 0 üy", "and the byte lent is given back");
	for (let size = 0; size <= MOST; size++) {
		const expected = latin1(treeHash(lines.slice(0, size)));
		if (rangeOf(0, size).root() !== expected) t.fail(`root of ${size}`);
		for (let cut = 0; cut <= size; cut++) {
			const range = rangeOf(0, cut);
			range.extend(rangeOf(cut, size));
			if (range.root() !== expected) t.fail(`root of ${size} put together at ${cut}`);
			const again = CompactRange.of(cut, size, rangeOf(cut, size).hashes);
			if (again?.hashes.join() !== rangeOf(cut, size).hashes.join()) t.fail(`range ${cut} to ${size} read back`);
		}
	}
	t.throws(() => rangeOf(0, 3).extend(rangeOf(4, 5)));
	t.equal(CompactRange.of(0, 3, leaves.slice(0, 3)), undefined, "as many hashes as it has subtrees");
});

t.test("proofs", async (t) => {
	for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 65, MOST]) {
		const nodes = new KnownNodes();
		for (const [index, leaf] of leaves.slice(0, size).entries()) nodes.addLeaf(index, leaf);
		const all = lines.slice(0, size);
		const root = rangeOf(0, size).root();
		for (let index = 0; index < size; index++) {
			const proof = inclusionProof(index, size, nodes.at);
			if (proof.join() !== path(index, all).map(latin1).join()) t.fail(`inclusion of ${index} in ${size}`);
			if (rootFromInclusion(leaves[index] ?? "", index, size, proof) !== root) t.fail(`check of ${index} in ${size}`);
			const others = [index + 1, index - 1, index + size].filter((other) => other >= 0);
			for (const other of others) {
				if (rootFromInclusion(leaves[index] ?? "", other, size, proof) === root) t.fail(`${index} taken for ${other}`);
			}
			for (const wrong of [proof.slice(1), [...proof, EMPTY_ROOT], proof.toReversed()]) {
				if (wrong.join() === proof.join()) continue;
				if (rootFromInclusion(leaves[index] ?? "", index, size, wrong) === root) t.fail(`wrong proof of ${index}`);
			}
		}
		for (let earlier = 0; earlier <= size; earlier++) {
			const proof = consistencyProof(earlier, size, nodes.at);
			const expected = earlier === 0 ? [] : subproof(earlier, all, true);
			if (proof.join() !== expected.map(latin1).join()) t.fail(`consistency of ${earlier} with ${size}`);
			const head = { size: earlier, root: rangeOf(0, earlier).root() };
			if (!isConsistent(head, { size, root }, proof)) t.fail(`check of ${earlier} with ${size}`);
			if (isConsistent({ ...head, root: leafHash(Buffer.of()) }, { size, root }, proof)) t.fail("another earlier root");
			if (isConsistent(head, { size, root: leafHash(Buffer.of()) }, proof) && earlier > 0) t.fail("another later root");
			if (isConsistent(head, { size, root }, [...proof, EMPTY_ROOT])) t.fail("a proof too long");
		}
	}
	t.pass("as defined");
});

t.test("proofs from ranges of what is not read", async (t) => {
	fc.assert(
		fc.property(
			fc.uniqueArray(fc.nat({ max: MOST - 1 }), { maxLength: 6 }),
			fc.nat({ max: MOST - 1 }),
			(cuts, leaf) => {
				const bounds = [0, ...cuts.filter((cut) => cut > 0).sort((a, b) => a - b), MOST];
				const nodes = new KnownNodes();
				for (const [position, begin] of bounds.slice(0, -1).entries()) {
					const end = bounds[position + 1] ?? MOST;
					if (leaf < begin || leaf >= end) nodes.addRange(rangeOf(begin, end));
					else for (let index = begin; index < end; index++) nodes.addLeaf(index, leaves[index] ?? "");
				}
				const proof = inclusionProof(leaf, MOST, nodes.at);
				t.equal(rootFromInclusion(leaves[leaf] ?? "", leaf, MOST, proof), rangeOf(0, MOST).root());
			},
		),
		{ numRuns: 100 },
	);
});

t.test("notes", async (t) => {
	/* The example of https://c2sp.org/signed-note, which is signed by the key it names. */
	const known = parseVerifierKey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
	t.equal(known?.id, "c74f20a3");
	const example =
		"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
	const note = parseNote(example);
	t.ok(note !== undefined && known !== undefined && isSignedBy(note, known), "of the specification");
	const own = generateKeyPairSync("ed25519").privateKey;
	const signer = { key: own, verifier: verifierKey("licet/n_1", own) };
	t.equal(parseVerifierKey(signer.verifier.text)?.text, signer.verifier.text);
	t.equal(parseVerifierKey(signer.verifier.text.replace("n_1", "n_2")), undefined, "the id covers the name");
	const signed = Buffer.from(signNote("one\ntwo\n", [signer]));
	for (let at = 0; at < signed.length; at++) {
		const changed = Buffer.from(signed);
		changed[at] = (changed[at] ?? 0) ^ 1;
		const parsed = parseNote(changed.toString("utf8"));
		if (parsed !== undefined && isSignedBy(parsed, signer.verifier)) t.fail(`a change at ${at} is not seen`);
	}
	const facts = {
		origin: "licet/n_1",
		size: 3,
		root: EMPTY_ROOT,
		at: "2026-01-01T00:00:00.000000Z",
		key: undefined,
		previous: undefined,
	};
	const checkpoint = signCheckpoint(facts, [signer]);
	t.match(parseChained(checkpoint), { ...facts, extensions: [`at ${facts.at}`, "previous none"] });
	t.match(parseChained(signCheckpoint({ ...facts, key: signer.verifier, previous: EMPTY_ROOT }, [signer])), {
		previous: EMPTY_ROOT,
	});
	for (const wrong of [
		checkpoint.replace("\n3\n", "\n03\n"),
		checkpoint.replace("at 2026", "at  2026"),
		checkpoint.replace("previous none\n", ""),
	]) {
		t.equal(parseChained(wrong), undefined);
	}
	t.ok(parseCheckpoint(checkpoint.replace("previous none\n", "")), "but a checkpoint of some log it is");
	t.equal(hashFromBase64(hashToBase64(EMPTY_ROOT)), EMPTY_ROOT);
	t.equal(hashFromBase64(`${hashToBase64(EMPTY_ROOT).slice(0, -2)}V=`), undefined, "one text for one hash");
});
