/**
 * What the archive remembers: a file of JSON lines that grows, each of them on the disk before the next step. A crash may
 * tear the last one; then that step is taken again, which the store's own answers make harmless.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppendFile } from "../append-file.js";
import type { StoredPart } from "./store.js";

/** A head: what makes the objects before it a log that verifies. */
export interface Head {
	/** The segment that was being written, and the bytes of it that the last checkpoint covers. */
	readonly segment: number;
	readonly bytes: number;
	/** Entries under that checkpoint. */
	readonly size: number;
	/** The pieces: from a byte of the file to before another. */
	readonly ranges: { readonly from: number; readonly to: number };
	readonly checkpoints: { readonly from: number; readonly to: number };
}

/** An upload in parts that has begun. */
export interface Begun {
	readonly id: string;
	readonly sha256: string;
	readonly partBytes: number;
}

type Line =
	| {
			readonly kind: "confirmed";
			readonly object: string;
			readonly bytes: number;
			readonly sha256: string;
			readonly at: string;
	  }
	| ({ readonly kind: "begun"; readonly object: string } & Begun)
	| ({ readonly kind: "part"; readonly object: string; readonly id: string } & StoredPart)
	| ({ readonly kind: "head" } & Head)
	| { readonly kind: "committed"; readonly segment: number };

export interface StateKey {
	readonly origin: string;
	readonly bucket: string;
	readonly prefix: string;
	readonly node: string;
}

/** Where the state of an archive is kept: another store, or another place in it, has another. */
export function stateFile(folder: string, { origin, bucket, prefix, node }: StateKey): string {
	const id = createHash("sha256").update([origin, bucket, prefix, node].join("\n")).digest("hex").slice(0, 16);
	return join(folder, `${id}.jsonl`);
}

export class ArchiveState {
	readonly #confirmed = new Set<string>();
	readonly #begun = new Map<string, Begun>();
	readonly #parts = new Map<string, StoredPart[]>();
	#head: Head | undefined;
	#committed: Head | undefined;
	#file: AppendFile | undefined;

	/** Reads it, without writing to it. */
	constructor(path: string) {
		const { lines } = readLines(path);
		for (const line of lines) this.#take(line);
	}

	/** Reads it, and goes on with it. */
	static open(folder: string, path: string): ArchiveState {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		const state = new ArchiveState(path);
		state.#file = new AppendFile(path, readLines(path).bytes);
		return state;
	}

	isConfirmed(object: string): boolean {
		return this.#confirmed.has(object);
	}

	/** The head that is on its way: it is finished before another is begun. */
	get head(): Head | undefined {
		return this.#head;
	}

	/** The last one that is there. */
	get committed(): Head | undefined {
		return this.#committed;
	}

	begun(object: string): Begun | undefined {
		return this.#begun.get(object);
	}

	/** Parts that the store has acknowledged in this upload. */
	acknowledged(object: string, id: string): readonly StoredPart[] {
		return this.#begun.get(object)?.id === id ? (this.#parts.get(object) ?? []) : [];
	}

	confirm(object: string, bytes: number, sha256: string, at: string): Promise<void> {
		return this.#append({ kind: "confirmed", object, bytes, sha256, at });
	}

	begin(object: string, begun: Begun): Promise<void> {
		return this.#append({ kind: "begun", object, ...begun });
	}

	acknowledge(object: string, id: string, part: StoredPart): Promise<void> {
		return this.#append({ kind: "part", object, id, ...part });
	}

	plan(head: Head): Promise<void> {
		return this.#append({ kind: "head", ...head });
	}

	commit(head: Head): Promise<void> {
		return this.#append({ kind: "committed", segment: head.segment });
	}

	async #append(line: Line): Promise<void> {
		if (this.#file === undefined) throw new Error("this state is for reading");
		await this.#file.append(`${JSON.stringify(line)}\n`);
		this.#take(line);
	}

	#take(line: Line): void {
		switch (line.kind) {
			case "confirmed":
				this.#confirmed.add(line.object);
				this.#begun.delete(line.object);
				this.#parts.delete(line.object);
				return;
			case "begun":
				this.#begun.set(line.object, line);
				this.#parts.delete(line.object);
				return;
			case "part":
				this.#parts.set(line.object, [...(this.#parts.get(line.object) ?? []), line]);
				return;
			case "head":
				this.#head = line;
				return;
			case "committed":
				this.#committed = this.#head;
				this.#head = undefined;
				return;
			default:
				line satisfies never;
		}
	}
}

function readLines(path: string): { readonly lines: readonly Line[]; readonly bytes: number } {
	let text: string;
	try {
		text = readFileSync(path, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return { lines: [], bytes: 0 };
		throw error;
	}
	const whole = text.slice(0, text.lastIndexOf("\n") + 1);
	const lines = whole.split("\n").slice(0, -1);
	return { lines: lines.map((line) => JSON.parse(line) as Line), bytes: Buffer.byteLength(whole) };
}
