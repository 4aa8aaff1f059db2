/** What can go wrong with the recording. */

export type JournalErrorCode =
	/** It cannot be written: no session may go on. */
	| "failed"
	/** Another process writes it. */
	| "locked"
	/** An entry cannot be read. */
	| "corrupt"
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
