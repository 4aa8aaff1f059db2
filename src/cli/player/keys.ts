/**
 * Bytes of a terminal in raw mode as keys (ECMA-48 control sequences as xterm sends them). A sequence may come in pieces.
 */
import { StringDecoder } from "node:string_decoder";

const NAMED: ReadonlyMap<string, string> = new Map([
	["\r", "enter"],
	["\n", "enter"],
	["\u007f", "backspace"],
	["\b", "backspace"],
	["\u0003", "ctrl-c"],
	["\u001a", "ctrl-z"],
	["\f", "ctrl-l"],
	["\u0015", "ctrl-u"],
]);

/** By what follows the escape character. */
const SEQUENCES: ReadonlyMap<string, string> = new Map([
	...["[", "O"].flatMap((intro) => [
		[`${intro}A`, "up"] as const,
		[`${intro}B`, "down"] as const,
		[`${intro}C`, "right"] as const,
		[`${intro}D`, "left"] as const,
		[`${intro}H`, "home"] as const,
		[`${intro}F`, "end"] as const,
	]),
	["[1~", "home"],
	["[7~", "home"],
	["[4~", "end"],
	["[8~", "end"],
	["[5~", "page-up"],
	["[6~", "page-down"],
]);

const SEQUENCE = /^(?:\[[0-?]*[ -/]*[@-~]|O[@-~])/;
const INCOMPLETE = /^(?:\[[0-?]*[ -/]*|O)$/;
/** No key's sequence is longer; what is, is noise. */
const SEQUENCE_CHARACTERS = 16;

export class KeyDecoder {
	readonly #decoder = new StringDecoder("utf8");
	#kept = "";

	/** The keys in a chunk: names for those that have one, else the character. */
	keys(chunk: Buffer): string[] {
		let rest = this.#kept + this.#decoder.write(chunk);
		this.#kept = "";
		const keys: string[] = [];
		while (rest !== "") {
			if (rest.startsWith("\u001b")) {
				const after = rest.slice(1);
				if (INCOMPLETE.test(after) && after.length < SEQUENCE_CHARACTERS) {
					this.#kept = rest;
					break;
				}
				const sequence = SEQUENCE.exec(after)?.[0];
				if (sequence === undefined) keys.push("escape");
				else if (SEQUENCES.has(sequence)) keys.push(SEQUENCES.get(sequence) as string);
				rest = after.slice(sequence?.length ?? 0);
				continue;
			}
			const character = String.fromCodePoint(rest.codePointAt(0) as number);
			keys.push(NAMED.get(character) ?? character);
			rest = rest.slice(character.length);
		}
		return keys;
	}
}
