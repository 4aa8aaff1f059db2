/** Two runs of the suite side by side. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SuiteResult } from "./suites.js";

export interface Difference {
	readonly test: string;
	readonly diff: string;
}

export interface Comparison {
	readonly table: readonly string[];
	readonly same: number;
	readonly differences: readonly Difference[];
}

export function comparison(direct: SuiteResult, through: SuiteResult): Comparison {
	const table = [`${"test".padEnd(28)}${"direct".padEnd(12)}${"through".padEnd(12)}compared`];
	const differences: Difference[] = [];
	let same = 0;
	for (const test of [...direct.outputs.keys()].sort()) {
		const diff = unifiedDiff(direct.outputs.get(test) ?? "", through.outputs.get(test) ?? "");
		const judged = [direct, through].map(({ unexpected }) => (unexpected.has(test) ? "unexpected" : "ok").padEnd(12));
		if (diff === "") same++;
		else differences.push({ test, diff });
		table.push(`${test.padEnd(28)}${judged.join("")}${diff === "" ? "same" : "DIFFERS"}`);
	}
	table.push(`# ${direct.seconds.toFixed(0)} s direct, ${through.seconds.toFixed(0)} s through Licet`);
	return { table, same, differences };
}

function unifiedDiff(left: string, right: string): string {
	if (left === right) return "";
	const folder = mkdtempSync(join(tmpdir(), "licet-diff-"));
	try {
		writeFileSync(join(folder, "direct"), left, "latin1");
		writeFileSync(join(folder, "through"), right, "latin1");
		const { stdout } = spawnSync("diff", ["-U2", "direct", "through"], { cwd: folder, encoding: "latin1" });
		return stdout;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}
