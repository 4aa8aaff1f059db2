/**
 * One object to the store: looked for, sent, and read back. Confirmed is only what has been read back whole and is, byte
 * for byte, what is on this disk: before retention removes anything, the store's own word that all went well is not enough.
 *
 * An object that is there already is never written again: with the same content it is confirmed, with another it is an
 * error for a person to look at. A large one goes in parts, and what the store has of them after a crash is not sent again.
 */
import { createHash } from "node:crypto";
import { type Content, contentOf, type Source, slice } from "./source.js";
import type { ArchiveState, Begun } from "./state.js";
import { ArchiveError, type ObjectStore, type StoredPart } from "./store.js";

export interface Upload {
	readonly object: string;
	readonly source: Source;
	/** SHA-256 that the log itself names, in hexadecimal; undefined where it names none. */
	readonly recorded?: ReadonlySet<string> | undefined;
}

export interface UploadOptions {
	readonly store: ObjectStore;
	readonly state: ArchiveState;
	/** ISO 8601. */
	readonly now: () => string;
}

/** Above S3's least (5 MiB), and what is held in memory of a segment. 10 000 parts, the most, are 80 GB. */
const PART_BYTES = 8 << 20;

/** Resolves when the object is in the store, and was seen there. Rejects with ArchiveError. */
export async function upload(one: Upload, options: UploadOptions): Promise<Content> {
	const { store, state, now } = options;
	const { object, source, recorded } = one;
	const content = await contentOf(source.chunks(0), source.bytes);
	if (content.bytes !== source.bytes || (recorded !== undefined && !recorded.has(content.sha256))) {
		throw new ArchiveError("local", `${object} on this disk is not what was sealed`);
	}
	const isThere = await isStored(object, content, store);
	if (!isThere) {
		if (content.bytes <= PART_BYTES) await store.put(object, await slice(source, 0, content.bytes));
		else await sendParts(one, content, options);
		if (!(await isStored(object, content, store))) {
			throw new ArchiveError("unavailable", `${object} is not in the store after it was sent`);
		}
	}
	await state.confirm(object, content.bytes, content.sha256, now());
	return content;
}

/** False when there is no such object. Throws when it has other content. */
async function isStored(object: string, content: Content, store: ObjectStore): Promise<boolean> {
	const chunks = await store.read(object);
	if (chunks === undefined) return false;
	const stored = await contentOf(chunks, content.bytes);
	if (stored.bytes === content.bytes && stored.sha256 === content.sha256) return true;
	throw new ArchiveError("conflict", `${object} in the store has other content than here; it is not overwritten`);
}

async function sendParts({ object, source }: Upload, content: Content, { store, state }: UploadOptions): Promise<void> {
	const { begun, stored } = await resumed(object, content, store, state);
	const acknowledged = state.acknowledged(object, begun.id);
	const parts: StoredPart[] = [];
	for (let offset = 0; offset < content.bytes; offset += begun.partBytes) {
		const number = parts.length + 1;
		const bytes = Math.min(begun.partBytes, content.bytes - offset);
		const there = stored.find((part) => part.number === number && part.bytes === bytes);
		if (there !== undefined && acknowledged.some((part) => part.number === number && part.etag === there.etag)) {
			parts.push(there);
			continue;
		}
		const piece = await slice(source, offset, bytes);
		/* What was sent just before a crash was not acknowledged any more. An ETag is the MD5, but where the store encrypts. */
		if (there !== undefined && there.etag === createHash("md5").update(piece).digest("hex")) {
			parts.push(there);
			continue;
		}
		const part = { number, bytes, etag: await store.putPart(object, begun.id, number, piece) };
		await state.acknowledge(object, begun.id, part);
		parts.push(part);
	}
	await store.finish(object, begun.id, parts);
}

/** The upload that was begun before, if the store still has it and it is of this content; else a new one. */
async function resumed(
	object: string,
	content: Content,
	store: ObjectStore,
	state: ArchiveState,
): Promise<{ readonly begun: Begun; readonly stored: readonly StoredPart[] }> {
	const known = state.begun(object);
	if (known !== undefined) {
		const isSame = known.sha256 === content.sha256;
		const stored = isSame ? await store.parts(object, known.id) : undefined;
		if (stored !== undefined) return { begun: known, stored };
		if (!isSame) await store.abort(object, known.id);
	}
	const begun = { id: await store.begin(object), sha256: content.sha256, partBytes: PART_BYTES };
	await state.begin(object, begun);
	return { begun, stored: [] };
}
