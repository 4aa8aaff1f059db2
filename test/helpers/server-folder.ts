/** A temporary folder that servers of a test run keep their data in. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface ServerFolder {
	readonly folder: string;
	remove(): void;
}

/** Makes it below another; it goes when it is removed, and when the process exits in any orderly way. */
export function serverFolder(below: string): ServerFolder {
	const folder = mkdtempSync(join(below, "licet-test-"));
	// Under root the servers run as another user, who has to reach his folder through this one.
	chmodSync(folder, 0o755);
	const clean = () => removeFolder(folder);
	process.once("exit", clean);
	const remove = () => {
		process.removeListener("exit", clean);
		clean();
	};
	return { folder, remove };
}

/** Synchronous, for the exit handler. Servers that were just killed may still write for a moment: it tries again. */
function removeFolder(folder: string): void {
	for (let tries = 0; tries < 40; tries++) {
		try {
			rmSync(folder, { recursive: true, force: true });
			return;
		} catch {
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
		}
	}
	console.error(`could not remove ${folder}`);
}
