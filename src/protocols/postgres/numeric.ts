/**
 * Text and binary forms of PostgreSQL's number types. Texts that come in are masked values, so each is checked against the
 * type before it goes out: a client must never meet a number that its column cannot hold.
 * Specification: the server's numeric_send / numeric_recv (base-10000 digits), float8out, and the types' documented ranges.
 */

/** Decimal digits of a numeric, normalised: no leading zeros but one before the point. */
interface Decimal {
	readonly negative: boolean;
	readonly integer: string;
	readonly fraction: string;
}

const groupDigits = 4;
const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
/** Values without digits, by the sign word that stands for them. */
const specials: ReadonlyMap<number, string> = new Map([
	[0xc000, "NaN"],
	[0xd000, "Infinity"],
	[0xf000, "-Infinity"],
]);
const specialSigns = new Map([...specials].map(([sign, text]) => [text, sign]));

/** The documented limits of an unconstrained numeric: digits before and after the point. */
const maxIntegerDigits = 131072;
const maxFractionDigits = 16383;

function parseDecimal(text: string): Decimal | undefined {
	const found = /^([+-]?)([0-9]+)(?:\.([0-9]*))?$/.exec(text);
	if (found === null) return undefined;
	const integer = (found[2] ?? "").replace(/^0+(?=[0-9])/, "");
	const fraction = found[3] ?? "";
	if (integer.length > maxIntegerDigits || fraction.length > maxFractionDigits) return undefined;
	const isZero = !/[1-9]/.test(integer + fraction);
	return { negative: found[1] === "-" && !isZero, integer, fraction };
}

function formatDecimal({ negative, integer, fraction }: Decimal): string {
	return `${negative ? "-" : ""}${integer}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Precision and scale as numeric's type modifier holds them; scale may be negative. */
function numericModifier(typeModifier: number): { precision: number; scale: number } | undefined {
	if (typeModifier < 4) return undefined;
	const packed = typeModifier - 4;
	return { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
}

/** Place of the first digit that is not zero, counted to the left of the point: 5 for 12345, 0 for 0.5, −2 for 0.005. */
function leadingDigit({ integer, fraction }: Decimal): number {
	if (integer !== "0") return integer.length;
	const first = fraction.search(/[1-9]/);
	return first === -1 ? Number.NEGATIVE_INFINITY : -first;
}

/** The text as a numeric of the declared precision and scale would show it; undefined when it does not fit. */
export function fitNumeric(text: string, typeModifier: number): string | undefined {
	const declared = numericModifier(typeModifier);
	if (specialSigns.has(text)) return declared === undefined || text === "NaN" ? text : undefined;
	const decimal = parseDecimal(text);
	if (decimal === undefined || declared === undefined) return decimal && formatDecimal(decimal);
	const scale = Math.max(declared.scale, 0);
	if (decimal.fraction.length > scale || leadingDigit(decimal) > declared.precision - declared.scale) return undefined;
	return formatDecimal({ ...decimal, fraction: decimal.fraction.padEnd(scale, "0") });
}

/** `text` comes from `fitNumeric`. */
export function encodeNumeric(text: string): Buffer {
	const special = specialSigns.get(text);
	const decimal = special === undefined ? parseDecimal(text) : undefined;
	const integer = decimal?.integer ?? "";
	const fraction = decimal?.fraction ?? "";
	const before = Math.ceil(integer.length / groupDigits);
	const after = Math.ceil(fraction.length / groupDigits);
	const digits = integer.padStart(before * groupDigits, "0") + fraction.padEnd(after * groupDigits, "0");
	const groups = (digits.match(/[0-9]{4}/g) ?? []).map(Number);
	let first = 0;
	let last = groups.length;
	while (first < last && groups[first] === 0) first++;
	while (last > first && groups[last - 1] === 0) last--;
	const bytes = Buffer.alloc(8 + 2 * (last - first));
	bytes.writeUInt16BE(last - first, 0);
	bytes.writeInt16BE(last === first ? 0 : before - 1 - first, 2);
	bytes.writeUInt16BE(special ?? (decimal?.negative ? NEGATIVE : POSITIVE), 4);
	// Of infinities the server sends, in place of a scale, bits of its own header; readers ignore them.
	bytes.writeUInt16BE(special === undefined ? fraction.length : (special & 0x1f80) >> 7, 6);
	for (let index = first; index < last; index++) bytes.writeUInt16BE(groups[index] ?? 0, 8 + 2 * (index - first));
	return bytes;
}

export function decodeNumeric(bytes: Buffer): string | undefined {
	if (bytes.length < 8 || bytes.length !== 8 + 2 * bytes.readUInt16BE(0)) return undefined;
	const weight = bytes.readInt16BE(2);
	const sign = bytes.readUInt16BE(4);
	const scale = bytes.readUInt16BE(6);
	if (sign !== POSITIVE && sign !== NEGATIVE) return specials.get(sign);
	if (scale > maxFractionDigits) return undefined;
	const group = (index: number): string => {
		const at = 8 + 2 * index;
		const value = index >= 0 && at < bytes.length ? bytes.readUInt16BE(at) : 0;
		return String(value).padStart(groupDigits, "0");
	};
	for (let at = 8; at < bytes.length; at += 2) if (bytes.readUInt16BE(at) > 9999) return undefined;
	let integer = "";
	for (let index = 0; index <= weight; index++) integer += group(index);
	let fraction = "";
	for (let index = weight + 1; fraction.length < scale; index++) fraction += group(index);
	return formatDecimal({
		negative: sign === NEGATIVE,
		integer: integer.replace(/^0+(?=[0-9])/, "") || "0",
		fraction: fraction.slice(0, scale),
	});
}

/** An integer of `bytes` bytes, in its canonical text; undefined when it is out of range. */
export function fitInteger(text: string, bytes: 2 | 4 | 8): string | undefined {
	if (!/^[+-]?[0-9]{1,20}$/.test(text)) return undefined;
	const value = BigInt(text.replace(/^\+/, ""));
	return BigInt.asIntN(8 * bytes, value) === value ? String(value) : undefined;
}

/** `text` comes from `fitInteger` with the same size. */
export function encodeInteger(text: string, bytes: 2 | 4 | 8): Buffer {
	const encoded = Buffer.allocUnsafe(bytes);
	if (bytes === 8) encoded.writeBigInt64BE(BigInt(text));
	else encoded.writeIntBE(Number(text), 0, bytes);
	return encoded;
}

export function decodeInteger(bytes: Buffer, size: 2 | 4 | 8): string | undefined {
	if (bytes.length !== size) return undefined;
	return String(size === 8 ? bytes.readBigInt64BE() : bytes.readIntBE(0, size));
}

/** A float of `size` bytes as the server prints it; undefined when the text is no number or does not fit. */
export function fitFloat(text: string, size: 4 | 8): string | undefined {
	if (text === "NaN" || text === "Infinity" || text === "-Infinity") return text;
	if (!/^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text)) return undefined;
	const value = size === 4 ? Math.fround(Number(text)) : Number(text);
	return Number.isFinite(value) ? formatFloat(value, size) : undefined;
}

/** `text` comes from `fitFloat` with the same size. */
export function encodeFloat(text: string, size: 4 | 8): Buffer {
	const encoded = Buffer.allocUnsafe(size);
	if (size === 4) encoded.writeFloatBE(Number(text));
	else encoded.writeDoubleBE(Number(text));
	return encoded;
}

export function decodeFloat(bytes: Buffer, size: 4 | 8): string | undefined {
	if (bytes.length !== size) return undefined;
	return formatFloat(size === 4 ? bytes.readFloatBE() : bytes.readDoubleBE(), size);
}

/** The fewest digits that read back as the same value; an exponent below 1e-4 and from 1e15 (float4: 1e6) on. */
function formatFloat(value: number, size: 4 | 8): string {
	if (!Number.isFinite(value)) return String(value);
	if (value === 0) return Object.is(value, -0) ? "-0" : "0";
	const [mantissa = "", exponentText] = shortest(value, size).split("e");
	const exponent = Number(exponentText);
	const sign = value < 0 ? "-" : "";
	const digits = mantissa.replace(/[-.]/g, "").replace(/0+$/, "");
	if (exponent < -4 || exponent >= (size === 4 ? 6 : 15)) {
		const point = digits.length > 1 ? `.${digits.slice(1)}` : "";
		const size2 = String(Math.abs(exponent)).padStart(2, "0");
		return `${sign}${digits.charAt(0)}${point}e${exponent < 0 ? "-" : "+"}${size2}`;
	}
	if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
	const integer = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
	return `${sign}${integer}${digits.length > exponent + 1 ? `.${digits.slice(exponent + 1)}` : ""}`;
}

/** In exponential notation. JavaScript knows the shortest form of doubles only; nine digits always tell floats apart. */
function shortest(value: number, size: 4 | 8): string {
	if (size === 8) return value.toExponential();
	for (let digits = 0; digits < 8; digits++) {
		const text = value.toExponential(digits);
		if (Math.fround(Number(text)) === value) return text;
	}
	return value.toExponential(8);
}
