/** The player as a machine: keys and ticks in, lines out; the same lines for whoever looks. */
import fc from "fast-check";
import t from "tap";
import { KeyDecoder } from "../../src/cli/player/keys.js";
import { viewRows } from "../../src/cli/player/layout.js";
import { LONGEST_PAUSE_MS, newPlayer, type Player, step } from "../../src/cli/player/player.js";
import { screen } from "../../src/cli/player/screen.js";
import { Tape } from "../../src/cli/player/tape.js";
import type { LoggedEntry } from "../../src/recorder/entry.js";
import { displayWidth } from "../../src/recorder/terminal.js";
import { result, sessionEnd, sessionStart, statement } from "../recorder/entries.js";

const START_MS = Date.parse("2026-03-01T12:00:00Z");
const EVIL = "\u001b]0;owned\u0007\r\u202e\u0085\u2028";

/** Entries with the seconds at which they were taken. */
function tapeOf(entries: readonly (readonly [number, object])[], finished = true): Tape {
	const tape = new Tape();
	for (const [seq, [second, entry]] of entries.entries()) {
		const at = `${new Date(START_MS + second * 1000).toISOString().slice(0, -1)}000Z`;
		tape.append({ v: 1, seq, at, ...entry } as LoggedEntry);
	}
	if (finished) tape.finish();
	return tape;
}

const denied = { id: "d_2", effect: "deny", reasons: [{ term: null, message: "no permit" }], masks: [] } as const;

const SESSION = [
	[0, sessionStart("s_1", { application: EVIL })],
	[1, statement("s_1", 1, "select first")],
	[1.5, result("s_1", 1, { sample: { columns: ["n"], rows: [["Ada"], ["Größe"]] }, rows: 2 })],
	[3, statement("s_1", 2, `select ${EVIL}`, { decision: denied })],
	[3, result("s_1", 2, { command: null, error: { code: "42501", message: EVIL } })],
	[103, statement("s_1", 3, "select third", { parameters: ["Parameter", null] })],
	[104, result("s_1", 3)],
	[105, statement("s_1", 4, "select never answered")],
	[106, sessionEnd("s_1", 4)],
] as const;

const WINDOW = { columns: 80, rows: 24, follows: false };

function uncoloured(line: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is taken away
	return line.replace(/\u001b\[\d*m/g, "");
}

function shown(player: Player, tape: Tape): string {
	return screen(player, tape).map(uncoloured).join("\n");
}

const press = (player: Player, tape: Tape, ...keys: readonly string[]): Player =>
	keys.reduce((now, key) => step(now, tape, { kind: "key", key }), player);
const wait = (player: Player, tape: Tape, ms: number): Player => step(player, tape, { kind: "tick", ms });

t.test("plays in the session's own time", async (t) => {
	const tape = tapeOf(SESSION);
	let player = wait(newPlayer(WINDOW), tape, 0);
	t.equal(player.cursor, 1, "the first entry at once");
	player = wait(player, tape, 900);
	t.equal(player.cursor, 1);
	player = wait(player, tape, 100);
	t.equal(player.cursor, 2);
	player = wait(player, tape, 500);
	t.match(shown(player, tape), /select first[\s\S]*│ Ada +│/);
	t.notMatch(shown(player, tape), "no permit");
	player = wait(player, tape, 1500);
	t.match(shown(player, tape), "✗ DENIED");
	t.match(shown(player, tape), "01:40 pause, shortened");
	player = wait(player, tape, LONGEST_PAUSE_MS);
	t.match(shown(player, tape), "select third");
	player = wait(player, tape, 60_000);
	t.equal(player.cursor, SESSION.length);
	t.equal(player.playing, false, "it stops at the end");
	t.match(shown(player, tape), /no result is recorded of #4[\s\S]*Session ended/);
	t.match(shown(player, tape), "the end");
	player = wait(press(player, tape, " "), tape, 0);
	t.equal(player.cursor, 1, "and begins anew");
});

t.test("pause, speed", async (t) => {
	const tape = tapeOf(SESSION);
	const start = wait(newPlayer(WINDOW), tape, 0);
	t.equal(wait(press(start, tape, " "), tape, 10_000).cursor, 1, "a pause holds");
	t.equal(wait(press(start, tape, " ", " "), tape, 1000).cursor, 2);
	t.equal(wait(press(start, tape, "+", "+"), tape, 250).cursor, 2, "four times as fast");
	t.equal(wait(press(start, tape, "-"), tape, 1000).cursor, 1, "half as fast");
	t.equal(press(start, tape, ..."+".repeat(20)).speed, 64);
	t.equal(press(start, tape, ..."-".repeat(20)).speed, 0.25);
	t.match(shown(press(start, tape, "+"), tape), "▶ 2×");
	t.match(shown(press(start, tape, " "), tape), "⏸ 1×");
});

t.test("steps, seeks, searches", async (t) => {
	const tape = tapeOf(SESSION);
	const start = newPlayer(WINDOW);
	/** Keys → the statement that is shown last, and what is said. */
	const cases: readonly (readonly [readonly string[], number, RegExp | null])[] = [
		[["right"], 0, null],
		[["right", "right"], 1, null],
		[["right", "right", "right"], 2, null],
		[["right", "right", "right", "left"], 1, null],
		[["left", "left"], 0, null],
		[["G"], 4, /Session ended/],
		[["G", "right"], 4, /the last statement/],
		[["G", "g"], 0, null],
		[["3", "enter"], 3, null],
		[[":", "4", "enter"], 4, null],
		[["9", "9", "enter"], 0, /there is no statement #99/],
		[["#", "x", "enter"], 0, /expected the number/],
		[["3", "escape"], 0, null],
		[["3", "backspace", "2", "enter"], 2, null],
		[["d"], 2, null],
		[["d", "d"], 2, /no statement after this one/],
		[["G", "D"], 2, null],
		[["D"], 0, /no statement before/],
		[["/", ..."THIRD", "enter"], 3, null],
		[["/", ..."größe", "enter"], 1, null],
		[["/", ..."parameter", "enter"], 3, null],
		[["/", ..."select", "enter", "n", "n"], 3, null],
		[["/", ..."select", "enter", "N"], 4, /other end/],
		[["G", "/", ..."first", "enter"], 1, /other end/],
		[["/", ..."nothing", "enter"], 0, /"nothing" is nowhere/],
		[["n"], 0, /nothing was searched for/],
		[["/", ..."first", "enter", "G", "/", "enter"], 1, null],
	];
	for (const [keys, order, said] of cases) {
		const player = press(start, tape, ...keys);
		t.equal(tape.statementsBefore(player.cursor), order, keys.join(" "));
		if (said !== null) t.match(shown(player, tape), said, keys.join(" "));
		t.equal(player.mode.kind, "play");
	}
	t.match(shown(press(start, tape, "?"), tape), "next statement");
	t.equal(press(start, tape, "?", "q").quit, false, "a key leaves the help");
	t.equal(press(start, tape, "q").quit, true);
	t.equal(press(start, tape, "/", "ctrl-c").quit, true);
	t.match(
		screen(press(start, tape, "/", ..."first", "enter"), tape).join(""),
		"\u001b[7mfirst\u001b[0m",
		"hits are marked",
	);
	t.match(shown(press(start, tape, "/", "a", "b"), tape), " /ab");
});

t.test("scrolls through what is longer than the window", async (t) => {
	const rows = Array.from({ length: 100 }, (_, index) => [`row ${index}`]);
	const tape = tapeOf([
		[0, sessionStart("s_1")],
		[1, statement("s_1", 1, "select long")],
		[1, result("s_1", 1, { rows: 100, sample: { columns: ["a"], rows } })],
		[2, sessionEnd("s_1")],
	]);
	const there = press(newPlayer(WINDOW), tape, "1", "enter");
	t.match(shown(there, tape), "select long", "its beginning is in view");
	t.notMatch(shown(there, tape), "row 99");
	const down = press(there, tape, ...Array.from({ length: 20 }, () => "page-down"));
	t.match(shown(down, tape), "row 99");
	t.equal(down.scroll, 0);
	const up = press(down, tape, ...Array.from({ length: 50 }, () => "page-up"));
	t.match(shown(up, tape), "Session s_1");
	t.match(shown(press(up, tape, "down"), tape), "subject", "no further than there is");
	t.equal(press(up, tape, "down").scroll, up.scroll - 1);
});

t.test("a session that still runs, one without an end, one that is too long", async (t) => {
	const begun = SESSION.slice(0, 3);
	const without = press(newPlayer(WINDOW), tapeOf(begun), "G");
	t.match(shown(without, tapeOf(begun)), "no end is recorded");
	const tape = tapeOf(begun, false);
	let player = press(newPlayer({ ...WINDOW, follows: true }), tape, "G");
	player = wait(player, tape, 1000);
	t.match(shown(player, tape), "waiting for more");
	t.ok(player.playing);
	tape.append({
		v: 1,
		seq: 9,
		at: "2026-03-01T12:00:09.000000Z",
		...statement("s_1", 2, "select more"),
	} as LoggedEntry);
	player = wait(player, tape, 10_000);
	t.match(shown(player, tape), "select more");
	const small = new Tape(500);
	t.ok(small.append({ v: 1, seq: 0, at: "2026-03-01T12:00:00.000000Z", ...sessionStart("s_1") } as LoggedEntry));
	const long = { v: 1, seq: 1, at: "2026-03-01T12:00:01.000000Z", ...statement("s_1", 1, "x".repeat(999)) };
	t.notOk(small.append(long as LoggedEntry));
	small.finish();
	t.match(shown(press(newPlayer({ ...WINDOW, columns: 200 }), small, "G"), small), "longer than the player holds");
	const empty = tapeOf([]);
	for (const key of [" ", "right", "left", "G", "g", "d", "D", "n", "1", "enter", "up"]) {
		t.equal(screen(press(newPlayer(WINDOW), empty, key), empty).length, WINDOW.rows);
	}
});

t.test(
	"whatever is recorded, pressed and however small the window: lines that fit, and no control in them",
	async (t) => {
		const text = fc.oneof(
			fc.string({ unit: "binary" }),
			fc.string({ unit: "grapheme" }),
			fc.constantFrom(EVIL, "\u001b[2J", "名前テスト".repeat(9), "e\u0301", "👩‍👩‍👧", "\t", "a\nb\r\nc", "\ud800"),
		);
		const value = fc.option(text);
		const exchange = fc.tuple(
			text,
			fc.array(value, { maxLength: 3 }),
			fc.array(text, { maxLength: 6 }),
			fc.array(fc.array(value, { maxLength: 6 }), { maxLength: 3 }),
			text,
		);
		const key = fc.constantFrom(
			" ",
			"right",
			"left",
			"G",
			"g",
			"d",
			"D",
			"/",
			"n",
			"N",
			"1",
			"enter",
			"up",
			"down",
			"page-up",
			"page-down",
			"?",
			"+",
			"escape",
			"backspace",
			"é",
		);
		fc.assert(
			fc.property(
				fc.array(exchange, { maxLength: 4 }),
				fc.array(key, { maxLength: 12 }),
				fc.integer({ min: 1, max: 100 }),
				fc.integer({ min: 1, max: 30 }),
				(exchanges, keys, columns, rows) => {
					const entries = exchanges.flatMap(
						([sql, parameters, head, cells, message], index): (readonly [number, object])[] => [
							[index, statement("s_1", index + 1, sql, { parameters })],
							[
								index,
								result("s_1", index + 1, {
									sample: { columns: head, rows: cells },
									error: { code: "X", message },
									masked: head,
								}),
							],
						],
					);
					const tape = tapeOf([[0, sessionStart(EVIL, { subject: EVIL, target: EVIL })], ...entries]);
					let player = newPlayer({ columns, rows, follows: false });
					for (const one of ["right", ...keys]) {
						player = press(player, tape, one);
						const lines = screen(player, tape).map(uncoloured);
						if (lines.length !== Math.max(rows, 1)) throw new Error(`${lines.length} lines in ${rows} rows`);
						for (const line of lines) {
							if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(line)) throw new Error(`a control: ${JSON.stringify(line)}`);
							if (displayWidth(line) > columns) throw new Error(`${displayWidth(line)} in ${columns}: ${line}`);
						}
						if (player.scroll < 0 || player.cursor > tape.length) throw new Error("out of the tape");
					}
					t.ok(viewRows(rows) >= 1);
				},
			),
			{ numRuns: 150 },
		);
	},
);

t.test("keys", async (t) => {
	const keys = (...chunks: readonly string[]) => {
		const decoder = new KeyDecoder();
		return chunks.flatMap((chunk) => decoder.keys(Buffer.from(chunk, "latin1")));
	};
	const utf8 = (text: string) => Buffer.from(text).toString("latin1");
	t.same(keys("a \r\n\u007f\u0003"), ["a", " ", "enter", "enter", "backspace", "ctrl-c"]);
	t.same(keys("\u001b[A\u001b[B\u001bOC\u001b[D"), ["up", "down", "right", "left"]);
	t.same(keys("\u001b[5~\u001b[6~\u001b[1~\u001b[F"), ["page-up", "page-down", "home", "end"]);
	t.same(keys("\u001b[", "A"), ["up"], "in pieces");
	t.same(keys("\u001b"), ["escape"]);
	t.same(keys("\u001bq"), ["escape", "q"]);
	t.same(keys("\u001b[1;5C\u001b[?1;2c\u001b[200~x"), ["x"], "sequences of no key of ours");
	t.same(keys(utf8("é東😀").slice(0, 1), utf8("é東😀").slice(1)), ["é", "東", "😀"]);
	t.same(keys(`\u001b[${"1;".repeat(50)}`).length > 0, true, "noise is not kept for ever");
});
