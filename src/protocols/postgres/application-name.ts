/**
 * The application's name at the server: what the client calls itself, and behind it the subject in brackets, so that the
 * server's own views and logs say who is at work. The client goes on to see its own name: in ParameterStatus, and when it
 * asks with SHOW. What it sets later is signed as soon as the session is idle, by a SET of the proxy's own.
 *
 * PostgreSQL documentation, `application_name`: what does not fit into 63 bytes is cut, and bytes that are no printable
 * ASCII are replaced, by up to four characters.
 */
import type { StatementFacts } from "../../sql/facts.js";

export const APPLICATION_NAME = "application_name";

/** The server's bound of the name, in bytes (its NAMEDATALEN less the terminator). */
const NAME_BYTES = 63;
/** Of which the subject takes at most this much, so that the application is still told. */
const SUBJECT_BYTES = 32;
/** What the server makes of one byte that it does not take: `?`, or `\xNN` since PostgreSQL 16. */
const REPLACED_BYTES = 4;

const HEADER_BYTES = 5;
/** Type byte, length, number of columns, length of the only column. */
const ROW_HEADER_BYTES = HEADER_BYTES + 6;

export class ApplicationName {
	/** What stands behind the application's name. */
	readonly #signature: string;
	/** What the client set at its login, as the server would have taken it. */
	readonly #own: string;
	readonly #signedOwn: string;
	/** What the client was told last. */
	#told: string | undefined;
	/** The name that was signed last, and what that made of it. */
	#lastOwn = "";
	#lastSigned: string | undefined;
	/** What it has set since, which is not signed yet. */
	#unsigned: string | undefined;

	/** `told`: what the client was told at its login. */
	constructor(subject: string, own: string | undefined, told?: string) {
		this.#told = told;
		this.#signature = ` [${subject.replace(/[^ -~]/gu, "?").slice(0, SUBJECT_BYTES)}]`;
		this.#own = printable(own ?? "") ? (own ?? "").slice(0, NAME_BYTES) : "";
		this.#signedOwn = this.#signed(own ?? "");
	}

	/** For the login at the server. */
	get atLogin(): string {
		return this.#signedOwn;
	}

	#signed(name: string): string {
		let room = NAME_BYTES - this.#signature.length;
		let kept = "";
		for (const character of name) {
			room -= printable(character) ? 1 : REPLACED_BYTES * Buffer.byteLength(character);
			if (room < 0) break;
			kept += character;
		}
		return kept === "" ? this.#signature.trimStart() : kept + this.#signature;
	}

	/** What the client calls that which the server calls `name`. */
	own(name: string): string {
		if (name === this.#lastSigned) return this.#lastOwn;
		if (name === this.#signedOwn && this.#own !== "") return this.#own;
		if (name === this.#signature.trimStart()) return "";
		return name.endsWith(this.#signature) ? name.slice(0, -this.#signature.length) : name;
	}

	#isSigned(name: string): boolean {
		return name === this.#signature.trimStart() || name.endsWith(this.#signature);
	}

	/** The server reports the name. Answers what the client is to be told; undefined: it knows that already. */
	reported(name: string): string | undefined {
		const own = this.own(name);
		this.#unsigned = this.#isSigned(name) ? undefined : name;
		if (own === this.#told) return undefined;
		this.#told = own;
		return own;
	}

	/** The statement by which the name is signed, when it is not; said once for each name. */
	takeSigning(): string | undefined {
		const name = this.#unsigned;
		if (name === undefined) return undefined;
		this.#unsigned = undefined;
		this.#lastOwn = name;
		this.#lastSigned = this.#signed(name);
		// As an escape string it is read the same whatever standard_conforming_strings says.
		return `SET ${APPLICATION_NAME} = E'${this.#lastSigned.replace(/['\\]/g, "\\$&")}'`;
	}

	/** A row of SHOW application_name, as the client is to see it. Undefined: it passes as it is. */
	row(data: Buffer, start: number, end: number): Buffer | undefined {
		if (end - start < ROW_HEADER_BYTES || data.readUInt16BE(start + HEADER_BYTES) !== 1) return undefined;
		const name = data.toString("latin1", start + ROW_HEADER_BYTES, end);
		const own = this.own(name);
		if (own === name) return undefined;
		const frame = Buffer.alloc(ROW_HEADER_BYTES + own.length);
		frame[0] = data[start] as number;
		frame.writeInt32BE(frame.length - 1, 1);
		frame.writeInt16BE(1, HEADER_BYTES);
		frame.writeInt32BE(own.length, HEADER_BYTES + 2);
		frame.write(own, ROW_HEADER_BYTES, "latin1");
		return frame;
	}
}

export function showsApplicationName({ tag, outputs }: StatementFacts): boolean {
	return tag === "SHOW" && outputs?.length === 1 && outputs[0]?.name === APPLICATION_NAME;
}

function printable(text: string): boolean {
	return /^[ -~]*$/.test(text);
}
