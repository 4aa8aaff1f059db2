/** A log with evidence, as a node makes it, for tests to look at and to tamper with. */
import { setTimeout as sleep } from "node:timers/promises";
import { Evidence, type EvidenceOptions } from "../../src/recorder/evidence.js";
import { Journal } from "../../src/recorder/journal.js";
import { isOpen, listSegments } from "../../src/recorder/segments.js";
import { silentLog } from "../../src/telemetry/log.js";
import { result, sessionEnd, sessionStart, statement } from "./entries.js";

export interface OpenedLog {
	readonly journal: Journal;
	readonly evidence: Evidence;
	readonly failures: Error[];
	/** A session of so many statements, with a checkpoint after each few. */
	session(id: string, statements: number): Promise<void>;
	/** Resolves when every segment but the last is sealed. */
	sealed(): Promise<void>;
	close(): Promise<void>;
}

/** A clock that a test sets: it goes on by itself, in small steps. */
export class TestClock {
	ms = Date.UTC(2026, 0, 1);
	readonly now = (): number => {
		this.ms += 0.25;
		return this.ms;
	};
}

const SEALED_WITHIN_MS = 60_000;

export async function openLog(
	folder: string,
	keys: string,
	options: Partial<EvidenceOptions> & {
		readonly clock?: TestClock;
		readonly segmentBytes?: number;
		readonly previousKey?: string;
		readonly externalKey?: string;
	} = {},
): Promise<OpenedLog> {
	const now = (options.clock ?? new TestClock()).now;
	const journal = Journal.open({ folder, now, segmentBytes: options.segmentBytes ?? 4000 });
	const failures: Error[] = [];
	let evidence: Evidence;
	try {
		evidence = await Evidence.open({
			folder,
			journal,
			now,
			keys: { folder: keys, external: options.externalKey, previous: options.previousKey },
			retention: {},
			log: silentLog,
			onFailure: (error) => failures.push(error),
			intervalMs: 3_600_000,
			...options,
		});
	} catch (error) {
		journal.close();
		throw error;
	}
	return {
		journal,
		evidence,
		failures,
		async session(id, statements) {
			journal.append(sessionStart(id));
			for (let number = 1; number <= statements; number++) {
				journal.append(statement(id, number, `select ${number} /* ${"ü".repeat(number % 7)} */`));
				journal.append(result(id, number));
				journal.flush();
				if (number % 5 === 0) await evidence.checkpoint();
			}
			journal.append({ ...sessionEnd(id, statements), rowsOut: statements } as ReturnType<typeof sessionEnd>);
			await evidence.checkpoint();
		},
		async sealed() {
			const start = Date.now();
			while (
				listSegments(folder)
					.slice(0, -1)
					.some((first) => isOpen(folder, first))
			) {
				if (Date.now() - start > SEALED_WITHIN_MS) throw new Error("the segments are not sealed");
				await sleep(20);
			}
		},
		async close() {
			await evidence.close();
			journal.close();
		},
	};
}
