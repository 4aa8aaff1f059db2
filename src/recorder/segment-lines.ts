/** The lines of one segment, open or sealed, without their newlines; what is not ended by one is no line yet. */
import { LineSplitter } from "./lines.js";
import { openSegment } from "./segment-source.js";

export async function* segmentLines(folder: string, first: number): AsyncGenerator<Buffer> {
	const source = await openSegment(folder, first);
	try {
		const lines = new LineSplitter();
		for await (const chunk of source.chunks(0)) yield* lines.take(chunk);
	} finally {
		await source.close();
	}
}
