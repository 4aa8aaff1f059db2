/**
 * A YAML 1.2 text → its value, with the place of every key. JSON is YAML too, so this reads both.
 *
 * The value is built by hand from the `yaml` package's tree rather than by its own conversion, because a document that
 * decides about access must not be open to interpretation: duplicate keys, tags, merge keys, several documents and keys
 * that are no strings are problems; aliases are followed within bounds; and the same walk replaces `${NAME}`.
 */
import {
	type Document,
	isAlias,
	isMap,
	isScalar,
	isSeq,
	LineCounter,
	type Node,
	type Pair,
	parseAllDocuments,
} from "yaml";
import { DOCUMENT_BYTES, DOCUMENT_DEPTH, DOCUMENT_NODES } from "./bounds.js";
import { formatPath, type Path, type Problem, sortProblems } from "./problem.js";

/** What JSON can say. Mappings have no prototype, so that a key is never taken for something inherited. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

export interface Source {
	readonly file: string;
	readonly value: Plain;
	/** Variables that are not set. The value holds their `${NAME}` unchanged, so that the rest can still be checked. */
	readonly unset: readonly Problem[];
	/** A problem at a path: at its key if it has one, else at the nearest thing above it that exists. */
	problem(path: Path, message: string): Problem;
}

export type SourceResult = { readonly source: Source } | { readonly problems: readonly Problem[] };

export interface ReadOptions {
	/** Where `${NAME}` in a string is looked up. Undefined: `${NAME}` is nothing special. */
	readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Reads a text. Either all of it stands, or every problem of its form is told. */
export function readYaml(text: string, file: string, options: ReadOptions = {}): SourceResult {
	if (Buffer.byteLength(text) > DOCUMENT_BYTES) {
		const message = `is too long; expected a document of at most ${DOCUMENT_BYTES} bytes`;
		return { problems: [{ file, line: 1, column: 1, path: "", message }] };
	}
	const lines = new LineCounter();
	const at = (offset: number, path: Path, message: string): Problem => {
		const { line, col } = lines.linePos(offset);
		return { file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), message };
	};
	const problems: Problem[] = [];
	const list = documentsOf(text, lines);
	if (list === undefined) return { problems: [at(0, [], "nests too deep to be read")] };
	for (const document of list) {
		for (const error of [...document.errors, ...document.warnings]) {
			problems.push(at(error.pos[0], [], `cannot be read as YAML: ${firstLine(error.message)}`));
		}
	}
	if (list.length > 1) {
		const second = list[1]?.range[0] ?? 0;
		problems.push(at(second, [], "holds several YAML documents; expected one document per file"));
	}
	const root = list[0]?.contents;
	if (problems.length > 0) return { problems: sortProblems(problems) };
	if (root === undefined || root === null) return { problems: [at(0, [], "is empty; expected a mapping")] };
	const walk = new Walk(options.env, at);
	const value = walk.value(root as Node, [], 0);
	if (walk.problems.length > 0) return { problems: sortProblems(walk.problems) };
	const places = walk.places;
	const problem = (path: Path, message: string): Problem => {
		for (let length = path.length; length >= 0; length--) {
			const offset = places.get(placeKey(path.slice(0, length)));
			if (offset !== undefined) return at(offset, path, message);
		}
		return at(0, path, message);
	};
	return { source: { file, value, unset: walk.unset, problem } };
}

/** Undefined when the text nests so deep that reading it overflows the stack. */
function documentsOf(text: string, lineCounter: LineCounter): readonly Document.Parsed[] | undefined {
	try {
		// prettyErrors would quote the text around an error, which may hold a password.
		const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
		return "empty" in documents ? [] : documents;
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}

/** yaml's own messages quote names of anchors and tags, never values; what follows the first line is hints. */
function firstLine(message: string): string {
	return message.split("\n", 1)[0] ?? message;
}

function placeKey(path: Path): string {
	return JSON.stringify(path);
}

type At = (offset: number, path: Path, message: string) => Problem;

/** One walk over the tree: builds the value, notes the places, replaces variables, collects problems. */
class Walk {
	readonly problems: Problem[] = [];
	readonly unset: Problem[] = [];
	readonly places = new Map<string, number>();
	readonly #env: ReadOptions["env"];
	readonly #at: At;
	readonly #anchors = new Map<string, Node>();
	#nodes = 0;

	constructor(env: ReadOptions["env"], at: At) {
		this.#env = env;
		this.#at = at;
	}

	/** `place`: where the key stands, when there is one; messages point at it rather than at the value. */
	value(node: Node | null, path: Path, place: number): Plain {
		const offset = node?.range?.[0] ?? place;
		if (!this.places.has(placeKey(path))) this.places.set(placeKey(path), path.length === 0 ? offset : place);
		if (++this.#nodes > DOCUMENT_NODES) {
			if (this.#nodes === DOCUMENT_NODES + 1) {
				this.#report(offset, path, `holds too much; expected at most ${DOCUMENT_NODES} values, aliases followed`);
			}
			return null;
		}
		if (path.length > DOCUMENT_DEPTH) {
			this.#report(offset, path, `nests too deep; expected at most ${DOCUMENT_DEPTH} levels`);
			return null;
		}
		if (node === null) return null;
		if (isAlias(node)) {
			const target = this.#anchors.get(node.source);
			if (target === undefined) {
				this.#report(offset, path, `refers to *${node.source}; expected an anchor that ends before this place`);
				return null;
			}
			return this.value(target, path, place);
		}
		if (node.tag !== undefined && !PLAIN_TAGS.has(node.tag)) {
			this.#report(offset, path, "has a YAML tag; expected a value without one");
			return null;
		}
		const built = isMap(node)
			? this.#mapping(node.items as Pair<Node, Node | null>[], path, offset)
			: isSeq(node)
				? (node.items as (Node | null)[]).map((item, index) =>
						this.value(item, [...path, index], item?.range?.[0] ?? offset),
					)
				: isScalar(node)
					? this.#scalar(node.value, offset, path)
					: null;
		// Noted only now: an alias within its own anchor would never end.
		const anchor = "anchor" in node ? node.anchor : undefined;
		if (anchor !== undefined) this.#note(anchor, node, offset, path);
		return built;
	}

	/** One name, one anchor: YAML lets a later one take over, and then it matters when an alias is looked up. */
	#note(anchor: string, node: Node, offset: number, path: Path): void {
		const known = this.#anchors.get(anchor);
		if (known === undefined) this.#anchors.set(anchor, node);
		else if (known !== node) this.#report(offset, path, `defines the anchor &${anchor} again; expected it once`);
	}

	#mapping(items: readonly Pair<Node, Node | null>[], path: Path, offset: number): Plain {
		const result: Record<string, Plain> = Object.create(null) as Record<string, Plain>;
		for (const { key, value } of items) {
			const place = key?.range?.[0] ?? offset;
			if (!isScalar(key) || typeof key.value !== "string") {
				this.#report(place, path, "has a key that is no string; expected a name (put it in quotes)");
				continue;
			}
			const name = key.value;
			const below = [...path, name];
			if (name === "<<" || name === "__proto__") {
				this.#report(place, below, "is not a usable key");
				continue;
			}
			if (Object.hasOwn(result, name)) {
				this.#report(place, below, "is given twice; expected each key once");
				continue;
			}
			result[name] = this.value(value, below, place);
		}
		return result;
	}

	#scalar(value: unknown, offset: number, path: Path): Plain {
		switch (typeof value) {
			case "string":
				return this.#interpolate(value, offset, path);
			case "boolean":
				return value;
			case "number":
				if (Number.isFinite(value)) return value;
				this.#report(offset, path, "is no finite number");
				return null;
			default:
				if (value !== null) this.#report(offset, path, "is of a kind that JSON does not have");
				return null;
		}
	}

	/** `${NAME}` → the variable's value; `$${` stands for `${` itself. What is inserted is not looked through again. */
	#interpolate(text: string, offset: number, path: Path): string {
		const env = this.#env;
		if (env === undefined || !text.includes(OPENING)) return text;
		return text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (whole, name: string | undefined, close: string | undefined) => {
			if (name === undefined) return OPENING;
			if (close !== "}" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
				this.#report(offset, path, NO_VARIABLE);
				return whole;
			}
			const found = env[name];
			if (found !== undefined) return found;
			this.unset.push(this.#at(offset, path, `needs the environment variable ${name}, which is not set`));
			return whole;
		});
	}

	#report(offset: number, path: Path, message: string): void {
		this.problems.push(this.#at(offset, path, message));
	}
}

const OPENING = "$".concat("{");
const NO_VARIABLE = `has a ${OPENING} that names no variable; expected ${OPENING}NAME}, or $${OPENING} for the characters themselves`;

/** Tags that say only what the value is anyway, as some tools write them. */
const PLAIN_TAGS = new Set([
	"tag:yaml.org,2002:map",
	"tag:yaml.org,2002:seq",
	"tag:yaml.org,2002:str",
	"tag:yaml.org,2002:int",
	"tag:yaml.org,2002:float",
	"tag:yaml.org,2002:bool",
	"tag:yaml.org,2002:null",
]);
