/**
 * Replay: a session's entries as an auditor reads them (DESIGN: Commands, `licet replay`): objects for machines, or text
 * with its timing for a terminal.
 */
import type { LoggedEntry, RecordedDecision, RecordedValue } from "./entry.js";
import { printable, printableLines, table } from "./terminal.js";

/** One object of `licet replay --json`: "at" and "type" first, then the entry's own fields. */
export async function* replayJson(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<Record<string, unknown>> {
	for await (const entry of entries) {
		const { v: _, at, type, parts: __, ...fields } = entry;
		yield { at, type, ...fields };
	}
}

export interface ReplayStep {
	/** Milliseconds after the step before, as it was live. */
	readonly delayMs: number;
	/** Ends with a newline. Holds no control characters but newlines, and colours if asked for. */
	readonly text: string;
}

export interface ReplayOptions {
	readonly colour?: boolean;
	/** Columns that one cell of a result, or one parameter, may take; the rest is counted. */
	readonly cellColumns?: number;
}

type Of<Type extends LoggedEntry["type"]> = Extract<LoggedEntry, { type: Type }>;

const CELL_COLUMNS = 120;
const INDENT = "          ";

const SGR = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;
type Style = keyof typeof SGR;

export async function* replayText(
	entries: AsyncIterable<LoggedEntry>,
	options: ReplayOptions = {},
): AsyncGenerator<ReplayStep> {
	const writer = new ReplayWriter(options);
	let startMs: number | undefined;
	let lastMs = 0;
	for await (const entry of entries) {
		const atMs = millis(entry.at);
		startMs ??= atMs;
		const lines = writer.lines(entry, atMs - startMs);
		/* A clock that was set back meanwhile must not make the replay wait backwards. */
		const delayMs = lastMs === 0 ? 0 : Math.max(0, atMs - lastMs);
		lastMs = atMs;
		if (lines.length > 0) yield { delayMs, text: `${lines.join("\n")}\n` };
	}
}

/** Milliseconds with fractions of a time with microseconds, of which Date keeps only the first three digits. */
function millis(at: string): number {
	const micros = /\.\d{3}(\d{3})Z$/.exec(at)?.[1];
	return Date.parse(at) + Number(micros ?? 0) / 1000;
}

/** "+01:02:03.456" */
function offset(ms: number): string {
	const total = Math.max(0, Math.round(ms));
	const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
	const clock = `${two(total / 60_000)}:${two((total / 1000) % 60)}.${String(total % 1000).padStart(3, "0")}`;
	return `+${clock}`;
}

function count(amount: number, thing: string): string {
	return `${amount} ${thing}${amount === 1 ? "" : "s"}`;
}

class ReplayWriter {
	readonly #colour: boolean;
	readonly #cellColumns: number;

	constructor(options: ReplayOptions) {
		this.#colour = options.colour ?? false;
		this.#cellColumns = options.cellColumns ?? CELL_COLUMNS;
	}

	lines(entry: LoggedEntry, sinceMs: number): string[] {
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
				return [this.#note("red", `incident at statement ${entry.statement}: ${entry.message}`)];
			case "gap":
				return [this.#note("red", `gap in the recording: ${entry.message}${keptAside(entry)}`)];
			case "grant.issue":
			case "grant.revoke":
			case "grant.expire":
			case "license.load":
			case "license.unload":
			case "license.reject":
			case "part":
			case "admin.start":
			case "admin.stop":
				return [];
			default:
				entry satisfies never;
				return [this.#note("dim", "an entry of a kind that this version does not know")];
		}
	}

	#paint(style: Style, text: string): string {
		return this.#colour ? `\u001b[${SGR[style]}m${text}\u001b[0m` : text;
	}

	#note(style: Style, text: string): string {
		return INDENT + this.#paint(style, printable(text));
	}

	#start(entry: Of<"session.start">): string[] {
		const fact = (name: string, value: string) => `  ${this.#paint("dim", name.padEnd(12))}${printable(value)}`;
		return [
			this.#paint("bold", printable(`Session ${entry.session}`)),
			fact("subject", entry.subject),
			fact("target", `${entry.target}, database ${entry.database} (${entry.engine})`),
			fact("license", `${entry.license} (${entry.licenseDigest})`),
			fact("grant", entry.grant),
			fact("client", `${entry.clientAddress}${entry.tls ? " over TLS" : " without TLS"}`),
			...(entry.application === null ? [] : [fact("application", entry.application)]),
			fact("started", entry.at),
		];
	}

	#statement(entry: Of<"statement">, sinceMs: number): string[] {
		const [first = "", ...rest] = printableLines(entry.sql);
		const via =
			entry.prepared === undefined ? "" : this.#paint("dim", ` via ${printable(entry.prepared) || "(unnamed)"}`);
		const only = entry.parseOnly === true ? this.#paint("dim", " prepared, not run") : "";
		const mark = entry.decision.effect === "deny" ? "red" : "cyan";
		return [
			"",
			`${this.#paint("dim", offset(sinceMs))} ${this.#paint(mark, `#${entry.statement}`)}${via}${only}`,
			...[first, ...rest].map((line) => INDENT + this.#paint("bold", line)),
			...this.#parameters(entry.parameters),
			...this.#decision(entry.decision),
		];
	}

	#parameters(parameters: readonly RecordedValue[]): string[] {
		if (parameters.length === 0) return [];
		const rows = parameters.map((value, index) => [`$${index + 1}`, value]);
		return table(["parameter", "value"], rows, this.#cellColumns).map((line) => INDENT + line);
	}

	#decision(decision: RecordedDecision): string[] {
		const reasons = (style: Style) =>
			decision.reasons.map((reason) =>
				this.#note(style, `  ${reason.message}${reason.term ? ` [${reason.term}]` : ""}`),
			);
		if (decision.effect === "deny") return [this.#note("red", `✗ DENIED (${decision.id})`), ...reasons("red")];
		return [
			...(decision.observed === "deny"
				? [this.#note("yellow", `! would be denied, observed only (${decision.id})`), ...reasons("yellow")]
				: []),
			...decision.masks.map((mask) => this.#note("yellow", `▒ masked: ${mask.column} (${mask.mask}) [${mask.term}]`)),
		];
	}

	#result(entry: Of<"result">): string[] {
		const { sample, error } = entry;
		const shown =
			sample === null ? [] : table(sample.columns, sample.rows, this.#cellColumns).map((line) => INDENT + line);
		const kept = sample !== null && sample.rows.length < entry.rows ? `, first ${sample.rows.length} recorded` : "";
		const masked = entry.masked.length === 0 ? "" : `, masked: ${entry.masked.join(", ")}`;
		const size = `${count(entry.rows, "row")}${kept}, ${count(entry.bytes, "byte")}, ${entry.durationMs} ms${masked}`;
		return [
			...shown,
			...(error === null ? [] : [this.#note("red", `ERROR ${error.code}: ${error.message}`)]),
			this.#note("dim", entry.command === null ? size : `${entry.command} (statement ${entry.statement}: ${size})`),
		];
	}

	#end(entry: Of<"session.end">, sinceMs: number): string[] {
		const totals = `${count(entry.statements, "statement")}, ${entry.denied} denied, ${count(entry.rowsOut, "row")}, ${count(entry.bytesOut, "byte")} out`;
		return [
			"",
			`${this.#paint("dim", offset(sinceMs))} ${this.#paint("bold", `Session ended: ${printable(entry.reason)}`)}`,
			this.#note("dim", totals),
		];
	}
}

function keptAside(entry: Of<"gap">): string {
	return entry.keptAs === "" ? "" : ` (${count(entry.bytes, "byte")} in ${entry.keptAs})`;
}
