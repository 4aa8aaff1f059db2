/** One statement of PostgreSQL's while it is analysed. */
import type { Command, FunctionUse, RelationName, StatementFacts } from "../facts.js";
import type { CallExpression, RelationPath } from "../query.js";
import { BaseStatement, type Draft } from "../statement.js";
import { unresolved, unsupported } from "../unreadable.js";
import { type DialectOptions, dotted, PostgresDialect } from "./dialect.js";
import { isTemporary, relationPath } from "./names.js";
import { PostgresTranslator } from "./translate.js";
import type { Body } from "./tree.js";

export { type Draft, isWrite, output, type Place } from "../statement.js";

/** Analyses a statement inside another (PREPARE, DECLARE, EXPLAIN) by its own node. */
export type Nested = (node: unknown) => StatementFacts;

export class Statement extends BaseStatement<PostgresDialect> {
	readonly translator = new PostgresTranslator();
	readonly nested: Nested;
	readonly judgedCalls: Set<CallExpression>;

	constructor(options: Omit<DialectOptions, "judgedCalls">, nested: Nested) {
		const judgedCalls = new Set<CallExpression>();
		super(new PostgresDialect({ ...options, judgedCalls }));
		this.judgedCalls = judgedCalls;
		this.nested = nested;
	}

	/** Something that comes into being: unqualified names are made in the first schema of the search path. */
	created(body: Body, command: Command = "create"): void {
		if (isTemporary(body)) throw unsupported("temporary objects would stand in for others of their name");
		this.createdPath(relationPath(body), command);
	}

	/** A value that is only passed on by itself, or counted, meets no other type and is compared with nothing. */
	protected override implicitUses({ outputs = [] }: Draft): readonly FunctionUse[] {
		const { implicit = [] } = this.dialect.index.catalog;
		if (implicit.length === 0) return [];
		return this.uses
			.columns()
			.filter(({ kind, outputs: own }) => {
				const isPassed = own.length > 0 && own.every((index) => outputs[index]?.direct === true);
				return kind !== "count" && !(kind === "project" && isPassed);
			})
			.flatMap((use) => this.dialect.implicitOfColumn(use));
	}

	protected override runsCode(): Pick<StatementFacts, "runsCode"> {
		if (this.uses.functions().some(({ sort }) => sort === "user")) return { runsCode: "called" };
		const { index } = this.dialect;
		const isAttached = this.uses.relations().some(({ schema, name, sort, command }) => {
			const runs = sort === "data" ? index.relation(schema, name)?.runsCode : undefined;
			return runs === "used" || (runs === "written" && command !== "select");
		});
		return isAttached ? { runsCode: "attached" } : {};
	}

	override newName(path: RelationPath): RelationName {
		if (path.database !== undefined && path.database !== this.dialect.database) {
			throw unsupported(`object of another database: ${dotted(path)}`, path.position);
		}
		const implicit = this.dialect.schemas({ name: path.name }).find((name) => name !== "pg_catalog");
		const schema = path.schema ?? implicit;
		if (schema === undefined) throw unresolved("no schema has been selected to create in", path.position);
		if (schema.startsWith("pg_")) throw unsupported(`objects are not made in ${schema}`, path.position);
		return { schema, name: path.name };
	}
}
