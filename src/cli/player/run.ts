/**
 * The player on a terminal: raw keys in, changed lines out. It draws on the terminal's second screen, and whatever ends it
 * gives the terminal back as it was.
 */
import type { ReadStream, WriteStream } from "node:tty";
import type { LoggedEntry } from "../../recorder/entry.js";
import { KeyDecoder } from "./keys.js";
import { type Input, newPlayer, type Player, step } from "./player.js";
import { screen } from "./screen.js";
import { Tape } from "./tape.js";

/** Twenty frames a second: movement looks even, and an idle player costs nothing to speak of. */
const TICK_MS = 50;
/** Second screen, no cursor, no wrapping at the edge; and back. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";

export interface PlayOptions {
	readonly input: ReadStream;
	readonly output: WriteStream;
	readonly speed: number;
	/** Entries go on coming as they are recorded. */
	readonly follows: boolean;
}

/** Resolves when the person quits. Rejects when the entries cannot be read. */
export async function play(entries: AsyncIterable<LoggedEntry>, options: PlayOptions): Promise<void> {
	const tape = new Tape();
	const iterator = entries[Symbol.asyncIterator]();
	/* Before the terminal is changed: a session that is not there is said on the usual screen. */
	const first = await iterator.next();
	if (first.done !== true) tape.append(first.value);
	const terminal = new Terminal(options, tape);
	const loading = load(iterator, tape, () => terminal.quit);
	const failed = loading.then(
		() => new Promise<never>(() => undefined),
		(error: unknown) => Promise.reject(error),
	);
	try {
		await Promise.race([terminal.run(), failed]);
	} finally {
		terminal.leave();
		iterator.return?.().catch(() => undefined);
	}
}

async function load(iterator: AsyncIterator<LoggedEntry>, tape: Tape, isOver: () => boolean): Promise<void> {
	while (!isOver()) {
		const next = await iterator.next();
		if (next.done === true || !tape.append(next.value)) break;
	}
	tape.finish();
}

class Terminal {
	readonly #input: ReadStream;
	readonly #output: WriteStream;
	readonly #tape: Tape;
	readonly #decoder = new KeyDecoder();
	#player: Player;
	#drawn: string[] = [];
	#timer: NodeJS.Timeout | undefined;
	#lastMs = 0;
	#done: () => void = () => undefined;
	#isLeft = true;

	constructor(options: PlayOptions, tape: Tape) {
		const { input, output, speed, follows } = options;
		this.#input = input;
		this.#output = output;
		this.#tape = tape;
		this.#player = newPlayer({ columns: output.columns, rows: output.rows, follows, speed });
	}

	get quit(): boolean {
		return this.#player.quit;
	}

	run(): Promise<void> {
		this.#input.on("data", this.#onData);
		this.#input.once("end", this.#onEnd);
		this.#output.on("resize", this.#onResize);
		process.on("SIGCONT", this.#enter);
		for (const signal of ["SIGTERM", "SIGHUP"] as const) process.once(signal, this.#onEnd);
		process.once("exit", this.leave);
		this.#enter();
		this.#lastMs = performance.now();
		this.#timer = setInterval(this.#onTick, TICK_MS);
		return new Promise((resolve) => {
			this.#done = resolve;
		});
	}

	readonly #enter = (): void => {
		this.#isLeft = false;
		this.#input.setRawMode(true);
		this.#input.resume();
		this.#output.write(ENTER);
		this.#drawn = [];
		this.#draw();
	};

	/** Gives the terminal back. */
	readonly leave = (): void => {
		clearInterval(this.#timer);
		this.#input.off("data", this.#onData);
		this.#output.off("resize", this.#onResize);
		process.off("SIGCONT", this.#enter);
		process.off("exit", this.leave);
		for (const signal of ["SIGTERM", "SIGHUP"] as const) process.off(signal, this.#onEnd);
		this.#release();
	};

	#release(): void {
		if (this.#isLeft) return;
		this.#isLeft = true;
		this.#input.setRawMode(false);
		this.#input.pause();
		this.#output.write(LEAVE);
	}

	readonly #onEnd = (): void => {
		this.#done();
	};

	readonly #onResize = (): void => {
		this.#output.write("\u001b[2J");
		this.#drawn = [];
		this.#take({ kind: "resize", columns: this.#output.columns, rows: this.#output.rows });
	};

	readonly #onTick = (): void => {
		const now = performance.now();
		const ms = now - this.#lastMs;
		this.#lastMs = now;
		this.#take({ kind: "tick", ms });
	};

	readonly #onData = (chunk: Buffer): void => {
		for (const key of this.#decoder.keys(chunk)) {
			if (key === "ctrl-z") this.#suspend();
			else if (key === "ctrl-l") this.#onResize();
			else this.#take({ kind: "key", key });
		}
	};

	/** As a shell's job is: SIGCONT brings it back. */
	#suspend(): void {
		this.#release();
		process.kill(process.pid, "SIGTSTP");
	}

	#take(input: Input): void {
		this.#player = step(this.#player, this.#tape, input);
		if (this.#player.quit) this.#done();
		else if (!this.#isLeft) this.#draw();
	}

	#draw(): void {
		const lines = screen(this.#player, this.#tape);
		let out = "";
		for (const [row, line] of lines.entries()) {
			if (this.#drawn[row] !== line) out += `\u001b[${row + 1};1H\u001b[2K${line}`;
		}
		this.#drawn = lines;
		if (out !== "") this.#output.write(out);
	}
}
