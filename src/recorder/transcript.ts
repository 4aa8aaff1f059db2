/**
 * Entries as lines for an auditor's terminal: pieces of printable text with a style each, so that whoever shows them can
 * colour them, cut them to a width or mark what was searched for. Nothing recorded stands in them as a control.
 */
import type { LoggedEntry, RecordedDecision, RecordedValue } from "./entry.js";
import { printable, printableLines, table, wrapped } from "./terminal.js";

const SGR = { plain: "", bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36", hit: "7" } as const;
export type Style = keyof typeof SGR;

export interface Span {
	readonly text: string;
	readonly style: Style;
}

export type Line = readonly Span[];

export interface TranscriptOptions {
	/** Columns that one cell of a result, or one parameter, may take; the rest is counted. */
	readonly cellColumns?: number;
	/** Columns that a line may take: longer text goes on in the next line, and tables become narrow. */
	readonly columns?: number;
}

type Of<Type extends LoggedEntry["type"]> = Extract<LoggedEntry, { type: Type }>;

const CELL_COLUMNS = 120;
const INDENT = "          ";
/** A terminal narrower than this has no room for the indent. */
const INDENTED_COLUMNS = 60;

export function plainText(line: Line): string {
	return line.map(({ text }) => text).join("");
}

export function colouredText(line: Line): string {
	return line
		.map(({ text, style }) => (style === "plain" || text === "" ? text : `\u001b[${SGR[style]}m${text}\u001b[0m`))
		.join("");
}

/** "01:02:03.456" */
export function clock(ms: number): string {
	const total = Math.max(0, Math.round(ms));
	const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
	const hours = Math.floor(total / 3_600_000);
	return `${hours === 0 ? "" : `${two(hours)}:`}${two((total / 60_000) % 60)}:${two((total / 1000) % 60)}.${String(total % 1000).padStart(3, "0")}`;
}

function count(amount: number, thing: string): string {
	return `${amount} ${thing}${amount === 1 ? "" : "s"}`;
}

export class Transcript {
	readonly #cellColumns: number;
	readonly #columns: number;
	readonly #indent: string;

	constructor(options: TranscriptOptions = {}) {
		this.#cellColumns = options.cellColumns ?? CELL_COLUMNS;
		this.#columns = options.columns ?? Number.POSITIVE_INFINITY;
		this.#indent = this.#columns < INDENTED_COLUMNS ? "" : INDENT;
	}

	/** `sinceMs`: since the session began. */
	lines(entry: LoggedEntry, sinceMs: number): Line[] {
		switch (entry.type) {
			case "session.start":
				return this.#start(entry);
			case "statement":
				return this.#statement(entry, sinceMs);
			case "result":
				return this.#result(entry);
			case "session.end":
				return this.#end(entry, sinceMs);
			case "incident":
				return this.note("red", `incident at statement ${entry.statement}: ${entry.message}`);
			case "gap":
				return this.note("red", `gap in the recording: ${entry.message}${keptAside(entry)}`);
			case "session.forget":
				return this.note("red", `forgotten by ${entry.by}: what was sealed cannot be opened any more`);
			case "grant.issue":
			case "grant.revoke":
			case "grant.expire":
			case "license.load":
			case "license.unload":
			case "license.reject":
			case "part":
			case "key":
			case "seal":
			case "trim":
			case "admin.start":
			case "admin.stop":
				return [];
			default:
				entry satisfies never;
				return this.note("dim", "an entry of a kind that this version does not know");
		}
	}

	/** One text of one style, indented, in as many lines as it needs. */
	note(style: Style, text: string): Line[] {
		return this.#wrap(printable(text), style);
	}

	#wrap(text: string, style: Style, indent = this.#indent): Line[] {
		return wrapped(text, this.#columns - indent.length).map((piece) => [
			{ text: indent, style: "plain" as const },
			{ text: piece, style },
		]);
	}

	#table(head: readonly string[], rows: readonly (readonly RecordedValue[])[]): Line[] {
		const lines = table(head, rows, this.#cellColumns, this.#columns - this.#indent.length);
		return lines.map((text) => [{ text: this.#indent + text, style: "plain" as const }]);
	}

	#start(entry: Of<"session.start">): Line[] {
		const fact = (name: string, value: string): Line[] =>
			wrapped(printable(value), this.#columns - 14).map((piece, index) => [
				{ text: `  ${(index === 0 ? name : "").padEnd(12)}`, style: "dim" },
				{ text: piece, style: "plain" },
			]);
		return [
			...this.#wrap(printable(`Session ${entry.session}`), "bold", ""),
			...fact("subject", entry.subject),
			...fact("target", `${entry.target}, database ${entry.database} (${entry.engine})`),
			...fact("license", `${entry.license} (${entry.licenseDigest})`),
			...fact("grant", entry.grant),
			...fact("client", `${entry.clientAddress}${entry.tls ? " over TLS" : " without TLS"}`),
			...(entry.application === null ? [] : fact("application", entry.application)),
			...(entry.sealedFor === undefined ? [] : fact("literals", `sealed for the auditor's key ${entry.sealedFor}`)),
			...fact("started", entry.at),
		];
	}

	#statement(entry: Of<"statement">, sinceMs: number): Line[] {
		const via = entry.prepared === undefined ? "" : ` via ${printable(entry.prepared) || "(unnamed)"}`;
		const only = entry.parseOnly === true ? " prepared, not run" : "";
		const head: Line = [
			{ text: `+${clock(sinceMs)}`, style: "dim" },
			{ text: " ", style: "plain" },
			{ text: `#${entry.statement}`, style: entry.decision.effect === "deny" ? "red" : "cyan" },
			...(via === "" ? [] : [{ text: via, style: "dim" as const }]),
			...(only === "" ? [] : [{ text: only, style: "dim" as const }]),
		];
		return [
			[],
			head,
			...printableLines(entry.sql).flatMap((line) => this.#wrap(line, "bold")),
			...this.#parameters(entry.parameters),
			...this.#decision(entry.decision),
		];
	}

	#parameters(parameters: readonly RecordedValue[]): Line[] {
		if (parameters.length === 0) return [];
		return this.#table(
			["parameter", "value"],
			parameters.map((value, index) => [`$${index + 1}`, value]),
		);
	}

	#decision(decision: RecordedDecision): Line[] {
		const reasons = (style: Style) =>
			decision.reasons.flatMap((reason) =>
				this.note(style, `  ${reason.message}${reason.term ? ` [${reason.term}]` : ""}`),
			);
		if (decision.effect === "deny") return [...this.note("red", `✗ DENIED (${decision.id})`), ...reasons("red")];
		return [
			...(decision.observed === "deny"
				? [...this.note("yellow", `! would be denied, observed only (${decision.id})`), ...reasons("yellow")]
				: []),
			...decision.masks.flatMap((mask) =>
				this.note("yellow", `▒ masked: ${mask.column} (${mask.mask}) [${mask.term}]`),
			),
		];
	}

	#result(entry: Of<"result">): Line[] {
		const { sample, error } = entry;
		const kept = sample !== null && sample.rows.length < entry.rows ? `, first ${sample.rows.length} recorded` : "";
		const masked = entry.masked.length === 0 ? "" : `, masked: ${entry.masked.join(", ")}`;
		const seal = entry.sealed === undefined ? "" : ", sealed";
		const size = `${count(entry.rows, "row")}${kept}, ${count(entry.bytes, "byte")}, ${entry.durationMs} ms${masked}${seal}`;
		return [
			...(sample === null ? [] : this.#table(sample.columns, sample.rows)),
			...(error === null ? [] : this.note("red", `ERROR ${error.code}: ${error.message}`)),
			...this.note("dim", entry.command === null ? size : `${entry.command} (statement ${entry.statement}: ${size})`),
		];
	}

	#end(entry: Of<"session.end">, sinceMs: number): Line[] {
		const totals = `${count(entry.statements, "statement")}, ${entry.denied} denied, ${count(entry.rowsOut, "row")}, ${count(entry.bytesOut, "byte")} out`;
		return [
			[],
			[
				{ text: `+${clock(sinceMs)}`, style: "dim" },
				{ text: " ", style: "plain" },
				{ text: `Session ended: ${printable(entry.reason)}`, style: "bold" },
			],
			...this.note("dim", totals),
		];
	}
}

function keptAside(entry: Of<"gap">): string {
	return entry.keptAs === "" ? "" : ` (${count(entry.bytes, "byte")} in ${entry.keptAs})`;
}
