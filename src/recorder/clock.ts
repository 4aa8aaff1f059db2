/**
 * Time for the recording: RFC 3339 UTC with microseconds (RFC 3339, section 5.6).
 */

/** Beyond this the system's clock was set (or the machine slept), and the anchor is taken anew. */
const DRIFT_MS = 5;

/**
 * The wall clock in milliseconds with fractions: Date.now refined by the monotonic clock, following Date.now whenever
 * that is set.
 */
export function wallClock(): () => number {
	let anchor = Date.now() - performance.now();
	return () => {
		const fine = anchor + performance.now();
		const coarse = Date.now();
		/* Date.now is cut to whole milliseconds, so `fine` runs up to one ahead of it. */
		if (Math.abs(fine - coarse) < DRIFT_MS) return fine;
		anchor = coarse - performance.now();
		return coarse;
	};
}

/** Formats points in time, remembering the text of the second: on the hot path most fall into the same one. */
export class TimestampFormat {
	#second = Number.NaN;
	#text = "";

	/** "2026-01-31T12:00:00.123456Z" of milliseconds since the epoch, with fractions. */
	format(ms: number): string {
		const second = Math.floor(ms / 1000);
		if (second !== this.#second) {
			this.#second = second;
			this.#text = new Date(second * 1000).toISOString().slice(0, 20);
		}
		const micros = Math.floor((ms - second * 1000) * 1000);
		return `${this.#text}${String(1_000_000 + micros).slice(1)}Z`;
	}
}

/** Whole microseconds since the epoch of a time as the recording writes it; Date keeps only the first three digits. */
export function microseconds(at: string): number {
	return Date.parse(at) * 1000 + Number(/\.\d{3}(\d{3})Z$/.exec(at)?.[1] ?? 0);
}

/** The same in milliseconds with fractions. */
export function milliseconds(at: string): number {
	return microseconds(at) / 1000;
}

/** The time of whole microseconds since the epoch, as the recording writes it. */
export function timestamp(micros: number): string {
	const ms = Math.floor(micros / 1000);
	return `${new Date(ms).toISOString().slice(0, -1)}${String(micros - ms * 1000).padStart(3, "0")}Z`;
}
