/**
 * The work of sealing one segment, in a thread of its own: compresses it, hashes its entries and what it writes. It
 * answers with what it found; whether that is what was recorded, the sealer judges.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, writeFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { parentPort, workerData } from "node:worker_threads";
import { createGzip } from "node:zlib";
import { LineSplitter } from "./lines.js";
import { CompactRange, type Hash, leafHash } from "./tree.js";

export interface SealTask {
	readonly source: string;
	readonly first: number;
	/** Where the compressed segment and the leaf hashes' first bytes are written to. */
	readonly compressed: string;
	readonly leaves: string;
	readonly prefixBytes: number;
}

export interface SealWork {
	readonly entries: number;
	readonly bytes: number;
	readonly sha256: string;
	readonly leavesSha256: string;
	readonly hashes: readonly Hash[];
}

const CHUNK_BYTES = 256 << 10;

class LineHasher {
	readonly range: CompactRange;
	readonly prefixes: string[] = [];
	bytes = 0;
	readonly #prefixBytes: number;
	readonly #lines = new LineSplitter();

	constructor(first: number, prefixBytes: number) {
		this.range = new CompactRange(first);
		this.#prefixBytes = prefixBytes;
	}

	take(chunk: Buffer): void {
		this.bytes += chunk.length;
		for (const line of this.#lines.take(chunk)) {
			const leaf = leafHash(line);
			this.range.append(leaf);
			this.prefixes.push(leaf.slice(0, this.#prefixBytes));
		}
	}
}

async function seal(task: SealTask): Promise<SealWork> {
	const lines = new LineHasher(task.first, task.prefixBytes);
	const digest = createHash("sha256");
	const source = createReadStream(task.source, { highWaterMark: CHUNK_BYTES });
	source.on("data", (chunk) => lines.take(chunk as Buffer));
	const compressed = createGzip({ chunkSize: CHUNK_BYTES });
	compressed.on("data", (chunk: Buffer) => digest.update(chunk));
	await pipeline(source, compressed, createWriteStream(task.compressed, { mode: 0o600, flush: true }));
	const leaves = Buffer.from(lines.prefixes.join(""), "latin1");
	writeFileSync(task.leaves, leaves, { mode: 0o600, flush: true });
	return {
		entries: lines.range.end - task.first,
		bytes: lines.bytes,
		sha256: digest.digest("hex"),
		leavesSha256: createHash("sha256").update(leaves).digest("hex"),
		hashes: lines.range.hashes,
	};
}

parentPort?.postMessage(await seal(workerData as SealTask));
