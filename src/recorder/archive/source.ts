/** Where an object's bytes come from: a slice of a file, or the beginning of a segment, whether it is sealed by then or not. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { openSegment } from "../segment-source.js";

export interface Source {
	readonly bytes: number;
	/** From a byte of it to its end. */
	chunks(offset: number): AsyncIterable<Buffer>;
}

const CHUNK_BYTES = 256 << 10;

export function fileSource(path: string, from = 0, to = statSync(path).size): Source {
	return {
		bytes: to - from,
		chunks(offset) {
			if (from + offset >= to) return nothing();
			return createReadStream(path, {
				start: from + offset,
				end: to - 1,
				highWaterMark: CHUNK_BYTES,
			}) as AsyncIterable<Buffer>;
		},
	};
}

async function* nothing(): AsyncGenerator<Buffer> {}

/** The first bytes of a segment's lines. */
export function segmentSource(folder: string, first: number, bytes: number): Source {
	return {
		bytes,
		async *chunks(offset) {
			const segment = await openSegment(folder, first);
			try {
				let left = bytes - offset;
				if (left <= 0) return;
				for await (const chunk of segment.chunks(offset)) {
					yield chunk.length <= left ? chunk : chunk.subarray(0, left);
					left -= chunk.length;
					if (left <= 0) return;
				}
			} finally {
				await segment.close();
			}
		},
	};
}

/** Part of it; shorter where it ends before. */
export async function slice(source: Source, offset: number, length: number): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of source.chunks(offset)) {
		chunks.push(chunk);
		bytes += chunk.length;
		if (bytes >= length) break;
	}
	return Buffer.concat(chunks).subarray(0, length);
}

export interface Content {
	readonly bytes: number;
	/** In hexadecimal. */
	readonly sha256: string;
}

/** What arrives, up to a bound: what is longer is told as longer, and not read on. */
export async function contentOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Content> {
	const hash = createHash("sha256");
	let bytes = 0;
	for await (const chunk of chunks) {
		bytes += chunk.length;
		if (bytes > maxBytes) break;
		hash.update(chunk);
	}
	return { bytes, sha256: hash.digest("hex") };
}
