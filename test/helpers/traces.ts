/**
 * Golden conversations with a real PostgreSQL, as text files in fixtures/traces: each frame with its direction, what it
 * says for people, and its bytes in hex, which alone count when a trace is read. capture-trace.ts writes them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fixture } from "./project.js";

export interface TraceFrame {
	readonly from: "client" | "server";
	readonly bytes: Buffer;
}

export interface Trace {
	readonly name: string;
	readonly frames: readonly TraceFrame[];
}

const HEX_A_LINE = 32;

const CLIENT_NAMES: Readonly<Record<string, string>> = {
	Q: "Query",
	P: "Parse",
	B: "Bind",
	D: "Describe",
	E: "Execute",
	S: "Sync",
	H: "Flush",
	C: "Close",
	d: "CopyData",
	c: "CopyDone",
	f: "CopyFail",
	F: "FunctionCall",
	X: "Terminate",
};

const SERVER_NAMES: Readonly<Record<string, string>> = {
	"1": "ParseComplete",
	"2": "BindComplete",
	"3": "CloseComplete",
	A: "NotificationResponse",
	C: "CommandComplete",
	D: "DataRow",
	E: "ErrorResponse",
	G: "CopyInResponse",
	H: "CopyOutResponse",
	I: "EmptyQueryResponse",
	N: "NoticeResponse",
	S: "ParameterStatus",
	T: "RowDescription",
	Z: "ReadyForQuery",
	c: "CopyDone",
	d: "CopyData",
	n: "NoData",
	s: "PortalSuspended",
	t: "ParameterDescription",
};

/** Whole frames of a stream. */
export function framesOf(bytes: Buffer): Buffer[] {
	const frames: Buffer[] = [];
	for (let at = 0; at < bytes.length; ) {
		const end = at + 1 + bytes.readUInt32BE(at + 1);
		frames.push(bytes.subarray(at, end));
		at = end;
	}
	return frames;
}

export function writeTrace(title: string, frames: readonly TraceFrame[]): string {
	const lines = [`# ${title}`];
	for (const { from, bytes } of frames) {
		const names = from === "client" ? CLIENT_NAMES : SERVER_NAMES;
		const name = names[String.fromCharCode(bytes[0] ?? 0)] ?? "?";
		lines.push(`${from === "client" ? ">" : "<"} ${name} ${readable(bytes.subarray(5))}`.trimEnd());
		const hex = bytes.toString("hex");
		for (let at = 0; at < hex.length; at += 2 * HEX_A_LINE) lines.push(`  ${hex.slice(at, at + 2 * HEX_A_LINE)}`);
	}
	return `${lines.join("\n")}\n`;
}

function readable(body: Buffer): string {
	const text = body.toString("latin1").replace(/[^\x20-\x7e]+/g, "·");
	return text.length > 90 ? `${text.slice(0, 90)}… (${body.length} bytes)` : text;
}

export function readTrace(name: string, text: string): Trace {
	const frames: { from: TraceFrame["from"]; hex: string }[] = [];
	for (const line of text.split("\n")) {
		if (line.startsWith(">") || line.startsWith("<")) {
			frames.push({ from: line.startsWith(">") ? "client" : "server", hex: "" });
		} else if (line.startsWith("  ")) {
			const last = frames.at(-1);
			if (last !== undefined) last.hex += line.trim();
		}
	}
	return { name, frames: frames.map(({ from, hex }) => ({ from, bytes: Buffer.from(hex, "hex") })) };
}

export function traces(): Trace[] {
	const folder = fixture("traces");
	const files = readdirSync(folder).filter((file) => file.endsWith(".txt"));
	return files.sort().map((file) => readTrace(file.replace(/\.txt$/, ""), readFileSync(join(folder, file), "utf8")));
}

/** A conversation by turns: what one side says until the other speaks. */
export function turns(trace: Trace): { readonly from: TraceFrame["from"]; readonly bytes: Buffer }[] {
	const grouped: { from: TraceFrame["from"]; parts: Buffer[] }[] = [];
	for (const { from, bytes } of trace.frames) {
		const last = grouped.at(-1);
		if (last?.from === from) last.parts.push(bytes);
		else grouped.push({ from, parts: [bytes] });
	}
	return grouped.map(({ from, parts }) => ({ from, bytes: Buffer.concat(parts) }));
}
