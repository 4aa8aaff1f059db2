/**
 * ERR packets: the server's own errors for what we say ourselves, and the fields of those that an upstream sent.
 * Specification: MySQL Internals, "ERR_Packet"; MySQL Error Message Reference.
 */
import type { Denial, DenialCase, TerminationCause } from "../engine.js";
import { ANSWER } from "./codes.js";
import { Writer } from "./writer.js";

export interface ErrorFields {
	readonly errno: number;
	/** SQLSTATE; "" where the server has told none (before it knows the client's capabilities). */
	readonly state: string;
	readonly message: string;
}

/** An error's number and SQLSTATE, in the server's own pairs. */
export interface ErrorCode {
	readonly errno: number;
	readonly state: string;
}

/** Errors that we say, by the server's names for them. */
export const ERROR = {
	handshake: { errno: 1043, state: "08S01" },
	accessDenied: { errno: 1045, state: "28000" },
	noDatabase: { errno: 1046, state: "3D000" },
	unknownCommand: { errno: 1047, state: "08S01" },
	unknownDatabase: { errno: 1049, state: "42000" },
	serverShutdown: { errno: 1053, state: "08S01" },
	noSuchThread: { errno: 1094, state: "HY000" },
	killDenied: { errno: 1095, state: "HY000" },
	tooBigSelect: { errno: 1104, state: "42000" },
	tableAccessDenied: { errno: 1142, state: "42000" },
	columnAccessDenied: { errno: 1143, state: "42000" },
	packetTooLarge: { errno: 1153, state: "08S01" },
	packetsOutOfOrder: { errno: 1156, state: "08S01" },
	tooManyUserConnections: { errno: 1203, state: "42000" },
	userLimitReached: { errno: 1226, state: "42000" },
	specificAccessDenied: { errno: 1227, state: "42000" },
	unsupportedAuthMode: { errno: 1251, state: "08004" },
	unknownStatement: { errno: 1243, state: "HY000" },
	preventsStatement: { errno: 1290, state: "HY000" },
	queryInterrupted: { errno: 1317, state: "70100" },
	routineAccessDenied: { errno: 1370, state: "42000" },
	connectionKilled: { errno: 1927, state: "70100" },
	malformedPacket: { errno: 1835, state: "HY000" },
	queryTimeout: { errno: 3024, state: "HY000" },
	/** MariaDB's own for max_statement_time. */
	statementTimeout: { errno: 1969, state: "70100" },
	secureTransportRequired: { errno: 3159, state: "HY000" },
	idleTimeout: { errno: 4031, state: "HY000" },
	cannotConnect: { errno: 1429, state: "HY000" },
	cannotLog: { errno: 1598, state: "HY000" },
} as const satisfies Readonly<Record<string, ErrorCode>>;

/** Error numbers of denials. */
export const denialCodes: Readonly<Record<DenialCase, ErrorCode>> = {
	notPermitted: ERROR.tableAccessDenied,
	columnNotPermitted: ERROR.columnAccessDenied,
	functionNotPermitted: ERROR.routineAccessDenied,
	unreadable: ERROR.tableAccessDenied,
	capExceeded: ERROR.tooBigSelect,
	exhausted: ERROR.userLimitReached,
	outside: ERROR.specificAccessDenied,
	tooManySessions: ERROR.tooManyUserConnections,
};

/** Errors by which a login or a fresh session ends. */
export const refusalCodes: Readonly<
	Record<DenialCase | "password" | "database" | "setting" | "upstream" | "recording", ErrorCode>
> = {
	...denialCodes,
	outside: ERROR.accessDenied,
	password: ERROR.accessDenied,
	database: ERROR.unknownDatabase,
	setting: ERROR.specificAccessDenied,
	upstream: ERROR.cannotConnect,
	recording: ERROR.cannotLog,
};

/** Errors by which the proxy ends a session. */
export const terminationCodes: Readonly<Record<TerminationCause, ErrorCode>> = {
	administrator: ERROR.specificAccessDenied,
	idle: ERROR.idleTimeout,
	protocol: ERROR.malformedPacket,
	upstream: ERROR.serverShutdown,
	recording: ERROR.cannotLog,
};

/** A denial's text in the one line that an ERR packet has; it begins with what was denied. */
export function denialText(denial: Pick<Denial, "message" | "detail" | "hint">): string {
	const more = [denial.detail, denial.hint].filter((text) => text !== "").join(" ");
	return oneLine(more === "" ? denial.message : `${denial.message} (${more})`);
}

function oneLine(text: string): string {
	return text.replaceAll(/[\0\r\n]+/g, " ");
}

/** The payload. Without a state: as it is said before the client's capabilities are known. */
export function errorPayload({ errno, state, message }: ErrorFields): Buffer {
	const writer = new Writer().int(ANSWER.error, 1).int(errno, 2);
	if (state !== "") writer.text(`#${state}`);
	return writer.text(oneLine(message)).payload();
}

export function encodeError(code: ErrorCode, message: string, sequence: number): Buffer {
	return new Writer().raw(errorPayload({ ...code, message })).packet(sequence);
}

/** What the server's library says where it was not told a state. */
const UNKNOWN_STATE = "HY000";

/** The fields of an ERR payload. What is cut short reads as an unknown error, so that a caller always has a code to log. */
export function readError(payload: Buffer): ErrorFields {
	if (payload.length < 3 || payload[0] !== ANSWER.error) return { errno: 2000, state: UNKNOWN_STATE, message: "" };
	const errno = payload.readUInt16LE(1);
	const marked = payload.length >= 9 && payload[3] === 0x23;
	const state = marked ? payload.toString("latin1", 4, 9) : UNKNOWN_STATE;
	return { errno, state, message: payload.toString("utf8", marked ? 9 : 3) };
}
