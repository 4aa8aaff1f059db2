/** The lines of one segment, open or sealed, without their newlines; what is not ended by one is no line yet. */
import { openSegment } from "./segment-source.js";

const NEWLINE = 0x0a;

export async function* segmentLines(folder: string, first: number): AsyncGenerator<Buffer> {
	const source = await openSegment(folder, first);
	try {
		let carried: Buffer[] = [];
		for await (const chunk of source.chunks(0)) {
			let start = 0;
			for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
				const tail = chunk.subarray(start, at);
				yield carried.length === 0 ? tail : Buffer.concat([...carried, tail]);
				carried = [];
				start = at + 1;
			}
			if (start < chunk.length) carried.push(chunk.subarray(start));
		}
	} finally {
		await source.close();
	}
}
