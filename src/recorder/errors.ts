/** What can go wrong with the recording. */

export type JournalErrorCode =
	/** It cannot be written: no session may go on. */
	| "failed"
	/** Another process writes it. */
	| "locked"
	/** An entry cannot be read. */
	| "corrupt"
	/** The key that signs it is missing, unreadable or not the one expected. */
	| "key"
	/** There is no such session in it. */
	| "unknown";

export class JournalError extends Error {
	override readonly name = "JournalError";
	constructor(
		readonly code: JournalErrorCode,
		message: string,
		options?: ErrorOptions,
	) {
		super(message, options);
	}
}
