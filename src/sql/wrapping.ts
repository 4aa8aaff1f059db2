/** What both engines' wrapping of a text needs: insertions into it, and the proof by trees of any shape that they did no more. */
import type { RelationUse } from "./facts.js";
import type { ExtentTest } from "./guarded.js";

export type Piece = string | ExtentTest;

export interface Insertion {
	/** Where in the text, in its characters. */
	readonly at: number;
	readonly pieces: readonly Piece[];
}

/** The text in pieces, with the insertions at their places. */
export function inserted(text: string, insertions: readonly Insertion[]): readonly Piece[] {
	const pieces: Piece[] = [];
	let from = 0;
	for (const { at, pieces: own } of [...insertions].sort((a, b) => a.at - b.at)) {
		pieces.push(text.slice(from, at), ...own);
		from = at;
	}
	pieces.push(text.slice(from));
	return pieces;
}

/** A condition with its tests of identity, which `pattern` finds, apart. */
export function conditionPieces(
	condition: string,
	pattern: RegExp,
	test: (match: RegExpMatchArray) => readonly Piece[],
): Piece[] {
	const pieces: Piece[] = [];
	let from = 0;
	for (const match of condition.matchAll(pattern)) {
		pieces.push(condition.slice(from, match.index), ...test(match));
		from = (match.index ?? 0) + match[0].length;
	}
	pieces.push(condition.slice(from));
	return pieces.map((piece) => (typeof piece === "string" ? piece.replace(/\s+/g, " ") : piece));
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function fieldsOf(value: unknown): Fields {
	return isFields(value) ? value : {};
}

export function listOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}

/** Compares a tree with another one, in which some nodes were to be exchanged. */
export abstract class Proof {
	/** How many were. */
	exchanged = 0;
	readonly #places: ReadonlySet<string>;

	/** `places`: fields that tell where a node stands, which is all that insertions may change of it. */
	constructor(places: ReadonlySet<string>) {
		this.#places = places;
	}

	/** Whether a node that was to be exchanged was; undefined: it was to stay. */
	protected abstract exchange(one: Fields, other: Fields): boolean | undefined;

	alike(one: unknown, other: unknown): boolean {
		if (Array.isArray(one)) {
			return (
				Array.isArray(other) &&
				one.length === other.length &&
				one.every((item, index) => this.alike(item, other[index]))
			);
		}
		if (!isFields(one)) return Object.is(one, other);
		if (!isFields(other)) return false;
		return this.exchange(one, other) ?? this.bodiesAlike(one, other);
	}

	protected bodiesAlike(one: Fields, other: Fields, except: readonly string[] = []): boolean {
		const names = (body: Fields) =>
			Object.keys(body).filter((name) => !this.#places.has(name) && !except.includes(name) && body[name] !== undefined);
		const own = names(one);
		return own.length === names(other).length && own.every((name) => this.alike(one[name], other[name]));
	}
}

/** Columns in use, by relation ("schema.name"). */
export type UsedColumns = Map<string, readonly string[] | "all">;

export function addUsed(used: UsedColumns, { schema, name, columns }: RelationUse): void {
	const known = used.get(`${schema}.${name}`) ?? [];
	used.set(`${schema}.${name}`, columns === "all" || known === "all" ? "all" : [...known, ...columns]);
}
