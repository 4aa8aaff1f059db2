/** Whether a file or a folder that licet.yaml names can be used by this process. */
import { accessSync, constants, statSync } from "node:fs";
import type { ReferenceSort } from "./soundness.js";

/** What is wrong with it, as the beginning of a message; undefined: nothing that shows without opening it. */
export function findFault(path: string, sort: ReferenceSort): string | undefined {
	try {
		/* A pipe or a device can hold a secret (`/dev/fd/3`), so all that is no folder may be a file. */
		const isFolder = statSync(path).isDirectory();
		if (isFolder !== (sort !== "file")) return isFolder ? "names a folder" : "names something that is no folder";
	} catch (error) {
		return missing(error, sort);
	}
	try {
		accessSync(path, sort === "file" ? constants.R_OK : constants.R_OK | constants.X_OK);
		return undefined;
	} catch {
		return "names something that this user may not read";
	}
}

function missing(error: unknown, sort: ReferenceSort): string | undefined {
	const code = error instanceof Error && "code" in error ? error.code : undefined;
	switch (code) {
		case "ENOENT":
			return sort === "folder to be made" ? undefined : "names something that does not exist";
		case "EACCES":
			return "names something that this user may not see";
		case "ELOOP":
			return "names symbolic links that lead in a circle";
		case "ENOTDIR":
			return "has a part that is no folder";
		default:
			return `names something that cannot be used (${String(code)})`;
	}
}
