/** Names that an engine compares without case: no term is passed by for its capitals. */
import t from "tap";
import { decideStatement } from "../../src/licensing/decide.js";
import { foldLicense } from "../../src/licensing/fold.js";
import { type License, parseLicense } from "../../src/licensing/license.js";
import { type StatementFacts, unknownStatement } from "../../src/sql/facts.js";
import { license } from "../helpers/license.js";

function read(terms: Parameters<typeof license>[1]): License {
	const result = parseLicense(license("folded", terms), "folded.yaml");
	if ("problems" in result) throw new Error(JSON.stringify(result.problems));
	return result.license;
}

function select(schema: string, name: string, column: string): StatementFacts {
	const source = { schema, name, column };
	return {
		...unknownStatement("SELECT", 1),
		commands: ["select"],
		relations: [{ schema, name, command: "select", columns: [column], through: [], sort: "data" }],
		columns: [{ ...source, kind: "project", outputs: [0], where: "result" }],
		outputs: [{ name: column, sources: [source], direct: true }],
		opaqueResult: false,
		writes: false,
		changesCatalog: false,
	};
}

const COLUMNS = { columns: true, relations: false };
const ALL = { columns: true, relations: true };

t.test("a mask, a deny and a permit written with capitals", async (t) => {
	const masking = foldLicense(
		read({ permits: [{ on: ["*.*"], commands: ["read"] }], masks: [{ columns: ['app.users."EMail"'], with: "null" }] }),
		COLUMNS,
	);
	const masked = decideStatement(masking, select("app", "users", "email"));
	t.equal(masked.effect === "allow" && masked.obligations.masks.size, 1);
	const denying = foldLicense(
		read({
			permits: [{ on: ["*.*"], commands: ["read"] }],
			denies: [{ on: ['"App"."Users"'], commands: ["all"], columns: ['"EMail"'] }],
		}),
		ALL,
	);
	t.equal(decideStatement(denying, select("app", "users", "email")).effect, "deny");
	const permitting = foldLicense(
		read({ permits: [{ on: ["app.users"], commands: ["select"], columns: ['"ID"'] }] }),
		COLUMNS,
	);
	t.equal(decideStatement(permitting, select("app", "users", "id")).effect, "allow");
	t.equal(decideStatement(permitting, select("app", "users", "email")).effect, "deny");
});

t.test("where case tells names apart nothing is folded", async (t) => {
	const exact = read({ permits: [{ on: ['app."Users"'], commands: ["read"] }] });
	t.equal(foldLicense(exact, { columns: false, relations: false }), exact);
	t.equal(decideStatement(foldLicense(exact, COLUMNS), select("app", "users", "id")).effect, "deny");
	t.equal(decideStatement(foldLicense(exact, ALL), select("app", "users", "id")).effect, "allow");
});
