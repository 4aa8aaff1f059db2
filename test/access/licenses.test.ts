/** The shelf of licenses follows its folder and fails closed; secrets are read and never told; the log keeps quiet. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import t, { type Test } from "tap";
import { AccessError } from "../../src/access/errors.js";
import { LicenseShelf } from "../../src/access/licenses.js";
import { resolveSecret } from "../../src/access/secrets.js";
import type { Entry } from "../../src/recorder/entry.js";
import { createLog, silentLog } from "../../src/telemetry/log.js";

const text = (id: string, version = 1) => `apiVersion: licet/v1
kind: License
metadata: { id: ${id}, licensee: acme, version: ${version} }
subjects: [ { user: alice } ]
targets: [ { name: shop } ]
permits: all
`;

async function shelfOf(t: Test, folder: string, pollMs = 50) {
	const recorded: Entry[] = [];
	const changes: [string, number | undefined][] = [];
	const maskSecret = Buffer.alloc(32, 1);
	const shelf = await LicenseShelf.open({
		folder,
		maskSecret,
		record: (entry) => recorded.push(entry),
		log: silentLog,
		pollMs,
	});
	shelf.onChange((id) => changes.push([id, shelf.get(id)?.version]));
	t.teardown(() => shelf.close());
	return { shelf, recorded, changes };
}

async function until(t: Test, what: string, holds: () => boolean): Promise<void> {
	for (let tries = 0; tries < 300 && !holds(); tries++) await pause(10);
	t.ok(holds(), what);
}

t.test("what is in the folder", async (t) => {
	const folder = t.testdir({
		"a.yaml": text("a"),
		"b.yml": text("b"),
		"c.JSON": JSON.stringify({
			apiVersion: "licet/v1",
			kind: "License",
			metadata: { id: "c", licensee: "acme", version: 1 },
			subjects: [{ user: "alice" }],
			targets: [{ name: "shop" }],
			permits: "all",
		}),
		"notes.txt": "not a license",
		".hidden.yaml": "neither: is this",
		"broken.yaml": "metadata: [",
		"twice.yaml": text("twice"),
		"again.yaml": text("twice", 2),
		"folder.yaml": {},
	});
	writeFileSync(join(folder, "long.yaml"), "#".repeat(2 << 20));
	writeFileSync(join(folder, "latin.yaml"), Buffer.from(text("latin").replace("acme", "caf\u00e9"), "latin1"));
	execFileSync("mkfifo", [join(folder, "pipe.yaml")]);
	const { shelf, recorded } = await shelfOf(t, folder);
	t.same(
		shelf
			.all()
			.map(({ id }) => id)
			.sort(),
		["a", "b", "c"],
	);
	t.ok((shelf.get("a")?.maskKey.length ?? 0) > 0, "ready for hash masks");
	t.equal(shelf.get("twice"), undefined, "of two that claim an id, neither");
	const problems = shelf.problems().map(({ file, message }) => `${file.slice(folder.length + 1)}: ${message}`);
	t.match(
		problems.find((problem) => problem.startsWith("again")),
		/"twice" is declared in .*twice\.yaml too/,
	);
	t.match(
		problems.find((problem) => problem.startsWith("twice")),
		/"twice" is declared in .*again\.yaml too/,
	);
	t.match(
		problems.find((problem) => problem.startsWith("folder")),
		/cannot be read: it is a folder/,
	);
	t.match(
		problems.find((problem) => problem.startsWith("long")),
		/too long/,
	);
	t.match(
		problems.find((problem) => problem.startsWith("latin")),
		/is not UTF-8 text from here on/,
		"or a deny of a name with an accent would deny something else",
	);
	t.match(
		problems.find((problem) => problem.startsWith("pipe")),
		/cannot be read: it is no regular file/,
		"waiting for somebody who writes into it would keep all changes from being seen",
	);
	t.ok(problems.some((problem) => problem.startsWith("broken")));
	t.same(
		recorded.filter(({ type }) => type === "license.load").map((entry) => "license" in entry && entry.license),
		["a", "b", "c"],
	);
	t.ok(recorded.some(({ type }) => type === "license.reject"));
});

for (const [how, pollMs] of [
	["the system's word", 600_000],
	["polling", 50],
] as const) {
	t.test(`changes, by ${how}`, async (t) => {
		const root = t.testdir({ real: { "a.yaml": text("a"), "b.yaml": text("b") } });
		/* Through a link that points elsewhere later, nothing is heard of changes: only polling finds them. */
		const folder = join(root, how === "polling" ? "link" : "real");
		if (how === "polling") symlinkSync(join(root, "real"), folder);
		const { shelf, changes, recorded } = await shelfOf(t, folder, pollMs);
		const file = (name: string) => join(folder, name);
		if (how === "polling") {
			mkdirSync(join(root, "next"));
			for (const name of ["a.yaml", "b.yaml"]) writeFileSync(join(root, "next", name), readFileSync(file(name)));
			rmSync(folder);
			symlinkSync(join(root, "next"), folder);
		}

		writeFileSync(file("a.yaml"), text("a", 2));
		await until(t, "a new version", () => shelf.get("a")?.version === 2);
		t.same(changes, [["a", 2]]);

		writeFileSync(file("c.yaml"), text("c"));
		await until(t, "a new license", () => shelf.get("c") !== undefined);

		const good = shelf.get("b");
		writeFileSync(file("b.yaml"), text("b").slice(0, 40));
		writeFileSync(file("b.yaml"), `${text("b")}\n# a comment changes nothing\n`);
		await pause(700);
		t.equal(shelf.get("b")?.digest, good?.digest);
		t.same(
			changes.filter(([id]) => id === "b"),
			[],
			"half-written for a moment withdraws nothing",
		);

		writeFileSync(file("b.yaml"), "metadata: [");
		await until(t, "withdrawn when it cannot be read", () => shelf.get("b") === undefined);
		t.same(changes.at(-1), ["b", undefined]);
		t.match(
			recorded.find(({ type }) => type === "license.reject"),
			{ license: "b", licenseDigest: good?.digest, message: /b\.yaml:1:/ },
		);
		t.match(
			recorded.find(({ type }) => type === "license.unload"),
			{ license: "b" },
		);
		t.equal(shelf.problems().length, 1);

		writeFileSync(file("b.yaml"), text("b", 3));
		await until(t, "back when it is mended", () => shelf.get("b")?.version === 3);
		t.same(shelf.problems(), []);

		writeFileSync(file("copy.yaml"), text("b", 4));
		await until(t, "withdrawn when claimed twice", () => shelf.get("b") === undefined);
		rmSync(file("copy.yaml"));
		await until(t, "back when one is gone", () => shelf.get("b")?.version === 3);

		renameSync(file("b.yaml"), file("renamed.yaml"));
		await pause(700);
		t.equal(shelf.get("b")?.version, 3, "the name of the file is nothing");

		rmSync(file("c.yaml"));
		await until(t, "withdrawn with its file", () => shelf.get("c") === undefined);

		rmSync(folder, { recursive: true });
		if (how === "polling") {
			await until(t, "all withdrawn with the folder", () => shelf.all().length === 0);
			t.match(shelf.problems()[0]?.message, /folder of licenses cannot be read: there is no such file/);
		}
	});
}

t.test("a folder in which something changes all the time", async (t) => {
	const folder = t.testdir({ "a.yaml": text("a") });
	const { shelf } = await shelfOf(t, folder, 600_000);
	const noise = setInterval(() => writeFileSync(join(folder, "noise.log"), String(Math.random())), 20);
	// Not in a teardown: the folder is removed before that.
	try {
		rmSync(join(folder, "a.yaml"));
		await until(t, "is followed all the same", () => shelf.get("a") === undefined);
	} finally {
		clearInterval(noise);
	}
});

t.test("a folder that is not there, and a recording that cannot be written", async (t) => {
	const folder = join(t.testdir(), "licenses");
	const { shelf } = await shelfOf(t, folder);
	t.same(shelf.all(), []);
	t.equal(shelf.problems().length, 1);
	mkdirSync(folder);
	writeFileSync(join(folder, "a.yaml"), text("a"));
	await until(t, "found when it comes", () => shelf.get("a") !== undefined);

	const failing = await LicenseShelf.open({
		folder,
		maskSecret: Buffer.alloc(32),
		record: () => {
			throw new Error("the log cannot be written");
		},
		log: silentLog,
	});
	t.teardown(() => failing.close());
	rmSync(join(folder, "a.yaml"));
	await failing.reload();
	t.equal(failing.get("a"), undefined, "withdrawing does not wait for the recording");
});

t.test("secrets", async (t) => {
	const folder = t.testdir({ one: "s3cret\n", crlf: "s3cret\r\n", inner: " a\nb \n\n", empty: "\n" });
	const file = (name: string) => ({ kind: "file", path: join(folder, name) }) as const;
	writeFileSync(join(folder, "long"), "x".repeat((64 << 10) + 1));
	t.equal(await resolveSecret({ kind: "value", value: "v" }, {}), "v");
	t.equal(await resolveSecret({ kind: "env", name: "P" }, { P: " p " }), " p ");
	t.equal(await resolveSecret(file("one"), {}), "s3cret");
	t.equal(await resolveSecret(file("crlf"), {}), "s3cret");
	t.equal(await resolveSecret(file("inner"), {}), " a\nb \n", "one newline, and no more");
	const failures = [
		{ kind: "env", name: "P" } as const,
		file("none"),
		file("empty"),
		file("long"),
		{ kind: "file", path: folder } as const,
	];
	for (const secret of failures) {
		const error: unknown = await resolveSecret(secret, { P: "", Q: "hunter2" }).catch((error: unknown) => error);
		t.ok(error instanceof AccessError);
		t.match(String(error), secret.kind === "env" ? "P" : secret.path, "says where it looked");
		t.notMatch(String(error), /hunter2|xxx/);
	}
});

t.test("the log", async (t) => {
	const lines: string[] = [];
	const log = createLog({ level: "debug", destination: { write: (line) => lines.push(line) } });
	log.info(
		{
			password: "hunter2",
			target: { credentials: { username: "u", password: "hunter2" } },
			a: { b: { c: { token: "hunter2" } } },
		},
		"one",
	);
	log.warn(
		{ err: new Error("cannot reach postgres://app:hunter2@db:5432/x?a=b and redis://:hunt@er2@h") },
		"two postgres://u:hunter2@h/",
	);
	log.child({ password: "hunter2" }).error("three");
	log.trace("not at this level");
	t.equal(lines.length, 3);
	for (const line of lines) {
		t.notMatch(line, /hunter2|er2@/);
		t.match(JSON.parse(line), { level: /info|warn|error/, time: /^\d{4}-/, msg: String });
	}
	t.match(lines[1], "postgres://app:[redacted]@db:5432/x?a=b");
	t.throws(() => createLog({ level: "loud" }), RangeError);
	t.equal(createLog({ level: "" }).level, "info");
	t.equal(createLog({ level: undefined }).level, "info");
});
