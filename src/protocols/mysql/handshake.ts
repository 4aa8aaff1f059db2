/**
 * The first packets of a connection: the server's greeting, the client's answer, and the request for TLS that may come
 * before it. Written and read, for we are server to one side and client to the other.
 * Specification: MySQL Internals, "Protocol::HandshakeV10", "Protocol::SSLRequest", "Protocol::HandshakeResponse41",
 * "COM_CHANGE_USER"; MariaDB Knowledge Base, "Connection" (extended capabilities in the filler).
 */
import { isUtf8 } from "node:buffer";
import { ATTRIBUTES_BYTES, LOGIN_NAME_BYTES } from "./bounds.js";
import { CAPABILITY, hasFlag } from "./codes.js";
import { Reader } from "./reader.js";
import { Writer } from "./writer.js";

export const PROTOCOL_VERSION = 10;
/** Random bytes of a challenge. */
export const SCRAMBLE_BYTES = 20;
/** Bytes of the challenge in the greeting's first part. */
const FIRST_PART_BYTES = 8;
/** Payload of a request for TLS: the answer's fixed part alone. */
export const FIXED_BYTES = 32;
const FILLER_BYTES = 19;

export interface Greeting {
	/** As it is shown, with any prefix. */
	readonly version: string;
	readonly connectionId: number;
	readonly scramble: Buffer;
	readonly capabilities: number;
	/** MariaDB's, 0 for others. */
	readonly extended: number;
	readonly charset: number;
	readonly status: number;
	/** "" where the server names none. */
	readonly plugin: string;
}

export function greetingPayload(greeting: Greeting): Buffer {
	const { capabilities, scramble } = greeting;
	return new Writer()
		.int(PROTOCOL_VERSION, 1)
		.terminated(greeting.version)
		.int(greeting.connectionId, 4)
		.raw(scramble.subarray(0, FIRST_PART_BYTES))
		.zeros(1)
		.int(capabilities & 0xffff, 2)
		.int(greeting.charset & 0xff, 1)
		.int(greeting.status, 2)
		.int(capabilities >>> 16, 2)
		.int(SCRAMBLE_BYTES + 1, 1)
		.zeros(6)
		.int(greeting.extended, 4)
		.raw(scramble.subarray(FIRST_PART_BYTES))
		.zeros(1)
		.terminated(greeting.plugin)
		.payload();
}

/** Undefined: it is not a greeting of this protocol. */
export function readGreeting(payload: Buffer): Greeting | undefined {
	const reader = new Reader(payload);
	if (reader.int(1) !== PROTOCOL_VERSION) return undefined;
	const version = reader.terminated().toString("latin1");
	const connectionId = reader.int(4);
	const first = reader.bytes(FIRST_PART_BYTES);
	reader.skip(1);
	const lower = reader.int(2);
	if (reader.failed || reader.left === 0) return undefined;
	const charset = reader.int(1);
	const status = reader.int(2);
	const capabilities = (lower | (reader.int(2) << 16)) >>> 0;
	const scrambleBytes = reader.int(1);
	reader.skip(6);
	const tail = reader.int(4);
	// Whatever its announced length, at least 13 bytes follow, of which the last is a NUL.
	const second = reader.bytes(Math.max(13, scrambleBytes - FIRST_PART_BYTES));
	if (reader.failed || !hasFlag(capabilities, CAPABILITY.secureConnection)) return undefined;
	const scramble = Buffer.concat([first, second]).subarray(0, SCRAMBLE_BYTES);
	// MySQL leaves these bytes zero; only a server without CLIENT_MYSQL has a meaning for them.
	const extended = hasFlag(capabilities, CAPABILITY.longPassword) ? 0 : tail;
	const plugin = hasFlag(capabilities, CAPABILITY.pluginAuth) ? reader.terminatedOrRest().toString("latin1") : "";
	return { version, connectionId, scramble, capabilities, extended, charset, status, plugin };
}

export interface HandshakeResponse {
	readonly flags: number;
	readonly extended: number;
	readonly maxPacket: number;
	readonly charset: number;
	readonly username: string;
	readonly proof: Buffer;
	/** Undefined: none was named. */
	readonly database: string | undefined;
	readonly plugin: string | undefined;
	readonly attributes: ReadonlyMap<string, string>;
}

export type ResponsePacket =
	| { readonly kind: "tls" }
	| { readonly kind: "response"; readonly response: HandshakeResponse }
	/** Of a protocol from before version 4.1. */
	| { readonly kind: "old" }
	| { readonly kind: "malformed"; readonly message: string };

function malformed(message: string): { readonly kind: "malformed"; readonly message: string } {
	return { kind: "malformed", message };
}

/** `secured`: TLS stands, and is not asked for any more. */
export function readResponse(payload: Buffer, secured: boolean): ResponsePacket {
	const reader = new Reader(payload);
	const flags = payload.length >= 4 ? reader.int(4) : reader.int(2);
	if (reader.failed) return malformed("too short for a login");
	if (!hasFlag(flags, CAPABILITY.protocol41)) return { kind: "old" };
	if (payload.length < FIXED_BYTES) return malformed("too short for a login");
	const maxPacket = reader.int(4);
	const charset = reader.int(1);
	reader.skip(FILLER_BYTES);
	const tail = reader.int(4);
	if (hasFlag(flags, CAPABILITY.ssl) && !secured) {
		return payload.length === FIXED_BYTES ? { kind: "tls" } : malformed("a login that asks for TLS at the same time");
	}
	if (!hasFlag(flags, CAPABILITY.secureConnection)) return { kind: "old" };
	const username = name(reader.terminated());
	const proof = hasFlag(flags, CAPABILITY.pluginAuthLenenc) ? reader.lenencBytes() : reader.bytes(reader.int(1));
	const named = hasFlag(flags, CAPABILITY.connectWithDb) && reader.left > 0;
	const database = named ? name(reader.terminatedOrRest()) : "";
	const rest = readPluginAndAttributes(reader, flags);
	if (reader.failed || rest === undefined) return malformed("a login with lengths beyond its end");
	if (username === undefined || database === undefined) return malformed("a name that is too long or not UTF-8");
	const extended = hasFlag(flags, CAPABILITY.longPassword) ? 0 : tail;
	const fixed = { flags, extended, maxPacket, charset };
	const login = { username, proof: Buffer.from(proof), database: database === "" ? undefined : database };
	return { kind: "response", response: { ...fixed, ...login, ...rest } };
}

/** Some clients announce a plugin's name and send none. */
function readPluginAndAttributes(
	reader: Reader,
	flags: number,
): { readonly plugin: string | undefined; readonly attributes: ReadonlyMap<string, string> } | undefined {
	let plugin: string | undefined;
	if (hasFlag(flags, CAPABILITY.pluginAuth) && reader.left > 0) {
		plugin = name(reader.terminatedOrRest());
		if (plugin === undefined) return undefined;
	}
	const tells = hasFlag(flags, CAPABILITY.connectAttributes) && reader.left > 0;
	const attributes = tells ? readAttributes(reader.lenencBytes()) : new Map<string, string>();
	return attributes && { plugin: plugin === "" ? undefined : plugin, attributes };
}

/** Undefined: malformed or too long. */
export function readAttributes(data: Buffer): ReadonlyMap<string, string> | undefined {
	if (data.length > ATTRIBUTES_BYTES) return undefined;
	const attributes = new Map<string, string>();
	const reader = new Reader(data);
	while (reader.left > 0 && !reader.failed) {
		const key = reader.lenencBytes().toString("utf8");
		attributes.set(key, reader.lenencBytes().toString("utf8"));
	}
	return reader.failed ? undefined : attributes;
}

function name(bytes: Buffer): string | undefined {
	return bytes.length <= LOGIN_NAME_BYTES && isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

/** COM_CHANGE_USER, which is laid out otherwise. `flags`: what was agreed on when the connection was made. */
export function readChangeUser(payload: Buffer, flags: number): Omit<HandshakeResponse, "maxPacket"> | undefined {
	const reader = new Reader(payload, 1);
	const username = name(reader.terminated());
	const proof = reader.bytes(reader.int(1));
	const database = name(reader.terminatedOrRest());
	const charset = reader.left >= 2 ? reader.int(2) : 0;
	const rest = readPluginAndAttributes(reader, flags);
	if (reader.failed || username === undefined || database === undefined || rest === undefined) return undefined;
	const login = { username, proof: Buffer.from(proof), database: database === "" ? undefined : database };
	return { flags, extended: 0, charset, ...login, ...rest };
}

/** The fixed part alone is the request for TLS. */
export function tlsRequestPayload(
	response: Pick<HandshakeResponse, "flags" | "extended" | "maxPacket" | "charset">,
): Buffer {
	return fixedPart(response).payload();
}

function fixedPart(response: Pick<HandshakeResponse, "flags" | "extended" | "maxPacket" | "charset">): Writer {
	return new Writer()
		.int(response.flags, 4)
		.int(response.maxPacket, 4)
		.int(response.charset & 0xff, 1)
		.zeros(FILLER_BYTES)
		.int(response.extended, 4);
}

export function responsePayload(response: HandshakeResponse): Buffer {
	const { flags } = response;
	const writer = fixedPart(response).terminated(response.username);
	if (hasFlag(flags, CAPABILITY.pluginAuthLenenc)) writer.lenencBytes(response.proof);
	else writer.int(response.proof.length, 1).raw(response.proof);
	if (hasFlag(flags, CAPABILITY.connectWithDb)) writer.terminated(response.database ?? "");
	if (hasFlag(flags, CAPABILITY.pluginAuth)) writer.terminated(response.plugin ?? "");
	if (hasFlag(flags, CAPABILITY.connectAttributes)) writer.lenencBytes(attributesPayload(response.attributes));
	return writer.payload();
}

function attributesPayload(attributes: ReadonlyMap<string, string>): Buffer {
	const writer = new Writer();
	for (const [key, value] of attributes) writer.lenencBytes(key).lenencBytes(value);
	return writer.payload();
}

/** What asks a client for another proof: the plugin's name and a challenge. */
export function authSwitchPayload(plugin: string, scramble: Buffer): Buffer {
	return new Writer().int(0xfe, 1).terminated(plugin).raw(scramble).zeros(1).payload();
}
