/**
 * The corpus of attacks (fixtures/attacks, whose README says what stands in it), read and checked: a key that nobody
 * knows is an error, so that no case is quietly something else than was meant.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { fixture } from "./project.js";
import type { RawClient } from "./raw-client.js";
import * as wire from "./wire.js";

const sql = z.union([z.string(), z.array(z.string()).min(1)]);

const message = z.union([
	z.enum(["sync", "flush"]),
	z.strictObject({ run: z.string() }),
	z.strictObject({ query: z.string() }),
	z.strictObject({ call: z.number() }),
	z.strictObject({ parse: z.string(), name: z.string().optional() }),
	z.strictObject({
		bind: z.strictObject({
			statement: z.string().optional(),
			portal: z.string().optional(),
			values: z.array(z.string()).optional(),
			resultFormats: z.array(z.number()).optional(),
		}),
	}),
	z.strictObject({ execute: z.string(), rows: z.number().optional() }),
	z.strictObject({ describe: z.enum(["S", "P"]), name: z.string().optional() }),
	z.strictObject({ close: z.enum(["S", "P"]), name: z.string().optional() }),
]);

const step = z.union([
	z.strictObject({ query: z.string() }),
	z.strictObject({ queries: z.array(z.string()) }),
	z.strictObject({ ask: z.array(message) }),
	z.strictObject({ send: z.array(message) }),
	z.strictObject({ pipeline: z.array(z.array(message)) }),
	z.strictObject({ during: z.number() }),
	z.strictObject({ reset: z.literal(true) }),
	z.strictObject({ changeUser: z.string() }),
]);

const classes = z.array(z.string()).min(1);
const expected = z.enum(["denied", "masked", "native", "refused", "any"]);
const license = z.enum(["project", "capped", "derive", "moving"]);

const attack = z
	.strictObject({
		name: z.string().optional(),
		classes: classes.optional(),
		expect: expected.optional(),
		needs: z.enum(["project", "filter", "derive", "never"]).optional(),
		sql: sql.optional(),
		talk: z.array(step).optional(),
		parameters: z.record(z.string(), z.string()).optional(),
		since: z.number().optional(),
		license: license.optional(),
		text: z.boolean().optional(),
		only: z.enum(["mariadb", "mysql"]).optional(),
		reads: z.enum(["both", "mariadb", "mysql"]).optional(),
		modes: z.string().optional(),
	})
	.refine(({ sql, talk }) => (sql === undefined) !== (talk === undefined), "either sql or talk");

const file = z.strictObject({
	about: z.string(),
	classes,
	expect: expected.optional(),
	license: license.optional(),
	shared: z.unknown().optional(),
	cases: z.array(attack).min(1),
});

type Case = z.output<typeof attack>;
export type Step = z.output<typeof step>;
export type Expected = z.output<typeof expected>;

export interface Attack extends Omit<Case, "sql" | "talk" | "classes"> {
	/** The folder and file it stands in: `postgres/caps`. */
	readonly file: string;
	readonly name: string;
	readonly classes: readonly string[];
	/** Statements, each sent by itself; none in a conversation. */
	readonly sql: readonly string[];
	readonly talk: readonly Step[] | undefined;
}

/** Writes out what a case says in short. */
function spell(text: string): string {
	return text
		.replace(/⟦(.*?)×(\d+)⟧/g, (_, piece: string, times: string) => piece.repeat(Number(times)))
		.replace(/⟦(\d+)…(\d+)⟧/g, (_, from: string, to: string) =>
			Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => Number(from) + index).join(","),
		);
}

function attacksOf(folder: string, name: string): Attack[] {
	const path = fixture("attacks", folder, name);
	const read = file.safeParse(parse(readFileSync(path, "utf8")));
	if (!read.success) throw new Error(`${path}: ${z.prettifyError(read.error)}`);
	const { classes, expect, license, cases } = read.data;
	return cases.map((each) => {
		const statements = each.sql === undefined ? [] : [each.sql].flat().map(spell);
		return {
			...(expect === undefined ? {} : { expect }),
			...(license === undefined ? {} : { license }),
			...each,
			file: `${folder}/${basename(name, ".yaml")}`,
			name: each.name ?? statements.join("; "),
			classes: each.classes ?? classes,
			sql: statements,
			talk: each.talk,
		};
	});
}

export const ATTACK_FOLDERS = ["postgres", "mysql", "uses"] as const;

/** All cases of a folder, or of those of its files that are named. */
export function attacks(folder: (typeof ATTACK_FOLDERS)[number], ...files: readonly string[]): Attack[] {
	return readdirSync(fixture("attacks", folder))
		.filter((name) => name.endsWith(".yaml") && name !== "secrets.yaml")
		.filter((name) => files.length === 0 || files.includes(basename(name, ".yaml")))
		.sort()
		.flatMap((name) => attacksOf(folder, name));
}

export const attackSchema = (folder: "postgres" | "mysql"): string =>
	readFileSync(fixture("attacks", folder, "schema.sql"), "utf8");

/** What masked cells and unlicensed rows hold, in two ways that a client must not be able to tell apart. */
export function attackSecrets<T>(folder: "postgres" | "mysql"): readonly [T, T] {
	const secrets = parse(readFileSync(fixture("attacks", folder, "secrets.yaml"), "utf8")) as T[];
	const [one, other] = secrets;
	if (one === undefined || other === undefined)
		throw new Error(`${folder}/secrets.yaml: two sets of secrets are wanted`);
	return [one, other];
}

const classFile = z.array(
	z.strictObject({
		build: z.string(),
		classes: z.record(
			z.string(),
			z.strictObject({ about: z.string().optional(), engines: z.array(z.enum(["postgres", "mysql"])).optional() }),
		),
	}),
);

export interface AttackClass {
	readonly name: string;
	readonly build: string;
	readonly engines: readonly ("postgres" | "mysql")[];
}

/** The ways that must be covered. */
export function attackClasses(): AttackClass[] {
	const builds = classFile.parse(parse(readFileSync(join(fixture("attacks"), "classes.yaml"), "utf8")));
	return builds.flatMap(({ build, classes }) =>
		Object.entries(classes).map(([name, { engines }]) => ({ name, build, engines: engines ?? ["postgres", "mysql"] })),
	);
}

// ---- conversations ----------------------------------------------------------------------------------------------

function bytes(of: z.output<typeof message>): Buffer {
	if (of === "sync") return wire.sync;
	if (of === "flush") return wire.flush;
	if ("run" in of) return Buffer.concat([wire.parse(of.run), wire.bind({}), wire.execute()]);
	if ("query" in of) return wire.query(of.query);
	if ("call" in of) return wire.functionCall(of.call);
	if ("parse" in of) return wire.parse(of.parse, of.name);
	if ("bind" in of) return wire.bind(of.bind as wire.BindOptions);
	if ("execute" in of) return wire.execute(of.execute, of.rows);
	if ("describe" in of) return wire.describe(of.describe, of.name);
	return wire.close(of.close, of.name);
}

async function take(client: RawClient, step: Step): Promise<void> {
	if ("query" in step) await client.query(step.query);
	else if ("queries" in step) for (const sql of step.queries) await client.query(sql);
	else if ("ask" in step) await client.ask(...step.ask.map(bytes));
	else if ("send" in step) client.send(...step.send.map(bytes));
	else if ("during" in step) await client.during(step.during);
	else if ("reset" in step || "changeUser" in step) throw new Error("a step of MySQL's");
	else {
		client.send(...step.pipeline.flat().map(bytes));
		for (const _ of step.pipeline) await client.until("Z");
	}
}

/** Holds a conversation. */
export async function talk(client: RawClient, steps: readonly Step[]): Promise<void> {
	for (const step of steps) await take(client, step);
}
