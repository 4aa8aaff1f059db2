/**
 * The grammar works on texts that hold a byte a character; here is what of them is more than bytes.
 */

export function isAscii(text: string): boolean {
	return !/\P{ASCII}/u.test(text);
}

/** Bytes, one a character, as the UTF-8 text that they are. */
export function utf8Text(bytes: string): string {
	return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** What servers trim at the beginning of names and labels: white space and control characters of ASCII. */
function trimmedLength(text: string): number {
	let at = 0;
	while (at < text.length && (text.charCodeAt(at) <= 0x20 || text.charCodeAt(at) === 0x7f)) at += 1;
	return at;
}

export function isTrimmed(text: string): boolean {
	return trimmedLength(text) === 0;
}

export function trimmed(text: string): string {
	return text.slice(trimmedLength(text));
}

/**
 * From bytes of a text to characters (UTF-16 units) of what it decodes to. Each run of bytes beyond ASCII is decoded by
 * itself, so that a run that is no UTF-8 moves nothing but what it becomes; positions inside a run count as its beginning.
 */
export function characterOffsets(bytes: string): (at: number) => number {
	if (isAscii(bytes)) return (at) => at;
	const table = new Uint32Array(bytes.length + 1);
	let characters = 0;
	for (let at = 0; at < bytes.length; ) {
		let end = at;
		while (end < bytes.length && bytes.charCodeAt(end) >= 0x80) end += 1;
		table.fill(characters, at, end);
		characters += utf8Text(bytes.slice(at, end)).length;
		if (end < bytes.length) {
			table[end] = characters;
			characters += 1;
		}
		at = end + 1;
	}
	table[bytes.length] = characters;
	return (at) => table[Math.min(at, bytes.length)] as number;
}
