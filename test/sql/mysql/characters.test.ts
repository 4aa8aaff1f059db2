/** Bytes and characters of MySQL's texts: positions are those of the decoded text, whatever its bytes are. */
import fc from "fast-check";
import t from "tap";
import { characterOffsets, isAscii, isTrimmed, trimmed, utf8Text } from "../../../src/sql/mysql/characters.js";
import { readText } from "./shop.js";

t.test("positions are those of the decoded text, wherever a run of bytes beyond ASCII begins or ends", async (t) => {
	const pieces = fc.constantFrom("a", ";", " ", "é", "€", "😀", "\xff", "\xc3", "\xf0\x9f", "'");
	fc.assert(
		fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
			const bytes = parts
				.map((part) => (/^[\u0080-\u00ff]+$/.test(part) && part !== "é" ? part : Buffer.from(part).toString("latin1")))
				.join("");
			const offset = characterOffsets(bytes);
			for (let at = 0; at <= bytes.length; at++) {
				const insideRun = at > 0 && bytes.charCodeAt(at - 1) >= 0x80 && bytes.charCodeAt(at) >= 0x80;
				if (insideRun) continue;
				const expected = Buffer.from(bytes.slice(0, at), "latin1").toString("utf8").length;
				if (offset(at) !== expected) return false;
			}
			return true;
		}),
	);
	t.equal(characterOffsets("abc")(2), 2);
});

t.test("a text of many statements and one letter beyond ASCII takes no longer than its length", async (t) => {
	const sql = `SELECT 'é';${"DO 1;".repeat(40_000)}`;
	const since = performance.now();
	const { statements } = readText(sql, { multi: true });
	t.equal(statements.length, 40_001);
	t.equal(statements.at(-1)?.end, sql.length - 1);
	t.ok(performance.now() - since < 5_000, `${Math.round(performance.now() - since)} ms`);
});

t.test("what servers trim", async (t) => {
	for (const [text, rest] of [
		["\t\n a ", "a "],
		["\x00\x1f\x7fa", "a"],
		["a", "a"],
		["", ""],
		["\u0080a", "\u0080a"],
	] as const) {
		t.equal(trimmed(text), rest);
		t.equal(isTrimmed(text), text === rest);
	}
	t.equal(utf8Text("\xc3\xa9"), "é");
	t.notOk(isAscii("\xff"));
});
