/**
 * Message type bytes of the PostgreSQL protocol 3.x, by direction (PostgreSQL documentation, "Message Formats").
 * Only these are spoken: a type that is not listed for its direction ends the session.
 */

/** Messages of the client, after login. */
export const FRONT = {
	bind: 0x42 /* B */,
	close: 0x43 /* C */,
	copyData: 0x64 /* d */,
	copyDone: 0x63 /* c */,
	copyFail: 0x66 /* f */,
	describe: 0x44 /* D */,
	execute: 0x45 /* E */,
	flush: 0x48 /* H */,
	functionCall: 0x46 /* F */,
	parse: 0x50 /* P */,
	password: 0x70 /* p: every answer to an Authentication message */,
	query: 0x51 /* Q */,
	sync: 0x53 /* S */,
	terminate: 0x58 /* X */,
} as const;

/** Messages of the server, after login. */
export const BACK = {
	backendKeyData: 0x4b /* K */,
	bindComplete: 0x32 /* 2 */,
	closeComplete: 0x33 /* 3 */,
	commandComplete: 0x43 /* C */,
	copyBoth: 0x57 /* W */,
	copyData: 0x64 /* d */,
	copyDone: 0x63 /* c */,
	copyIn: 0x47 /* G */,
	copyOut: 0x48 /* H */,
	dataRow: 0x44 /* D */,
	emptyQuery: 0x49 /* I */,
	error: 0x45 /* E */,
	functionCallResponse: 0x56 /* V */,
	noData: 0x6e /* n */,
	notice: 0x4e /* N */,
	notification: 0x41 /* A */,
	parameterDescription: 0x74 /* t */,
	parameterStatus: 0x53 /* S */,
	parseComplete: 0x31 /* 1 */,
	portalSuspended: 0x73 /* s */,
	readyForQuery: 0x5a /* Z */,
	rowDescription: 0x54 /* T */,
} as const;

/** Transaction status bytes of ReadyForQuery. */
export const IDLE = 0x49; /* I */
export const IN_TRANSACTION = 0x54; /* T */
export const FAILED_TRANSACTION = 0x45; /* E */

/** Bytes of a message header: type byte and Int32 length (which counts itself but not the type). */
export const HEADER_BYTES = 5;

/** Length of a whole frame whose header stands at `position`; -1 when the length field is below its minimum of 4. */
export function frameBytes(buffer: Buffer, position: number): number {
	const length = buffer.readInt32BE(position + 1);
	return length < 4 ? -1 : length + 1;
}
