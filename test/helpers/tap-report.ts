/**
 * Reads what one test file says in TAP and tells what a person wants to know: a line when it passed, everything about
 * what failed in it, and the counts.
 *
 * A file ends with its plan (`1..3`) and a comment that holds the counts of all its assertions, those of subtests among
 * them. One that breaks off before has failed, whatever its process says; so has one whose process says so.
 *
 * TAP version 14: https://testanything.org/tap-version-14-specification.html
 */

export interface Counts {
	readonly passed: number;
	readonly failed: number;
}

const COUNTS = /^# \{ (total: .*) \}$/;
const PLAN = /^1\.\.\d+\b/;
/** Lines that say nothing when one looks for a failure. */
const NOISE = /^\s*(ok \d+\b.*|\d+\.\.\d+|# Subtest: .*|)$/;

export class TapReport {
	readonly #name: string;
	readonly #lines: string[] = [];
	#rest = "";
	#hasPlan = false;
	#counts: { readonly total: number; readonly pass: number; readonly fail: number } | undefined;

	constructor(name: string) {
		this.#name = name;
	}

	write(chunk: string): void {
		const lines = (this.#rest + chunk).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) this.#line(line);
	}

	/** `fault`: what was wrong with the process. A file that failed counts even if none of its assertions did. */
	end(milliseconds: number, fault: string | undefined, print: (line: string) => void): Counts {
		if (this.#rest !== "") this.#line(this.#rest);
		const { total, pass, fail } = this.#counts ?? { total: 0, pass: 0, fail: 0 };
		const why = fault ?? this.#missing(total);
		const isGood = why === undefined && fail === 0;
		if (!isGood) for (const line of this.#lines) if (!NOISE.test(line)) print(line);
		const because = why === undefined ? "" : ` (${why})`;
		print(`${isGood ? "passed" : "FAILED"}  ${this.#name} # time=${Math.round(milliseconds)}ms${because}`);
		return { passed: pass, failed: isGood ? 0 : Math.max(fail, 1) };
	}

	#missing(total: number): string | undefined {
		if (!this.#hasPlan || this.#counts === undefined) return "it broke off";
		return total === 0 ? "no test ran" : undefined;
	}

	#line(line: string): void {
		const counts = COUNTS.exec(line);
		if (counts !== null) this.#counts = readCounts(counts[1] ?? "");
		else if (PLAN.test(line)) this.#hasPlan = true;
		this.#lines.push(line);
	}
}

function readCounts(text: string): { readonly total: number; readonly pass: number; readonly fail: number } {
	const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(text)?.[1] ?? 0);
	return { total: count("total"), pass: count("pass"), fail: count("fail") };
}
