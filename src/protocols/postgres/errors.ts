/**
 * ErrorResponse and NoticeResponse: the server's own frames for what we say ourselves, and the fields of those that an
 * upstream sent.
 * Specification: PostgreSQL documentation, chapters "Message Formats" and "Error and Notice Message Fields".
 */

/** The fields of an error or notice, by their documented meaning. */
export interface ErrorFields {
	/** Never localised: "ERROR", "FATAL", "NOTICE", … */
	readonly severity: string;
	/** SQLSTATE. */
	readonly code: string;
	readonly message: string;
	readonly detail?: string;
	readonly hint?: string;
	readonly position?: string;
	readonly internalPosition?: string;
	readonly internalQuery?: string;
	readonly where?: string;
	readonly schema?: string;
	readonly table?: string;
	readonly column?: string;
	readonly dataType?: string;
	readonly constraint?: string;
	readonly file?: string;
	readonly line?: string;
	readonly routine?: string;
}

export interface ErrorToSend extends ErrorFields {
	readonly severity: "ERROR" | "FATAL" | "PANIC";
}

export interface NoticeToSend extends ErrorFields {
	readonly severity: "WARNING" | "NOTICE" | "DEBUG" | "INFO" | "LOG";
}

type OptionalField = Exclude<keyof ErrorFields, "severity" | "code" | "message">;

/** Field types beyond the three that are always there, in the order in which the server sends them. */
const optionalFields: readonly (readonly [string, OptionalField])[] = [
	["D", "detail"],
	["H", "hint"],
	["P", "position"],
	["p", "internalPosition"],
	["q", "internalQuery"],
	["W", "where"],
	["s", "schema"],
	["t", "table"],
	["c", "column"],
	["d", "dataType"],
	["n", "constraint"],
	["F", "file"],
	["L", "line"],
	["R", "routine"],
];

const fieldByType = new Map<number, OptionalField>(optionalFields.map(([type, field]) => [type.charCodeAt(0), field]));

export function encodeError(fields: ErrorToSend): Buffer {
	return encodeFields("E", fields);
}

export function encodeNotice(fields: NoticeToSend): Buffer {
	return encodeFields("N", fields);
}

function encodeFields(frameType: "E" | "N", fields: ErrorFields): Buffer {
	const parts = [`S${fields.severity}`, `V${fields.severity}`, `C${fields.code}`, `M${fields.message}`];
	for (const [type, field] of optionalFields) {
		const value = fields[field];
		if (value !== undefined) parts.push(type + value);
	}
	// A NUL would end its field early and make the rest of the text another field.
	const body = `${parts.map((part) => part.replaceAll("\0", "\ufffd")).join("\0")}\0\0`;
	const bodyBytes = Buffer.byteLength(body);
	const frame = Buffer.allocUnsafe(5 + bodyBytes);
	frame[0] = frameType.charCodeAt(0);
	frame.writeInt32BE(4 + bodyBytes, 1);
	frame.write(body, 5, "utf8");
	return frame;
}

/**
 * Fields of a whole ErrorResponse or NoticeResponse frame, header included. Unknown field types are ignored, as the
 * specification asks; what is cut short keeps the fields before the cut. A frame without the mandatory ones reads as an
 * internal error with an empty message, so that a caller always has a code to log.
 */
export function readErrorFields(frame: Buffer): ErrorFields {
	const optional: { -readonly [field in OptionalField]?: string } = {};
	let localised: string | undefined;
	let severity: string | undefined;
	let code = "XX000";
	let message = "";
	let at = 5;
	while (at < frame.length && frame[at] !== 0) {
		const type = frame[at] ?? 0;
		const end = frame.indexOf(0, at + 1);
		if (end === -1) break;
		const value = frame.toString("utf8", at + 1, end);
		const field = fieldByType.get(type);
		if (field !== undefined) optional[field] = value;
		else if (type === 0x53) localised = value;
		else if (type === 0x56) severity = value;
		else if (type === 0x43) code = value;
		else if (type === 0x4d) message = value;
		at = end + 1;
	}
	return { severity: severity ?? localised ?? "ERROR", code, message, ...optional };
}
