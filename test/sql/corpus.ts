/**
 * The statement corpora, where they are at hand: in a folder `shared/corpus` beside the project or in the one that
 * LICET_CORPUS names. They are no part of the project, so tests that use them skip without them.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { PROJECT } from "../helpers/project.js";

export interface CorpusRow {
	readonly sql: string;
	readonly source: string;
	readonly pg18?: number;
	readonly pg15?: number;
	readonly mdb?: number;
	readonly my97?: number;
}

/** The rows of one corpus; undefined when it is not at hand. */
export function corpus(name: string): readonly CorpusRow[] | undefined {
	const folder = process.env.LICET_CORPUS ?? join(PROJECT, "..", "shared", "corpus");
	const file = join(folder, `${name}.jsonl.gz`);
	if (!existsSync(file)) return undefined;
	return gunzipSync(readFileSync(file))
		.toString("utf8")
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line) as CorpusRow);
}
