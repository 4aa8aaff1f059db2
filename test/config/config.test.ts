/** licet.yaml: what loads and to what, and every way in which it does not, with line and expectation. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t, { type Test } from "tap";
import { DEFAULT_BOUNDS, DOCUMENT_DEPTH, DOCUMENT_NODES } from "../../src/config/bounds.js";
import { type Config, loadConfig, parseConfig, servesDatabase } from "../../src/config/document.js";
import { nearest } from "../../src/config/nearest.js";
import { formatPath, formatProblem } from "../../src/config/problem.js";
import { configJsonSchema } from "../../src/config/shape.js";
import { formatAddress, parseAddress, parseBytes, parseDuration } from "../../src/config/units.js";
import { readYaml } from "../../src/config/yaml.js";

const MINIMAL = `targets:
  shop:
    engine: postgres
    address: 127.0.0.1:5432
    databases: [shop]
    credentials: { username: app }
`;

function lines(text: string, env: Record<string, string> = {}): string[] {
	const result = parseConfig(text, "/etc/licet/licet.yaml", env, { references: "skip" });
	return "problems" in result ? result.problems.map(formatProblem) : [];
}

function load(text: string, env: Record<string, string> = {}): Config {
	const result = parseConfig(text, "/etc/licet/licet.yaml", env, { references: "skip" });
	if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
	return result.config;
}

/** One problem, at that line and key, whose message holds that text. */
function has(t: Test, text: string, line: number, path: string, part: string): void {
	const found = lines(text);
	const start = `/etc/licet/licet.yaml:${line}:`;
	t.ok(
		found.some(
			(problem) =>
				problem.startsWith(start) && problem.includes(path === "" ? ": " : `: ${path}: `) && problem.includes(part),
		),
		`${line}: ${path}: ${part}`,
		{ found },
	);
}

t.test("a whole document", (t) => {
	const config = load(
		`listen: { postgres: "127.0.0.1:6432", api: "[::1]:8432" }
tls: { certificate: ./tls/server.crt, key: /secure/server.key, clientCa: ./tls/ca.crt, required: true }
targets:
  shop:
    engine: postgres
    address: db.internal:5432
    databases: ["tenant_*", shop, other]
    environment: production
    region: eu-central
    tls: verify-full
    ca: ./tls/upstream.crt
    credentials: { username: app, password: { env: SHOP_PASSWORD } }
    listen: 127.0.0.1:6433
  plain: { engine: postgres, address: "[fe80::1]:5432", databases: ["*"], credentials: { username: a, password: { file: ./pw } } }
  inline: { engine: postgres, address: "h:1", databases: [d], credentials: { username: "\${USER_NAME}", password: { value: "a\${PW}b$\${c}" } } }
licenses: ./contracts
trust: []
data: ../var
store: postgres://licet@db/licet
redis: null
workers: 1
recording: { durability: strict }
bounds: { loginTimeout: 5s, messageBytes: 128MiB, statementBytes: 4096, sessions: "\${SESSIONS}" }
`,
		{ USER_NAME: "u", PW: "p$1", SESSIONS: "7" },
	);
	const password = (name: string) => config.targets.get(name)?.credentials.password;
	t.same(config.listen, { postgres: { host: "127.0.0.1", port: 6432 }, api: { host: "::1", port: 8432 } });
	t.same(config.tls, {
		certificate: "/etc/licet/tls/server.crt",
		key: "/secure/server.key",
		clientCa: "/etc/licet/tls/ca.crt",
		required: true,
	});
	const shop = config.targets.get("shop");
	t.match(shop, { engine: "postgres", address: { host: "db.internal", port: 5432 }, defaultDatabase: "shop" });
	t.match(shop, {
		environment: "production",
		region: "eu-central",
		tls: "verify-full",
		ca: "/etc/licet/tls/upstream.crt",
	});
	t.same(shop?.listen, { host: "127.0.0.1", port: 6433 });
	t.same(password("shop"), { kind: "env", name: "SHOP_PASSWORD" });
	t.same(password("plain"), { kind: "file", path: "/etc/licet/pw" });
	t.equal(config.targets.get("plain")?.address.host, "fe80::1");
	t.equal(config.targets.get("plain")?.defaultDatabase, undefined);
	t.equal(config.targets.get("inline")?.credentials.username, "u");
	t.same(password("inline"), { kind: "value", value: "ap$1b$" + "{c}" }, "inserted text is taken as it stands");
	t.equal(config.licenses, "/etc/licet/contracts");
	t.equal(config.data, "/etc/var");
	t.same(config.store, { kind: "postgres", url: "postgres://licet@db/licet" });
	t.equal(config.recording.durability, "strict");
	t.same(config.bounds, { loginTimeoutMs: 5000, messageBytes: 128 * 1024 ** 2, statementBytes: 4096, sessions: 7 });
	t.end();
});

t.test("defaults, and JSON as well", (t) => {
	const config = load(MINIMAL);
	t.same(config.bounds, DEFAULT_BOUNDS);
	t.same(config.listen, { postgres: undefined, api: undefined });
	t.match(config, { licenses: "/etc/licet/licenses", data: "/etc/licet/data", store: { kind: "embedded" } });
	t.equal(config.recording.durability, "written");
	t.equal(config.targets.get("shop")?.tls, "prefer");
	t.equal(config.tls, undefined);
	const json = JSON.stringify({
		targets: {
			shop: { engine: "postgres", address: "127.0.0.1:5432", databases: ["shop"], credentials: { username: "app" } },
		},
	});
	t.same(load(json), config);
	t.end();
});

t.test("databases by name and pattern", (t) => {
	const target = load(MINIMAL.replace("[shop]", '[shop, "tenant_*", "*_ro", "a*b*c"]')).targets.get("shop");
	if (target === undefined) throw new Error("no target");
	for (const name of ["shop", "tenant_", "tenant_x", "x_ro", "_ro", "abc", "a-b-b-c"])
		t.ok(servesDatabase(target, name), name);
	for (const name of ["shop2", "Shop", "tenant", "ro", "ac", "abcd", "", "shop\n"])
		t.notOk(servesDatabase(target, name), name);
	t.end();
});

t.test("every problem at once, with its place and what was expected", (t) => {
	const text = `listen: { postgres: 6432, mysql: 127.0.0.1, api: 127.0.0.1 }
tls: { certificate: 1, required: "yes", cert: x }
targets:
  shop:
    engine: oracle
    address: 127.0.0.1:0
    databases: []
    enviroment: production
    tls: verify
    ca: ./x
    credentials: { username: "", password: { env: "A B" } }
  "bad name":
    engine: mysq
    address: "[127.0.0.1]:5432"
    databases: shop
    credentials: [app]
trust: [key]
data: \${NOPE}/x
store: sqlite
redis: redis://cache
workers: 4
recording: { durability: none }
bounds: { loginTimeout: 15, messageBytes: 9GiB, statementBytes: 1, sessions: many, other: 1 }
licences: ./x
`;
	const expected: [number, string, string][] = [
		[1, "listen.postgres", "is a number; expected an address"],
		[1, "listen.mysql", "expected an address host:port"],
		[1, "listen.api", "expected an address host:port"],
		[2, "tls.certificate", "is a number; expected a path"],
		[2, "tls.key", "is missing"],
		[2, "tls.required", "is a string; expected true or false"],
		[2, "tls.cert", "is no known key; expected one of certificate, key, clientCa, required"],
		[5, "targets.shop.engine", "expected one of postgres, mysql"],
		[6, "targets.shop.address", "expected an address"],
		[7, "targets.shop.databases", "too few"],
		[8, "targets.shop.enviroment", "is no known key; expected one of engine, address, databases, environment"],
		[9, "targets.shop.tls", "expected one of disable, prefer, require, verify-full"],
		[10, "targets.shop.ca", "verify-full"],
		[11, "targets.shop.credentials.username", "not empty"],
		[11, "targets.shop.credentials.password.env", "the name of an environment variable"],
		[12, 'targets["bad name"]', "a name of at most 63"],
		[13, 'targets["bad name"].engine', "expected one of postgres, mysql"],
		[14, 'targets["bad name"].address', "expected an address"],
		[15, 'targets["bad name"].databases', "is a string; expected a list"],
		[16, 'targets["bad name"].credentials', "is a list; expected a mapping"],
		[17, "trust", "does not verify signatures"],
		[18, "data", "needs the environment variable NOPE"],
		[19, "store", "expected embedded"],
		[20, "redis", "is not supported by this build"],
		[21, "workers", "is not supported by this build"],
		[22, "recording.durability", "expected one of written, strict"],
		[23, "bounds.loginTimeout", "is a number; expected a duration"],
		[23, "bounds.messageBytes", "from 64KiB to 1GiB"],
		[23, "bounds.statementBytes", "from 1KiB"],
		[23, "bounds.sessions", "from 1 to 100000"],
		[23, "bounds.other", "is no known key"],
		[24, "licences", "is no known key; expected one of listen, tls, targets, licenses"],
	];
	for (const [line, path, part] of expected) has(t, text, line, path, part);
	t.equal(lines(text).length, expected.length, "and none beside", { found: lines(text) });
	t.end();
});

t.test("combinations", (t) => {
	has(t, "targets: {}", 1, "targets", "at least one target");
	has(t, "listen: {}", 1, "targets", "is missing");
	has(
		t,
		MINIMAL.replace("username: app", "username: app, password: secret"),
		6,
		"targets.shop.credentials.password",
		"{ env: NAME }",
	);
	has(t, "[]", 1, "", "is a list; expected a mapping with the keys listen");
	const twice = `listen: { postgres: 127.0.0.1:6432, api: 127.0.0.1:6432 }\n${MINIMAL}`;
	has(t, twice, 1, "listen.api", "taken by another listener");
	t.same(lines(`listen: { postgres: 127.0.0.1:0, api: 127.0.0.1:0 }\n${MINIMAL}`), [], "port 0 is any free one");
	t.end();
});

t.test("the archive", (t) => {
	const archive = (more: Record<string, unknown> = {}) =>
		`${MINIMAL}recording:\n  archive: ${JSON.stringify({
			endpoint: "https://s3.eu-central-1.amazonaws.com",
			region: "eu-central-1",
			bucket: "acme-recordings",
			credentials: { accessKeyId: { env: "ID" }, secretAccessKey: { file: "./s3.key" } },
			...more,
		})}\n`;
	const loaded = load(archive({ prefix: "team/licet" })).recording.archive;
	t.match(loaded, { region: "eu-central-1", bucket: "acme-recordings", prefix: "team/licet/" });
	t.equal(loaded?.endpoint.origin, "https://s3.eu-central-1.amazonaws.com");
	t.same(loaded?.credentials, {
		accessKeyId: { kind: "env", name: "ID" },
		secretAccessKey: { kind: "file", path: "/etc/licet/s3.key" },
	});
	t.equal(load(archive()).recording.archive?.prefix, "", "a prefix may be left out");
	t.equal(load(MINIMAL).recording.archive, undefined);
	for (const endpoint of [
		"http://127.0.0.1:9000",
		"http://localhost:9000",
		"http://[::1]:9000",
		"https://minio.internal:9000/",
	])
		t.ok(load(archive({ endpoint })), endpoint);
	const wrong = {
		endpoint: [
			"http://minio.internal:9000",
			"http://127.0.0.1.example.com",
			"https://id:secret@s3.example.com",
			"https://s3.example.com/bucket",
			"https://s3.example.com?x=1",
			"ftp://s3.example.com",
			"s3.example.com",
		],
		bucket: ["Upper", "ab", "a/b", "..", "a..b", "-ab", ""],
		prefix: ["", "/a", "a/", "a//b", "a/../b", ".", "a b", "a%2f", `${"a".repeat(513)}`],
		region: ["", "eu central", "eu/1"],
	};
	for (const [key, values] of Object.entries(wrong)) {
		for (const value of values) {
			const found = lines(archive({ [key]: value }));
			t.ok(found.length === 1 && found[0]?.includes(`: recording.archive.${key}: `), `${key}: ${value}`, { found });
		}
	}
	t.match(lines(archive({ credentials: { accessKeyId: "AKIA" } })).join("\n"), /accessKeyId.*expected one of \{ env/);
	t.match(lines(archive({ credentials: {} })).join("\n"), /secretAccessKey: is missing/);
	const file = parseConfig(archive(), "/etc/licet/licet.yaml", {});
	t.match(
		"problems" in file ? file.problems.map(formatProblem).join("\n") : "",
		/secretAccessKey\.file: names something that does not/,
	);
	t.end();
});

t.test("references to files", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "licet-config-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	const file = join(folder, "licet.yaml");
	const missing = loadConfig(file, {});
	t.match("problems" in missing && missing.problems.map(formatProblem), [
		/licet\.yaml:1:1: cannot be read: there is no such file/,
	]);
	const text = `tls: { certificate: ./c.pem, key: ./k.pem }\n${MINIMAL.replace("username: app", "username: app, password: { file: ./pw }")}`;
	writeFileSync(file, text);
	const dangling = loadConfig(file, {});
	const paths = "problems" in dangling ? dangling.problems.map(({ path, line }) => `${path} ${line}`) : [];
	t.same(paths, ["licenses 1", "tls.certificate 1", "tls.key 1", "targets.shop.credentials.password.file 7"]);
	t.ok("config" in loadConfig(file, {}, { references: "skip" }));
	for (const name of ["c.pem", "k.pem", "pw"]) writeFileSync(join(folder, name), "x");
	mkdirSync(join(folder, "licenses"));
	const loaded = loadConfig(file, {});
	t.equal("config" in loaded && loaded.config.licenses, join(folder, "licenses"));
	rmSync(join(folder, "licenses"), { recursive: true });
	rmSync(join(folder, "k.pem"));
	mkdirSync(join(folder, "k.pem"));
	symlinkSync("pw2", join(folder, "pw2"));
	for (const name of ["licenses", "data"]) writeFileSync(join(folder, name), "x");
	writeFileSync(file, text.replace("./pw", "./pw2").replace("c.pem", "c.pem/x"));
	t.strictSame(messages(loadConfig(file, {})), [
		"licenses: names something that is no folder; expected a folder of license documents",
		"tls.certificate: has a part that is no folder; expected a PEM file",
		"tls.key: names a folder; expected a PEM file",
		"targets.shop.credentials.password.file: names symbolic links that lead in a circle; expected a file that holds the password",
	]);
	writeFileSync(file, `${text}data: ./data\n`);
	t.match(
		messages(loadConfig(file, {})).join("\n"),
		/^data: names something that is no folder; expected a folder, or/m,
	);
	t.end();
});

function messages(result: ReturnType<typeof loadConfig>): string[] {
	return "problems" in result ? result.problems.map(({ path, message }) => `${path}: ${message}`) : [];
}

t.test("files that are no documents", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "licet-config-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	const file = join(folder, "licet.yaml");
	const first = (path = file) => {
		const result = loadConfig(path, {});
		return "problems" in result ? result.problems.map((problem) => formatProblem(problem).slice(folder.length)) : [];
	};
	const written = (bytes: Buffer) => {
		writeFileSync(file, bytes);
		return first();
	};
	const told = "is not UTF-8 text from here on; expected a document in UTF-8";
	t.strictSame(written(Buffer.from([0x61, 0xff])), [`/licet.yaml:1:2: ${told}`]);
	const latin = Buffer.concat([Buffer.from("# é \ufffd €\n# 😀: caf"), Buffer.from([0xe9]), Buffer.from("\nx: é\n")]);
	t.strictSame(written(latin), [`/licet.yaml:2:10: ${told}`], "what was written as a replacement character is one");
	t.strictSame(written(Buffer.from("# é").subarray(0, 3)), [`/licet.yaml:1:3: ${told}`], "a character cut short");
	t.strictSame(written(Buffer.from("\ufefflisten: {}\n", "utf16le")), [
		"/licet.yaml:1:1: is UTF-16 text; expected UTF-8",
	]);
	t.match(written(Buffer.alloc(1024 * 1024 + 1, "#")), [/is too long; expected a document of at most 1048576 bytes/]);
	t.match(messages(loadConfig("/dev/zero", {})).join(), /is too long/, "what never ends is read no further");
	t.strictSame(first(folder), [":1:1: cannot be read: it is a folder"]);
	t.strictSame(first(join(file, "x")), ["/licet.yaml/x:1:1: cannot be read: a part of its path is no folder"]);
	symlinkSync("loop", join(folder, "loop"));
	t.strictSame(first(join(folder, "loop")), ["/loop:1:1: cannot be read: its symbolic links lead in a circle"]);
	t.end();
});

t.test("what was probably meant", (t) => {
	has(t, MINIMAL.replace("engine:", "engin:"), 3, "targets.shop.engin", "; did you mean engine?");
	has(t, MINIMAL.replace("databases:", "database:"), 5, "targets.shop.database", "; did you mean databases?");
	has(
		t,
		MINIMAL.replace("engine: postgres", "engine: postgresql"),
		3,
		"targets.shop.engine",
		"; did you mean postgres?",
	);
	has(t, MINIMAL.replace("engine: postgres", "engine: MySQL"), 3, "targets.shop.engine", "; did you mean mysql?");
	has(t, `${MINIMAL}lisetn: {}\n`, 7, "lisetn", "; did you mean listen?");
	for (const far of ["port: 1", "engine: oracle", `${"listen".repeat(100)}: 1`]) {
		t.notMatch(lines(MINIMAL.replace("engine: postgres", far)).join("\n"), /did you mean/, far.slice(0, 20));
	}
	t.equal(nearest("abc", ["abd", "abe"]), undefined, "of two that are equally near, neither");
	t.equal(nearest("ACB", ["abc", "xyz"]), "abc");
	t.equal(nearest("", ["a"]), undefined);
	t.end();
});

t.test("values are never repeated in a message", (t) => {
	const text = `targets:\n  shop: { credentials: { password: { value: [hunter2] } }, address: "hunter2", tls: hunter2 }\nstore: hunter2\n`;
	t.notMatch(lines(text).join("\n"), /hunter2/);
	t.notMatch(lines(`store: "hunter2\nx: *hunter3`).join("\n"), /hunter[23]/);
	const bare = [
		"!",
		"!!",
		"!<",
		"&a ",
		"&",
		"*",
		"|",
		">",
		"%",
		"@",
		"`",
		"{a} ",
		"[a] ",
		"'a' ",
		"#x\n",
		"- ",
		"a: ",
		'"\\',
		"\t",
	];
	for (const start of bare) {
		for (const place of [
			`a: ${start}hunter2`,
			`a: { b: ${start}hunter2 }`,
			`a:\n- ${start}hunter2\n`,
			`${start}hunter2`,
		]) {
			const told = lines(`${place}\nstore: ${start}hunter2\nstore: ${start}hunter2`).join("\n");
			t.notMatch(told.replace(/: hunter2: is no known key/g, ""), /unter2/, `${place}: ${told}`);
			t.not(told, "", place);
		}
	}
	t.end();
});

t.test("YAML that is open to interpretation is refused", (t) => {
	const yaml = (text: string, env?: Record<string, string>) => {
		const result = readYaml(text, "f", env === undefined ? {} : { env });
		return "problems" in result ? result.problems.map(formatProblem).join("\n") : JSON.stringify(result.source.value);
	};
	t.equal(yaml("a: 1\nb: [x, ~]"), '{"a":1,"b":["x",null]}');
	t.match(yaml("a: 1\na: 2"), /^f:2:1: a: is given twice/);
	t.match(yaml('{"a": 1, "b": {"c": 1, "c": 2}}'), /b\.c: is given twice/);
	t.match(yaml("a: 1\n---\nb: 2"), /several YAML documents/);
	t.match(yaml(""), /is empty; expected a mapping/);
	t.match(yaml("# nothing"), /is empty/);
	t.match(yaml("1: x"), /key that is no string/);
	t.match(yaml("? [a]\n: x"), /key that is no string/);
	t.match(yaml("__proto__: { admin: true }"), /is not a usable key/);
	t.match(yaml("a: &x { b: 1 }\nc: { <<: *x }"), /is not a usable key; expected the keys themselves/);
	t.match(yaml("a: !secret x"), /cannot be read as YAML|has a YAML tag/);
	t.match(yaml("a: !!binary aGk="), /cannot be read as YAML|has a YAML tag/);
	t.match(yaml("a: .inf"), /no finite number/);
	t.match(yaml("a: [1"), /^f:1:\d+: cannot be read as YAML/);
	t.match(yaml("a: *nowhere"), /^f:1:4: a: is an alias of nothing; expected an anchor/);
	t.match(yaml("a: &x [*x]"), /expected an anchor of its name that ends before this place/);
	t.match(yaml("a: &x 1\nb: &x 2"), /^f:2:7: b: has an anchor whose name is taken/);
	t.equal(yaml("a: &x [1]\nb: *x\nc: *x"), '{"a":[1],"b":[1],"c":[1]}');
	const laughs = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
	for (let i = 1; i < 9; i++)
		laughs.push(
			`a${i}: &a${i} [${Array(10)
				.fill(`*a${i - 1}`)
				.join(",")}]`,
		);
	t.match(yaml(laughs.join("\n")), new RegExp(`at most ${DOCUMENT_NODES} values`));
	t.match(yaml("[".repeat(DOCUMENT_DEPTH + 2) + "]".repeat(DOCUMENT_DEPTH + 2)), /nests too deep/);
	for (const open of ["[", "{a: ", "- ", "? ", "[{a: [", "&a [", "!!seq ["]) {
		for (const depth of [5000, 200_000]) {
			const text = `a:\n ${open.repeat(depth)}`;
			t.match(
				yaml(text.slice(0, 1_000_000)),
				/^f:2:\d+: nests too deep; expected at most 32 levels$/,
				`${depth} ${open}`,
			);
		}
	}
	t.match(yaml(`${"[".repeat(200_000)}${"]".repeat(200_000)}`), /^f:1:\d+: nests too deep/);
	const long: [string, RegExp][] = [
		[`[${"1,".repeat(500_000)}]`, /holds too much/],
		['"'.repeat(1_000_000), /holds too much/],
		["---\n".repeat(200_000), /several YAML documents/],
		[`a: [${'"" '.repeat(20)}]`, /^(.*\n){1,9}.*$/],
	];
	for (const [text, expected] of long) t.match(yaml(text), expected, text.slice(0, 20));
	const steps = Array.from({ length: 1400 }, (_, depth) => `${" ".repeat(depth)}a:`);
	t.match(yaml(steps.join("\n")), /nests too deep/, "block mappings");
	t.match(yaml('a: "x\\0y"'), /^f:1:4: a: holds a NUL character/);
	t.match(yaml("a: [*.*]"), /^f:1:5: a\[0\]: is an alias of nothing; .* quotes around a text that begins with \*/);
	t.match(yaml(`a: "${"x".repeat(1024 * 1024)}"`), /too long/);
	const open = "$" + "{";
	t.equal(yaml(`a: "${open}X}${open}Y}-$${open}X}"`, { X: "1", Y: `${open}X}` }), `{"a":"1${open}X}-${open}X}"}`);
	t.match(yaml(`a: "${open}X"`, { X: "1" }), /names no variable/);
	t.match(yaml(`a: "${open}1X}"`, { X: "1" }), /names no variable/);
	t.equal(yaml(`a: "${open}X}"`), `{"a":"${open}X}"}`, "without an environment it is nothing special");
	t.equal(formatPath(["a", 0, "b c", "d"]), 'a[0]["b c"].d');
	t.end();
});

t.test("units", (t) => {
	const durations: [string, number | undefined][] = [
		["500ms", 500],
		["30s", 30_000],
		["10m", 600_000],
		["4h", 14_400_000],
		["1d", 86_400_000],
		["0s", undefined],
		["1.5h", undefined],
		["1 h", undefined],
		["-1s", undefined],
		["1H", undefined],
		["30", undefined],
		["", undefined],
		["99999999d", undefined],
		["1h\n", undefined],
	];
	for (const [text, ms] of durations) t.equal(parseDuration(text), ms, JSON.stringify(text));
	const sizes: [string, number | undefined][] = [
		["1", 1],
		["64MiB", 67_108_864],
		["1GiB", 1_073_741_824],
		["256KiB", 262_144],
		["64 MiB", 67_108_864],
		["10B", 10],
		["64MB", undefined],
		["64mib", undefined],
		["0", undefined],
		["1.5GiB", undefined],
		["-1", undefined],
		["999999999999999TiB", undefined],
	];
	for (const [text, bytes] of sizes) t.equal(parseBytes(text), bytes, text);
	const addresses: [string, string | undefined][] = [
		["127.0.0.1:5432", "127.0.0.1:5432"],
		["[::1]:5432", "[::1]:5432"],
		["db-1.internal:1", "db-1.internal:1"],
		["h:65535", "h:65535"],
		["h:65536", undefined],
		["h", undefined],
		[":5432", undefined],
		["::1:5432", undefined],
		["[h]:1", undefined],
		["[127.0.0.1]:1", undefined],
		["h:1 ", undefined],
		["postgres://h:1", undefined],
		["h:", undefined],
	];
	for (const [text, formatted] of addresses) {
		const address = parseAddress(text);
		t.equal(address && formatAddress(address), formatted, text);
	}
	t.end();
});

t.test("whatever the text, it loads or has problems with a place", (t) => {
	const word = fc.constantFrom(
		"targets",
		"shop",
		": ",
		"{",
		"}",
		"[",
		"]",
		"\n",
		"  ",
		"- ",
		"&a",
		"*a",
		`$${"{X}"}`,
		'"',
		"1",
		"|",
		"#",
		"!",
		"?",
	);
	fc.assert(
		fc.property(fc.array(word, { maxLength: 40 }), (words) => {
			const result = parseConfig(words.join(""), "f", {}, { references: "skip" });
			return (
				"config" in result ||
				(result.problems.length > 0 && result.problems.every(({ line, column }) => line >= 1 && column >= 1))
			);
		}),
		{ numRuns: 300 },
	);
	t.end();
});

t.test("the JSON Schema", (t) => {
	const schema = configJsonSchema();
	t.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
	t.match(schema, { additionalProperties: false, required: ["targets"] });
	t.match(schema, { properties: { targets: { minProperties: 1, description: /behind the proxy/ } } });
	t.match(schema, {
		properties: { listen: { properties: { postgres: { type: "string", examples: ["127.0.0.1:6432"] } } } },
	});
	t.end();
});
