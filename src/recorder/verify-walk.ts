/**
 * The walk through a log's entries: each is hashed in its place, and at each checkpoint the roots must be the same. Tells
 * the first entry that is not as it was, as exactly as `leaves` allows.
 */
import { existsSync, readFileSync } from "node:fs";
import type { Checkpoint, TreeHead } from "./checkpoint.js";
import { type Finding, finding } from "./finding.js";
import { LineSplitter } from "./lines.js";
import { LEAF_PREFIX_BYTES } from "./notary.js";
import { RANGES } from "./ranges.js";
import { openSegment } from "./segment-source.js";
import { isOpen, leavesPath, parseLine, segmentName } from "./segments.js";
import { CompactRange, type Hash, leafHash } from "./tree.js";
import { Ledger } from "./verify-files.js";

const KINDS = ["gap", "key", "seal", "trim"].map((type) => Buffer.from(`"type":"${type}"`));

export class LogWalk {
	readonly findings: Finding[] = [];
	readonly ledger = new Ledger();
	readonly tree: CompactRange;
	/** Where the tree is known that another file tells of, by the number of entries before it. */
	readonly boundaries = new Map<number, readonly Hash[]>();
	readonly #folder: string;
	readonly #heads: readonly TreeHead[];
	/** The first of them that is not behind the walk. */
	#ahead = 0;
	readonly #kept: TreeHead | undefined;
	readonly #covered: number;
	/** The first entry since the last root that was right which differs from what `leaves` says. */
	#suspect: Finding | undefined;
	#proven: number;
	firstUncoveredAt: string | undefined;
	tornBytes = 0;

	/** `heads`: what the log's checkpoints say, in order. */
	constructor(folder: string, start: CompactRange, heads: readonly TreeHead[], kept: Checkpoint | undefined) {
		this.#folder = folder;
		this.tree = start;
		this.#proven = start.end;
		this.#covered = heads.at(-1)?.size ?? 0;
		this.#heads = heads;
		this.#kept = kept;
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
			const lines = new LineSplitter();
			for await (const chunk of source.chunks(0)) {
				for (const line of lines.take(chunk)) if (!this.#line(line, file, range, leaves)) return false;
			}
			this.tornBytes = lines.restBytes;
			return this.#end(file, isLast) && this.#leavesEnd(first, leaves);
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
		while ((this.#heads[this.#ahead]?.size ?? size) < size) this.#ahead++;
		const own = this.#heads[this.#ahead];
		const [isOwn, isKept] = [own?.size === size, this.#kept?.size === size];
		if (!isOwn && !isKept) return true;
		const root = this.tree.root();
		const isWrong = isOwn && own?.root !== root;
		if (isWrong || (isKept && this.#kept?.root !== root)) {
			const first = this.#proven;
			const which = size - first === 1 ? `entry ${first} is` : `among the entries ${first} to ${size - 1} one is`;
			const name = isWrong ? `the checkpoint of ${size} entries` : "the checkpoint that was kept elsewhere";
			this.findings.push(this.#suspect ?? finding(`${which} not what ${name} was signed over`, { file, seq: first }));
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

	#end(file: string, isLast: boolean): boolean {
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

function readLeaves(folder: string, first: number): Buffer | undefined {
	const path = leavesPath(folder, first);
	return existsSync(path) ? readFileSync(path) : undefined;
}

function sessionOf(line: Buffer): string | undefined {
	const entry = parseLine(line);
	return entry !== undefined && "session" in entry ? entry.session : undefined;
}
