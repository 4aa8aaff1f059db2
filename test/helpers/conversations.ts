/**
 * Conversations in which every kind of message has its place. Each turn is what the client sends, and the messages by
 * whose arrival the server's answer is known to be over: "Z" one ReadyForQuery, "G" a CopyInResponse, "ZZ" two, …
 */
import { bind, close, copyData, copyDone, copyFail, describe, execute, flush, parse, query, sync } from "./wire.js";

export interface Turn {
	readonly send: readonly Buffer[];
	readonly until: string;
}

const turn = (until: string, ...send: readonly Buffer[]): Turn => ({ send, until });

/** Tables that the conversations use. */
export const CONVERSATION_SCHEMA = `
	CREATE TABLE items (id int PRIMARY KEY, name text);
	INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 12) n;
	CREATE TABLE copied (id int, name text);
`;

const selectItems = "SELECT id, name FROM items WHERE id < $1 ORDER BY id";

export const conversations: Readonly<Record<string, readonly Turn[]>> = {
	"simple-query": [turn("Z", query("SELECT id, name FROM items WHERE id < 3 ORDER BY id"))],
	"simple-string": [
		turn("Z", query("SELECT 1 AS one; SELECT 'zwei' AS two; UPDATE items SET name = name WHERE id = 1")),
		turn("Z", query("SELECT 1; SELECT 1/0; SELECT 3")),
	],
	"simple-empty": [turn("Z", query("")), turn("Z", query(" ; "))],
	"simple-pipelined": [turn("ZZZ", query("SELECT 1"), query("SELECT nothing"), query("SELECT 3"))],
	transaction: [
		turn("Z", query("BEGIN")),
		turn("Z", query("SELECT 1/0")),
		turn("Z", query("SELECT 1")),
		turn("Z", query("ROLLBACK")),
	],
	extended: [
		turn("Z", parse(selectItems, "", [23]), bind({ values: ["4"] }), describe("P"), execute(), close("P"), sync),
	],
	"extended-named-binary": [
		turn("Z", parse(selectItems, "items", [23]), describe("S", "items"), sync),
		turn(
			"Z",
			bind({
				statement: "items",
				portal: "p",
				values: [Buffer.from([0, 0, 0, 3])],
				valueFormats: [1],
				resultFormats: [1],
			}),
			describe("P", "p"),
			execute("p"),
			sync,
		),
		turn("Z", close("S", "items"), sync),
	],
	"extended-flush": [
		turn("t", parse("SELECT $1::int + 1", "s"), describe("S", "s"), flush),
		turn("C", bind({ statement: "s", values: ["41"] }), execute(), flush),
		turn("Z", sync),
	],
	"extended-pipeline": [
		turn(
			"ZZZ",
			parse("SELECT 1"),
			bind(),
			execute(),
			sync,
			parse("SELECT nothing"),
			bind(),
			execute(),
			sync,
			parse("SELECT 3"),
			bind(),
			execute(),
			sync,
		),
	],
	"extended-error-in-series": [
		turn(
			"Z",
			parse("SELECT 1"),
			bind(),
			execute(),
			parse("SELECT 1/0"),
			bind(),
			execute(),
			parse("SELECT 3"),
			bind(),
			execute(),
			sync,
		),
		turn("Z", query("SELECT 4")),
	],
	"extended-empty": [turn("Z", parse(""), bind(), describe("P"), execute(), sync)],
	"portal-resumed": [
		turn("Z", query("BEGIN")),
		turn("s", parse("SELECT id FROM items ORDER BY id"), bind({ portal: "p" }), execute("p", 5), flush),
		turn("s", execute("p", 5), flush),
		turn("Z", execute("p", 5), sync),
		turn("Z", query("COMMIT")),
	],
	"copy-out": [
		turn("Z", query("COPY items TO STDOUT")),
		turn("Z", query("COPY items TO STDOUT (FORMAT binary)")),
		turn("Z", query("COPY items TO STDOUT (FORMAT csv, HEADER)")),
	],
	"copy-in": [
		turn("G", query("COPY copied FROM STDIN")),
		turn("Z", copyData("1\tone\n2\ttwo\n"), copyData("3\tth"), copyData("ree\n"), copyDone),
	],
	"copy-in-extended": [
		turn("G", parse("COPY copied FROM STDIN"), bind(), describe("P"), execute(), sync),
		turn("Z", copyData("4\tfour\n"), copyDone, sync),
		turn("Z", query("SELECT 1")),
	],
	"copy-fail": [
		turn("G", query("COPY copied FROM STDIN")),
		turn("Z", copyData("5\tfive\n"), copyFail("changed my mind")),
		turn("G", query("COPY copied FROM STDIN")),
		turn("Z", copyData("no number\tx\n"), copyDone),
	],
	notify: [
		turn("Z", query("LISTEN news")),
		turn("AZ", query("NOTIFY news, 'payload'")),
		turn("Z", query("UNLISTEN *")),
	],
	notices: [turn("Z", query("DROP TABLE IF EXISTS never_there")), turn("Z", query("ROLLBACK"))],
	settings: [turn("Z", query("SET application_name = 'traced'"))],
	"large-row": [turn("Z", query("SELECT repeat('0123456789', 400) AS long, n FROM generate_series(1, 3) n"))],
};
