/**
 * PostgreSQL's types as masks and recordings see them: which kind a value is, its text, and back from a masked text to
 * the bytes of its type in the format that the client asked for.
 *
 * A masked text that its type cannot hold gives `undefined`, and the value becomes NULL: a client must never meet a
 * value that breaks its own reading of the column. Types are those that RowDescription names (a domain shows as its base
 * type); a type of an extension has no fixed OID, so it is `other`, unless the caller gives the OID of a type that is
 * sent alike (citext: text).
 */
import { isUtf8 } from "node:buffer";
import { fitJson, type ValueKind } from "../values.js";
import { decodeDate, decodeTimestamp, encodeDate, encodeTimestamp, fitDate, fitTimestamp } from "./datetime.js";
import {
	decodeFloat,
	decodeInteger,
	decodeNumeric,
	encodeFloat,
	encodeInteger,
	encodeNumeric,
	fitFloat,
	fitInteger,
	fitNumeric,
} from "./numeric.js";

interface Codec {
	readonly kind: ValueKind;
	/** From the binary form; undefined when the bytes are not a value of the type. */
	readonly decode: (bytes: Buffer) => string | undefined;
	/** The text as the type would show it, cut or padded where the type does so; undefined when it cannot hold it. */
	readonly fit: (text: string, typeModifier: number) => string | undefined;
	/** To the binary form, from what `fit` gave. */
	readonly encode: (fitted: string) => Buffer;
}

/** The longest length that varchar and char can be declared with, in characters. */
const maxDeclaredLength = 10_485_760;

/** Characters declared, in varchar(n) and char(n); undefined: no limit. */
function declaredLength(typeModifier: number): number | undefined {
	const length = typeModifier - 4;
	return length >= 0 && length <= maxDeclaredLength ? length : undefined;
}

/** No text type holds a NUL. */
function withoutNul(text: string): string | undefined {
	return text.includes("\0") ? undefined : text;
}

/** At most `length` characters, counted as the server does, by code point. */
function clip(text: string, length: number): string {
	if (text.length <= length) return text;
	return Array.from(text).slice(0, length).join("");
}

function fitVarchar(text: string, typeModifier: number): string | undefined {
	const length = declaredLength(typeModifier);
	return withoutNul(length === undefined ? text : clip(text, length));
}

/** char(n) is always n characters, padded with blanks. */
function fitBlankPadded(text: string, typeModifier: number): string | undefined {
	const fitted = fitVarchar(text, typeModifier);
	const length = declaredLength(typeModifier);
	if (fitted === undefined || length === undefined) return fitted;
	return fitted + " ".repeat(length - Array.from(fitted).length);
}

/** `name` holds 63 bytes and never ends within a character. */
function fitName(text: string): string | undefined {
	let fitted = "";
	let bytes = 0;
	for (const character of text) {
		bytes += Buffer.byteLength(character);
		if (bytes > 63) break;
		fitted += character;
	}
	return withoutNul(fitted);
}

/** The type "char" is one byte. */
function fitByte(text: string): string | undefined {
	return Buffer.byteLength(text) <= 1 ? withoutNul(text) : undefined;
}

function fitBool(text: string): string | undefined {
	if (text === "t" || text === "true") return "t";
	return text === "f" || text === "false" ? "f" : undefined;
}

function fitUuid(text: string): string | undefined {
	const lower = text.toLowerCase();
	return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(lower) ? lower : undefined;
}

function decodeUuid(bytes: Buffer): string | undefined {
	if (bytes.length !== 16) return undefined;
	return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function utf8(bytes: Buffer): string {
	return bytes.toString("utf8");
}

function text(fit: Codec["fit"]): Codec {
	return { kind: "text", decode: utf8, fit, encode: (fitted) => Buffer.from(fitted, "utf8") };
}

function integer(bytes: 2 | 4 | 8): Codec {
	return {
		kind: "integer",
		decode: (value) => decodeInteger(value, bytes),
		fit: (value) => fitInteger(value, bytes),
		encode: (value) => encodeInteger(value, bytes),
	};
}

function float(bytes: 4 | 8): Codec {
	return {
		kind: "decimal",
		decode: (value) => decodeFloat(value, bytes),
		fit: (value) => fitFloat(value, bytes),
		encode: (value) => encodeFloat(value, bytes),
	};
}

function timestamp(zoned: boolean): Codec {
	return {
		kind: "timestamp",
		decode: (value) => decodeTimestamp(value, zoned),
		fit: (value) => fitTimestamp(value, zoned),
		encode: (value) => encodeTimestamp(value, zoned),
	};
}

const jsonbVersion = 1;
/** char(n), `bpchar` in the catalog. */
const BLANK_PADDED = 1042;

const codecs: ReadonlyMap<number, Codec> = new Map<number, Codec>([
	[16, { kind: "other", decode: decodeBool, fit: fitBool, encode: (value) => Buffer.from([value === "t" ? 1 : 0]) }],
	[18, text(fitByte)],
	[19, text(fitName)],
	[20, integer(8)],
	[21, integer(2)],
	[23, integer(4)],
	[25, text(withoutNul)],
	[114, { kind: "json", decode: utf8, fit: fitJson, encode: (value) => Buffer.from(value, "utf8") }],
	[700, float(4)],
	[701, float(8)],
	[705, text(withoutNul)],
	[BLANK_PADDED, text(fitBlankPadded)],
	[1043, text(fitVarchar)],
	[1082, { kind: "date", decode: decodeDate, fit: fitDate, encode: encodeDate }],
	[1114, timestamp(false)],
	[1184, timestamp(true)],
	[1700, { kind: "decimal", decode: decodeNumeric, fit: fitNumeric, encode: encodeNumeric }],
	[
		2950,
		{
			kind: "uuid",
			decode: decodeUuid,
			fit: fitUuid,
			encode: (value) => Buffer.from(value.replaceAll("-", ""), "hex"),
		},
	],
	[
		3802,
		{
			kind: "json",
			decode: (bytes) => (bytes[0] === jsonbVersion ? bytes.toString("utf8", 1) : undefined),
			fit: fitJson,
			encode: (value) => Buffer.concat([Buffer.from([jsonbVersion]), Buffer.from(value, "utf8")]),
		},
	],
]);

function decodeBool(bytes: Buffer): string | undefined {
	if (bytes.length !== 1 || (bytes[0] ?? 2) > 1) return undefined;
	return bytes[0] === 1 ? "t" : "f";
}

export function valueKind(type: number): ValueKind {
	return codecs.get(type)?.kind ?? "other";
}

/** A value's text; undefined when it is binary and of a type, or of bytes, that are not known here. */
export function decodeText(type: number, format: number, bytes: Buffer): string | undefined {
	if (format === 0) return bytes.toString("utf8");
	return format === 1 ? codecs.get(type)?.decode(bytes) : undefined;
}

/** A value as masks should see it: the blanks that pad char(n) are not part of it. */
export function withoutPadding(type: number, text: string): string {
	if (type !== BLANK_PADDED) return text;
	let end = text.length;
	while (text.charAt(end - 1) === " ") end--;
	return text.slice(0, end);
}

/** A masked text as the type would show it; undefined when the type is not known here or cannot hold it. */
export function fitText(type: number, text: string, typeModifier: number): string | undefined {
	return codecs.get(type)?.fit(text, typeModifier);
}

/** The bytes of a masked text; undefined when the value must become NULL instead. `typeModifier` −1: none declared. */
export function encodeText(type: number, format: number, text: string, typeModifier = -1): Buffer | undefined {
	const codec = codecs.get(type);
	const fitted = codec?.fit(text, typeModifier);
	if (codec === undefined || fitted === undefined) return undefined;
	if (format === 0) return Buffer.from(fitted, "utf8");
	return format === 1 ? codec.encode(fitted) : undefined;
}

/** A value for the recording: its text, or "\x…" where it is not text. */
export function recordedValue(type: number, format: number, bytes: Buffer): string {
	const isText = format === 0 || codecs.get(type)?.kind === "text" || codecs.get(type)?.kind === "json";
	const text = isText && !isUtf8(bytes) ? undefined : decodeText(type, format, bytes);
	return text ?? `\\x${bytes.toString("hex")}`;
}
