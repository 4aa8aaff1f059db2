/** One statement of MySQL's or MariaDB's while it is analysed. */
import type { Command, RelationName, StatementFacts } from "../facts.js";
import { isMysqlSystemSchema } from "../functions/mysql-catalogs.js";
import type { Expression, RelationPath } from "../query.js";
import { emptyScope } from "../resolve.js";
import { BaseStatement } from "../statement.js";
import { holdsData, type Value } from "../taint.js";
import { unsupported } from "../unreadable.js";
import { MysqlDialect, type MysqlDialectOptions } from "./dialect.js";

export { type Draft, isWrite, output, type Place } from "../statement.js";

/** Analyses a statement inside another (PREPARE, EXPLAIN). */
export type Nested<Tree> = (statement: Tree) => StatementFacts;

export class Statement<Tree = unknown> extends BaseStatement<MysqlDialect> {
	readonly nested: Nested<Tree>;
	/** Of a statement that stands in a string of this one. */
	readonly quoted: Nested<Tree>;

	constructor(options: MysqlDialectOptions, nested: Nested<Tree>, quoted: Nested<Tree>) {
		super(new MysqlDialect(options));
		this.nested = nested;
		this.quoted = quoted;
	}

	/** Something of a database that comes into being: a table, view, routine, trigger, event, sequence. */
	created(path: RelationPath, command: Command = "create"): void {
		this.createdPath(path, command);
	}

	override newName(path: RelationPath): RelationName {
		const name = this.dialect.nameOf(path);
		if (isMysqlSystemSchema(name.schema)) throw unsupported(`nothing is made in ${name.schema}`, path.position);
		return name;
	}

	/** An expression outside any query (an argument of CALL, a value of SET): it sees no columns but those of its subqueries. */
	free(expression: Expression): Value {
		return this.value(expression, emptyScope());
	}

	/**
	 * A value that a user variable takes. What is read from it later carries nothing, so no column of licensed data may
	 * flow into it.
	 */
	keep(value: Value, name: string, position?: number): void {
		if (!holdsData(value)) return;
		this.uses.value(value, "copy", `user variable @${name}`);
		throw unsupported(`the value of a column is kept in the user variable @${name}`, position);
	}
}
