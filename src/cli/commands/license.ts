/** `licet license validate FILE…` and `licet license schema`. */
import { readDocument } from "../../config/file.js";
import { formatProblem, type Problem } from "../../config/problem.js";
import { type License, parseLicense } from "../../licensing/license.js";
import { CommandFailure } from "../failure.js";

/** Prints what is found; throws when any file does not load. */
export function validate(
	files: readonly string[],
	options: { readonly json?: boolean },
	write: (text: string) => void,
): void {
	const results = files.map(check);
	if (options.json === true) {
		write(
			JSON.stringify(
				results.map(({ file, license, problems }) => ({ file, license, valid: license !== null, problems })),
			),
		);
	} else {
		for (const { file, license, problems } of results) {
			for (const problem of problems) write(formatProblem(problem));
			if (license !== null) write(`${file}: license "${license}" is valid`);
		}
	}
	const bad = results.filter(({ license }) => license === null).length;
	if (bad > 0) throw new CommandFailure(options.json === true ? "" : `${bad} of ${files.length} would not load`, 1);
}

function check(file: string): { file: string; license: string | null; problems: readonly Problem[] } {
	const read = readDocument(file);
	if ("problems" in read) return { file, license: null, problems: read.problems };
	const result = parseLicense(read.text, file);
	if ("license" in result) {
		return { file, license: result.license.id, problems: [...result.warnings, ...pastValidity(result.license)] };
	}
	return { file, license: null, problems: result.problems };
}

/** The document is sound, and yet nobody gets a grant under it. */
function pastValidity({ file, validity: { untilMs } }: License): readonly Problem[] {
	if (untilMs === undefined || untilMs >= Date.now()) return [];
	const message = "has passed; no grant can be issued under this license any more";
	return [{ file, line: 1, column: 1, path: "validity.until", message }];
}
