/**
 * The first bytes of a connection: SSLRequest, GSSENCRequest, CancelRequest or a StartupMessage, and what follows from
 * the protocol version and the options in it.
 * Specification: PostgreSQL documentation, chapters "Start-up" and "Protocol Versions"; layout checks as in the server's
 * ProcessStartupPacket, switches as in pg_split_opts and process_postgres_switches.
 */
import { isUtf8 } from "node:buffer";
import { CANCEL_SECRET_BYTES, LOGIN_MESSAGE_BYTES } from "./bounds.js";
import { CANCEL_REQUEST_CODE, GSS_REQUEST_CODE, SSL_REQUEST_CODE, terminated } from "./messages.js";

/** `bytes` is the packet's length: what follows it in the buffer has not been looked at. */
export type StartupPacket =
	| { readonly kind: "incomplete" }
	| { readonly kind: "ssl"; readonly bytes: number }
	| { readonly kind: "gss"; readonly bytes: number }
	| { readonly kind: "cancel"; readonly processId: number; readonly secret: Buffer; readonly bytes: number }
	| {
			readonly kind: "startup";
			readonly major: number;
			readonly minor: number;
			readonly parameters: Map<string, string>;
			readonly bytes: number;
	  }
	| { readonly kind: "malformed"; readonly message: string };

/** The newest minor version of protocol 3 that we speak. */
export const NEWEST_MINOR = 2;

/** Prefix of startup parameters that ask for a protocol extension rather than set something. */
export const PROTOCOL_OPTION_PREFIX = "_pq_.";

/** A length and a code. */
const leastBytes = 8;

export function readStartup(buffer: Buffer, maxBytes: number = LOGIN_MESSAGE_BYTES): StartupPacket {
	if (buffer.length < 4) return { kind: "incomplete" };
	// The length is judged before more is waited for: it is also where another protocol's first bytes show.
	const bytes = buffer.readUInt32BE(0);
	if (bytes < leastBytes || bytes > maxBytes) return malformed("invalid length of startup packet");
	if (buffer.length < bytes) return { kind: "incomplete" };
	const code = buffer.readUInt32BE(4);
	if (code === SSL_REQUEST_CODE || code === GSS_REQUEST_CODE) {
		if (bytes !== leastBytes) return malformed("invalid length of encryption request");
		return { kind: code === SSL_REQUEST_CODE ? "ssl" : "gss", bytes };
	}
	if (code === CANCEL_REQUEST_CODE) return readCancel(buffer, bytes);
	const major = code >>> 16;
	const minor = code & 0xffff;
	// The layout of another major version is not ours to know.
	if (major !== 3) return { kind: "startup", major, minor, parameters: new Map(), bytes };
	return readParameters(buffer, bytes, minor);
}

function readCancel(buffer: Buffer, bytes: number): StartupPacket {
	const secretBytes = bytes - leastBytes - 4;
	if (secretBytes < CANCEL_SECRET_BYTES.min || secretBytes > CANCEL_SECRET_BYTES.max) {
		return malformed("invalid length of cancel request");
	}
	return {
		kind: "cancel",
		processId: buffer.readInt32BE(8),
		secret: Buffer.from(buffer.subarray(12, bytes)),
		bytes,
	};
}

/** Pairs of terminated strings, then one terminator as the very last byte. A name given twice keeps its last value. */
function readParameters(buffer: Buffer, bytes: number, minor: number): StartupPacket {
	const parameters = new Map<string, string>();
	let at = leastBytes;
	while (at < bytes && buffer[at] !== 0) {
		const nameEnd = buffer.indexOf(0, at);
		const valueEnd = nameEnd === -1 ? -1 : buffer.indexOf(0, nameEnd + 1);
		if (valueEnd === -1 || valueEnd >= bytes) {
			return malformed("invalid startup packet layout: expected terminator as last byte");
		}
		if (!isUtf8(buffer.subarray(at, valueEnd))) return malformed("a startup parameter is not valid UTF-8");
		const name = buffer.toString("utf8", at, nameEnd);
		// Deleted first, so that the order too is that of the last mention.
		parameters.delete(name);
		parameters.set(name, buffer.toString("utf8", nameEnd + 1, valueEnd));
		at = valueEnd + 1;
	}
	if (at !== bytes - 1) return malformed("invalid startup packet layout: expected terminator as last byte");
	return { kind: "startup", major: 3, minor, parameters, bytes };
}

function malformed(message: string): { readonly kind: "malformed"; readonly message: string } {
	return { kind: "malformed", message };
}

/**
 * NegotiateProtocolVersion, or undefined when the client asked for nothing beyond us. It carries the whole version that
 * will be spoken (3.x, major in the upper half) as the server sends it: libpq refuses any other number there.
 */
export function negotiateVersion(minor: number, unknownOptions: readonly string[]): Buffer | undefined {
	if (minor <= NEWEST_MINOR && unknownOptions.length === 0) return undefined;
	const options = Buffer.concat(unknownOptions.map(terminated));
	const frame = Buffer.alloc(13 + options.length);
	frame.write("v", 0, "latin1");
	frame.writeInt32BE(frame.length - 1, 1);
	frame.writeUInt32BE((3 << 16) | Math.min(minor, NEWEST_MINOR), 5);
	frame.writeInt32BE(unknownOptions.length, 9);
	options.copy(frame, 13);
	return frame;
}

export type StartupOptions =
	| { readonly kind: "options"; readonly options: Map<string, string> }
	| { readonly kind: "malformed"; readonly message: string };

/**
 * The `options` startup parameter: settings as on the server's command line, `-c name=value` or `--name=value`. Any other
 * switch is refused, for each would change the server in a way that is not a setting's name and value.
 * Names come lower-cased and with "_" for "-", as the server compares them; of one given twice the last holds.
 */
export function parseOptions(options: string): StartupOptions {
	const found = new Map<string, string>();
	const words = splitOptions(options)[Symbol.iterator]();
	for (const word of words) {
		let assignment: string | undefined;
		if (word.startsWith("--")) assignment = word.slice(2);
		else if (word === "-c") assignment = words.next().value;
		else if (word.startsWith("-c")) assignment = word.slice(2);
		else return malformed("only -c name=value and --name=value are taken in options");
		const equals = assignment?.indexOf("=") ?? -1;
		if (assignment === undefined || equals < 1) return malformed("a switch in options lacks name=value");
		const name = assignment
			.slice(0, equals)
			.replaceAll("-", "_")
			.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
		found.delete(name);
		found.set(name, assignment.slice(equals + 1));
	}
	return { kind: "options", options: found };
}

/** Words are parted by white space; a backslash takes the next character as it is, white space included. */
function splitOptions(options: string): string[] {
	const words: string[] = [];
	let word: string | undefined;
	for (let at = 0; at < options.length; at++) {
		const character = options.charAt(at);
		if (/[ \t\n\v\f\r]/.test(character)) {
			if (word !== undefined) words.push(word);
			word = undefined;
		} else if (character === "\\") {
			at++;
			word = (word ?? "") + options.charAt(at);
		} else word = (word ?? "") + character;
	}
	if (word !== undefined) words.push(word);
	return words;
}
