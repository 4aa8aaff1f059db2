/** What statements mean that are neither queries nor writes. */
import { unsupported } from "../unreadable.js";
import type { MysqlStatement } from "./ast.js";
import type { Environment } from "./environment.js";
import type { Draft, Statement } from "./statement.js";

type Utility = Exclude<MysqlStatement, { readonly kind: "query" }>;

export function analyseUtility(_statement: Statement<MysqlStatement>, tree: Utility, _environment: Environment): Draft {
	throw unsupported(`${tree.kind} is not read`);
}
