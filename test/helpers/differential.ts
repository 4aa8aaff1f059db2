/**
 * The same random statements under a role and under a license of equal rights, and what may come of it: what the server
 * denies, Licet denies; what both allow is the same; what Licet alone denies is counted by its reason.
 */
import fc from "fast-check";
import type { Test } from "tap";
import { print } from "./figures.js";
import { NIGHTLY, PART_TIMEOUT_MS } from "./patience.js";
import { type Dialect, mutate, randomStatement } from "./random-sql.js";

/** Fixed, so that a run says the same twice; another one each night. */
const SEED = Number(process.env.LICET_TEST_SEED ?? (NIGHTLY ? Date.now() % 2 ** 31 : 20_261_126));

export type Outcome =
	| { readonly kind: "denied"; readonly why: string }
	| { readonly kind: "error"; readonly why: string }
	| { readonly kind: "done"; readonly result: string };

export interface Sides {
	readonly direct: (sql: string) => Promise<Outcome>;
	readonly proxied: (sql: string) => Promise<Outcome>;
}

const told = (outcome: Outcome): string =>
	outcome.kind === "done" ? outcome.result : `${outcome.kind}: ${outcome.why}`;

/** A denial without what it is about. */
const reasonOf = (why: string): string =>
	why
		.replace(/\w+\.(users|orders|logs|secrets)(\.\w+)?/g, "…")
		.replace(/test_\w+/g, "…")
		.replace(/\b[tcx]\d+\b/g, "…");

/** `shareMax`: of all statements, those that Licet alone denies. */
export async function compareRights(
	t: Test,
	sides: Sides,
	dialect: Dialect,
	runs: number,
	shareMax: number,
): Promise<void> {
	const counts = { both: 0, denied: 0, error: 0 };
	const reasons = new Map<string, { count: number; example: string }>();
	const one = async (sql: string): Promise<void> => {
		const direct = await sides.direct(sql);
		const proxied = await sides.proxied(sql);
		if (direct.kind === "denied") {
			if (proxied.kind !== "denied") throw new Error(`the server denies, Licet does not: ${told(proxied)}`);
			counts.denied += 1;
		} else if (proxied.kind === "denied") {
			if (direct.kind === "error") {
				counts.error += 1;
				return;
			}
			const reason = reasonOf(proxied.why);
			const known = reasons.get(reason) ?? { count: 0, example: sql };
			reasons.set(reason, { ...known, count: known.count + 1 });
		} else if (told(direct) !== told(proxied)) {
			throw new Error(`the server says ${told(direct)}, through Licet it is ${told(proxied)}`);
		} else counts[direct.kind === "done" ? "both" : "error"] += 1;
	};
	const property = fc.asyncProperty(fc.gen(), async (g) => {
		const sql = randomStatement(g, dialect);
		await one(sql).catch((error: unknown) => {
			throw new Error(`${sql}\n${error instanceof Error ? error.message : String(error)}`);
		});
	});
	const total = NIGHTLY ? runs * 30 : runs;
	const report = await fc.check(property, {
		numRuns: total,
		seed: SEED,
		interruptAfterTimeLimit: PART_TIMEOUT_MS - 30_000,
	});
	const failure = report.failed && report.counterexample !== null ? String(report.errorInstance) : undefined;
	t.equal(failure, undefined, `seed ${SEED}: what the server denies is denied, what both allow is equal`);
	const done = report.numRuns;
	const alone = [...reasons.values()].reduce((sum, { count }) => sum + count, 0);
	const listed = [...reasons].sort(([, a], [, b]) => b.count - a.count);
	const list = listed.map(([reason, { count, example }]) => `${count} × ${reason}\n    ${example}`);
	print(
		t,
		`${counts.both} allowed by both, ${counts.denied} denied by both, ${counts.error} mistakes; Licet alone denies ${alone}`,
	);
	for (const line of list) print(t, line);
	t.ok(
		done > total / 4 && counts.both > done / 10 && counts.denied > done / 10,
		"the statements touch what may be done and what may not",
	);
	t.ok(alone <= done * shareMax, `Licet alone denies ${alone} of ${done}`, { reasons: list });
}

/** No canary shows, whatever a statement of the corpus is changed to. */
export async function mutateAll(
	t: Test,
	statements: readonly string[],
	secrets: readonly string[],
	leaks: (sql: string) => Promise<readonly string[]>,
	runs: number,
): Promise<void> {
	const property = fc.asyncProperty(fc.gen(), async (g) => {
		const sql = mutate(g, statements[g(fc.integer, { min: 0, max: statements.length - 1 })] ?? "", secrets);
		const found = await leaks(sql);
		if (found.length > 0) throw new Error(`${found.join(", ")} shows: ${sql}`);
	});
	const options = {
		numRuns: NIGHTLY ? runs * 30 : runs,
		seed: SEED,
		interruptAfterTimeLimit: PART_TIMEOUT_MS - 30_000,
	};
	const report = await fc.check(property, options);
	t.equal(
		report.failed ? String(report.errorInstance) : undefined,
		undefined,
		`seed ${SEED}: ${report.numRuns} mutations`,
	);
	t.ok(report.numRuns > runs / 2, `${report.numRuns} were tried`);
}
