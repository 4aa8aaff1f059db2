/**
 * Text and binary forms of PostgreSQL's date and timestamps. The text is ISO 8601 as `DateStyle = ISO` prints it; another
 * style is not understood, and a masked value in it becomes NULL.
 * Specification: the server's date_send and timestamp_send (days and microseconds since 2000-01-01), and the types'
 * documented ranges. Calendar: proleptic Gregorian; year 0 of the arithmetic is 1 BC.
 */

/** Days from 1970-01-01 to 2000-01-01. */
const epochDays = 10957;
const microsPerSecond = 1_000_000n;
const microsPerDay = 86_400n * microsPerSecond;

const dateInfinity = 0x7fffffff;
const timestampInfinity = 0x7fffffffffffffffn;

/** 4714-11-24 BC is day 0 of the Julian calendar, where the server's types begin. Days since 2000-01-01. */
const firstDay = -2451545;
/** 5874897-12-31. */
const lastDay = 2145031948;
/** 294276-12-31 24:00, exclusive, in microseconds since 2000-01-01. */
const timestampEnd = 9223371331200000000n;

/** Days since 2000-01-01 of a calendar day. Years count from 0 = 1 BC. The year is taken to start in March. */
function daysFromCivil(year: number, month: number, day: number): number {
	const shifted = month <= 2 ? year - 1 : year;
	const era = Math.floor(shifted / 400);
	const yearOfEra = shifted - era * 400;
	const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
	const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
	return era * 146097 + dayOfEra - 719468 - epochDays;
}

function civilFromDays(days: number): { year: number; month: number; day: number } {
	const shifted = days + epochDays + 719468;
	const era = Math.floor(shifted / 146097);
	const dayOfEra = shifted - era * 146097;
	const yearOfEra = Math.floor(
		(dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
	);
	const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
	const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
	const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
	const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
	return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function padded(value: number | bigint, width: number): string {
	return String(value).padStart(width, "0");
}

/** The day as text, and the era mark that goes after everything else. */
function formatDay(days: number): { day: string; era: string } {
	const { year, month, day } = civilFromDays(days);
	const shown = year > 0 ? year : 1 - year;
	return { day: `${padded(shown, 4)}-${padded(month, 2)}-${padded(day, 2)}`, era: year > 0 ? "" : " BC" };
}

/** Days since 2000-01-01, or undefined when there is no such day or it is out of range. */
function parseDay(year: string, month: string, day: string, era: string | undefined): number | undefined {
	const shown = Number(year);
	if (shown === 0) return undefined;
	const days = daysFromCivil(era === undefined ? shown : 1 - shown, Number(month), Number(day));
	const back = civilFromDays(days);
	if (back.month !== Number(month) || back.day !== Number(day)) return undefined;
	return days >= firstDay && days <= lastDay ? days : undefined;
}

export function decodeDate(bytes: Buffer): string | undefined {
	if (bytes.length !== 4) return undefined;
	const days = bytes.readInt32BE();
	if (days === dateInfinity) return "infinity";
	if (days === -dateInfinity - 1) return "-infinity";
	if (days < firstDay || days > lastDay) return undefined;
	const { day, era } = formatDay(days);
	return day + era;
}

function dateValue(text: string): number | undefined {
	if (text === "infinity") return dateInfinity;
	if (text === "-infinity") return -dateInfinity - 1;
	const found = /^([0-9]{4,7})-([0-9]{2})-([0-9]{2})( BC)?$/.exec(text);
	return found === null ? undefined : parseDay(found[1] ?? "", found[2] ?? "", found[3] ?? "", found[4]);
}

/** The text itself when it is a date. */
export function fitDate(text: string): string | undefined {
	return dateValue(text) === undefined ? undefined : text;
}

/** `text` comes from `fitDate`. */
export function encodeDate(text: string): Buffer {
	const bytes = Buffer.allocUnsafe(4);
	bytes.writeInt32BE(dateValue(text) ?? 0);
	return bytes;
}

/** A timestamp with time zone is shown in UTC, which is how it travels. */
export function decodeTimestamp(bytes: Buffer, zoned: boolean): string | undefined {
	if (bytes.length !== 8) return undefined;
	const micros = bytes.readBigInt64BE();
	if (micros === timestampInfinity) return "infinity";
	if (micros === -timestampInfinity - 1n) return "-infinity";
	const ofDay = ((micros % microsPerDay) + microsPerDay) % microsPerDay;
	const days = Number((micros - ofDay) / microsPerDay);
	if (days < firstDay || micros >= timestampEnd) return undefined;
	const { day, era } = formatDay(days);
	const seconds = Number(ofDay / microsPerSecond);
	const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
		.map((part) => padded(part, 2))
		.join(":");
	const fraction = padded(ofDay % microsPerSecond, 6).replace(/0+$/, "");
	return `${day} ${time}${fraction === "" ? "" : `.${fraction}`}${zoned ? "+00" : ""}${era}`;
}

const timestampForm =
	/^([0-9]{4,7})-([0-9]{2})-([0-9]{2})(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?)?(Z|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)?( BC)?$/;

/** Microseconds since 2000-01-01 UTC. A zoned type needs an offset, the other must not have one. */
function timestampValue(text: string, zoned: boolean): bigint | undefined {
	if (text === "infinity") return timestampInfinity;
	if (text === "-infinity") return -timestampInfinity - 1n;
	const found = timestampForm.exec(text);
	if (found === null || (found[8] !== undefined) !== zoned) return undefined;
	const days = parseDay(found[1] ?? "", found[2] ?? "", found[3] ?? "", found[9]);
	const [hour, minute, second] = [found[4], found[5], found[6]].map((part) => Number(part ?? 0)) as [
		number,
		number,
		number,
	];
	if (days === undefined || hour > 23 || minute > 59 || second > 59) return undefined;
	const offset = offsetSeconds(found[8] ?? "");
	const seconds = BigInt(hour * 3600 + minute * 60 + second - offset);
	const micros = BigInt(days) * microsPerDay + seconds * microsPerSecond + BigInt((found[7] ?? "").padEnd(6, "0"));
	return micros >= BigInt(firstDay) * microsPerDay && micros < timestampEnd ? micros : undefined;
}

/** "+01", "-03:30", "+0530", "Z". */
function offsetSeconds(offset: string): number {
	const [hours = 0, minutes = 0, seconds = 0] = (offset.match(/[0-9]{2}/g) ?? []).map(Number);
	const magnitude = hours * 3600 + minutes * 60 + seconds;
	return offset.startsWith("-") ? -magnitude : magnitude;
}

/** The text itself when it is such a timestamp; a day alone gets its midnight. */
export function fitTimestamp(text: string, zoned: boolean): string | undefined {
	if (timestampValue(text, zoned) === undefined) return undefined;
	const [, year, month, day, hour] = timestampForm.exec(text) ?? [];
	if (year === undefined || hour !== undefined) return text;
	const date = `${year}-${month}-${day}`;
	return `${date} 00:00:00${text.slice(date.length)}`;
}

/** `text` comes from `fitTimestamp` with the same `zoned`. */
export function encodeTimestamp(text: string, zoned: boolean): Buffer {
	const bytes = Buffer.allocUnsafe(8);
	bytes.writeBigInt64BE(timestampValue(text, zoned) ?? 0n);
	return bytes;
}
