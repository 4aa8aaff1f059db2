/**
 * A store of objects as the archive needs one, and what can go wrong with it. What an error says goes to the log: it
 * never holds what was sent, a credential, or words of the store's own beyond its code.
 */

export interface StoredPart {
	readonly number: number;
	readonly bytes: number;
	readonly etag: string;
}

export interface ObjectStore {
	/** Its content; undefined when there is no such object. */
	read(name: string): Promise<AsyncIterable<Uint8Array> | undefined>;
	put(name: string, content: Buffer): Promise<void>;
	/** Begins an upload in parts and answers its id. */
	begin(name: string): Promise<string>;
	/** The parts that are there; undefined when there is no such upload. */
	parts(name: string, upload: string): Promise<readonly StoredPart[] | undefined>;
	/** Answers the part's ETag. */
	putPart(name: string, upload: string, number: number, content: Buffer): Promise<string>;
	finish(name: string, upload: string, parts: readonly StoredPart[]): Promise<void>;
	abort(name: string, upload: string): Promise<void>;
}

export type ArchiveErrorCode =
	/** The store cannot be reached, or answers that it is in trouble: later is another time. */
	| "unavailable"
	/** The store refuses, and will until somebody mends the configuration or the store. */
	| "refused"
	/** What arrived is not what was sent. */
	| "damaged"
	/** There is an object of that name with other content. */
	| "conflict"
	/** What is on this disk is not what was recorded. */
	| "local";

export class ArchiveError extends Error {
	override readonly name = "ArchiveError";
	constructor(
		readonly code: ArchiveErrorCode,
		message: string,
		options?: ErrorOptions,
	) {
		super(message, options);
	}
}
