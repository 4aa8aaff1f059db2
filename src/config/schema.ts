/**
 * How both documents are described in zod, so that one description gives the check, the types, the JSON Schema that
 * editors use, and messages that a person understands.
 *
 * The convention: the `error` of every schema here answers with what was *expected*; `problemsOf` puts what is wrong in
 * front. Issues of code "custom" carry their whole message.
 */
import { z } from "zod";
import { nearest } from "./nearest.js";
import type { Path, Problem } from "./problem.js";
import type { Source } from "./yaml.js";

type Issue = z.core.$ZodIssue;

const ONE_OF = "one of ";

function oneOf(words: readonly string[]): string {
	return words.length === 1 ? (words[0] ?? "") : ONE_OF + words.join(", ");
}

/** The expectation, with the word that was probably meant. Only words of ours are told, never what stands there. */
function withNearest(expected: string, given: unknown): string {
	if (typeof given !== "string" || !expected.startsWith(ONE_OF)) return expected;
	const meant = nearest(given, expected.slice(ONE_OF.length).split(", "));
	return meant === undefined ? expected : `${expected}; did you mean ${meant}?`;
}

/** A mapping with just these keys. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape, description?: string) {
	const keys = Object.keys(shape);
	const schema = z.strictObject(shape, {
		error: (issue) =>
			issue.code === "unrecognized_keys"
				? oneOf(keys)
				: `a mapping with the ${keys.length === 1 ? "key" : "keys"} ${keys.join(", ")}`,
	});
	return description === undefined ? schema : schema.describe(description);
}

/** A list. */
export function list<Item extends z.core.SomeType>(item: Item, what: string, options: { min?: number } = {}) {
	const expected = () => `a list of ${what}`;
	const schema = z.array(item, { error: expected });
	return options.min === undefined
		? schema
		: schema.min(options.min, { error: () => `a list of ${what}, at least ${options.min}` });
}

/** A string of a given form. */
export function text(expected: string, pattern?: RegExp) {
	const schema = z.string({ error: () => expected });
	return pattern === undefined
		? schema.min(1, { error: () => `${expected}, not empty` })
		: schema.regex(pattern, { error: () => expected });
}

/** One word of a few. */
export function word<const Words extends readonly string[]>(words: Words) {
	return z.enum(words, { error: () => oneOf(words) });
}

export function flag() {
	return z.boolean({ error: () => "true or false" });
}

/** A whole number within a range. */
export function whole(min: number, max: number, words = `a whole number from ${min} to ${max}`) {
	const expected = () => words;
	return z.int({ error: expected }).min(min, { error: expected }).max(max, { error: expected });
}

/** A string that a reader of units.ts, or one like it, turns into a value; undefined or an Error is a problem. */
export function read<Value>(expected: string, reader: (text: string) => Value | undefined | Error, examples: string[]) {
	return (
		z
			.string({ error: () => expected })
			// Here and not at the end: what is said of the result of a transform is not shown of its input.
			.meta({ description: `${expected[0]?.toUpperCase() ?? ""}${expected.slice(1)}.`, examples })
			.transform((given, context): Value => {
				const value: Value | undefined | Error = reader(given);
				if (value !== undefined && !(value instanceof Error)) return value as Value;
				const message = value instanceof Error ? value.message : `is not as expected; expected ${expected}`;
				context.issues.push({ code: "custom", message, input: given });
				return z.NEVER;
			})
	);
}

/** Parses a source against a schema: the value, or every problem with its place. */
export function check<Schema extends z.ZodType>(
	schema: Schema,
	source: Source,
): { value: z.output<Schema>; problems: Problem[] } | { value: undefined; problems: Problem[] } {
	const result = schema.safeParse(source.value, { reportInput: true });
	if (result.success) return { value: result.data, problems: [] };
	return { value: undefined, problems: result.error.issues.flatMap((issue) => problemsOf(issue, [], source)) };
}

function problemsOf(issue: Issue, above: Path, source: Source): Problem[] {
	const path: Path = [...above, ...issue.path.map((key) => (typeof key === "symbol" ? String(key) : key))];
	switch (issue.code) {
		case "unrecognized_keys":
			return issue.keys.map((key) =>
				source.problem([...path, key], `is no known key; expected ${withNearest(issue.message, key)}`),
			);
		case "invalid_union": {
			const branch = likeliest(issue.errors);
			if (branch !== undefined) return branch.flatMap((inner) => problemsOf(inner, path, source));
			return [source.problem(path, `${found(issue.input)}; expected ${issue.message}`)];
		}
		case "invalid_key":
			return issue.issues.flatMap((inner) => problemsOf(inner, path, source));
		case "custom":
			return [source.problem(path, issue.message)];
		default:
			return [
				source.problem(path, `${found(issue.input, issue.code)}; expected ${withNearest(issue.message, issue.input)}`),
			];
	}
}

/** Of a union's branches the one that the author meant: the only one whose outermost type fits. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
	const fitting = branches.filter((issues) =>
		issues.every((issue) => issue.path.length > 0 || !["invalid_type", "invalid_value"].includes(issue.code)),
	);
	return fitting.length === 1 ? fitting[0] : undefined;
}

/** What stands there, by its kind: values are not repeated (see problem.ts). */
function found(input: unknown, code?: string): string {
	if (input === undefined) return "is missing";
	if (input === null) return "is empty (null)";
	if (code === "too_small" && Array.isArray(input)) return "has too few entries";
	if (typeof input === "number" && (code === "too_small" || code === "too_big")) return "is out of range";
	if (code === "invalid_value" && typeof input !== "string") return kind(input);
	if (code !== undefined && code !== "invalid_type") return "is not as expected";
	return kind(input);
}

function kind(input: unknown): string {
	if (Array.isArray(input)) return "is a list";
	if (typeof input === "object") return "is a mapping";
	if (typeof input === "string") return "is a string";
	if (typeof input === "number") return "is a number";
	if (typeof input === "boolean") return `is ${input}`;
	return "is not as expected";
}

/** JSON Schema 2020-12 of what may be written (not of what it is turned into). */
export function jsonSchemaOf(schema: z.ZodType, id: string, title: string): Record<string, unknown> {
	const described = z.toJSONSchema(schema, { target: "draft-2020-12", io: "input", unrepresentable: "any" });
	return { ...(described as Record<string, unknown>), $id: id, title };
}
