/**
 * Where things lie: the folder of the project and that of the compiled code, which need not be called `dist`.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

function find(): { readonly root: string; readonly compiled: string } {
	const here = fileURLToPath(import.meta.url);
	let root = dirname(here);
	while (!existsSync(join(root, "package.json"))) {
		if (dirname(root) === root) throw new Error(`no package.json above ${here}`);
		root = dirname(root);
	}
	return { root, compiled: join(root, relative(root, here).split(sep)[0] ?? "dist") };
}

export const { root: PROJECT, compiled: COMPILED } = find();

/** A file below `fixtures/`. */
export function fixture(...parts: readonly string[]): string {
	return join(PROJECT, "fixtures", ...parts);
}

/**
 * What runs Licet's command line: `bin/licet.js`, or the same entry point in another build's folder. Without the
 * NODE_OPTIONS by which tap's own command line, for who uses it, follows child processes: its hooks would be in the memory
 * and the time that tests measure. `env` replaces itself by the program, so the process is the proxy's own.
 */
export function licetCommand(nodeFlags: readonly string[] = []): readonly [string, ...string[]] {
	const isDist = COMPILED === join(PROJECT, "dist");
	const main = isDist ? join(PROJECT, "bin", "licet.js") : join(COMPILED, "src", "cli", "main.js");
	return ["env", "-u", "NODE_OPTIONS", process.execPath, ...nodeFlags, main];
}
