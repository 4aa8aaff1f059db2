/**
 * Bounds of partitions are values of the partition key. Under masks a dump of a partitioned table has to be restored as
 * what it was, unless it is the key that is masked: then its bounds show nowhere.
 */
import t from "tap";
import { license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { psql, runProgram } from "../helpers/programs.js";
import { rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";

const SCHEMA = `
CREATE SCHEMA app;
CREATE TABLE app.visits (id int NOT NULL, region text NOT NULL, day date, email text) PARTITION BY LIST (region);
CREATE TABLE app.visits_north PARTITION OF app.visits FOR VALUES IN ('north', 'far north') PARTITION BY RANGE (day);
CREATE TABLE app.visits_north_old PARTITION OF app.visits_north FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE app.visits_rest PARTITION OF app.visits DEFAULT;
INSERT INTO app.visits VALUES (1, 'north', '2019-05-05', 'zqcanary@example.org'), (2, 'south', '2024-01-01', 'zqcanary@example.org');
CREATE TABLE app.codes (id int, code text) PARTITION BY LIST (code);
CREATE TABLE app.codes_one PARTITION OF app.codes FOR VALUES IN ('zqcanary');
CREATE TABLE app.deep (id int, code text) PARTITION BY RANGE (id);
CREATE TABLE app.deep_one PARTITION OF app.deep FOR VALUES FROM (1) TO (777000) PARTITION BY LIST (code);
CREATE TABLE app.deep_one_one PARTITION OF app.deep_one FOR VALUES IN ('zqcanary');
CREATE TABLE app.cased (id int, code text, other text) PARTITION BY LIST (upper(code));
CREATE TABLE app.cased_one PARTITION OF app.cased FOR VALUES IN ('zqcanary');
`;

const url = await createDatabase(t, testServers().pg15, SCHEMA);
const licet = await startLicet(t, {
	targets: { shop: targetOf(url) },
	licenses: {
		masked: license("masked", {
			permits: [{ on: ["app.*"], commands: ["read"] }],
			masks: [
				{ columns: ["app.visits.email", "app.codes.code", "app.deep_one_one.code", "app.cased.other"], with: null },
			],
		}),
	},
});
const grant = rawGrant(await licet.grant({ license: "masked", target: "shop" }));

t.test("a dump is restored with its partitions", async (t) => {
	const table = "--table=app.visits*";
	const dump = await runProgram("pgDump", grant, [table, "--no-owner", "--no-privileges", "--no-subscriptions"]);
	t.equal(dump.code, 0, dump.stderr);
	t.match(dump.stdout, /ATTACH PARTITION app\.visits_north FOR VALUES IN \('north', 'far north'\)/);
	t.match(dump.stdout, /FOR VALUES FROM \(MINVALUE\) TO \('2020-01-01'\)/);
	t.notMatch(dump.stdout, /zqcanary/);
	const other = await createDatabase(t, testServers().pg15, "CREATE SCHEMA app");
	const restored = await psql(rawOptions(other), dump.stdout, "-v", "ON_ERROR_STOP=1");
	t.equal(restored.code, 0, restored.stderr);
	const parts = await psql(
		rawOptions(other),
		"SELECT inhrelid::regclass, (SELECT count(*) FROM app.visits) FROM pg_inherits ORDER BY inhrelid::regclass::text",
	);
	t.equal(parts.stdout, "app.visits_north|2\napp.visits_north_old|2\napp.visits_rest|2\n");
});

t.test("bounds of a masked key show nowhere, and those beside it do", async (t) => {
	const asked = await psql(
		grant,
		`SELECT relname, pg_get_expr(relpartbound, oid), pg_get_partition_constraintdef(oid), relpartbound IS NULL
			FROM pg_class WHERE relispartition ORDER BY relname;
		\\d+ app.codes
		\\d+ app.codes_one
		\\d+ app.deep_one_one
		\\d+ app.cased`,
		"-At",
	);
	t.equal(asked.code, 0, asked.stderr);
	t.notMatch(asked.stdout + asked.stderr, /zqcanary/i);
	t.match(asked.stdout, /^codes_one\|\|\|t$/m, "the key itself");
	t.match(asked.stdout, /^deep_one_one\|\|\|t$/m, "a key above");
	t.match(asked.stdout, /^deep_one\|FOR VALUES FROM \(1\) TO \(777000\)\|/m, "a key beside a masked column");
	t.match(asked.stdout, /^cased_one\|\|\|t$/m, "an expression may look at any column");
	const dump = await runProgram("pgDump", grant, ["--schema-only", "--no-subscriptions"]);
	t.notMatch(dump.stdout + dump.stderr, /zqcanary/i);
});
