/**
 * How much work one text may be, counted rather than timed, so that the same text always gets the same answer: a few
 * hundred bytes can double with each common table what `*` stands for, or make each recursion go round within another.
 *
 * A unit is about one column looked at. Reading is synchronous and a thread reads one text at a time, so what is left
 * is kept here and need not be handed through every function of the resolver.
 */
import { Unreadable } from "./unreadable.js";

/** The text is more work than it may be; it says nothing about a part of it, such as a view. */
export class TooMuchWork extends Unreadable {
	constructor() {
		super("limit", "the statement is too much work to analyse; write it with fewer tables, columns or levels");
	}
}

let left = Number.POSITIVE_INFINITY;

/** Runs something that may take so many units. `exceeded`: it took more, and gave up on the way. */
export function withinWork<Result>(units: number, run: () => Result): { result: Result; exceeded: boolean } {
	left = units;
	try {
		return { result: run(), exceeded: left < 0 };
	} finally {
		left = Number.POSITIVE_INFINITY;
	}
}

/** Throws TooMuchWork once more was spent than there is, and from then on until the text is done with. */
export function spend(units: number): void {
	left -= units;
	if (left < 0) throw new TooMuchWork();
}
