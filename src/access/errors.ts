/** Why access was refused, in words for the person who asked. */

export type AccessErrorCode =
	/** A term of the license says no. */
	| "refused"
	/** There is no such license, target or grant. */
	| "unknown"
	/** What was asked for makes no sense. */
	| "invalid";

export class AccessError extends Error {
	override readonly name = "AccessError";
	constructor(
		readonly code: AccessErrorCode,
		message: string,
	) {
		super(message);
	}
}
