/**
 * Commands and their groups as licenses name them.
 */
import { COMMANDS, type Command } from "../sql/facts.js";

/** LOCK … IN ACCESS SHARE MODE is a command of its own here: `read` covers it, other LOCKs need `lock`. */
export type RelationCommand = Command | "shareLock";

const READ: readonly RelationCommand[] = ["select", "copyTo", "explain", "show", "shareLock"];

export const GROUPS = {
	read: READ,
	write: ["insert", "update", "delete", "merge", "copyFrom"],
	ddl: ["create", "alter", "drop", "comment", "truncate"],
	admin: ["grant", "vacuum", "set", "lock", "shareLock"],
	all: [...COMMANDS, "shareLock"],
} as const satisfies Record<string, readonly RelationCommand[]>;

export const COMMAND_WORDS = [...COMMANDS, ...(Object.keys(GROUPS) as (keyof typeof GROUPS)[])] as const;
export type CommandWord = (typeof COMMAND_WORDS)[number];

/** What a permit's `commands` permit. */
export function permittedCommands(words: readonly CommandWord[]): ReadonlySet<RelationCommand> {
	return new Set(words.flatMap((word) => expand(word)));
}

/**
 * What a deny's `commands` deny: the same, and every other form of the same deed. COPY TO reads what SELECT reads and
 * COPY FROM inserts; a MERGE may do any of its three.
 */
export function deniedCommands(words: readonly CommandWord[]): ReadonlySet<RelationCommand> {
	const denied = new Set(words.flatMap((word) => expand(word)));
	if (denied.has("select")) denied.add("copyTo");
	if (denied.has("insert")) denied.add("copyFrom");
	if (denied.has("insert") || denied.has("update") || denied.has("delete")) denied.add("merge");
	if (denied.has("lock")) denied.add("shareLock");
	return denied;
}

function expand(word: CommandWord): readonly RelationCommand[] {
	if (word === "lock") return ["lock", "shareLock"];
	return isGroup(word) ? GROUPS[word] : [word];
}

function isGroup(word: CommandWord): word is keyof typeof GROUPS {
	return Object.hasOwn(GROUPS, word);
}

/** Commands that a permit can limit to columns, as the server's own column privileges can. */
const BY_COLUMN: ReadonlySet<RelationCommand> = new Set([
	"select",
	"copyTo",
	"insert",
	"update",
	"merge",
	"copyFrom",
	/* Of these three nothing of a column is delivered. */
	"explain",
	"show",
	"shareLock",
]);

export function limitedByColumns(command: RelationCommand): boolean {
	return BY_COLUMN.has(command);
}

/** Words of a permit with `columns` that columns cannot limit; `read` can be, wholly. */
export function unlimitableWords(words: readonly CommandWord[]): readonly CommandWord[] {
	return words.filter((word) => expand(word).some((command) => !BY_COLUMN.has(command)));
}
