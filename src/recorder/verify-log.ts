/**
 * Verification of a whole log, from its files and a public key alone: every entry is a leaf of the tree, in its place,
 * and the roots are the ones that were signed. What has been removed or put aside is accounted for in the log itself.
 *
 * It reads the log once, in order, in bounded memory, whether it is being written or not.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ChainedCheckpoint, type Checkpoint, originOf } from "./checkpoint.js";
import { type Finding, finding } from "./finding.js";
import { readNodeName } from "./log-folder.js";
import { LEAF_PREFIX_BYTES } from "./notary.js";
import { isSignedBy, type VerifierKey } from "./note.js";
import { RANGES, readRanges } from "./ranges.js";
import { openSegment } from "./segment-source.js";
import { isOpen, leavesPath, listSegments, parseLine, segmentName } from "./segments.js";
import { CompactRange, type Hash, leafHash } from "./tree.js";
import { checkChain } from "./verify-checkpoints.js";
import { checkSeals, checkTorn, checkTrims, Ledger } from "./verify-files.js";

export interface VerifyOptions {
	/** data/log */
	readonly folder: string;
	/** A key that must have signed. Without it the log's own word is taken for who signs. */
	readonly key?: VerifierKey | undefined;
	/** A checkpoint that was kept elsewhere: the log must extend it. */
	readonly checkpoint?: Checkpoint | undefined;
	/** What the end may hold that no checkpoint covers: nothing, or what is younger than this moment, or anything. */
	readonly openEnd: "none" | { readonly since: number } | "any";
}

export interface LogReport {
	readonly ok: boolean;
	readonly node: string | null;
	/** Verifier keys that have signed, oldest first. */
	readonly keys: readonly string[];
	readonly checkpoints: number;
	/** Number of the first entry that is still there, and of the one after the last. */
	readonly from: number;
	readonly to: number;
	/** Entries under a checkpoint. */
	readonly covered: number;
	readonly segments: number;
	readonly sealed: number;
	/** Time and root of the last checkpoint. */
	readonly last: { readonly at: string; readonly size: number; readonly note: string } | null;
	readonly findings: readonly Finding[];
}

const NEWLINE = 0x0a;
const KINDS = ["gap", "key", "seal", "trim"].map((type) => Buffer.from(`"type":"${type}"`));

class LogWalk {
	readonly findings: Finding[] = [];
	readonly ledger = new Ledger();
	readonly tree: CompactRange;
	/** Where the tree is known that another file tells of, by the number of entries before it. */
	readonly boundaries = new Map<number, readonly Hash[]>();
	readonly #folder: string;
	readonly #roots: ReadonlyMap<number, readonly { readonly root: Hash; readonly name: string }[]>;
	readonly #covered: number;
	/** The first entry since the last root that was right which differs from what `leaves` says. */
	#suspect: Finding | undefined;
	#proven: number;
	firstUncoveredAt: string | undefined;
	tornBytes = 0;

	constructor(
		folder: string,
		start: CompactRange,
		checkpoints: readonly ChainedCheckpoint[],
		kept: Checkpoint | undefined,
	) {
		this.#folder = folder;
		this.tree = start;
		this.#proven = start.end;
		this.#covered = checkpoints.at(-1)?.size ?? 0;
		const roots = new Map<number, { root: Hash; name: string }[]>();
		for (const { size, root, at } of checkpoints) roots.set(size, [{ root, name: `the checkpoint of ${at}` }]);
		if (kept !== undefined) {
			const others = roots.get(kept.size) ?? [];
			roots.set(kept.size, [...others, { root: kept.root, name: "the checkpoint that was kept elsewhere" }]);
		}
		this.#roots = roots;
	}

	/** Judges what stands for the entries that are gone; false when nothing after it can be judged. */
	begin(): boolean {
		return this.tree.end === 0 || this.#root(RANGES);
	}

	/** Reads one segment; false when nothing after it can be judged. */
	async segment(first: number, isLast: boolean): Promise<boolean> {
		const file = segmentName(first) + (isOpen(this.#folder, first) ? "" : ".gz");
		if (first !== this.tree.end) {
			const missing = `entries ${this.tree.end} to ${first - 1} are missing`;
			this.findings.push(finding(first > this.tree.end ? missing : "it repeats entries", { file, seq: this.tree.end }));
			return false;
		}
		this.boundaries.set(first, [...this.tree.hashes]);
		const range = new CompactRange(first);
		const leaves = readLeaves(this.#folder, first);
		const source = await openSegment(this.#folder, first);
		try {
			let carried: Buffer[] = [];
			for await (const chunk of source.chunks(0)) {
				let start = 0;
				for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
					const tail = chunk.subarray(start, at);
					if (!this.#line(carried.length === 0 ? tail : Buffer.concat([...carried, tail]), file, range, leaves))
						return false;
					carried = [];
					start = at + 1;
				}
				if (start < chunk.length) carried.push(chunk.subarray(start));
			}
			return this.#end(carried, file, isLast) && this.#leavesEnd(first, leaves);
		} catch (error) {
			this.findings.push(this.#suspect ?? finding((error as Error).message, { file, seq: this.tree.end }));
			return false;
		} finally {
			await source.close();
		}
	}

	#line(line: Buffer, file: string, range: CompactRange, leaves: Buffer | undefined): boolean {
		const seq = this.tree.end;
		const leaf = leafHash(line);
		const place = Buffer.from(`{"v":1,"seq":${seq},"at":"`);
		if (!line.subarray(0, place.length).equals(place)) {
			this.findings.push(this.#suspect ?? finding("what stands here is not the entry of this number", { file, seq }));
			return false;
		}
		const kept = leaves?.subarray((seq - range.begin) * LEAF_PREFIX_BYTES).toString("latin1", 0, LEAF_PREFIX_BYTES);
		if (kept !== undefined && kept.length > 0 && kept !== leaf.slice(0, LEAF_PREFIX_BYTES)) {
			const session = sessionOf(line);
			this.#suspect ??= finding("it is not what was signed", { file, seq, session });
		}
		if (seq >= this.#covered) this.firstUncoveredAt ??= parseLine(line)?.at ?? "";
		if (KINDS.some((kind) => line.includes(kind))) this.ledger.take(parseLine(line), seq < this.#covered);
		this.tree.append(leaf);
		range.append(leaf);
		return this.#root(file);
	}

	#root(file: string): boolean {
		const size = this.tree.end;
		const expected = this.#roots.get(size);
		if (expected === undefined) return true;
		const root = this.tree.root();
		const wrong = expected.find((one) => one.root !== root);
		if (wrong !== undefined) {
			const first = this.#proven;
			const which = size - first === 1 ? `entry ${first} is` : `among the entries ${first} to ${size - 1} one is`;
			this.findings.push(
				this.#suspect ?? finding(`${which} not what ${wrong.name} was signed over`, { file, seq: first }),
			);
			return false;
		}
		if (this.#suspect !== undefined) {
			const { seq } = this.#suspect;
			this.findings.push(
				finding(`it disagrees with entry ${seq}, which is as it was signed`, {
					file: file.replace(/jsonl.*/, "leaves"),
				}),
			);
			this.#suspect = undefined;
		}
		this.#proven = size;
		return true;
	}

	#end(carried: readonly Buffer[], file: string, isLast: boolean): boolean {
		this.tornBytes = carried.reduce((sum, { length }) => sum + length, 0);
		if (this.tornBytes === 0 || isLast) return true;
		this.findings.push(finding("it ends in the middle of an entry", { file, seq: this.tree.end }));
		return false;
	}

	/** Of what a checkpoint covers, the leaf hashes were kept before it was signed. */
	#leavesEnd(first: number, leaves: Buffer | undefined): boolean {
		const needed = (Math.min(this.#covered, this.tree.end) - first) * LEAF_PREFIX_BYTES;
		const most = (this.tree.end - first) * LEAF_PREFIX_BYTES;
		const has = leaves?.length ?? 0;
		const name = segmentName(first).replace("jsonl", "leaves");
		if (has < needed)
			this.findings.push(finding(leaves === undefined ? "it is missing" : "its end is missing", { file: name }));
		else if (has > most) this.findings.push(finding("it is longer than its segment", { file: name }));
		return true;
	}

	/** At the end of the log: what differs from `leaves` without being under any checkpoint. */
	rest(): void {
		if (this.#suspect !== undefined) this.findings.push(this.#suspect);
	}
}

export async function verifyLog(options: VerifyOptions): Promise<LogReport> {
	const { folder } = options;
	const findings: Finding[] = [];
	const node = nodeOf(folder, findings);
	const chain = checkChain(folder, node === undefined ? undefined : originOf(node), options.key);
	findings.push(...chain.findings, ...checkKept(options.checkpoint, chain.checkpoints, chain.keys));
	const segments = listSegments(folder);
	const sealed = segments.filter((first) => existsSync(`${join(folder, segmentName(first))}.gz`));
	const stored = readRanges(folder);
	if (!stored.sound) findings.push(finding("it is damaged", { file: RANGES }));
	const first = segments[0] ?? 0;
	const start = new CompactRange(0);
	for (const range of stored.ranges) if (range.end <= first) start.extend(range);
	const walk = new LogWalk(folder, start, chain.checkpoints, options.checkpoint);
	let isWhole = walk.begin();
	for (const [index, segment] of segments.entries()) {
		if (!isWhole) break;
		isWhole = await walk.segment(segment, index === segments.length - 1);
	}
	findings.push(...walk.findings);
	if (isWhole) {
		walk.rest();
		findings.push(
			...checkEnd(walk, chain.checkpoints, options),
			...checkRanges(walk, stored.ranges, segments, sealed, chain.checkpoints.at(-1)?.size ?? 0),
			...checkSeals(folder, sealed, walk.ledger),
			...checkTrims(first, walk.boundaries, walk.ledger),
			...checkTorn(folder, first, walk.ledger),
			...walk.ledger.checkKeys(chain.keys, chain.checkpoints, first),
		);
	}
	const last = chain.checkpoints.at(-1);
	return {
		ok: findings.length === 0,
		node: node ?? null,
		keys: chain.keys.map(({ text }) => text),
		checkpoints: chain.checkpoints.length,
		from: first,
		to: walk.tree.end,
		covered: Math.min(last?.size ?? 0, walk.tree.end),
		segments: segments.length,
		sealed: sealed.length,
		last: last === undefined ? null : { at: last.at, size: last.size, note: last.note.text },
		findings,
	};
}

function nodeOf(folder: string, findings: Finding[]): string | undefined {
	try {
		const node = readNodeName(folder);
		if (node === undefined) findings.push(finding("it is missing", { file: "node" }));
		return node;
	} catch {
		findings.push(finding("it does not hold a node's name", { file: "node" }));
		return undefined;
	}
}

/** What can be said of a checkpoint kept elsewhere before the entries are read. */
function checkKept(
	kept: Checkpoint | undefined,
	chain: readonly ChainedCheckpoint[],
	keys: readonly VerifierKey[],
): Finding[] {
	if (kept === undefined) return [];
	const isSigned = keys.some((key) => isSignedBy(kept.note, key));
	const findings: Finding[] = [];
	if (kept.origin !== (chain[0]?.origin ?? kept.origin))
		findings.push(finding(`the checkpoint kept elsewhere is of another log, ${kept.origin}`));
	else if (!isSigned) findings.push(finding("the checkpoint kept elsewhere is not signed by a key of this log"));
	return findings;
}

function checkEnd(walk: LogWalk, chain: readonly ChainedCheckpoint[], options: VerifyOptions): Finding[] {
	const last = chain.at(-1);
	const { end } = walk.tree;
	const findings: Finding[] = [];
	if (last !== undefined && last.size > end) {
		findings.push(
			finding(
				`the log ends before entry ${end}, and its last checkpoint covers ${last.size}: its end has been cut off`,
				{ seq: end },
			),
		);
	}
	const { checkpoint: kept, openEnd } = options;
	if (kept !== undefined && kept.size > end) {
		findings.push(
			finding(
				`the log has ${end} entries and the checkpoint kept elsewhere covers ${kept.size}: it has been set back`,
				{ seq: end },
			),
		);
	} else if (kept !== undefined && kept.size < (walk.boundaries.keys().next().value ?? 0)) {
		const isKnown = chain.some(({ size, root }) => size === kept.size && root === kept.root);
		if (!isKnown)
			findings.push(
				finding(
					"the checkpoint kept elsewhere covers only entries that have been removed, and is not among the log's own",
				),
			);
	}
	const uncovered = end - Math.min(last?.size ?? 0, end);
	if (openEnd === "any" || (uncovered === 0 && walk.tornBytes === 0)) return findings;
	const isYoung =
		openEnd !== "none" && (walk.firstUncoveredAt === undefined || Date.parse(walk.firstUncoveredAt) >= openEnd.since);
	if (isYoung) return findings;
	const what =
		uncovered === 0
			? `${walk.tornBytes} bytes at the end are no entry`
			: `${uncovered} entries at the end are under no checkpoint`;
	findings.push(
		finding(`${what}: the proxy has ended without closing the log, or a checkpoint is missing`, {
			seq: end - uncovered,
		}),
	);
	return findings;
}

/** `ranges` tells of each finished segment under a checkpoint what the entries say. */
function checkRanges(
	walk: LogWalk,
	ranges: readonly CompactRange[],
	segments: readonly number[],
	sealed: readonly number[],
	covered: number,
): Finding[] {
	const findings: Finding[] = [];
	const known = new Map(ranges.map((range) => [range.begin, range]));
	for (const [index, first] of segments.entries()) {
		const range = known.get(first);
		const end = segments[index + 1];
		if (range === undefined) {
			if ((end !== undefined && end <= covered) || sealed.includes(first))
				findings.push(finding(`the segment of entry ${first} is missing`, { file: RANGES }));
			continue;
		}
		if (range.end !== (end ?? walk.tree.end))
			findings.push(finding(`the segment of entry ${first} ends elsewhere`, { file: RANGES }));
	}
	const whole = new CompactRange(0);
	for (const range of ranges) {
		whole.extend(range);
		const expected = walk.boundaries.get(whole.end) ?? (whole.end === walk.tree.end ? walk.tree.hashes : undefined);
		if (expected === undefined || range.end <= (segments[0] ?? 0)) continue;
		if (expected.join() !== whole.hashes.join()) {
			findings.push(finding(`the segment of entry ${range.begin} has other hashes`, { file: RANGES }));
			break;
		}
	}
	return findings;
}

function readLeaves(folder: string, first: number): Buffer | undefined {
	const path = leavesPath(folder, first);
	return existsSync(path) ? readFileSync(path) : undefined;
}

function sessionOf(line: Buffer): string | undefined {
	const entry = parseLine(line);
	return entry !== undefined && "session" in entry ? entry.session : undefined;
}
