/**
 * Dates and times in the binary form of the protocol: a length byte, then as many parts as are not zero.
 * Specification: MySQL Internals, "Binary Protocol Value" (ProtocolBinary::MYSQL_TYPE_DATE, …_DATETIME, …_TIME).
 */

const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");

/** Fraction of a second as a column of so many decimals shows it; more than six means that it shows none of its own. */
function fraction(micros: number, decimals: number): string {
	if (decimals > 6) return micros === 0 ? "" : `.${pad(micros, 6)}`;
	return decimals === 0 ? "" : `.${pad(micros, 6).slice(0, decimals)}`;
}

/** `bytes`: without the length byte. Undefined: it is no value of the type. */
export function decodeDateTime(bytes: Buffer, isDate: boolean, decimals: number): string | undefined {
	const { length } = bytes;
	if (length !== 0 && length !== 4 && length !== 7 && length !== 11) return undefined;
	const date =
		length === 0
			? "0000-00-00"
			: `${pad(bytes.readUInt16LE(0), 4)}-${pad(bytes[2] as number, 2)}-${pad(bytes[3] as number, 2)}`;
	if (isDate) return date;
	const time =
		length < 7
			? "00:00:00"
			: `${pad(bytes[4] as number, 2)}:${pad(bytes[5] as number, 2)}:${pad(bytes[6] as number, 2)}`;
	return `${date} ${time}${fraction(length === 11 ? bytes.readUInt32LE(7) : 0, decimals)}`;
}

export function decodeTime(bytes: Buffer, decimals: number): string | undefined {
	const { length } = bytes;
	if (length === 0) return `00:00:00${fraction(0, decimals)}`;
	if (length !== 8 && length !== 12) return undefined;
	const hours = bytes.readUInt32LE(1) * 24 + (bytes[5] as number);
	const clock = `${pad(hours, 2)}:${pad(bytes[6] as number, 2)}:${pad(bytes[7] as number, 2)}`;
	return `${bytes[0] === 1 ? "-" : ""}${clock}${fraction(length === 12 ? bytes.readUInt32LE(8) : 0, decimals)}`;
}

const dateTime = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?)?$/;

/** A text as a date or datetime column shows it; undefined when it is none. */
export function fitDateTime(text: string, isDate: boolean, decimals: number): string | undefined {
	const match = dateTime.exec(text);
	if (match === null) return undefined;
	const [, year, month, day, hour = "00", minute = "00", second = "00", rest = ""] = match;
	if (Number(month) > 12 || Number(day) > 31 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
		return undefined;
	const date = `${year}-${month}-${day}`;
	if (isDate) return date;
	return `${date} ${hour}:${minute}:${second}${fraction(Number(rest.padEnd(6, "0")), decimals)}`;
}

/** From what `fitDateTime` gave; with its length byte. */
export function encodeDateTime(fitted: string): Buffer {
	const [, year, month, day, hour = "0", minute = "0", second = "0", rest = ""] = dateTime.exec(fitted) ?? [];
	const micros = Number(rest.padEnd(6, "0"));
	const time = Number(hour) + Number(minute) + Number(second);
	const length = micros > 0 ? 11 : time > 0 ? 7 : 4;
	const bytes = Buffer.alloc(1 + length);
	bytes[0] = length;
	bytes.writeUInt16LE(Number(year), 1);
	bytes[3] = Number(month);
	bytes[4] = Number(day);
	if (length >= 7) {
		bytes[5] = Number(hour);
		bytes[6] = Number(minute);
		bytes[7] = Number(second);
	}
	if (length === 11) bytes.writeUInt32LE(micros, 8);
	return bytes;
}
