/**
 * A problem found in a document, and how it reads. Both documents (licet.yaml and licenses) report all their problems
 * at once, each with the place, the key and what was expected, so that a person mends a file in one go.
 *
 * A message never repeats a value: configuration holds passwords, and a log or a terminal is no place for them.
 */

export interface Problem {
	readonly file: string;
	/** From 1. */
	readonly line: number;
	/** From 1, in UTF-16 code units, as editors count. */
	readonly column: number;
	/** The key, as written in messages: "targets.shop.address", "masks[0].with"; empty for the document as a whole. */
	readonly path: string;
	/** What is wrong and what was expected. */
	readonly message: string;
}

/** One line: `file:line:column: path: message`, which terminals and editors turn into a link. */
export function formatProblem(problem: Problem): string {
	const key = problem.path === "" ? "" : `${problem.path}: `;
	return `${problem.file}:${problem.line}:${problem.column}: ${key}${problem.message}`;
}

/** A document's keys from its root to a value. */
export type Path = readonly (string | number)[];

/** `["masks", 0, "with"]` → `masks[0].with`: how messages address a term. Keys that are no plain word are quoted. */
export function formatPath(path: Path): string {
	let text = "";
	for (const key of path) {
		if (typeof key === "number") text += `[${key}]`;
		else if (/^[A-Za-z_][\w-]*$/.test(key)) text += text === "" ? key : `.${key}`;
		else text += `[${JSON.stringify(key)}]`;
	}
	return text;
}

/** Problems in the order of the file, each once. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
	const seen = new Set<string>();
	const unique = problems.filter((problem) => {
		const line = formatProblem(problem);
		if (seen.has(line)) return false;
		seen.add(line);
		return true;
	});
	return unique.sort((a, b) => a.line - b.line || a.column - b.column);
}
