/**
 * Facts of a few MySQL statements by their first words, by hand, so that a test of the relay fails for the relay's faults
 * alone. Statements are parted by semicolons; the tests write none in strings.
 */
import type { SessionEffect, StatementFacts } from "../../../src/sql/facts.js";

export function mysqlFacts(sql: string): StatementFacts[] {
	const all: StatementFacts[] = [];
	let start = 0;
	for (const part of sql.split(";")) {
		if (part.trim() !== "") all.push(statement(part, start));
		start += part.length + 1;
	}
	return all;
}

function statement(part: string, start: number): StatementFacts {
	const sql = part.trim().replace(/^\(+/, "");
	const word = (/^\w+/.exec(sql)?.[0] ?? "").toLowerCase();
	const delivers = /^(select|with|table|values)$/.test(word) || /\breturning\b/i.test(sql);
	const shows = /^(show|explain|describe|desc|check|analyze)$/.test(word);
	const table = /\b(?:from|into|update|table)\s+`?(\w+)/i.exec(sql)?.[1];
	const effect = effectOf(word, sql);
	const isFile = /^load data local/i.test(sql);
	return {
		start,
		end: start + part.length,
		tag: (/^(show|get)\s+\w+/i.exec(sql)?.[0] ?? word).toUpperCase(),
		commands: word === "select" ? ["select"] : word === "call" ? ["call"] : shows ? ["show"] : [],
		relations:
			table === undefined || shows
				? []
				: [{ command: "select", schema: "app", name: table, columns: "all", through: [], sort: "data" }],
		columns: [],
		functions: [],
		outputs: delivers || shows ? [] : undefined,
		opaqueResult: word === "call",
		writes: /^(insert|update|delete|replace|create|drop|truncate|load|call)$/.test(word),
		deliversRows: delivers,
		collects: [],
		changesCatalog: /^(create|drop|alter)$/.test(word),
		literalSensitive: false,
		...(isFile ? { copy: { direction: "in", format: "text" } } : {}),
		...(effect === undefined ? {} : { effect }),
	};
}

function effectOf(word: string, sql: string): SessionEffect | undefined {
	const match = (pattern: RegExp): string => pattern.exec(sql)?.[1] ?? "";
	switch (word) {
		case "use":
			return { kind: "database", name: match(/^use\s+`?([^`;]+?)`?$/i) };
		case "set": {
			const name = match(/^set\s+(?:session\s+)?(\w+)/i).toLowerCase();
			return name === "" ? undefined : { kind: "set", name, values: [], local: false };
		}
		case "prepare": {
			const inner = match(/from\s+'(.*)'$/is);
			return { kind: "prepare", name: match(/^prepare\s+(\w+)/i), statement: statement(inner, 0) };
		}
		case "execute":
			return { kind: "execute", name: match(/^execute\s+(\w+)/i) };
		case "deallocate":
			return { kind: "deallocate", name: match(/(\w+)$/i) };
		case "kill":
			return { kind: "kill", connection: Number(match(/(\d+)$/)), what: /query/i.test(sql) ? "query" : "connection" };
		default:
			return undefined;
	}
}
