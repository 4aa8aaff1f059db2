/**
 * A YAML 1.2 text → its value, with the place of every key. JSON is YAML too, so this reads both.
 *
 * The value is built by hand from the `yaml` package's tree rather than by its own conversion, because a document that
 * decides about access must not be open to interpretation: duplicate keys, tags, merge keys, several documents and keys
 * that are no strings are problems; aliases are followed within bounds; and the same walk replaces `${NAME}`.
 */
import {
	Composer,
	type Document,
	isAlias,
	isMap,
	isScalar,
	isSeq,
	LineCounter,
	type Node,
	type Pair,
	Parser,
	type YAMLError,
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
	if ("message" in list) return { problems: [at(list.offset, [], list.message)] };
	const errors = list.flatMap((document) => [...document.errors, ...document.warnings]);
	for (const error of errors.slice(0, SYNTAX_ERRORS)) problems.push(at(error.pos[0], [], syntaxMessage(error)));
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

const TOO_DEEP = `nests too deep; expected at most ${DOCUMENT_DEPTH} levels`;
/** Open at a time while reading: what a document may nest, several tokens a level. What is less deep is told with its key. */
const OPEN_TOKENS = 4 * DOCUMENT_DEPTH;

/** A value with its key and what stands between is four tokens. What is read whole takes seconds beyond this. */
const TOKENS = 4 * DOCUMENT_NODES;
const TOO_MUCH = `holds too much; expected at most ${DOCUMENT_NODES} values, aliases followed`;
/** After the first error of syntax most others follow from it. */
const SYNTAX_ERRORS = 10;

class Overflow extends Error {}

/**
 * The package's parser, which stops where a text nests too deep or goes on too long. What comes after it is recursive: some
 * 5000 open brackets overflow its stack, and 200 000 end the process, for then there is no room even to compile a regular
 * expression.
 */
class BoundedParser extends Parser {
	#tokens = 0;

	override *next(source: string): ReturnType<Parser["next"]> {
		yield* super.next(source);
		if (this.stack.length > OPEN_TOKENS) throw new Overflow(TOO_DEEP);
		if (++this.#tokens > TOKENS) throw new Overflow(TOO_MUCH);
	}
}

type Documents = readonly Document.Parsed[] | { readonly offset: number; readonly message: string };

/** The documents of a text, or where it is out of bounds. Of several documents the second is one too many. */
function documentsOf(text: string, lineCounter: LineCounter): Documents {
	const parser = new BoundedParser(lineCounter.addNewLine);
	const documents: Document.Parsed[] = [];
	try {
		for (const document of new Composer({ prettyErrors: false, uniqueKeys: false }).compose(parser.parse(text))) {
			documents.push(document);
			if (documents.length > 1) break;
		}
		return documents;
	} catch (error) {
		if (error instanceof Overflow) return { offset: parser.offset, message: error.message };
		throw error;
	}
}

/**
 * What the package says, without what it quotes of the text: a password that begins with !, | or > and stands without quotes
 * is a tag or a broken header to it.
 */
function syntaxMessage(error: YAMLError): string {
	if (error.code === "TAG_RESOLVE_FAILED") return HAS_TAG;
	if (error.code === "BAD_DIRECTIVE")
		return "has a YAML directive; expected none, and quotes around a text that begins with %";
	const [said = ""] = error.message.split(/(?<=\S):\s|\n|(?<=escape sequence) /, 1);
	return `cannot be read as YAML: ${said}`;
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
				this.#report(offset, path, TOO_MUCH);
			}
			return null;
		}
		if (path.length > DOCUMENT_DEPTH) {
			this.#report(offset, path, TOO_DEEP);
			return null;
		}
		if (node === null) return null;
		if (isAlias(node)) {
			const target = this.#anchors.get(node.source);
			if (target === undefined) {
				this.#report(offset, path, NO_ANCHOR);
				return null;
			}
			return this.value(target, path, place);
		}
		if (node.tag !== undefined && !PLAIN_TAGS.has(node.tag)) {
			this.#report(offset, path, HAS_TAG);
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
		else if (known !== node) this.#report(offset, path, ANCHOR_AGAIN);
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
				const expected = name === "<<" ? "the keys themselves (there are no merge keys here)" : "another name";
				this.#report(place, below, `is not a usable key; expected ${expected}`);
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
				// No name, path or text of ours has one, and where it goes it would end the string early.
				if (value.includes("\0")) this.#report(offset, path, "holds a NUL character; expected text without one");
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

const HAS_TAG = "has a YAML tag; expected none, and quotes around a text that begins with !";
const NO_ANCHOR =
	"is an alias of nothing; expected an anchor of its name that ends before this place, or quotes around a text that begins with *";
const ANCHOR_AGAIN =
	"has an anchor whose name is taken; expected each name once, and quotes around a text that begins with &";
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
