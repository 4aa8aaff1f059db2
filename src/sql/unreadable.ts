/**
 * The one way to give up on a statement: what cannot be proved is thrown as `Unreadable` and becomes the statement's
 * `refusal`. Every reader (translators, resolver, utility tables) throws it; analysers alone catch it.
 */
import type { Refusal } from "./facts.js";

export class Unreadable extends Error {
	readonly kind: Refusal["kind"];
	/** As the parser counts (PostgreSQL: bytes); the analyser turns it into characters. */
	readonly position: number | undefined;

	constructor(kind: Refusal["kind"], message: string, position?: number) {
		super(message);
		this.name = "Unreadable";
		this.kind = kind;
		this.position = position;
	}
}

export function unsupported(message: string, position?: number): Unreadable {
	return new Unreadable("unsupported", message, position);
}

export function unresolved(message: string, position?: number): Unreadable {
	return new Unreadable("unresolved", message, position);
}
