/** A segment's content as a stream of chunks, whether it is open or sealed. */
import { type FileHandle, open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { JournalError } from "./errors.js";
import { sealedPath, segmentName, segmentPath } from "./segments.js";

const CHUNK_BYTES = 256 << 10;

export interface SegmentSource {
	/** From a byte of the content to its end as it is then. Chunks are the caller's to keep. */
	chunks(offset: number): AsyncIterable<Buffer>;
	close(): Promise<void>;
}

/** Opens what is there: the lines as they are, or, once they are gone, the sealed file. */
export async function openSegment(folder: string, first: number): Promise<SegmentSource> {
	try {
		return openLines(await open(segmentPath(folder, first), "r"));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
	}
	return openCompressed(await open(sealedPath(folder, first), "r"), `${segmentName(first)}.gz`);
}

function openLines(file: FileHandle): SegmentSource {
	return {
		async *chunks(offset) {
			for (let position = offset; ; ) {
				/* A buffer of its own for each chunk: lines that are handed out are slices of it. */
				const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
				const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
				if (bytesRead === 0) return;
				yield chunk.subarray(0, bytesRead);
				position += bytesRead;
			}
		},
		close: () => file.close(),
	};
}

function openCompressed(file: FileHandle, name: string): SegmentSource {
	return {
		async *chunks(offset) {
			const compressed = file.createReadStream({ start: 0, autoClose: false });
			const content = compressed.pipe(createGunzip({ chunkSize: CHUNK_BYTES }));
			compressed.on("error", (error) => content.destroy(error));
			let position = 0;
			try {
				for await (const chunk of content as AsyncIterable<Buffer>) {
					const skipped = Math.min(chunk.length, Math.max(0, offset - position));
					position += chunk.length;
					if (skipped < chunk.length) yield chunk.subarray(skipped);
				}
			} catch (error) {
				const code = (error as NodeJS.ErrnoException).code ?? "";
				if (!code.startsWith("Z_")) throw error;
				throw new JournalError("corrupt", `${name} cannot be decompressed: ${(error as Error).message}`);
			} finally {
				content.destroy();
				compressed.destroy();
			}
		},
		close: () => file.close(),
	};
}
