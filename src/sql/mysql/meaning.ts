/**
 * What statements mean that are neither queries nor writes. They hold literals as parts of what they do: their facts hold
 * for their very text only.
 */
import type { MysqlStatement } from "./ast.js";
import type { Environment } from "./environment.js";
import { deedsMeaning } from "./meaning-deeds.js";
import {
	callMeaning,
	diagnosticsMeaning,
	doMeaning,
	executeMeaning,
	immediateMeaning,
	killMeaning,
	loadMeaning,
	lockMeaning,
	prepareMeaning,
	transactionMeaning,
} from "./meaning-session.js";
import { setMeaning } from "./meaning-set.js";
import { explainMeaning, showMeaning } from "./meaning-show.js";
import type { Draft, Statement } from "./statement.js";

type Utility = Exclude<MysqlStatement, { readonly kind: "query" }>;

export function analyseUtility(s: Statement<MysqlStatement>, tree: Utility, environment: Environment): Draft {
	s.uses.literalSensitive = true;
	switch (tree.kind) {
		case "empty":
			return { tag: "" };
		case "deeds":
			return deedsMeaning(s, tree);
		case "set":
			return setMeaning(s, tree, environment);
		case "show":
			return showMeaning(s, tree);
		case "explain":
			return explainMeaning(s, tree);
		case "use":
			return {
				tag: "USE",
				effect: { kind: "database", name: s.dialect.schemaOf({ schema: tree.database, name: "" }) },
			};
		case "transaction":
			return transactionMeaning(tree);
		case "lock":
			return lockMeaning(s, tree);
		case "kill":
			return killMeaning(tree);
		case "prepare":
			return prepareMeaning(s, tree.name, tree.text, environment);
		case "execute":
			return executeMeaning(s, tree.name, tree.using);
		case "executeImmediate":
			return immediateMeaning(s, tree.text, tree.using, environment);
		case "deallocate":
			return { tag: "DEALLOCATE", effect: { kind: "deallocate", name: tree.name } };
		case "do":
			return doMeaning(s, tree.expressions);
		case "call":
			return callMeaning(s, tree);
		case "diagnostics":
			return diagnosticsMeaning(s, tree);
		case "load":
			return loadMeaning(s, tree);
		default:
			return tree satisfies never;
	}
}
