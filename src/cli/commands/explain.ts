/** `licet license explain`, `licet explain DECISION`: what a license says to a statement, and why. */
import { existsSync } from "node:fs";
import type { Change } from "../../licensing/remedy.js";
import type { LoggedEntry } from "../../recorder/entry.js";
import { LogReader } from "../../recorder/reader.js";
import { printableLines } from "../../recorder/terminal.js";
import { isSealed } from "../../recorder/unseal.js";
import type { ExplainedStatement } from "../../sessions/explain.js";
import type { ColumnUse, FunctionUse, RelationUse } from "../../sql/facts.js";
import { AdminClient, configuration } from "../admin-client.js";
import { CommandFailure } from "../failure.js";
import { logFolder } from "../paths.js";
import { named } from "../session-query.js";
import { unsealing } from "../unsealing.js";

export interface ExplainOptions {
	readonly config: string;
	readonly license: string;
	readonly target: string;
	readonly database?: string;
	readonly json?: boolean;
}

interface Explained {
	readonly license: string;
	readonly target: string;
	readonly statements: readonly ExplainedStatement[];
}

/** Asks the running `serve`, which has the catalogs and the licenses in force. */
export async function explainStatement(sql: string, options: ExplainOptions): Promise<string> {
	const { license, target, database } = options;
	for (const name of ["license", "target", "database"] as const) named(`--${name}`, options[name]);
	named("SQL", sql, "a statement");
	const body = { license, target, sql, ...(database === undefined ? {} : { database }) };
	const answer = (await new AdminClient(configuration(options.config, false)).post("/v1/explain", body)) as Explained;
	if (options.json === true) return JSON.stringify(answer);
	if (answer.statements.length === 0) return "The text holds no statement.";
	return answer.statements.map(described).join("\n\n");
}

// ---- a decision of the past --------------------------------------------------------------------------------------

const DECISION = /^d_([A-Za-z0-9]+)\.(\d+)$/;

type Of<Type extends LoggedEntry["type"]> = Extract<LoggedEntry, { type: Type }>;

/** From the recording: what was decided then. With a `serve` running also what the license says now. */
export async function explainDecision(
	id: string,
	options: { readonly config: string; readonly json?: boolean; readonly key?: string },
): Promise<string> {
	const match = DECISION.exec(id);
	if (match === null) throw new CommandFailure(`${id}: expected the id of a decision, as denials name it (d_….3)`, 2);
	const folder = logFolder(configuration(options.config, false));
	const session = `s_${match[1]}`;
	const { start, statement } = existsSync(folder)
		? await recorded(unsealing(new LogReader(folder).session(session), options.config, options.key), Number(match[2]))
		: {};
	if (start === undefined || statement === undefined) {
		throw new CommandFailure(`there is no decision ${id} in the recording`, 1);
	}
	const { license, target, database, subject } = start;
	const { at, sql, decision } = statement;
	// A shape is no statement: without the key there is nothing to ask about.
	const now = isSealed(statement)
		? null
		: await explainedNow(sql, { config: options.config, license, target, database, json: true });
	if (options.json === true) {
		return JSON.stringify({ decision, at, session: start.session, subject, license, target, database, sql, now });
	}
	const head = [
		`Decision    ${decision.id}`,
		`at          ${at}`,
		`session     ${start.session}, ${subject} on ${target}, license ${license}`,
		...lines("statement", sql),
		`effect      ${decision.effect === "deny" ? "denied" : "allowed"}`,
		...decision.reasons.map(reason),
	];
	const today = isSealed(statement)
		? ["", "The statement is sealed: --key FILE opens it with the auditor's key."]
		: now === null
			? ["", "No `licet serve` runs on this configuration: what the license says now is not known."]
			: [];
	const described_ = now === null ? [] : ["", "As the license is now:", "", now.statements.map(described).join("\n\n")];
	return [...head, ...today, ...described_].join("\n");
}

async function recorded(entries: AsyncIterable<LoggedEntry>, number: number) {
	let start: Of<"session.start"> | undefined;
	for await (const entry of entries) {
		if (entry.type === "session.start") start = entry;
		if (entry.type === "statement" && entry.statement === number) return { start, statement: entry };
	}
	return { start, statement: undefined };
}

/** Null: it cannot be asked. */
async function explainedNow(sql: string, options: ExplainOptions): Promise<Explained | null> {
	try {
		return JSON.parse(await explainStatement(sql, options)) as Explained;
	} catch (error) {
		if (error instanceof CommandFailure) return null;
		throw error;
	}
}

// ---- words -------------------------------------------------------------------------------------------------------

function described(one: ExplainedStatement): string {
	const { facts, decision, obligations, changes } = one;
	const out = [
		...lines("statement", one.sql),
		`commands    ${facts.commands.join(", ") || "none"}`,
		...facts.relations.map((use) => `relation    ${relation(use)}`),
		...facts.columns.map((use) => `column      ${column(use)}`),
		...facts.functions.map((use) => `function    ${called(use)}`),
		...(facts.outputs ?? []).map(
			(output, index) => `result ${String(index + 1).padEnd(4)} ${output.name}${from(output.sources)}`,
		),
		`decision    ${decision.effect === "deny" ? "DENIED" : decision.observed ? "allowed (the license observes; it would be denied)" : "allowed"}`,
		...decision.reasons.map(reason),
		...obligations.masks.map((mask) => `masked      ${mask.column} (${mask.mask}) [${mask.term}]`),
	];
	if (obligations.rows !== null)
		out.push(`row cap     ${obligations.rows.max}, then ${obligations.rows.then} [${obligations.rows.term}]`);
	if (obligations.bytes !== null)
		out.push(`byte cap    ${obligations.bytes.max}, then ${obligations.bytes.then} [${obligations.bytes.term}]`);
	if (obligations.statementTimeoutMs !== null) out.push(`timeout     ${obligations.statementTimeoutMs} ms`);
	if (changes !== null) {
		out.push(
			changes.length === 0
				? "No change of the license's terms would allow it."
				: "The smallest change of the license that would allow it:",
		);
		out.push(...changes.map((change) => `  ${spoken(change)}`));
	}
	return out.flatMap((line) => printableLines(line)).join("\n");
}

function lines(title: string, text: string): string[] {
	const [first = "", ...rest] = text.trim().split("\n");
	return [`${title.padEnd(12)}${first}`, ...rest.map((line) => `            ${line}`)];
}

function reason({ term, message }: { readonly term: string | null; readonly message: string }): string {
	return `  because   ${message}${term === null ? "" : ` [${term}]`}`;
}

function relation(use: RelationUse): string {
	const columns = use.columns === "all" ? "*" : use.columns.join(", ");
	const through =
		use.through.length === 0 ? "" : ` through ${use.through.map(({ schema, name }) => `${schema}.${name}`).join(", ")}`;
	return `${use.command} ${use.schema}.${use.name}(${columns})${through}${use.sort === "data" ? "" : ` (${use.sort})`}`;
}

function column(use: ColumnUse): string {
	const outputs = use.outputs.length === 0 ? "" : ` → result ${use.outputs.map((index) => index + 1).join(", ")}`;
	return `${use.schema}.${use.name}.${use.column}: ${use.kind} in ${use.where}${outputs}`;
}

function called(use: FunctionUse): string {
	return `${use.schema}.${use.name} (${use.form}, ${use.sort}${use.why === undefined ? "" : `: ${use.why}`})`;
}

function from(sources: readonly { readonly schema: string; readonly name: string; readonly column: string }[]): string {
	if (sources.length === 0) return "";
	return ` ← ${sources.map((source) => `${source.schema}.${source.name}.${source.column}`).join(", ")}`;
}

function spoken(change: Change): string {
	switch (change.kind) {
		case "permit": {
			const columns = change.columns === undefined ? "" : `, columns: ${JSON.stringify(change.columns)}`;
			return `permits: add { on: ${JSON.stringify(change.on)}, commands: [${change.commands.join(", ")}]${columns} }`;
		}
		case "permitFunctions":
			return `permits: add { functions: ${JSON.stringify(change.functions)} }`;
		case "remove":
			return `${change.term}: take it out`;
		case "maskUse":
			return `${change.term}: use: ${change.use}`;
		case "catalog":
			return `catalog: ${change.catalog}`;
		case "permitAll":
			return "permits: all";
	}
}
