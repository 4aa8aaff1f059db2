/** Figures that a run is to show even when all is well: the report shows failures alone, standard error shows all. */
import type { Test } from "tap";

export function print(t: Test, line: string): void {
	t.comment(line);
	process.stderr.write(`# ${t.name}: ${line}\n`);
}
