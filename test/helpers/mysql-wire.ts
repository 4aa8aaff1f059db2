/**
 * MySQL's packets as bytes, for tests: written and read without a line of the product, so that both can be wrong only
 * independently of each other. What speaks them is mysql-raw.ts.
 * Specification: MySQL Source Code Documentation, "Client/Server Protocol"; MariaDB Knowledge Base, "Clientserver Protocol".
 */
import { createHash } from "node:crypto";

export const FLAG = {
	longPassword: 1,
	foundRows: 2,
	connectWithDb: 8,
	localFiles: 128,
	protocol41: 512,
	ssl: 2048,
	transactions: 8192,
	secureConnection: 1 << 15,
	multiStatements: 1 << 16,
	multiResults: 1 << 17,
	psMultiResults: 1 << 18,
	pluginAuth: 1 << 19,
	connectAttributes: 1 << 20,
	sessionTrack: 1 << 23,
	deprecateEof: 1 << 24,
} as const;

export const STATUS = { inTransaction: 1, autocommit: 2, moreResults: 8, cursorExists: 64, lastRowSent: 128 } as const;

export const COM = {
	quit: 1,
	initDb: 2,
	query: 3,
	fieldList: 4,
	shutdown: 8,
	statistics: 9,
	processKill: 12,
	ping: 14,
	changeUser: 17,
	binlogDump: 18,
	prepare: 22,
	execute: 23,
	longData: 24,
	close: 25,
	reset: 26,
	setOption: 27,
	fetch: 28,
	resetConnection: 31,
} as const;

/** Longest payload of one packet; one of this length has another behind it. */
export const FULL = 0xff_ff_ff;

export const int16 = (value: number): Buffer => Buffer.of(value & 255, (value >> 8) & 255);
export const int32 = (value: number): Buffer => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value >>> 0);
	return bytes;
};

export function lenenc(value: number): Buffer {
	if (value < 0xfb) return Buffer.of(value);
	if (value < 0x1_0000) return Buffer.concat([Buffer.of(0xfc), int16(value)]);
	if (value < 0x100_0000) return Buffer.concat([Buffer.of(0xfd), int16(value), Buffer.of(value >> 16)]);
	return Buffer.concat([Buffer.of(0xfe), int32(value), int32(0)]);
}

export const lenencText = (value: string | Buffer): Buffer => {
	const bytes = Buffer.from(value);
	return Buffer.concat([lenenc(bytes.length), bytes]);
};

/** One packet as it is said, whatever it holds. */
export function packet(sequence: number, payload: Buffer, length = payload.length): Buffer {
	return Buffer.concat([Buffer.of(length & 255, (length >> 8) & 255, (length >> 16) & 255, sequence & 255), payload]);
}

/** A payload in as many packets as it takes. */
export function packets(payload: Buffer, sequence = 0): Buffer {
	const pieces: Buffer[] = [];
	for (let at = 0; ; at += FULL) {
		const piece = payload.subarray(at, at + FULL);
		pieces.push(packet(sequence++, piece));
		if (piece.length < FULL) return Buffer.concat(pieces);
	}
}

export function command(code: number, ...parts: readonly (Buffer | string)[]): Buffer {
	return packets(Buffer.concat([Buffer.of(code), ...parts.map((part) => Buffer.from(part))]));
}

export const query = (sql: string): Buffer => command(COM.query, sql);

export interface ExecuteOptions {
	/** Texts, blobs, NULLs, or `longValue`. */
	readonly values?: readonly (string | null | Buffer)[];
	readonly cursor?: boolean;
}

/** COM_STMT_EXECUTE. */
export function execute(id: number, { values = [], cursor = false }: ExecuteOptions = {}): Buffer {
	const map = Buffer.alloc((values.length + 7) >> 3);
	for (const [index, value] of values.entries()) {
		if (value === null) map[index >> 3] = (map[index >> 3] as number) | (1 << (index & 7));
	}
	const head = Buffer.concat([int32(id), Buffer.of(cursor ? 1 : 0), int32(1)]);
	if (values.length === 0) return command(COM.execute, head);
	const types = values.map((value) => Buffer.of(Buffer.isBuffer(value) ? 252 : 253, 0));
	const data = values
		.filter((value) => value !== null && value !== longValue)
		.map((value) => lenencText(value as string));
	return command(COM.execute, head, map, Buffer.of(1), ...types, ...data);
}

/** Stands in `values` for a parameter that was sent by COM_STMT_SEND_LONG_DATA. */
export const longValue: Buffer = Buffer.from("sent before");

const sha = (name: string, ...parts: readonly (Buffer | string)[]): Buffer => {
	const hash = createHash(name);
	for (const part of parts) hash.update(part);
	return hash.digest();
};
const xor = (one: Buffer, other: Buffer): Buffer => Buffer.from(one.map((byte, at) => byte ^ (other[at] as number)));

export function proof(plugin: string, password: string, scramble: Buffer): Buffer {
	if (password === "") return Buffer.alloc(0);
	if (plugin === "mysql_native_password") {
		const once = sha("sha1", password);
		return xor(once, sha("sha1", scramble, sha("sha1", once)));
	}
	const once = sha("sha256", password);
	return xor(once, sha("sha256", sha("sha256", once), scramble));
}

export interface Greeting {
	readonly version: string;
	readonly connectionId: number;
	readonly flags: number;
	readonly plugin: string;
	readonly scramble: Buffer;
}

export function readGreeting(payload: Buffer): Greeting {
	const end = payload.indexOf(0, 1);
	const at = end + 5;
	const flags = payload.readUInt16LE(at + 9) + payload.readUInt16LE(at + 14) * 0x1_0000;
	const plugin = payload.indexOf(0, at + 27 + 13);
	return {
		version: payload.toString("latin1", 1, end),
		connectionId: payload.readUInt32LE(end + 1),
		flags,
		scramble: Buffer.concat([payload.subarray(at, at + 8), payload.subarray(at + 27, at + 39)]),
		plugin: payload.toString("latin1", at + 40, plugin === at + 40 ? payload.indexOf(0, at + 41) : plugin),
	};
}

/** Reads a payload front to back. */
export class Fields {
	at: number;
	constructor(
		readonly bytes: Buffer,
		from = 0,
	) {
		this.at = from;
	}

	int(size: number): number {
		this.at += size;
		return this.bytes.readUIntLE(this.at - size, size);
	}

	lenenc(): number {
		const first = this.int(1);
		if (first < 0xfb) return first;
		if (first === 0xfc) return this.int(2);
		if (first === 0xfd) return this.int(3);
		this.at += 8;
		return Number(this.bytes.readBigUInt64LE(this.at - 8));
	}

	text(): string | null {
		if (this.bytes[this.at] === 0xfb) {
			this.at += 1;
			return null;
		}
		const length = this.lenenc();
		this.at += length;
		return this.bytes.toString("utf8", this.at - length, this.at);
	}

	get isOver(): boolean {
		return this.at >= this.bytes.length;
	}
}

export interface ServerErrorFields {
	readonly errno: number;
	readonly state: string;
	readonly message: string;
}

export function readError(payload: Buffer): ServerErrorFields {
	const marked = payload[3] === 0x23;
	return {
		errno: payload.readUInt16LE(1),
		state: marked ? payload.toString("latin1", 4, 9) : "",
		message: payload.toString("utf8", marked ? 9 : 3),
	};
}

/** A row of the text protocol. */
export function textRow(payload: Buffer): (string | null)[] {
	const fields = new Fields(payload);
	const row: (string | null)[] = [];
	while (!fields.isOver) row.push(fields.text());
	return row;
}

export interface ColumnDefinition {
	readonly name: string;
	readonly table: string;
	readonly type: number;
	readonly flags: number;
}

export function readColumn(payload: Buffer): ColumnDefinition {
	const fields = new Fields(payload);
	const [, , table, , name] = [1, 2, 3, 4, 5, 6].map(() => fields.text() ?? "");
	fields.at += 1 + 2 + 4;
	return { name: name ?? "", table: table ?? "", type: fields.int(1), flags: fields.int(2) };
}

/** A row of the binary protocol whose columns are texts and integers of four or eight bytes. */
export function binaryRow(payload: Buffer, columns: readonly ColumnDefinition[]): (string | null)[] {
	const fields = new Fields(payload, 1 + ((columns.length + 9) >> 3));
	return columns.map(({ type }, index) => {
		const bit = index + 2;
		if (((payload[1 + (bit >> 3)] as number) & (1 << (bit & 7))) !== 0) return null;
		if (type === 8) {
			fields.at += 8;
			return payload.readBigInt64LE(fields.at - 8).toString();
		}
		if (type === 3) {
			fields.at += 4;
			return payload.readInt32LE(fields.at - 4).toString();
		}
		return fields.text();
	});
}
