/** The application's name with its subject behind it: at the server signed, at the client as it was set. */
import fc from "fast-check";
import t from "tap";
import { ApplicationName } from "../../src/protocols/postgres/application-name.js";
import { int16, int32, type Message, message, rowValues, split } from "../helpers/wire.js";

const NAME_BYTES = 63;

t.test("signed at the login, and cut to what the server takes", async (t) => {
	t.equal(new ApplicationName("alice", "psql").atLogin, "psql [alice]");
	t.equal(new ApplicationName("alice", undefined).atLogin, "[alice]");
	t.equal(new ApplicationName("zoë", "psql").atLogin, "psql [zo?]");
	const long = new ApplicationName("a".repeat(80), "b".repeat(80));
	t.equal(long.atLogin, `${"b".repeat(28)} [${"a".repeat(32)}]`);
	t.equal(long.own(long.atLogin), "b".repeat(NAME_BYTES), "the client sees what the server would have kept");
	const foreign = new ApplicationName("alice", "ä".repeat(40));
	t.ok(Buffer.byteLength(foreign.atLogin) <= NAME_BYTES);
	t.match(foreign.atLogin, / \[alice\]$/);
});

t.test("what the client is told", async (t) => {
	const name = new ApplicationName("alice", "psql", "psql");
	t.equal(name.reported("psql [alice]"), undefined, "it knows that");
	t.equal(name.takeSigning(), undefined);
	t.equal(name.reported("it's \\ me"), "it's \\ me");
	t.equal(name.takeSigning(), "SET application_name = E'it\\'s \\\\ me [alice]'");
	t.equal(name.takeSigning(), undefined, "once");
	t.equal(name.reported("it's \\ me [alice]"), undefined);
	t.equal(name.reported("psql [alice]"), "psql", "RESET");
	t.equal(name.reported("[alice]"), "");
	t.equal(name.reported("psql [bob]"), "psql [bob]", "another's signature is a part of the name");
	t.match(name.takeSigning(), /psql \[bob\] \[alice\]/);
});

const shown = (value: string): Buffer => message("D", int16(1), int32(Buffer.byteLength(value)), Buffer.from(value));

t.test("rows of SHOW", async (t) => {
	const name = new ApplicationName("alice", "psql");
	const exchanged = name.row(shown("psql [alice]"), 0, shown("psql [alice]").length) as Buffer;
	t.same(exchanged, shown("psql"));
	t.equal(name.row(shown("other"), 0, shown("other").length), undefined);
	t.same(name.row(shown("[alice]"), 0, shown("[alice]").length), shown(""));
});

t.test("any name comes back as the server would show it", async () => {
	const printable = fc.string({ unit: fc.constantFrom(..."aZ09 []'\\\"?-"), maxLength: 80 });
	fc.assert(
		fc.property(fc.string({ minLength: 1, maxLength: 60 }), printable, printable, (subject, own, later) => {
			const name = new ApplicationName(subject, own, own.slice(0, NAME_BYTES));
			if (name.atLogin.length > NAME_BYTES) throw new Error("too long");
			if (name.own(name.atLogin) !== own.slice(0, NAME_BYTES)) throw new Error("not its own");
			const set = later.slice(0, NAME_BYTES);
			const told = name.reported(set);
			const signing = name.takeSigning();
			if (signing === undefined) return;
			if (told !== undefined && told !== set) throw new Error(`told ${told}`);
			const text = /E'(.*)'$/s.exec(signing)?.[1]?.replace(/\\(.)/gs, "$1") ?? "";
			if (text.length > NAME_BYTES) throw new Error("cut by the server, signature and all");
			if (!text.endsWith(name.atLogin.slice(-3)) || name.reported(text) === set) return;
		}),
	);
	const [row] = split(shown("x")).messages as [Message];
	if (rowValues(row)[0] !== "x") throw new Error("the test's own rows are wrong");
});
