/**
 * Looks for secret values in bytes that a client received, in whatever shape a database could have given them: as they
 * are, in other case, backwards, in hexadecimal, in base64, as digests, as character codes, as binary numbers.
 */
import { createHash } from "node:crypto";

export interface Needle {
	readonly about: string;
	readonly bytes: Buffer;
	readonly ignoresCase: boolean;
}

/** Shapes of a secret piece of text. `whole` is the value that holds it, for digests. */
export function textNeedles(piece: string, whole: string = piece): Needle[] {
	const raw = Buffer.from(piece);
	const loose = (about: string, text: string): Needle => ({
		about: `${piece} ${about}`,
		bytes: Buffer.from(text.toLowerCase()),
		ignoresCase: true,
	});
	const codes = [...raw].map(String);
	return [
		loose("as it is", piece),
		loose("backwards", [...piece].reverse().join("")),
		loose("in hexadecimal", raw.toString("hex")),
		loose("with a character between each", [...piece].join(" ")),
		loose("as an array", [...piece].join(",")),
		loose("as codes", codes.join(",")),
		loose("in octal escapes", [...raw].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")),
		loose("percent-encoded", [...raw].map((byte) => `%${byte.toString(16)}`).join("")),
		...["md5", "sha1", "sha256"].map((hash) => loose(hash, createHash(hash).update(whole).digest("hex"))),
		...base64Pieces(raw).map((text) => ({
			about: `${piece} in base64`,
			bytes: Buffer.from(text),
			ignoresCase: false,
		})),
		{ about: `${piece} in UTF-16`, bytes: Buffer.from(piece, "utf16le"), ignoresCase: false },
	];
}

/** A value as it stands in a binary result. */
export function binaryNeedle(about: string, bytes: Buffer): Needle {
	return { about, bytes, ignoresCase: false };
}

/** What of the bytes' base64 does not depend on what stands before and after them, for each of the three alignments. */
function base64Pieces(raw: Buffer): string[] {
	return [0, 1, 2].map((before) => {
		const text = Buffer.concat([Buffer.alloc(before), raw])
			.toString("base64")
			.replace(/=+$/, "");
		const whole = Math.floor(((before + raw.length) * 8) / 6);
		return text.slice(Math.ceil((before * 8) / 6), whole);
	});
}

/** Those that occur. */
export function found(needles: readonly Needle[], hay: Buffer): string[] {
	const lower = Buffer.from(hay.toString("latin1").toLowerCase(), "latin1");
	return needles
		.filter(({ bytes, ignoresCase }) => (ignoresCase ? lower : hay).includes(bytes))
		.map(({ about }) => about);
}
