/**
 * The player in a real terminal (tmux): what stands on its screen after which keys, that nothing recorded reaches the
 * terminal as a control, that tables line up in the terminal's own count of columns, and that the terminal is given back.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Entry } from "../../src/recorder/entry.js";
import { Journal } from "../../src/recorder/journal.js";
import { displayWidth } from "../../src/recorder/terminal.js";
import { installPackages } from "../helpers/debian.js";
import { licetCommand } from "../helpers/project.js";
import { result, sessionEnd, sessionStart, statement } from "../recorder/entries.js";

const START_MS = Date.parse("2026-03-01T12:00:00Z");
/** Each would change the title, clear the screen, answer for the person, turn the line around or ring. */
const EVIL = [
	"\u001b]0;OWNED\u0007",
	"\u001b[2J\u001b[H",
	"\u001b[6n",
	"\u009b31m",
	"\r",
	"\u202egnp.exe",
	"\b\b\b",
	"\u001b[?1049l",
	"\u000e",
].join("|");
/** Wide, combining, right-to-left, spacing marks, symbols. */
const WORDS = [
	"名前テスト",
	"한국어",
	"e\u0301a\u0308",
	"नमस्ते",
	"שלום",
	"สวัสดี",
	"Ω≈ç√",
	"😀👍",
	"ｆｕｌｌ",
	"─│┌",
	"ascii",
];

const HAS_TMUX = (() => {
	try {
		execFileSync("tmux", ["-V"]);
		return true;
	} catch {
		return false;
	}
})();

async function missing(): Promise<string | undefined> {
	return HAS_TMUX ? undefined : installPackages("tmux", ["tmux"]);
}

function recorded(t: Test): string {
	const folder = t.testdir({ licenses: {}, data: {} });
	const config = {
		listen: { postgres: "127.0.0.1:1" },
		targets: {
			shop: {
				engine: "postgres",
				address: "127.0.0.1:1",
				databases: ["shop"],
				environment: "test",
				region: "test",
				tls: "disable",
				credentials: { username: "a", password: { value: "b" } },
			},
		},
		licenses: "./licenses",
		data: "./data",
	};
	writeFileSync(join(folder, "licet.yaml"), JSON.stringify(config));
	let now = START_MS;
	const journal = Journal.open({ folder: join(folder, "data", "log"), now: () => now });
	const append = (entry: Entry, afterMs = 0) => {
		now += afterMs;
		journal.append(entry);
	};
	append(sessionStart("s_1", { application: EVIL }));
	append(statement("s_1", 1, "SELECT first"), 100);
	const rows = WORDS.map((word, index) => [word, String(index), word + word]);
	append(result("s_1", 1, { rows: rows.length, sample: { columns: ["word", "n", "twice"], rows } }), 10);
	const deny = { id: "d_2", effect: "deny", reasons: [{ term: null, message: EVIL }], masks: [] } as const;
	append(statement("s_1", 2, `SELECT '${EVIL}'`, { decision: deny, parameters: [EVIL] }), 100);
	append(result("s_1", 2, { command: null, rows: 0, error: { code: "42501", message: EVIL } }), 1);
	append(statement("s_1", 3, "SELECT after_a_long_pause"), 600_000);
	append(result("s_1", 3), 10);
	append(sessionEnd("s_1", 3), 10);
	journal.flush();
	journal.close();
	return join(folder, "licet.yaml");
}

/** A terminal of the test's own, on a tmux server of its own. */
class Terminal {
	readonly #socket = `licet-${randomBytes(6).toString("hex")}`;

	constructor(t: Test, columns: number, rows: number, command: string) {
		const size = ["-x", String(columns), "-y", String(rows)];
		const environment = { ...process.env, LC_ALL: "C.UTF-8", TMUX: "" };
		execFileSync(
			"tmux",
			["-u", "-L", this.#socket, "-f", "/dev/null", "new-session", "-d", "-s", "t", ...size, command],
			{ env: environment },
		);
		t.teardown(() => this.#tmux("kill-server"));
	}

	#tmux(...words: readonly string[]): string {
		return execFileSync("tmux", ["-u", "-L", this.#socket, ...words], { encoding: "utf8" });
	}

	press(...keys: readonly string[]): void {
		for (const key of keys) this.#tmux("send-keys", "-t", "t", key);
	}

	resize(columns: number, rows: number): void {
		this.#tmux("resize-window", "-t", "t", "-x", String(columns), "-y", String(rows));
	}

	screen(): string {
		return this.#tmux("capture-pane", "-p", "-t", "t");
	}

	ask(format: string): string {
		return this.#tmux("display-message", "-p", "-t", "t", format).trim();
	}

	/** The screen once it shows something. */
	async until(wanted: RegExp): Promise<string> {
		const deadline = Date.now() + 60_000;
		for (;;) {
			const screen = this.screen();
			if (wanted.test(screen)) return screen;
			if (Date.now() > deadline) throw new Error(`the screen does not show ${wanted}:\n${screen}`);
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}
}

const quoted = (words: readonly string[]) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");

const why = await missing();
await t.test("the player in a terminal", { skip: why ?? false }, async (t) => {
	const config = recorded(t);
	const command = `${quoted([...licetCommand(), "replay", "s_1", "--config", config])}; echo "ended with $?"; sleep 600`;
	const terminal = new Terminal(t, 100, 30, command);
	await terminal.until(/✗ DENIED/);
	t.match(
		await terminal.until(/10:00 pause, shortened/),
		/\\x1b\]0;OWNED\\x07\|\\x1b\[2J/,
		"what was recorded is shown, not obeyed",
	);
	await terminal.until(/after_a_long_pause[\s\S]*Session ended/);
	t.notMatch(terminal.ask("#{pane_title}"), "OWNED");
	t.equal(terminal.ask("#{alternate_on}"), "1");
	terminal.press("g");
	terminal.press("Right");
	t.match(await terminal.until(/1\/3 /), /SELECT first/);
	terminal.press("/", "after", "Enter");
	await terminal.until(/3\/3 /);
	terminal.press("D");
	await terminal.until(/2\/3 [\s\S]*/);
	terminal.press("?");
	await terminal.until(/next denied statement/);
	terminal.press("Escape");
	await terminal.until(/✗ DENIED/);
	terminal.press("1", "Enter");
	const wide = await terminal.until(/1\/3 /);
	t.match(wide, /┌─+┬─+┬─+┐/);
	terminal.resize(44, 20);
	const narrow = await terminal.until(/┌─+┬─+┬─+┐[\s\S]*1\/3/);
	t.ok(
		narrow.split("\n").every((line) => displayWidth(line) <= 44),
		narrow,
	);
	terminal.press("q");
	await terminal.until(/ended with 0/);
	t.equal(terminal.ask("#{alternate_on} #{cursor_flag} #{wrap_flag}"), "0 1 1", "the terminal is given back");
});

await t.test("tables line up as the terminal counts", { skip: why ?? false }, async (t) => {
	const config = recorded(t);
	/* Each line of the table is printed alone, and the terminal asked where its cursor is behind it. */
	const lister = `${quoted([...licetCommand(), "replay", "s_1", "--plain", "--config", config])} | grep '[│┌├└]' | head -15 | while IFS= read -r line; do printf '%s' "$line"; printf '\\033[6n'; IFS='[;' read -rs -d R _ _ column </dev/tty; printf '\\n'; echo "$column" >> "${config}.columns"; done; echo done; sleep 600`;
	const terminal = new Terminal(t, 120, 40, `bash -c ${quoted([`stty -echo -icanon; ${lister}`])}`);
	await terminal.until(/done/);
	const columns = execFileSync("cat", [`${config}.columns`], { encoding: "utf8" })
		.trim()
		.split("\n");
	t.ok(columns.length >= WORDS.length + 4, `${columns.length} lines`);
	t.equal(new Set(columns).size, 1, columns.join(" "));
});

await t.test("a pipe, a dumb terminal, an ended input", { skip: why ?? false }, async (t) => {
	const config = recorded(t);
	const replay = quoted([...licetCommand(), "replay", "s_1", "--config", config]);
	for (const command of [`TERM=dumb ${replay}`, `${replay} --plain`, `${replay} | cat`, `${replay} </dev/null`]) {
		const terminal = new Terminal(t, 120, 50, `${command}; echo "ended with $?"; sleep 600`);
		t.match(await terminal.until(/ended with 0/), /Session ended/, command);
	}
});
