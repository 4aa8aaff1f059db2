/**
 * What a process costs, as Linux counts it: processor time and memory, with its threads and its child processes
 * (proc(5): utime and stime of /proc/PID/stat cover all threads; VmHWM is the peak of resident memory).
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

interface Stat {
	readonly parent: number;
	readonly ticks: number;
}

/** Processor time of a process and all its descendants so far, in microseconds. */
export function cpuMicroseconds(pid: number): number {
	const stats = new Map<number, Stat>();
	for (const entry of readdirSync("/proc")) {
		const stat = /^\d+$/.test(entry) ? readStat(Number(entry)) : undefined;
		if (stat) stats.set(Number(entry), stat);
	}
	const family = new Set([pid]);
	for (let grown = true; grown; ) {
		const before = family.size;
		for (const [child, { parent }] of stats) if (family.has(parent)) family.add(child);
		grown = family.size > before;
	}
	const ticks = [...family].reduce((sum, member) => sum + (stats.get(member)?.ticks ?? 0), 0);
	return (ticks / TICKS_PER_SECOND) * 1e6;
}

function readStat(pid: number): Stat | undefined {
	try {
		// The second field, the program's name, may hold spaces and brackets: count from its end.
		const text = readFileSync(`/proc/${pid}/stat`, "utf8");
		const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
		return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
	} catch {
		// It has ended meanwhile.
		return undefined;
	}
}

/** Peak of a process's resident memory, in MiB. */
export function peakMebibytes(pid: number): number {
	const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
	return Number(kibibytes) / 1024;
}
