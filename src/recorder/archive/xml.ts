/**
 * The XML of S3's answers, as far as the archive reads it: texts of elements by their names. Whatever is not of the
 * expected form is as good as absent; nothing of it is trusted further than that.
 */
import type { StoredPart } from "./store.js";

const ENTITIES: Readonly<Record<string, string>> = {
	amp: "&",
	lt: "<",
	gt: ">",
	quot: '"',
	apos: "'",
	"#34": '"',
	"#39": "'",
};

/** The text of the first element of that name that has no elements in it. */
export function textOf(xml: string, element: string): string | undefined {
	const found = new RegExp(`<${element}(?:\\s[^<>]*)?>([^<>]*)</${element}>`).exec(xml)?.[1];
	return found?.replace(/&([a-z#0-9]+);/g, (whole, name: string) => ENTITIES[name] ?? whole).trim();
}

/** The code of an answer that is an error. A code is a word: no other text of an answer is shown to anybody. */
export function errorCode(xml: string): string | undefined {
	if (!/^\s*(?:<\?xml[^>]*\?>)?\s*<Error[\s>]/.test(xml)) return undefined;
	const code = textOf(xml, "Code") ?? "";
	return /^[A-Za-z0-9.]{1,64}$/.test(code) ? code : "Error";
}

/** ListParts. */
export function listedParts(xml: string): StoredPart[] {
	return xml
		.split("<Part>")
		.slice(1)
		.flatMap((text) => {
			const [number, bytes] = [textOf(text, "PartNumber"), textOf(text, "Size")].map(Number);
			const etag = textOf(text, "ETag")?.replaceAll('"', "");
			if (!Number.isSafeInteger(number) || !Number.isSafeInteger(bytes) || etag === undefined) return [];
			return [{ number: number as number, bytes: bytes as number, etag }];
		});
}

/** What CompleteMultipartUpload is asked with. */
export function partList(parts: readonly StoredPart[]): string {
	const escaped = (text: string) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
	const listed = parts.map(
		({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>&quot;${escaped(etag)}&quot;</ETag></Part>`,
	);
	return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${listed.join("")}</CompleteMultipartUpload>`;
}
