/** decideStatement: the order of terms, and every way in which a statement is denied or obliged. */
import t, { type Test } from "tap";
import type { Ancestry } from "../../src/licensing/decide.js";
import { columnMaskFor, decideStatement, mayReadColumn } from "../../src/licensing/decide.js";
import type { Decision } from "../../src/licensing/decision.js";
import { type License, parseLicense } from "../../src/licensing/license.js";
import type { ColumnUse, Command, FunctionUse, RelationUse, StatementFacts } from "../../src/sql/facts.js";

const HEAD = `apiVersion: licet/v1
kind: License
metadata: { id: test, licensee: acme, version: 1 }
subjects: [ { user: alice } ]
targets: [ { name: shop } ]
`;

function license(terms: string): License {
	const result = parseLicense(HEAD + terms, "test.yaml");
	if ("problems" in result) throw new Error(JSON.stringify(result.problems, undefined, 1));
	return result.license;
}

function facts(given: Partial<StatementFacts>): StatementFacts {
	return {
		start: 0,
		end: 1,
		tag: "SELECT",
		commands: ["select"],
		relations: [],
		columns: [],
		functions: [],
		outputs: undefined,
		opaqueResult: false,
		writes: false,
		deliversRows: false,
		collects: [],
		changesCatalog: false,
		literalSensitive: false,
		...given,
	};
}

type Extra = Partial<Omit<RelationUse, "through">> & { through?: string[] };

/** "app.users" → a use of it. */
function rel(name: string, command: Command, columns: readonly string[] | "all" = [], extra: Extra = {}): RelationUse {
	const [schema = "", relation = ""] = name.split(".");
	const through = (extra.through ?? []).map((view) => {
		const [viewSchema = "", viewName = ""] = view.split(".");
		return { schema: viewSchema, name: viewName };
	});
	return { schema, name: relation, command, columns, sort: "data", ...extra, through };
}

function col(name: string, kind: ColumnUse["kind"], outputs: number[] = [], where = "WHERE"): ColumnUse {
	const [schema = "", relation = "", column = ""] = name.split(".");
	return { schema, name: relation, column, kind, outputs, where };
}

function fn(name: string, sort: FunctionUse["sort"], form: FunctionUse["form"] = "function"): FunctionUse {
	const [schema = "", short = ""] = name.split(".");
	return { schema, name: short, sort, form };
}

/** SELECT columns FROM a relation, projecting them in order. */
function select(name: string, ...columns: string[]): StatementFacts {
	return facts({
		relations: [rel(name, "select", columns)],
		columns: columns.map((column, index) => col(`${name}.${column}`, "project", [index])),
		outputs: columns.map((column) => {
			const [schema = "", relation = ""] = name.split(".");
			return { name: column, sources: [{ schema, name: relation, column }], direct: true };
		}),
		deliversRows: true,
	});
}

const cmd = (tag: string, commands: Command[], relations: RelationUse[] = [], more: Partial<StatementFacts> = {}) =>
	facts({ tag, commands, relations, ...more });

function said(decision: Decision): string {
	const reasons = decision.reasons.map(({ term, message }) => `${term ?? "-"}: ${message}`);
	return `${decision.effect === "deny" ? decision.case : "allow"} | ${reasons.join(" | ")}`;
}

function allows(t: Test, decision: Decision, name: string) {
	t.equal(decision.effect, "allow", name, { said: said(decision) });
	return decision.effect === "allow" ? decision.obligations : undefined;
}

function denies(t: Test, decision: Decision, like: RegExp, name: string) {
	t.match(said(decision), like, name);
	t.equal(decision.effect, "deny", name);
	if (decision.effect === "deny") t.match(decision.hint, /^[A-Z].*\.$/, "a hint");
}

t.test("permits: closed by default, columns add up", (t) => {
	const l = license(`permits:
  - { on: ["app.*"], commands: [read] }
  - { on: ["hr.staff"], commands: [select], columns: ["id"] }
  - { on: ["hr.staff"], commands: [select, update], columns: ["name"] }
  - { on: ["*.logs"], commands: [insert, delete] }
  - { on: ["app.\\"Odd.Name\\""], commands: [write] }
`);
	const may = (given: StatementFacts, name: string) => allows(t, decideStatement(l, given), name);
	const mayNot = (given: StatementFacts, like: RegExp, name: string) =>
		denies(t, decideStatement(l, given), like, name);
	may(facts({}), "SELECT 1");
	may(facts({ commands: [], tag: "BEGIN", effect: { kind: "transaction", op: "begin" } }), "BEGIN");
	may(select("app.users", "id"), "select app.users");
	const reasons = decideStatement(l, select("app.users", "id")).reasons;
	t.same(reasons, [{ term: "permits[0]", message: "select on app.users is permitted" }]);
	mayNot(select("hr.pay", "id"), /^notPermitted \| -: select on hr\.pay is not permitted$/, "hr.pay");
	mayNot(select("APP.users", "id"), /"APP"\.users/, "names compare exactly");
	mayNot(cmd("UPDATE", ["update"], [rel("app.users", "update", ["a"])]), /update on app\.users/, "update is not read");
	may(select("hr.staff", "id", "name"), "columns of two permits add up");
	mayNot(select("hr.staff", "id", "salary"), /select on column salary of hr\.staff is not permitted/, "one is missing");
	may(cmd("SELECT", ["select"], [rel("hr.staff", "select", [])]), "count(*) needs some column");
	mayNot(cmd("SELECT", ["select"], [rel("hr.staff", "select", "all")]), /select on hr\.staff/, "a whole row needs all");
	const known: Ancestry = { parents: () => [], columns: () => ["id", "name"] };
	allows(
		t,
		decideStatement(l, cmd("SELECT", ["select"], [rel("hr.staff", "select", "all")]), known),
		"all, and all are permitted",
	);
	may(
		cmd("UPDATE", ["update"], [rel("hr.staff", "update", ["name"]), rel("hr.staff", "select", ["id"])]),
		"update by column",
	);
	mayNot(
		cmd("UPDATE", ["update"], [rel("hr.staff", "update", ["id"])]),
		/^columnNotPermitted \| -: update on column id of hr\.staff is not permitted$/,
		"a column permitted to select only",
	);
	may(cmd("INSERT", ["insert"], [rel("x.logs", "insert", ["a"])]), "* for the schema");
	may(cmd("DELETE", ["delete"], [rel("x.logs", "delete")]), "delete");
	mayNot(cmd("DELETE", ["delete"], [rel("hr.staff", "delete")]), /delete on hr\.staff/, "column permits are no delete");
	may(cmd("INSERT", ["insert"], [{ ...rel("app.x", "insert"), name: "Odd.Name" }]), "quoted part");
	mayNot(cmd("INSERT", ["insert"], [rel("app.odd", "insert")]), /insert on app\.odd/, "not another");
	may(cmd("LOCK TABLE", ["lock"], [rel("app.users", "lock", [], { shareLock: true })]), "share lock is read");
	mayNot(cmd("LOCK TABLE", ["lock"], [rel("app.users", "lock")]), /lock on app\.users/, "other locks are not");
	may(cmd("COPY", ["copyTo"], [rel("app.users", "copyTo", ["id"])]), "copyTo is read");
	mayNot(
		cmd("COPY", ["copyTo", "select"], [rel("hr.staff", "select", ["id"])]),
		/copyTo on hr\.staff/,
		"COPY (query) needs copyTo",
	);
	may(cmd("EXPLAIN", ["explain", "select"], [rel("app.users", "select", ["id"])]), "explain is read");
	mayNot(
		cmd("EXPLAIN", ["explain", "select"], [rel("hr.staff", "select", ["id"])]),
		/explain on hr\.staff/,
		"explain needs its own",
	);
	mayNot(
		cmd("EXPLAIN", ["explain", "delete"], [rel("app.users", "delete")]),
		/delete on app\.users/,
		"and what it explains",
	);
	mayNot(
		cmd("SELECT", ["select", "delete"], [rel("app.users", "select", ["id"]), rel("app.users", "delete")]),
		/delete on app\.users/,
		"data-modifying CTE",
	);
	may(cmd("SHOW", ["show"]), "SHOW");
	mayNot(cmd("SET", ["set"]), /-: set is not permitted/, "SET");
	mayNot(cmd("VACUUM", ["vacuum"]), /vacuum is not permitted/, "VACUUM of everything");
	mayNot(cmd("DO", ["execute"]), /execute is not permitted/, "DO");
	const hint = decideStatement(l, select("hr.pay", "id"));
	t.match(hint, { hint: "Ask an administrator for a grant under a license that permits select on hr.pay." });
	const both = decideStatement(
		l,
		cmd("SELECT", ["select"], [rel("hr.a", "select", ["x"]), rel("hr.b", "select", ["y"])]),
	);
	t.equal(both.reasons.length, 2, "all findings at once");
	t.end();
});

t.test("commands without a relation", (t) => {
	const l = license(`permits:
  - { on: ["app.*"], commands: [listen, notify, set, vacuum, create, all] }
`);
	allows(t, decideStatement(l, cmd("LISTEN", ["listen"])), "listen");
	allows(t, decideStatement(l, cmd("SET", ["set"])), "set");
	allows(
		t,
		decideStatement(l, cmd("CREATE TABLE", ["create"], [rel("app.new", "create", [], { sort: "created" })])),
		"create in app",
	);
	allows(
		t,
		decideStatement(
			l,
			cmd(
				"CREATE TABLE AS",
				["create", "select"],
				[rel("app.new", "insert", [], { sort: "created" }), rel("app.a", "select", ["x"])],
			),
		),
		"create table as",
	);
	denies(
		t,
		decideStatement(l, cmd("CREATE TABLE", ["create"], [rel("hr.new", "create", [], { sort: "created" })])),
		/create on hr\.new/,
		"not in hr",
	);
	denies(t, decideStatement(l, cmd("VACUUM", ["vacuum"])), /vacuum is not permitted/, "all tables need *.*");
	denies(
		t,
		decideStatement(l, cmd("CREATE ROLE", ["create"], [rel(".bob", "create")])),
		/create on bob/,
		"roles need *.*",
	);
	denies(t, decideStatement(l, cmd("DO", ["execute"])), /execute is not permitted/, "DO could do anything");
	const everywhere = license(`permits: [ { on: ["*.*"], commands: [all] } ]\ncatalog: full\n`);
	const safely = license(`permits: [ { on: ["*.*"], commands: [all] } ]\n`);
	denies(
		t,
		decideStatement(safely, cmd("DO", ["execute"])),
		/DO runs code.*catalog: full/,
		"DO could read what catalogs hide",
	);
	denies(
		t,
		decideStatement(safely, cmd("CREATE FUNCTION", ["create"], [rel("app.f", "create")])),
		/defines code/,
		"so could a function",
	);
	allows(t, decideStatement(everywhere, cmd("VACUUM", ["vacuum"])), "VACUUM under *.*");
	allows(
		t,
		decideStatement(everywhere, cmd("CREATE ROLE", ["create"], [rel(".bob", "create")])),
		"CREATE ROLE under *.*",
	);
	allows(t, decideStatement(everywhere, cmd("DO", ["execute"])), "DO under *.* without masks and denies");
	allows(t, decideStatement(everywhere, cmd("CREATE FUNCTION", ["create"], [rel("app.f", "create")])), "code likewise");
	for (const term of [
		`denies: [ { on: ["hr.*"], commands: [all] } ]`,
		`masks: [ { columns: ["a.b.c"], with: null } ]`,
	]) {
		const guarded = license(`permits: [ { on: ["*.*"], commands: [all] } ]\ncatalog: full\n${term}\n`);
		denies(t, decideStatement(guarded, cmd("DO", ["execute"])), /DO runs code/, `DO with ${term}`);
		denies(
			t,
			decideStatement(guarded, cmd("CREATE FUNCTION", ["create"], [rel("app.f", "create")])),
			/defines code/,
			`code with ${term}`,
		);
		denies(
			t,
			decideStatement(guarded, cmd("CREATE CONSTRAINT TRIGGER", ["create"], [rel("app.f", "create")])),
			/defines code/,
			"trigger",
		);
	}
	denies(
		t,
		decideStatement(l, cmd("CREATE FUNCTION", ["create"], [rel("app.f", "create")])),
		/defines code/,
		"code in app",
	);
	const denied = license(
		`permits: [ { on: ["*.*"], commands: [all] } ]\ndenies: [ { on: ["*.*"], commands: [listen] } ]\n`,
	);
	denies(t, decideStatement(denied, cmd("LISTEN", ["listen"])), /denies\[0\]: listen is denied/, "LISTEN denied");
	t.end();
});

t.test("denies win, in every form of the deed, beneath views and across partitions", (t) => {
	const l = license(`permits: [ { on: ["*.*"], commands: [all] }, { functions: ["app.*"] } ]
denies:
  - { on: ["app.secrets"], commands: [all], reason: "held for legal" }
  - { on: ["app.users"], commands: [select], columns: ["ssn"] }
  - { on: ["app.ledger"], commands: [insert] }
  - { functions: ["app.danger", "pg_catalog.lower"], reason: "no" }
  - { on: ["hr.*"], commands: [update] }
`);
	const no = (given: StatementFacts, like: RegExp, name: string, ancestry?: Ancestry) =>
		denies(t, decideStatement(l, given, ancestry), like, name);
	no(
		select("app.secrets", "x"),
		/^notPermitted \| denies\[0\]: select on app\.secrets is denied: held for legal$/,
		"secrets",
	);
	no(
		cmd(
			"SELECT",
			["select"],
			[rel("app.v", "select", ["x"]), rel("app.secrets", "select", ["x"], { through: ["app.v"] })],
		),
		/denies\[0\]/,
		"through a view",
	);
	no(facts({ columns: [col("app.secrets.x", "derive")] }), /denies\[0\]/, "known by its column alone");
	for (const command of ["insert", "truncate", "drop", "alter", "copyFrom", "lock"] as const) {
		no(cmd("X", [command], [rel("app.secrets", command)]), /denies\[0\]/, command);
	}
	no(select("app.users", "id", "ssn"), /denies\[1\]/, "the column");
	no(cmd("SELECT", ["select"], [rel("app.users", "select", "all")]), /denies\[1\]/, "the whole row");
	no(cmd("COPY", ["copyTo"], [rel("app.users", "copyTo", ["ssn"])]), /denies\[1\]/, "COPY reads as SELECT does");
	allows(t, decideStatement(l, select("app.users", "id")), "another column");
	allows(t, decideStatement(l, cmd("SELECT", ["select"], [rel("app.users", "select", [])])), "count(*)");
	allows(
		t,
		decideStatement(
			l,
			cmd("INSERT", ["insert"], [rel("app.users", "insert", ["ssn"])], { columns: [col("app.users.ssn", "assign")] }),
		),
		"writing it",
	);
	no(cmd("COPY", ["copyFrom"], [rel("app.ledger", "copyFrom")]), /denies\[2\]/, "COPY FROM inserts");
	no(cmd("MERGE", ["merge"], [rel("app.ledger", "merge")]), /denies\[2\]/, "MERGE may insert");
	no(facts({ functions: [fn("app.danger", "user")] }), /denies\[3\]: function app\.danger is denied: no/, "a function");
	no(facts({ functions: [fn("pg_catalog.lower", "compute")] }), /denies\[3\]/, "even one that only computes");
	allows(
		t,
		decideStatement(l, facts({ functions: [fn("pg_catalog.upper", "compute"), fn("app.ok", "user")] })),
		"others",
	);

	const tree: Ancestry = {
		parents: ({ name }) =>
			name === "secrets_2024_q1"
				? [{ schema: "app", name: "secrets_2024" }]
				: name === "secrets_2024"
					? [{ schema: "app", name: "secrets" }]
					: [],
		children: ({ name }) => (name === "archive" ? [{ schema: "app", name: "secrets" }] : []),
	};
	no(select("app.secrets_2024_q1", "x"), /denies\[0\]/, "a partition of a partition", tree);
	no(select("app.archive", "x"), /denies\[0\]/, "a parent whose rows include it", tree);
	const loop: Ancestry = { parents: ({ name }) => [{ schema: "app", name: name === "a" ? "b" : "a" }] };
	allows(t, decideStatement(l, select("app.a", "x"), loop), "a circle in the catalog ends");

	no(
		cmd("ALTER TABLE", ["alter"], [rel("app.users", "alter")]),
		/out of reach of denies\[1\]/,
		"renaming what a deny names",
	);
	no(cmd("ALTER SCHEMA", ["alter"], [rel(".app", "alter")]), /out of reach/, "renaming its schema");
	no(cmd("ALTER TABLE", ["alter"], [rel("hr.x", "alter")]), /denies\[4\]/, "moving it to another schema");
	allows(
		t,
		decideStatement(l, cmd("ALTER TABLE", ["alter"], [rel("app.free", "alter")])),
		"altering what no term names",
	);
	allows(
		t,
		decideStatement(l, cmd("SELECT", ["select"], [rel("pg_catalog.pg_class", "select", "all", { sort: "catalog" })])),
		"catalogs",
	);
	const all = license(
		`permits: all\ndenies: [ { on: ["*.*"], commands: [read] }, { on: ["pg_catalog.pg_proc"], commands: [read] } ]\n`,
	);
	allows(
		t,
		decideStatement(all, cmd("SELECT", ["select"], [rel("pg_catalog.pg_class", "select", "all", { sort: "catalog" })])),
		"*.* means data",
	);
	denies(
		t,
		decideStatement(all, cmd("SELECT", ["select"], [rel("pg_catalog.pg_proc", "select", "all", { sort: "catalog" })])),
		/denies\[1\]/,
		"named",
	);
	denies(t, decideStatement(all, select("app.x", "a")), /denies\[0\]/, "data");
	t.end();
});

t.test("views", (t) => {
	const l = license(`permits:
  - { on: ["app.*"], commands: [read] }
  - { on: ["app.staff_names"], commands: [select] }
`);
	const through = (...views: string[]) =>
		cmd(
			"SELECT",
			["select"],
			[
				rel(views[0] ?? "", "select", ["name"]),
				...views.slice(1).map((view, index) => rel(view, "select", ["name"], { through: views.slice(0, index + 1) })),
				rel("hr.staff", "select", ["name"], { through: views }),
			],
		);
	allows(t, decideStatement(l, through("app.staff_names")), "named itself");
	allows(t, decideStatement(l, through("app.outer", "app.staff_names")), "matched, and over one that is named");
	denies(
		t,
		decideStatement(l, through("app.other")),
		/select on hr\.staff is not permitted/,
		"matched only, and what is beneath is not permitted",
	);
	const beneath = cmd(
		"SELECT",
		["select"],
		[rel("app.v", "select", ["a"]), rel("app.t", "select", ["a"], { through: ["app.v"] })],
	);
	allows(t, decideStatement(l, beneath), "matched, and what is beneath is permitted");
	allows(
		t,
		decideStatement(l, { ...through("app.staff_names"), commands: ["explain", "select"], tag: "EXPLAIN" }),
		"explained",
	);
	denies(
		t,
		decideStatement(
			l,
			cmd("UPDATE", ["update"], [rel("hr.staff", "update", ["name"], { through: ["app.staff_names"] })]),
		),
		/update on hr\.staff/,
		"named to read is not named to write through",
	);
	t.end();
});

t.test("system catalogs", (t) => {
	const safe = license(
		`permits: [ { on: ["*.*"], commands: [all] }, { on: ["pg_catalog.pg_stat_activity"], commands: [select] } ]\n`,
	);
	const full = license(`permits: [ { on: ["app.*"], commands: [read] } ]\ncatalog: full\n`);
	const catalog = (name: string, sort: RelationUse["sort"], command: Command = "select") =>
		cmd("SELECT", [command], [rel(`pg_catalog.${name}`, command, "all", { sort })]);
	allows(t, decideStatement(safe, catalog("pg_class", "catalog")), "safe to read");
	denies(
		t,
		decideStatement(safe, catalog("pg_class", "catalog", "update")),
		/update on pg_catalog\.pg_class/,
		"not to write",
	);
	denies(
		t,
		decideStatement(safe, catalog("pg_authid", "sensitive")),
		/select on pg_catalog\.pg_authid/,
		"*.* is not pg_authid",
	);
	allows(t, decideStatement(safe, catalog("pg_stat_activity", "sensitive")), "named");
	allows(t, decideStatement(full, catalog("pg_authid", "sensitive")), "full");
	denies(t, decideStatement(full, catalog("pg_authid", "sensitive", "delete")), /delete/, "full is to read");
	const open = license("permits: all\n");
	allows(t, decideStatement(open, catalog("pg_authid", "sensitive")), "permits: all");
	const asked = license("permits: all\ncatalog: safe\n");
	t.notOk(asked.unrestricted);
	denies(t, decideStatement(asked, catalog("pg_authid", "sensitive")), /pg_authid/, "unless safe is asked for");
	t.end();
});

t.test("functions", (t) => {
	const l = license(`permits:
  - { on: ["app.*"], commands: [read] }
  - { functions: ["app.order_total", "pg_catalog.pg_sleep", "ext.*", "pg_catalog.*"] }
  - { on: ["jobs.*"], commands: [call] }
`);
	const use = (...functions: FunctionUse[]) => decideStatement(l, facts({ functions }));
	allows(t, use(fn("pg_catalog.lower", "compute")), "what only computes");
	allows(t, use(fn("app.order_total", "user")), "named");
	allows(t, use(fn("ext.any", "user", "operator")), "by pattern");
	denies(t, use(fn("app.other", "user")), /-: function app\.other is not permitted/, "not named");
	denies(t, use(fn("app.cast", "user", "cast")), /cast app\.cast/, "casts too");
	allows(t, use(fn("pg_catalog.pg_sleep", "restricted")), "restricted, named");
	denies(
		t,
		use({ ...fn("pg_catalog.pg_read_file", "restricted"), why: "reads files" }),
		/pg_read_file \(reads files\)/,
		"restricted, by * only",
	);
	const call = (name: string) =>
		decideStatement(l, cmd("CALL", ["call"], [], { functions: [fn(name, "user", "procedure")] }));
	allows(t, call("jobs.nightly"), "CALL by command");
	allows(t, call("app.order_total"), "CALL by function");
	denies(
		t,
		use(fn("jobs.nightly", "user")),
		/function jobs\.nightly/,
		"a permit to call procedures is none for functions",
	);
	denies(t, call("app.other"), /^functionNotPermitted \| -: procedure app\.other/, "CALL of another");
	denies(t, decideStatement(l, cmd("CALL", ["call"])), /call is not permitted/, "CALL of something unknown");
	const guarded = license(`permits: all\nmasks: [ { columns: ["a.b.c"], with: null } ]\n`);
	denies(
		t,
		decideStatement(guarded, facts({ functions: [fn("x.f", "user")] })),
		/^unreadable \| permits: .*could go round/,
		"permits: all with masks",
	);
	t.end();
});

t.test("masks", (t) => {
	const l = license(`permits: [ { on: ["*.*"], commands: [all] } ]
masks:
  - { columns: ["app.users.email"], with: { partial: { keepLast: 4 } } }
  - { columns: ["app.users.phone"], with: hash, use: filter }
  - { columns: ["app.users.salary"], with: { truncate: { to: 1000 } }, use: derive }
  - { columns: ["*.*.card_number"], with: redact }
`);
	const users = (columns: ColumnUse[], more: Partial<StatementFacts> = {}) =>
		decideStatement(
			l,
			facts({
				relations: [
					rel(
						"app.users",
						"select",
						columns.map(({ column }) => column),
					),
				],
				columns,
				deliversRows: true,
				...more,
			}),
		);
	const shown = allows(
		t,
		users([col("app.users.email", "project", [0, 2]), col("app.users.id", "project", [1])]),
		"shown masked",
	);
	t.same([...(shown?.masks.keys() ?? [])], [0, 2]);
	t.match(shown?.masks.get(0), {
		term: "masks[0]",
		use: "project",
		mask: { kind: "partial", keepFirst: 0, keepLast: 4 },
	});
	t.ok(shown?.touchesMasked);
	const free = allows(t, users([col("app.users.id", "derive", [0])]), "another column");
	t.notOk(free?.touchesMasked);
	t.equal(free?.masks.size, 0);
	allows(t, users([col("app.users.email", "count", [0])]), "counted");
	denies(
		t,
		users([col("app.users.email", "filter", [])]),
		/masks\[0\]: app\.users\.email is masked and may only be shown, not used in WHERE/,
		"filter under project",
	);
	denies(
		t,
		users([col("app.users.email", "derive", [0], "function lower")]),
		/masks\[0\].*function lower/,
		"derive under project",
	);
	allows(t, users([col("app.users.phone", "filter", [])]), "filter under filter");
	denies(
		t,
		users([col("app.users.phone", "derive", [], "ORDER BY")]),
		/masks\[1\].*compared for equality.*ORDER BY/,
		"derive under filter",
	);
	allows(t, users([col("app.users.salary", "filter")]), "filter under derive");
	const derived = allows(t, users([col("app.users.salary", "derive", [0])]), "derive under derive");
	t.same(derived?.masks.get(0)?.mask, { kind: "null" }, "what derives is masked whole: whether it is NULL would tell");
	for (const name of ["email", "phone", "salary"]) {
		denies(t, users([col(`app.users.${name}`, "copy", [], "INTO app.t")]), /may not be copied/, `copy of ${name}`);
	}
	const written = decideStatement(
		l,
		cmd("INSERT", ["insert"], [rel("app.users", "insert", ["email"])], { columns: [col("app.users.email", "assign")] }),
	);
	t.ok(allows(t, written, "assigning")?.touchesMasked, "errors of a write would show the row");
	t.ok(allows(t, decideStatement(l, cmd("DELETE", ["delete"], [rel("app.users", "delete")])), "delete")?.touchesMasked);
	const two = users([col("app.users.email", "project", [0]), col("app.users.card_number", "project", [0])], {
		outputs: [
			{
				name: "x",
				direct: false,
				sources: [
					{ schema: "app", name: "users", column: "email" },
					{ schema: "app", name: "users", column: "card_number" },
				],
			},
		],
	});
	t.match(allows(t, two, "UNION ALL of two masked columns")?.masks.get(0), {
		mask: { kind: "redact" },
		term: "masks[3]",
	});

	const lineage = { name: "x", sources: [{ schema: "app", name: "users", column: "email" }] };
	denies(
		t,
		users([], { outputs: [{ ...lineage, direct: false }] }),
		/unreadable \| masks\[0\]: .*result column 1/,
		"lineage without a use",
	);
	t.equal(
		allows(t, users([col("app.users.email", "assign")], { outputs: [{ ...lineage, direct: true }] }), "direct lineage")
			?.masks.size,
		1,
	);
	denies(
		t,
		decideStatement(l, cmd("SELECT", ["select"], [rel("app.users", "select", ["email"])])),
		/how app\.users\.email.*cannot be told/,
		"a read without a use",
	);
	denies(
		t,
		decideStatement(l, cmd("SELECT", ["select"], [rel("app.users", "select", "all")])),
		/how app\.users\.email.*cannot be told/,
		"a whole row without uses",
	);
	const known: Ancestry = { parents: () => [], columns: ({ name }) => (name === "users" ? ["id", "email"] : ["id"]) };
	allows(
		t,
		decideStatement(l, cmd("SELECT", ["select"], [rel("app.orders", "select", "all")]), known),
		"known to have no masked column",
	);
	denies(
		t,
		decideStatement(l, cmd("SELECT", ["select"], [rel("app.orders", "select", "all")])),
		/card_number/,
		"not known",
	);
	denies(
		t,
		decideStatement(
			l,
			cmd("COPY", ["copyTo"], [rel("app.users", "copyTo", ["email"])], {
				columns: [col("app.users.email", "project", [])],
				copy: { direction: "out", format: "text" },
			}),
		),
		/comes out cannot be told/,
		"COPY without positions",
	);
	denies(t, users([], { opaqueResult: true }), /^unreadable \| -: it cannot be told from which columns/, "opaque");
	allows(
		t,
		decideStatement(
			l,
			facts({ commands: [], tag: "FETCH", opaqueResult: true, effect: { kind: "fetch", name: "c", moves: false } }),
		),
		"FETCH is judged by its cursor",
	);
	denies(
		t,
		decideStatement(l, cmd("ALTER TABLE", ["alter"], [rel("app.users", "alter")])),
		/out of reach of masks\[0\]/,
		"renaming a masked column",
	);
	allows(
		t,
		decideStatement(l, cmd("ALTER TABLE", ["alter"], [rel("app.orders", "alter")]), known),
		"altering a table without one",
	);

	denies(
		t,
		decideStatement(l, cmd("ALTER SCHEMA", ["alter"], [rel(".app", "alter")])),
		/reach of masks\[0\]/,
		"or its schema",
	);

	const tree: Ancestry = {
		parents: ({ name }) => (name === "users_eu" ? [{ schema: "app", name: "users" }] : []),
		children: ({ name }) => (name === "people" ? [{ schema: "app", name: "users" }] : []),
		generatedFrom: ({ column }) => (column === "email_lower" ? ["email"] : []),
	};
	t.equal(columnMaskFor(l, { schema: "app", name: "users_eu", column: "email" }, tree)?.term, "masks[0]", "partition");
	t.equal(
		columnMaskFor(l, { schema: "app", name: "people", column: "email" }, tree)?.term,
		"masks[0]",
		"parent of a masked child",
	);
	t.match(columnMaskFor(l, { schema: "app", name: "users", column: "email_lower" }, tree), {
		mask: { kind: "null" },
		term: "masks[0]",
	});
	t.equal(columnMaskFor(l, { schema: "app", name: "users", column: "email_lower" }), undefined);
	t.equal(
		columnMaskFor(l, { schema: "pg_catalog", name: "pg_x", column: "card_number" }),
		undefined,
		"* is no system schema",
	);
	t.end();
});

t.test("of several masks the strictest wins", (t) => {
	const of = (...masks: string[]) =>
		columnMaskFor(
			license(`permits: all\nmasks:\n${masks.map((mask) => `  - { columns: ["a.b.c"], ${mask} }\n`).join("")}`),
			{ schema: "a", name: "b", column: "c" },
		);
	const order = ["null", "redact", "hash", "{ truncate: { to: month } }", "{ partial: { keepLast: 1 } }", "email"];
	for (const [i, strict] of order.entries()) {
		for (const loose of order.slice(i + 1)) {
			const kind = of(`with: ${strict}`)?.mask.kind;
			t.match(of(`with: ${strict}`, `with: ${loose}`), { mask: { kind }, term: "masks[0]" }, `${strict} over ${loose}`);
			t.match(
				of(`with: ${loose}`, `with: ${strict}`),
				{ mask: { kind }, term: "masks[1]" },
				`${strict} after ${loose}`,
			);
		}
	}
	t.same(of("with: { partial: { keepFirst: 2 } }", "with: { partial: { keepLast: 4, keepFirst: 1 } }")?.mask, {
		kind: "partial",
		keepFirst: 1,
		keepLast: 0,
	});
	t.same(of("with: { truncate: { to: day } }", "with: { truncate: { to: year } }")?.mask, {
		kind: "truncate",
		to: "year",
	});
	t.same(of("with: { truncate: { to: 10 } }", "with: { truncate: { to: 1000 } }")?.mask, {
		kind: "truncate",
		to: { number: 1000 },
	});
	t.same(of("with: { truncate: { to: 10 } }", "with: { truncate: { to: 15 } }")?.mask, { kind: "null" });
	t.same(of("with: { truncate: { to: 10 } }", "with: { truncate: { to: day } }")?.mask, { kind: "null" });
	t.match(of("with: null, use: derive", "with: email, use: filter"), { mask: { kind: "null" }, use: "filter" });
	t.match(of("with: null, use: derive", "with: email"), { mask: { kind: "null" }, use: "project" });
	t.end();
});

t.test("obligations, collectors, refusals, PREPARE, observe", (t) => {
	const terms = `limits: { rowsPerStatement: { max: 100, then: truncate }, bytesPerStatement: { max: 1MiB, then: error }, statementTimeout: 30s }\n`;
	const l = license(`permits: [ { on: ["app.*"], commands: [read] } ]\n${terms}`);
	const obliged = allows(t, decideStatement(l, select("app.users", "id")), "caps");
	const rowCap = { max: 100, ["then" as string]: "truncate", term: "limits.rowsPerStatement" };
	t.same(obliged?.rows, { ...rowCap, lines: 100, rowsPerLine: 1 });
	const carrying = (rowsPerLine: number) => decideStatement(l, { ...select("app.users", "id"), rowsPerLine });
	t.same(allows(t, carrying(7), "lines of several rows")?.rows, { ...rowCap, lines: 14, rowsPerLine: 7 });
	allows(t, carrying(100), "a line of as many rows as the cap allows");
	denies(t, carrying(101), /limits\.rowsPerStatement: a line of the result/, "a line of more");
	t.same(obliged?.bytes, { max: 1_048_576, ["then" as string]: "error", term: "limits.bytesPerStatement" });
	t.equal(obliged?.statementTimeoutMs, 30_000);
	const tools = allows(t, decideStatement(l, facts({})), "no data");
	t.equal(tools?.rows, undefined, "answers about catalogs are not capped");
	t.equal(tools?.statementTimeoutMs, 30_000);
	const collecting = { ...select("app.users", "id"), collects: ["array_agg", "array_agg"] };
	denies(t, decideStatement(l, collecting), /limits\.rowsPerStatement: array_agg collects/, "collector under a cap");
	allows(
		t,
		decideStatement(license(`permits: [ { on: ["app.*"], commands: [read] } ]\n`), collecting),
		"collector without a cap",
	);

	const refused = facts({ refusal: { kind: "unsupported", message: "XMLTABLE is not supported" } });
	denies(t, decideStatement(l, refused), /^unreadable \| -: the statement cannot be judged: XMLTABLE/, "refusal");
	const open = license(`permits: all\n${terms}`);
	t.ok(open.unrestricted);
	t.equal(
		allows(t, decideStatement(open, refused), "refusal when all is permitted")?.rows?.max,
		100,
		"is capped all the same",
	);
	denies(t, decideStatement(open, collecting), /collects/, "limits hold when all is permitted");
	allows(
		t,
		decideStatement(open, facts({ opaqueResult: true, functions: [fn("a.b", "user")] })),
		"opaque when all is permitted",
	);
	for (const term of [
		`denies: [ { on: ["a.b"], commands: [all] } ]`,
		`masks: [ { columns: ["a.b.c"], with: null } ]`,
	]) {
		const guarded = license(`permits: all\n${term}\n`);
		t.notOk(guarded.unrestricted);
		denies(t, decideStatement(guarded, refused), /^unreadable/, `refusal with ${term}`);
		denies(t, decideStatement(guarded, facts({ opaqueResult: true })), /^unreadable/, `opaque with ${term}`);
		allows(t, decideStatement(guarded, select("x.y", "z")), `the rest with ${term}`);
	}

	const prepare = (kind: "prepare" | "declare", statement: StatementFacts) =>
		decideStatement(l, facts({ tag: kind, commands: statement.commands, effect: { kind, name: "p", statement } }));
	allows(t, prepare("prepare", select("app.users", "id")), "PREPARE");
	denies(t, prepare("prepare", select("hr.pay", "id")), /select on hr\.pay/, "PREPARE of what is denied");
	denies(
		t,
		prepare("prepare", cmd("DELETE", ["delete"], [rel("app.users", "delete")])),
		/delete on app\.users/,
		"of a write",
	);
	denies(t, prepare("declare", refused), /unreadable/, "DECLARE of what cannot be read");

	const watching = license(
		`permits: [ { on: ["app.*"], commands: [read] } ]\nenforcement: observe\nmasks: [ { columns: ["app.users.email"], with: null } ]\n${terms}`,
	);
	const passed = decideStatement(watching, select("hr.pay", "id"));
	t.match(passed, {
		effect: "allow",
		observed: { case: "notPermitted", reasons: [{ message: "select on hr.pay is not permitted" }] },
	});
	const unmasked = allows(t, decideStatement(watching, select("app.users", "email")), "observe");
	t.match(unmasked, { rows: undefined, bytes: undefined, statementTimeoutMs: undefined, touchesMasked: false });
	t.equal(unmasked?.masks.size, 0, "observe masks nothing");
	t.equal("observed" in decideStatement(watching, select("app.users", "id")), false);
	t.end();
});

t.test("what a write or a function of a user's tells", (t) => {
	const capped = license(`permits:
  - { on: ["app.*"], commands: [read, write] }
  - { on: ["app.log"], commands: [insert] }
  - { functions: ["app.glue", "tools.*", "pg_catalog.lo_get"] }
masks: [ { columns: ["app.users.email"], with: hash }, { columns: ["app.users.phone"], with: null, use: filter } ]
limits: { rowsPerStatement: { max: 10, then: error } }
`);
	const outputs = (direct: boolean) => [
		{ name: "email", sources: [{ schema: "app", name: "users", column: "email" }], direct },
	];
	const email = (direct: boolean) => {
		const columns = [col("app.users.email", "project", [0])];
		const facts = select("app.users", "email");
		return decideStatement(capped, { ...facts, columns, outputs: outputs(direct) });
	};
	t.equal(allows(t, email(true), "alone")?.masks.get(0)?.mask.kind, "hash");
	t.equal(allows(t, email(false), "mixed")?.masks.get(0)?.mask.kind, "null", "no pseudonyms among guesses");

	const insert = (column: string) =>
		decideStatement(
			capped,
			cmd("INSERT", ["insert"], [rel("app.users", "insert", [column])], {
				columns: [col(`app.users.${column}`, "assign"), col(`app.users.${column}`, "probe", [], "a unique key")],
			}),
		);
	denies(t, insert("email"), /masks\[0\].*not used in a unique key/, "it would tell whether the value is there");
	allows(t, insert("phone"), "equality is allowed");
	const reduces = (name: string, columns: string[] | undefined) => {
		const ancestry = { parents: () => [], columns: () => columns };
		return allows(t, decideStatement(capped, cmd("INSERT", ["insert"], [rel(name, "insert")]), ancestry), name);
	};
	t.ok(reduces("app.log", undefined)?.touchesMasked, "columns that are not known");
	t.notOk(reduces("app.log", ["id"])?.touchesMasked);

	const calls = (name: string, form: FunctionUse["form"], sort: FunctionUse["sort"] = "user") =>
		decideStatement(capped, cmd("SELECT", ["select"], [], { functions: [fn(name, sort, form)], outputs: [] }));
	for (const op of ["commitPrepared", "rollbackPrepared"] as const) {
		const ends = facts({ tag: "COMMIT PREPARED", effect: { kind: "transaction", op, name: "x" } });
		allows(t, decideStatement(capped, ends), `${op} by who may write`);
		const reader = license(`permits: [ { on: ["app.*"], commands: [read] } ]\n`);
		denies(t, decideStatement(reader, ends), /may be another session's/, `${op} by who may not`);
	}
	const object = allows(t, calls("pg_catalog.lo_get", "function", "restricted"), "a large object is data");
	t.equal(object?.rows?.max, 10);
	t.equal(allows(t, calls("tools.rows", "function"), "a function may deliver rows")?.rows?.max, 10);
	allows(t, calls("app.glue", "aggregate"), "an aggregate that is named");
	denies(t, calls("tools.glue", "aggregate"), /tools\.glue collects/, "one that no permit names may collect");
	t.end();
});

t.test("the origin wall's questions", (t) => {
	const l = license(`permits:
  - { on: ["app.*"], commands: [read] }
  - { on: ["hr.staff"], commands: [copyTo], columns: ["id"] }
denies: [ { on: ["app.secrets"], commands: [select] }, { on: ["app.users"], commands: [read], columns: ["ssn"] } ]
`);
	const may = (name: string, sort?: RelationUse["sort"]) => {
		const [schema = "", relation = "", column = ""] = name.split(".");
		return mayReadColumn(l, { schema, name: relation, column }, undefined, sort);
	};
	for (const name of ["app.users.id", "hr.staff.id"]) t.ok(may(name), name);
	for (const name of ["app.users.ssn", "app.secrets.x", "hr.staff.pay", "x.y.z", "pg_catalog.pg_class.oid"])
		t.notOk(may(name), name);
	t.ok(may("pg_catalog.pg_class.oid", "catalog"));
	t.notOk(may("pg_catalog.pg_authid.rolname", "sensitive"));
	t.ok(mayReadColumn(license("permits: all\n"), { schema: "x", name: "y", column: "z" }));
	t.end();
});

t.test("rows do not come into reach of a permit that was written for others", (t) => {
	const at = (name: string) => {
		const [schema = "", relation = ""] = name.split(".");
		return { schema, name: relation };
	};
	const moves = (kind: "relation" | "view" | "schema", from: string, to: string) =>
		cmd("ALTER TABLE", ["alter"], [rel(from.endsWith(".") ? `${from}${from.slice(0, -1)}` : from, "alter")], {
			moves: [{ kind, from: at(from), to: at(to) }],
		});
	const l = license(`permits:
  - { on: ["*.*"], commands: [ddl] }
  - { on: ["app.*"], commands: [read] }
  - { on: ["app.window"], commands: [read] }
  - { on: ["log.entries"], commands: [select], columns: [at] }
`);
	const no = (given: StatementFacts, message: string) => {
		const decision = decideStatement(l, given);
		t.equal(decision.effect, "deny", message);
		t.match(said(decision), /into reach of permits\[\d\]/, message);
	};
	const yes = (given: StatementFacts, message: string) => t.equal(decideStatement(l, given).effect, "allow", message);
	no(moves("relation", "hr.salaries", "app.salaries"), "another schema");
	no(moves("relation", "hr.salaries", "log.entries"), "another name");
	no(moves("relation", "log.entries", "log.entries"), "a column of another name, where few may be read");
	no(moves("view", "app.all", "app.window"), "a view under a name that opens what is beneath");
	no(moves("schema", "hr.", "app."), "a whole schema");
	yes(moves("relation", "app.a", "app.b"), "what may be read as well by its old name");
	yes(moves("relation", "app.a", "app.window"), "a table needs no permit that names it");
	yes(moves("relation", "hr.a", "hr.b"), "where neither may be read");
	yes(moves("relation", "app.a", "app.a"), "a column of a table that may be read whole");
	yes(moves("schema", "hr.", "old."), "a schema that no permit names");
	t.end();
});

t.test("what reaches past the license", (t) => {
	const guarded = license(`permits:
  - { on: ["*.*"], commands: [all] }
masks:
  - { columns: ["app.users.email"], with: redact }
`);
	const open = license(`permits:
  - { on: ["*.*"], commands: [all] }
catalog: full
`);
	const tags = ["CREATE FOREIGN TABLE", "ALTER FOREIGN TABLE", "CREATE SERVER", "IMPORT FOREIGN SCHEMA", "CREATE ROLE"];
	for (const tag of [...tags, "CREATE USER MAPPING", "CREATE SUBSCRIPTION", "CREATE PUBLICATION", "ALTER SCHEMA"]) {
		const command = tag.startsWith("ALTER") ? "alter" : "create";
		const given = cmd(tag, [command], [rel("sandbox.sandbox", command)]);
		t.equal(decideStatement(guarded, given).effect, "deny", `${tag} where something is masked`);
		t.equal(decideStatement(open, given).effect, "allow", `${tag} where nothing is`);
	}
	const anywhere = license(`permits:
  - { on: ["*.*"], commands: [all] }
masks:
  - { columns: ["*.*.card_number"], with: redact }
`);
	const cascading = cmd("ALTER TYPE", ["alter"], [rel("app.comp", "alter"), rel(".*", "alter")]);
	t.match(said(decideStatement(anywhere, cascading)), /out of reach of masks\[0\]/, "an attribute of a type of tables");
	const narrow = license(`permits:
  - { on: ["*.*"], commands: [ddl] }
  - { on: ["app.*"], commands: [read] }
`);
	for (const tag of ["CREATE ROLE", "CREATE PUBLICATION", "ALTER SYSTEM", "CREATE SERVER"]) {
		const command = tag.startsWith("ALTER") ? "alter" : "create";
		const given = cmd(tag, [command], [rel(".x", command)]);
		t.equal(decideStatement(narrow, given).effect, "deny", `${tag} where not all may be read`);
	}
	const wide = license(`permits:
  - { on: ["*.*"], commands: [ddl, read] }
`);
	t.equal(decideStatement(wide, cmd("CREATE ROLE", ["create"], [rel(".x", "create")])).effect, "allow");
	t.end();
});

t.test("who writes a value that is shown as a pseudonym learns where else it is", (t) => {
	const written = (use: string) =>
		decideStatement(
			license(`permits:
  - { on: ["app.*"], commands: [read, write] }
masks:
  - { columns: ["app.users.email"], with: hash, use: ${use} }
  - { columns: ["app.users.name"], with: redact }
`),
			cmd("INSERT", ["insert"], [rel("app.users", "insert", ["email", "name"])], {
				columns: [col("app.users.email", "assign", [], "INSERT"), col("app.users.name", "assign", [], "INSERT")],
			}),
		);
	t.match(said(written("project")), /app\.users\.email is masked and may only be shown, not used in INSERT/);
	t.equal(written("filter").effect, "allow", "where it may be compared with anyway");
	t.end();
});
