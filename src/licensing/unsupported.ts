/**
 * Terms that this build reads and checks but does not enforce. A license that uses one does not load: a contract of
 * which a part is silently not kept is worse than one that is refused. A build that comes to enforce a term removes
 * its line here.
 */
import type { Path, Problem } from "../config/problem.js";
import { valueAt } from "../config/soundness.js";
import type { Plain, Source } from "../config/yaml.js";

interface UnenforcedTerm {
	/** How the term is called in messages. */
	readonly name: string;
	/** Where in the document it is used: the paths of every use. */
	readonly uses: (document: Plain) => readonly Path[];
}

const UNENFORCED: readonly UnenforcedTerm[] = [
	present("limits.budgets", ["limits", "budgets"]),
	present("limits.rate", ["limits", "rate"]),
	present("pricing", ["pricing"]),
	{ name: "regions.allow with country:", uses: countries },
];

function present(name: string, path: Path): UnenforcedTerm {
	return { name, uses: (document) => (valueAt(document, path) === undefined ? [] : [path]) };
}

function countries(document: Plain): readonly Path[] {
	const path = ["regions", "allow"];
	const allow = valueAt(document, path);
	if (!Array.isArray(allow)) return [];
	return allow.flatMap((region: Plain, index) =>
		typeof region === "string" && region.startsWith("country:") ? [[...path, index]] : [],
	);
}

/** Names of the terms, for the docs and `licet license validate`. */
export const UNENFORCED_TERMS: readonly string[] = UNENFORCED.map((term) => term.name);

export function unenforcedTerms(source: Source): Problem[] {
	return UNENFORCED.flatMap(({ name, uses }) =>
		uses(source.value).map((path) =>
			source.problem(
				path,
				`${name} is not enforced by this build, so the license is refused rather than loaded without it`,
			),
		),
	);
}
