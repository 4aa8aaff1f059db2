/**
 * Random statements over a small schema, by a grammar: what one license or one role may do with the schema's parts is
 * between "all" and "nothing", so that most statements touch an edge. Types fit, so that few are mistakes.
 */
import fc from "fast-check";

export type Gen = fc.GeneratorValue;

interface Table {
	readonly name: string;
	readonly numbers: readonly string[];
	readonly texts: readonly string[];
}

/** `users` by some columns, `orders` wholly, of `logs` little, `secrets` not at all. */
const TABLES: readonly Table[] = [
	{ name: "users", numbers: ["id", "team", "score"], texts: ["name", "email"] },
	{ name: "users", numbers: ["id", "team"], texts: ["name"] },
	{ name: "orders", numbers: ["id", "user_id", "total"], texts: ["note"] },
	{ name: "orders", numbers: ["id", "total"], texts: ["note"] },
	{ name: "logs", numbers: ["id", "at"], texts: ["word"] },
	{ name: "secrets", numbers: ["id"], texts: ["value"] },
];

/** What the statements are over, and what may be done with it; `q` stands before each table's name. */
export const TABLE_SCRIPT = (q: string): string => `
CREATE TABLE ${q}users (id int PRIMARY KEY, name varchar(40), email varchar(40), team int, score int);
CREATE TABLE ${q}orders (id int PRIMARY KEY, user_id int, total int, note varchar(40));
CREATE TABLE ${q}logs (id int PRIMARY KEY, at int, word varchar(40));
CREATE TABLE ${q}secrets (id int PRIMARY KEY, value varchar(40));
INSERT INTO ${q}users VALUES (1, 'ada', 'e1', 1, 10), (2, 'bo', 'e2', 1, 20), (3, 'cy', 'e3', 2, NULL), (4, NULL, 'e4', 2, 40);
INSERT INTO ${q}orders VALUES (1, 1, 5, 'x'), (2, 1, 7, NULL), (3, 2, 9, 'y'), (4, 3, 2, 'z'), (5, 9, 4, 'x');
INSERT INTO ${q}logs VALUES (1, 3, 'a'), (2, 4, 'b'), (3, 5, NULL);
INSERT INTO ${q}secrets VALUES (1, 's1'), (2, 's2');`;

/** The same rights, as a license's permits and as GRANTs. */
export const PERMITS = (database: string) => [
	{ on: [`${database}.users`], commands: ["select", "explain"], columns: ["id", "name", "team"] },
	{ on: [`${database}.users`], commands: ["update"], columns: ["name"] },
	{ on: [`${database}.orders`], commands: ["select", "insert", "update", "delete", "explain"] },
	{ on: [`${database}.logs`], commands: ["insert"] },
	{ on: [`${database}.logs`], commands: ["select"], columns: ["id"] },
];
export const GRANTS = (q: string, to: string): readonly string[] => [
	`GRANT SELECT (id, name, team), UPDATE (name) ON ${q}users TO ${to}`,
	`GRANT SELECT, INSERT, UPDATE, DELETE ON ${q}orders TO ${to}`,
	`GRANT INSERT, SELECT (id) ON ${q}logs TO ${to}`,
];

interface Source {
	readonly alias: string;
	readonly numbers: readonly string[];
	readonly texts: readonly string[];
}

export interface Dialect {
	readonly engine: "postgres" | "mysql";
	/** Before a table's name. */
	readonly prefix: string;
}

type Kind = "number" | "text";

/** One statement. */
export function randomStatement(g: Gen, dialect: Dialect): string {
	return new Grammar(g, dialect).statement();
}

class Grammar {
	#names = 0;
	#depth = 0;

	constructor(
		readonly g: Gen,
		readonly dialect: Dialect,
	) {}

	#pick<T>(...of: readonly T[]): T {
		return of[this.g(fc.integer, { min: 0, max: of.length - 1 })] as T;
	}

	#chance(percent: number): boolean {
		return this.g(fc.integer, { min: 0, max: 99 }) < percent;
	}

	#name(prefix: string): string {
		this.#names += 1;
		return `${prefix}${this.#names}`;
	}

	get #isPostgres(): boolean {
		return this.dialect.engine === "postgres";
	}

	statement(): string {
		return this.#pick(
			() => this.query([]),
			() => this.query([]),
			() => this.query([]),
			() => this.query([]),
			() => this.#with(),
			() => this.#insert(),
			() => this.#update(),
			() => this.#delete(),
		)();
	}

	// ---- queries ----

	query(outer: readonly Source[], kinds: readonly Kind[] = this.#kinds()): string {
		this.#depth += 1;
		const first = this.#select(outer, kinds);
		const more = this.#depth < 4 && this.#chance(15);
		const ops = this.#isPostgres ? ["UNION", "UNION ALL", "INTERSECT", "EXCEPT ALL"] : ["UNION", "UNION ALL"];
		const text = more ? `${first} ${this.#pick(...ops)} ${this.#select(outer, kinds)}` : first;
		this.#depth -= 1;
		// Rows are compared as a set: only a whole order makes a limit say the same twice.
		if (!this.#chance(20)) return text;
		return `${text} ORDER BY ${kinds.map((_, index) => index + 1).join(", ")} LIMIT ${this.#pick(1, 2, 3)}`;
	}

	#kinds(): readonly Kind[] {
		return this.#pick<readonly Kind[]>(["number"], ["text"], ["number", "text"], ["text", "number", "number"]);
	}

	#select(outer: readonly Source[], kinds: readonly Kind[]): string {
		const { text, sources } = this.#from(outer);
		const scope = [...outer, ...sources];
		const where = this.#chance(50) ? ` WHERE ${this.#condition(scope)}` : "";
		if (this.#chance(15)) {
			const list = kinds.map((kind) =>
				kind === "number" ? this.#aggregate(scope) : `max(${this.#value("text", sources)})`,
			);
			return `SELECT ${list.join(", ")} FROM ${text}${where}`;
		}
		if (this.#chance(12)) {
			const key = this.#column("number", sources);
			const list = kinds.map((kind) =>
				kind === "number" ? this.#pick(key, "count(*)") : `min(${this.#column("text", sources)})`,
			);
			const having = this.#chance(30) ? ` HAVING count(*) > 0` : "";
			return `SELECT ${list.join(", ")} FROM ${text}${where} GROUP BY ${key}${having}`;
		}
		const distinct = this.#chance(10) ? "DISTINCT " : "";
		return `SELECT ${distinct}${kinds.map((kind) => this.#value(kind, scope)).join(", ")} FROM ${text}${where}`;
	}

	#aggregate(scope: readonly Source[]): string {
		return this.#pick(
			() => "count(*)",
			() => `count(${this.#column(this.#pick("number", "text"), scope)})`,
			() => `sum(${this.#column("number", scope)})`,
			() => `count(DISTINCT ${this.#column("number", scope)})`,
		)();
	}

	#from(outer: readonly Source[]): { readonly text: string; readonly sources: readonly Source[] } {
		const first = this.#source(outer);
		if (!this.#chance(40)) return { text: first.text, sources: [first.source] };
		const second = this.#source(outer);
		const sources = [first.source, second.source];
		const join = this.#pick("cross", "inner", "left", "using", "natural");
		const both = { text: `${first.text} CROSS JOIN ${second.text}`, sources };
		if (join === "cross") return both;
		if (join === "inner" || join === "left") {
			const on = `${this.#column("number", [first.source])} = ${this.#column("number", [second.source])}`;
			return { text: `${first.text} ${join === "left" ? "LEFT " : ""}JOIN ${second.text} ON ${on}`, sources };
		}
		if (join === "natural") return { text: `${first.text} NATURAL JOIN ${second.text}`, sources };
		const shared = first.source.numbers.filter((name) => second.source.numbers.includes(name));
		if (shared.length === 0) return both;
		return { text: `${first.text} JOIN ${second.text} USING (${shared[0]})`, sources };
	}

	#source(outer: readonly Source[]): { readonly text: string; readonly source: Source } {
		const alias = this.#name("t");
		if (this.#depth < 3 && this.#chance(20)) {
			const kinds: readonly Kind[] = ["number", "text"];
			const lateral = this.#isPostgres && outer.length > 0 && this.#chance(20);
			const inner = this.query(lateral ? outer : [], kinds);
			const labels = this.#isPostgres ? ` (n, s)` : "";
			if (this.#isPostgres) {
				return {
					text: `${lateral ? "LATERAL " : ""}(${inner}) ${alias}${labels}`,
					source: { alias, numbers: ["n"], texts: ["s"] },
				};
			}
		}
		const table = this.#pick(...TABLES);
		return { text: `${this.dialect.prefix}${table.name} ${alias}`, source: { alias, ...table } };
	}

	#with(): string {
		const name = this.#name("c");
		const body = this.query([], ["number", "text"]);
		const alias = this.#name("t");
		const source: Source = { alias, numbers: ["n"], texts: ["s"] };
		const where = this.#chance(50) ? ` WHERE ${this.#condition([source])}` : "";
		return `WITH ${name} (n, s) AS (${body}) SELECT ${this.#value("number", [source])}, ${alias}.s FROM ${name} ${alias}${where}`;
	}

	// ---- expressions ----

	#column(kind: Kind, scope: readonly Source[]): string {
		const choices = scope.flatMap(({ alias, numbers, texts }) =>
			(kind === "number" ? numbers : texts).map((name) => `${alias}.${name}`),
		);
		return choices.length === 0 ? (kind === "number" ? "1" : "'x'") : this.#pick(...choices);
	}

	#value(kind: Kind, scope: readonly Source[]): string {
		if (this.#depth > 3 || this.#chance(60)) return this.#column(kind, scope);
		this.#depth += 1;
		const made = kind === "number" ? this.#number(scope) : this.#text(scope);
		this.#depth -= 1;
		return made;
	}

	#number(scope: readonly Source[]): string {
		return this.#pick(
			() => String(this.#pick(0, 1, 2, 7)),
			() => `(${this.#value("number", scope)} + ${this.#value("number", scope)})`,
			() => `length(${this.#value("text", scope)})`,
			() => `coalesce(${this.#value("number", scope)}, 0)`,
			() => `CASE WHEN ${this.#condition(scope)} THEN ${this.#value("number", scope)} ELSE 0 END`,
			() => `(SELECT max(x.n) FROM (${this.#labelled("number")}) x)`,
			() => `abs(${this.#value("number", scope)})`,
		)();
	}

	/** A query whose only column is called n. */
	#labelled(kind: Kind): string {
		const { text, source } = this.#source([]);
		return `SELECT ${this.#value(kind, [source])} AS n FROM ${text}`;
	}

	#text(scope: readonly Source[]): string {
		return this.#pick(
			() => `'${this.#pick("x", "ada", "s1")}'`,
			() => `upper(${this.#value("text", scope)})`,
			() => `concat(${this.#value("text", scope)}, ${this.#value("text", scope)})`,
			() => `nullif(${this.#value("text", scope)}, 'x')`,
			() => `(SELECT min(x.n) FROM (${this.#labelled("text")}) x)`,
		)();
	}

	#condition(scope: readonly Source[]): string {
		this.#depth += 1;
		const made = this.#pick(
			() => `${this.#value("number", scope)} ${this.#pick("=", "<", ">=", "<>")} ${this.#value("number", scope)}`,
			() => `${this.#column("text", scope)} = ${this.#value("text", scope)}`,
			() => `${this.#column("text", scope)} LIKE '%${this.#pick("a", "x", "s")}%'`,
			() => `${this.#column(this.#pick("number", "text"), scope)} IS NOT NULL`,
			() => `${this.#column("number", scope)} IN (1, 2, 3)`,
			() => `${this.#column("number", scope)} IN (${this.#labelled("number")})`,
			() => `EXISTS (${this.#depth < 4 ? this.#select(scope, ["number"]) : "SELECT 1"})`,
			() => `(${this.#column("number", scope)} = 1 OR ${this.#column("text", scope)} = 'x')`,
		)();
		this.#depth -= 1;
		return made;
	}

	// ---- writes ----

	#target(): Table {
		return this.#pick(...TABLES);
	}

	#insert(): string {
		const table = this.#target();
		const number = this.#pick(...table.numbers.filter((name) => name !== "id"), "id");
		const columns = number === "id" ? ["id", table.texts[0]] : ["id", number, table.texts[0]];
		const into = `INSERT INTO ${this.dialect.prefix}${table.name} (${columns.join(", ")})`;
		const kinds: readonly Kind[] = columns.length === 2 ? ["number", "text"] : ["number", "number", "text"];
		const body = this.#chance(50)
			? `VALUES (${this.#pick(50, 51)}, ${number === "id" ? "" : "3, "}'x')`
			: this.query([], kinds);
		if (!this.#isPostgres) return `${into} ${body}`;
		const conflict = this.#pick(
			"",
			"",
			" ON CONFLICT DO NOTHING",
			` ON CONFLICT (id) DO UPDATE SET ${table.texts[0]} = excluded.${table.texts[0]}`,
		);
		const returning = this.#chance(30) ? ` RETURNING ${this.#pick("id", table.texts[0], "*")}` : "";
		return `${into} ${body}${conflict}${returning}`;
	}

	#update(): string {
		const table = this.#target();
		const alias = this.#name("t");
		const source: Source = { alias, ...table };
		const [column, value] = this.#chance(50)
			? [this.#pick(...table.texts), this.#value("text", [source])]
			: [this.#pick(...table.numbers), this.#value("number", [source])];
		const where = this.#chance(70) ? ` WHERE ${this.#condition([source])}` : "";
		const head = `UPDATE ${this.dialect.prefix}${table.name} ${alias} SET ${this.#isPostgres ? "" : `${alias}.`}${column} = ${value}${where}`;
		return this.#isPostgres && this.#chance(30) ? `${head} RETURNING ${this.#column("number", [source])}` : head;
	}

	#delete(): string {
		const table = this.#target();
		if (!this.#isPostgres) return `DELETE FROM ${this.dialect.prefix}${table.name} WHERE id = ${this.#pick(1, 2)}`;
		const alias = this.#name("t");
		const source: Source = { alias, ...table };
		const where = this.#chance(70) ? ` WHERE ${this.#condition([source])}` : "";
		return `DELETE FROM ${this.dialect.prefix}${table.name} ${alias}${where}${this.#chance(30) ? ` RETURNING ${this.#column("text", [source])}` : ""}`;
	}
}

/**
 * A statement of a corpus, changed: tokens left out, put in another's place, doubled, or replaced by what must not be
 * seen. What becomes of it is mostly a mistake, and sometimes a question that nobody thought of.
 */
export function mutate(g: Gen, sql: string, secrets: readonly string[]): string {
	const tokens: string[] = [...(sql.match(/"[^"]*"|'(?:[^']|'')*'|`[^`]*`|[\w$.]+|\s+|[^\w\s]/g) ?? [])];
	const places = tokens.map((_, index) => index).filter((index) => tokens[index]?.trim() !== "");
	const pick = <T>(of: readonly T[]): T => of[g(fc.integer, { min: 0, max: of.length - 1 })] as T;
	const changes = g(fc.integer, { min: 1, max: 3 });
	for (let change = 0; change < changes; change++) {
		const at = pick(places);
		const other = pick(places);
		const names = places.filter((index) => /^["`\w]/.test(tokens[index] ?? ""));
		switch (pick(["drop", "swap", "double", "secret", "secret", "secret"])) {
			case "drop":
				tokens[at] = "";
				break;
			case "swap":
				[tokens[at], tokens[other]] = [tokens[other] ?? "", tokens[at] ?? ""];
				break;
			case "double":
				tokens[at] = `${tokens[at]} ${tokens[at]}`;
				break;
			default: {
				const name = names.length === 0 ? at : pick(names);
				tokens[name] = pick(secrets);
			}
		}
	}
	return tokens.join("");
}
