/**
 * A second verifier of logs, written from docs/recording-format.md alone: it shares no code with the first, so that the
 * page, and not the program, is what both follow. Answers what is wrong first, or undefined.
 */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

type Json = Record<string, unknown>;

interface Checkpoint {
	readonly size: number;
	readonly root: string;
	readonly key: string | undefined;
}

const sha256 = (...parts: Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
const leaf = (line: Buffer) => sha256(Buffer.of(0), line);
const node = (left: Buffer, right: Buffer) => sha256(Buffer.of(1), left, right);
const isBase64 = (text: string) => Buffer.from(text, "base64").toString("base64") === text;

/** A compact range that begins at 0: hashes with the number of leaves that each stands for. */
class Range {
	end = 0;
	readonly nodes: [Buffer, number][] = [];

	append(hash: Buffer, leaves = 1): void {
		this.nodes.push([hash, leaves]);
		this.end += leaves;
		for (;;) {
			const [left, right] = this.nodes.slice(-2);
			if (left === undefined || right === undefined || left[1] !== right[1]) return;
			if ((this.end - 2 * left[1]) % (2 * left[1]) !== 0) return;
			this.nodes.splice(-2, 2, [node(left[0], right[0]), 2 * left[1]]);
		}
	}

	root(): string {
		const hashes = this.nodes.map(([hash]) => hash);
		return hashes
			.reduceRight((root, hash, at) => (at === hashes.length - 1 ? hash : node(hash, root)), sha256())
			.toString("base64");
	}

	hashes(): string {
		return this.nodes.map(([hash]) => hash.toString("base64")).join();
	}
}

function publicKey(text: string, origin: string): { readonly id: string; readonly key: KeyObject } {
	const [name, id, ...rest] = text.split("+");
	const bytes = Buffer.from(rest.join("+"), "base64");
	const expected = sha256(Buffer.from(`${name}\n`), bytes).toString("hex", 0, 4);
	if (name !== origin || bytes.length !== 33 || bytes[0] !== 1 || id !== expected || !isBase64(rest.join("+")))
		throw new Error(`no key: ${text}`);
	const jwk = { kty: "OKP", crv: "Ed25519", x: bytes.subarray(1).toString("base64url") };
	return { id, key: createPublicKey({ key: jwk, format: "jwk" }) };
}

function checkSignatures(text: string, lines: readonly string[], keys: readonly string[], origin: string): void {
	if (lines.length !== keys.length) throw new Error(`${lines.length} signatures for ${keys.length} keys`);
	for (const wanted of keys) {
		const { id, key } = publicKey(wanted, origin);
		const signed = lines.some((line) => {
			const [, name, encoded = ""] = /^— (\S+) (\S+)$/.exec(line) ?? [];
			const bytes = Buffer.from(encoded, "base64");
			if (name !== origin || !isBase64(encoded) || bytes.toString("hex", 0, 4) !== id) return false;
			return verify(null, Buffer.from(text), key, bytes.subarray(4));
		});
		if (!signed) throw new Error(`not signed by ${wanted}`);
	}
}

function checkpoints(folder: string, origin: string): { all: Checkpoint[]; keys: string[] } {
	const content = readFileSync(join(folder, "checkpoints"), "utf8");
	const pieces = content.split("\n\n");
	if (pieces.pop() !== "" || pieces.length % 2 !== 0 || pieces.length === 0) throw new Error("checkpoints are cut");
	const [all, keys]: [Checkpoint[], string[]] = [[], []];
	let previous = "none";
	for (let at = 0; at < pieces.length; at += 2) {
		const [text, signatures] = [`${pieces[at]}\n`, pieces[at + 1] ?? ""];
		const form =
			/^(\S+)\n(0|[1-9]\d*)\n(\S{44})\nat \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\n(?:key (\S+)\n)?previous (\S+)\n$/.exec(
				text,
			);
		const [, name, size, root = "", key, before] = form ?? [];
		if (name !== origin || !isBase64(root) || before !== previous)
			throw new Error(`checkpoint ${at / 2} is not one, or not the next`);
		if (Number(size) <= (all.at(-1)?.size ?? -1)) throw new Error(`checkpoint ${at / 2} does not grow`);
		checkSignatures(text, signatures.split("\n"), [...keys.slice(-1), ...(key === undefined ? [] : [key])], origin);
		if (key === undefined && keys.length === 0) throw new Error("no key");
		if (key !== undefined) keys.push(key);
		all.push({ size: Number(size), root, key });
		previous = sha256(Buffer.from(`${text}\n${signatures}\n`)).toString("base64");
	}
	return { all, keys };
}

interface RangeLine {
	readonly begin: number;
	readonly end: number;
	readonly hashes: readonly string[];
}

function readRanges(folder: string): RangeLine[] {
	const lines = existsSync(join(folder, "ranges")) ? readFileSync(join(folder, "ranges"), "utf8").split("\n") : [""];
	if (lines.pop() !== "") throw new Error("ranges are cut");
	return lines.map((line, at, all) => {
		const { begin, end, hashes } = JSON.parse(line) as RangeLine;
		if (JSON.stringify({ begin, end, hashes }) !== line) throw new Error(`ranges, line ${at}: not of this form`);
		const before = at === 0 ? 0 : (JSON.parse(all[at - 1] ?? "") as RangeLine).end;
		if (begin !== before || end <= begin) throw new Error(`ranges, line ${at}: does not follow`);
		return { begin, end, hashes };
	});
}

/** Appends the hashes of a compact range. */
function extend(range: Range, { begin, end, hashes }: RangeLine): void {
	let at = begin;
	for (const hash of hashes) {
		let leaves = 1;
		while (at % (leaves * 2) === 0 && at + leaves * 2 <= end) leaves *= 2;
		if (!isBase64(hash) || Buffer.from(hash, "base64").length !== 32) throw new Error("no hash");
		range.append(Buffer.from(hash, "base64"), leaves);
		at += leaves;
	}
	if (at !== end) throw new Error("a range with too many or too few hashes");
}

function check(folder: string, trusted: string): void {
	const nodeName = readFileSync(join(folder, "node"), "utf8");
	if (!/^n_[0-9a-f]{16}\n$/.test(nodeName)) throw new Error("no node");
	const { all, keys } = checkpoints(folder, `licet/${nodeName.trim()}`);
	if (!keys.includes(trusted)) throw new Error("not signed by the key");
	const names = readdirSync(folder);
	const segments = [...new Set(names.flatMap((name) => /^(\d{12,16})\.jsonl(?:\.gz)?$/.exec(name)?.[1] ?? []))].sort(
		(a, b) => Number(a) - Number(b),
	);
	const [first, ranges, tree] = [Number(segments[0] ?? 0), readRanges(folder), new Range()];
	const covered = all.at(-1)?.size ?? 0;
	const roots = new Map(all.map(({ size, root }) => [size, root]));
	for (const range of ranges.filter(({ end }) => end <= first)) extend(tree, range);
	const compare = () => {
		if ((roots.get(tree.end) ?? tree.root()) !== tree.root()) throw new Error(`another root at ${tree.end}`);
	};
	if (tree.end > 0) compare();
	const [entries, ends]: [Json[], Map<number, string>] = [[], new Map()];
	for (const [index, digits] of segments.entries()) {
		if (Number(digits) !== tree.end) throw new Error(`entries are missing before ${digits}`);
		ends.set(tree.end, tree.hashes());
		const [open, sealed] = [join(folder, `${digits}.jsonl`), join(folder, `${digits}.jsonl.gz`)];
		const lines = (existsSync(open) ? readFileSync(open) : gunzipSync(readFileSync(sealed)))
			.toString("latin1")
			.split("\n");
		if (lines.pop() !== "") throw new Error(`${digits} ends in the middle of an entry`);
		const leaves: Buffer[] = [];
		for (const line of lines) {
			const bytes = Buffer.from(line, "latin1");
			if (!line.startsWith(`{"v":1,"seq":${tree.end},"at":"`)) throw new Error(`no entry ${tree.end}`);
			if (/"type":"(gap|key|seal|trim)"/.test(line)) entries.push(JSON.parse(bytes.toString("utf8")) as Json);
			leaves.push(leaf(bytes).subarray(0, 4));
			tree.append(leaf(bytes));
			compare();
		}
		const kept = existsSync(join(folder, `${digits}.leaves`))
			? readFileSync(join(folder, `${digits}.leaves`))
			: Buffer.alloc(0);
		const isShort = kept.length < 4 * (Math.min(covered, tree.end) - Number(digits));
		if (isShort || !Buffer.concat(leaves).subarray(0, kept.length).equals(kept))
			throw new Error(`the leaves of ${digits}`);
		const range = ranges.find(({ begin }) => begin === Number(digits));
		const isNeeded = existsSync(sealed) || (index < segments.length - 1 && tree.end <= covered);
		if (range === undefined ? isNeeded : range.end !== tree.end) throw new Error(`the range of ${digits}`);
	}
	ends.set(tree.end, tree.hashes());
	if (tree.end !== covered) throw new Error(`${tree.end} entries, ${covered} under a checkpoint`);
	checkOthers(folder, names, { first, ranges, ends, all, keys, entries });
}

interface Read {
	readonly first: number;
	readonly ranges: readonly RangeLine[];
	readonly ends: ReadonlyMap<number, string>;
	readonly all: readonly Checkpoint[];
	readonly keys: readonly string[];
	readonly entries: readonly Json[];
}

function checkOthers(
	folder: string,
	names: readonly string[],
	{ first, ranges, ends, all, keys, entries }: Read,
): void {
	const of = (type: string) => entries.filter((entry) => entry.type === type);
	const digest = (name: string) => sha256(readFileSync(join(folder, name))).toString("hex");
	const whole = new Range();
	for (const range of ranges) {
		extend(whole, range);
		if ((ends.get(whole.end) ?? whole.hashes()) !== whole.hashes())
			throw new Error(`ranges: other hashes at ${whole.end}`);
	}
	for (const name of names) {
		const [, digits = "", kind] = /^(\d{12,16})\.(jsonl\.gz|leaves)$/.exec(name) ?? [];
		const seals = of("seal").filter(({ segment }) => segment === Number(digits));
		const isSealed = names.includes(`${digits}.jsonl.gz`);
		if (kind === "jsonl.gz" && !seals.some((seal) => seal.sha256 === digest(name)))
			throw new Error(`${name} was not sealed`);
		if (kind === "leaves" && isSealed && !seals.some((seal) => seal.leavesSha256 === digest(name)))
			throw new Error(`${name} was not sealed`);
		if (kind === "leaves" && !isSealed && !names.includes(`${digits}.jsonl`)) throw new Error(`${name} has no segment`);
		const torn = /^torn-(\d+)-\d+-\d+$/.exec(name)?.[1];
		const gaps = of("gap").filter(({ keptAs }) => keptAs === name);
		if (torn !== undefined && Number(torn) >= first && !gaps.some((gap) => gap.sha256 === digest(name)))
			throw new Error(`${name} is not told`);
	}
	for (const { keptAs } of of("gap"))
		if (keptAs !== "" && !names.includes(String(keptAs))) throw new Error(`${keptAs} is gone`);
	if (first > 0 && !of("trim").some(({ through }) => Number(through) >= first))
		throw new Error("nothing tells of what was removed");
	for (const { through, hashes } of of("trim")) {
		const expected = ends.get(Number(through));
		if (expected !== undefined && expected !== (hashes as string[]).join())
			throw new Error("other things were removed");
	}
	const told = of("key").map(({ key }) => String(key));
	if (told.some((key) => !keys.includes(key))) throw new Error("a key that never signed");
	if (all.some(({ key, size }) => key !== undefined && size > first && !told.includes(key)))
		throw new Error("a key that is not told");
}

export function secondVerifier(folder: string, trusted: string): string | undefined {
	try {
		check(folder, trusted);
		return undefined;
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}
