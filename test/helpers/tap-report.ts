/**
 * Reads the TAP stream of the runner and says what a person wants to know: a line for each file that passed,
 * everything about one that failed, and the counts.
 *
 * The runner nests each file as one subtest ("# Subtest: path", indented lines, "ok 1 - path"), does not interleave
 * files, and ends with a comment that holds the counts of all assertions.
 */

export interface Counts {
	readonly passed: number;
	readonly failed: number;
}

const FILE_BEGINS = /^# Subtest: (.*)$/;
const FILE_ENDS = /^(not ok|ok) \d+ - (.*)$/;
const COUNTS = /^# \{ (total: .*) \}$/;
/** Lines that say nothing when one looks for a failure. */
const NOISE = /^\s*(ok \d+\b.*|\d+\.\.\d+|)$/;

export class TapReport {
	#rest = "";
	#file: string[] = [];
	#failedFiles = 0;
	#counts: Counts | undefined;
	readonly #print: (line: string) => void;

	constructor(print: (line: string) => void) {
		this.#print = print;
	}

	write(chunk: string): void {
		const lines = (this.#rest + chunk).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) this.#line(line);
	}

	/** The counts, once the stream has ended. A file that failed counts even if none of its assertions did. */
	end(): Counts {
		this.#line(this.#rest);
		if (this.#file.length > 0) this.#file.forEach(this.#print);
		const { passed, failed } = this.#counts ?? { passed: 0, failed: 1 };
		return { passed, failed: Math.max(failed, this.#failedFiles) };
	}

	#line(line: string): void {
		const counts = COUNTS.exec(line);
		const ends = FILE_ENDS.exec(line);
		if (FILE_BEGINS.test(line)) this.#file = [];
		else if (counts) this.#counts = readCounts(counts[1] ?? "");
		else if (ends) this.#fileEnded(ends[1] === "ok", ends[2] ?? "");
		else if (line.startsWith(" ")) this.#file.push(line);
	}

	#fileEnded(ok: boolean, name: string): void {
		if (!ok) {
			this.#failedFiles++;
			for (const line of this.#file) if (!NOISE.test(line)) this.#print(line);
		}
		this.#print(`${ok ? "passed" : "FAILED"}  ${name}`);
		this.#file = [];
	}
}

function readCounts(text: string): Counts {
	const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(text)?.[1] ?? 0);
	return { passed: count("pass"), failed: count("fail") };
}
