/** The word that somebody probably meant, of those that are known. */

/**
 * The one known word that a given one differs least from: in case alone, or by at most one slip for every three letters, one at least (a letter
 * more, less, other, or two in the other order). Undefined when none is that near, or two are equally near.
 */
export function nearest(given: string, known: readonly string[]): string | undefined {
	const folded = given.toLowerCase();
	/* No known word is as long; what is longer was not mistyped. */
	if (folded === "" || folded.length > 64) return undefined;
	let best: string | undefined;
	let least = Math.floor(Math.max(folded.length, 3) / 3) + 1;
	for (const word of known) {
		const slips = slipsBetween(folded, word.toLowerCase());
		if (slips < least) [best, least] = [word, slips];
		else if (slips === least) best = undefined;
	}
	return best;
}

/** Optimal string alignment distance: Damerau and Levenshtein's, no part of a word changed twice. */
function slipsBetween(one: string, other: string): number {
	let twoBack: readonly number[] = [];
	let oneBack: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index);
	for (let i = 1; i <= one.length; i++) {
		const row = [i];
		for (let j = 1; j <= other.length; j++) {
			const cost = one[i - 1] === other[j - 1] ? 0 : 1;
			let slips = Math.min(at(oneBack, j) + 1, at(row, j - 1) + 1, at(oneBack, j - 1) + cost);
			if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
				slips = Math.min(slips, at(twoBack, j - 2) + 1);
			}
			row.push(slips);
		}
		[twoBack, oneBack] = [oneBack, row];
	}
	return at(oneBack, other.length);
}

function at(row: readonly number[], index: number): number {
	return row[index] ?? Number.POSITIVE_INFINITY;
}
