/**
 * The corpus of benign statements (fixtures/benign, whose README says what stands in it), read and checked; and the
 * tables of the TPC's benchmarks, filled with arithmetic.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { fixture } from "./project.js";

const sql = z.union([z.string(), z.array(z.string()).min(1)]);

const benign = z.union([
	sql,
	z.strictObject({
		sql,
		masked: z.array(z.string()).optional(),
		parameters: z.array(z.string()).optional(),
		since: z.number().optional(),
		only: z.enum(["mariadb", "mysql"]).optional(),
		license: z.literal("uncapped").optional(),
	}),
]);

const file = z.strictObject({ about: z.string(), cases: z.array(benign).min(1) });

export interface Benign {
	/** Statements of one transaction. */
	readonly sql: readonly string[];
	/** Names of result columns that are masked. */
	readonly masked: readonly string[];
	readonly parameters: readonly string[];
	readonly since: number;
	readonly only: "mariadb" | "mysql" | undefined;
	readonly license: "capped" | "uncapped";
	/** The server itself may refuse it (another server's function, a division by zero over our few rows). */
	readonly mayFail: boolean;
}

/** A query of a benchmark, as a case. */
export function benchmarkQuery(sql: string): Benign {
	return { sql: [sql], masked: [], parameters: [], since: 0, only: undefined, license: "capped", mayFail: true };
}

function caseOf(read: z.output<typeof benign>): Benign {
	const {
		sql,
		masked = [],
		parameters = [],
		since = 0,
		only,
		license = "capped",
	} = typeof read === "string" || Array.isArray(read) ? { sql: read } : read;
	return { sql: [sql].flat(), masked, parameters, since, only, license, mayFail: false };
}

export function benignCases(engine: "postgres" | "mysql"): Benign[] {
	return readdirSync(fixture("benign", engine))
		.filter((name) => name.endsWith(".yaml"))
		.sort()
		.flatMap((name) => {
			const path = fixture("benign", engine, name);
			const read = file.safeParse(parse(readFileSync(path, "utf8")));
			if (!read.success) throw new Error(`${path}: ${z.prettifyError(read.error)}`);
			return read.data.cases.map(caseOf);
		});
}

export const benignSchema = (engine: "postgres" | "mysql"): string =>
	readFileSync(fixture("benign", engine, "schema.sql"), "utf8");

// ---- the TPC's tables -------------------------------------------------------------------------------------------

/** Rows of each table: enough for joins to find something, few enough for queries that join a fact table six times. */
const ROWS = 30;

const TYPES = { "#": "int", $: "decimal(12,2)", "@": "date" } as const;

/** Values that the queries ask for by name. */
const WORDS: readonly (readonly [RegExp, readonly string[]])[] = [
	[/state$/, ["TN", "GA", "CA", "TX"]],
	[/gender$/, ["M", "F"]],
	[/marital_status$/, ["M", "S", "D", "W"]],
	[/education_status$/, ["College", "Advanced Degree", "Unknown"]],
	[/day_name$/, ["Sunday", "Monday", "Friday", "Saturday"]],
	[/category$/, ["Books", "Home", "Sports", "Music"]],
	[/(_flag|channel_\w+|holiday|weekend)$/, ["Y", "N"]],
	[/county$/, ["Williamson County", "Ziebach County"]],
	[/country$/, ["United States"]],
	[/(zip)$/, ["24128", "76232", "85669"]],
	[/(mktsegment)$/, ["BUILDING", "MACHINERY"]],
	[/^r_name$/, ["ASIA", "EUROPE", "AMERICA", "MIDDLE EAST"]],
	[/^n_name$/, ["FRANCE", "GERMANY", "BRAZIL", "CANADA", "SAUDI ARABIA"]],
	[/(shipmode)$/, ["MAIL", "SHIP", "AIR"]],
	[/(returnflag|linestatus|orderstatus)$/, ["R", "A", "F", "O"]],
	[/brand$/, ["Brand#12", "Brand#23"]],
	[/container$/, ["SM BOX", "MED BOX", "JUMBO PKG"]],
];

function fieldValue(column: string, kind: string | undefined, row: number, place: number): string {
	const spread = row * 7 + place * 3;
	if (kind === "@") return `'${1993 + (spread % 10)}-${String(1 + (spread % 12)).padStart(2, "0")}-11'`;
	if (kind === "$") return ((spread % 97) + 0.25).toFixed(2);
	if (kind === "#") {
		if (place === 0) return String(row);
		if (/year$/.test(column)) return String(1998 + (row % 5));
		if (/(moy|month|hour|dom)$/.test(column)) return String(1 + (row % 12));
		return String(1 + (spread % ROWS));
	}
	const words = WORDS.find(([pattern]) => pattern.test(column))?.[1];
	return `'${words === undefined ? `${column.slice(0, 9)} ${row % 11}` : words[spread % words.length]}'`;
}

/** A script that makes the tables of a benchmark and fills them. */
export function tpcScript(benchmark: "tpch" | "tpcds"): string {
	const tables = z
		.record(z.string(), z.string())
		.parse(parse(readFileSync(fixture("benign", `${benchmark}.yaml`), "utf8")));
	return Object.entries(tables)
		.map(([table, list]) => {
			const columns = list.split(" ").map((word) => {
				const kind = /[#$@]$/.exec(word)?.[0];
				return { name: kind === undefined ? word : word.slice(0, -1), kind };
			});
			const types = columns.map(
				({ name, kind }) => `${name} ${kind === undefined ? "varchar(60)" : TYPES[kind as keyof typeof TYPES]}`,
			);
			const rows = Array.from(
				{ length: ROWS },
				(_, row) => `(${columns.map(({ name, kind }, place) => fieldValue(name, kind, row + 1, place)).join(", ")})`,
			);
			return `CREATE TABLE ${table} (${types.join(", ")}); INSERT INTO ${table} VALUES ${rows.join(", ")};`;
		})
		.join("\n");
}
