/**
 * Hours: "Mon-Fri 08:00-18:00" in an IANA time zone.
 *
 * A range without days holds every day; one that ends at or before its start runs into the next day, and its days are
 * those on which it starts ("Fri 22:00-06:00" ends on Saturday). The end is exclusive; 24:00 is the end of the day.
 */

const DAYS: readonly string[] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_MINUTES = 24 * 60;
const WEEK_MINUTES = 7 * DAY_MINUTES;

/** Minutes of the week from Monday 00:00, [start, end); `end` may lie beyond the week and then wraps. */
export interface Span {
	readonly start: number;
	readonly end: number;
}

export const HOURS_EXPECTED = 'hours such as "Mon-Fri 08:00-18:00", "Sat,Sun 10:00-14:00", "22:00-06:00"';
export const ZONE_EXPECTED = "an IANA time zone such as Europe/Berlin or UTC";

const RANGE = /^(?:([A-Z][a-z]{2}(?:[-,][A-Z][a-z]{2})*) )?([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)$/;

export function parseHours(text: string): readonly Span[] | undefined {
	const match = RANGE.exec(text);
	if (match === null) return undefined;
	const days = match[1] === undefined ? [0, 1, 2, 3, 4, 5, 6] : daysOf(match[1]);
	const start = Number(match[2]) * 60 + Number(match[3]);
	const end = Number(match[4]) * 60 + Number(match[5]);
	if (days === undefined || start >= DAY_MINUTES || end > DAY_MINUTES || start === end) return undefined;
	const length = end > start ? end - start : end + DAY_MINUTES - start;
	return days.map((day) => ({ start: day * DAY_MINUTES + start, end: day * DAY_MINUTES + start + length }));
}

/** "Mon-Fri", "Sat,Sun", "Fri-Mon" (over the weekend), and lists of those. */
function daysOf(text: string): readonly number[] | undefined {
	const days = new Set<number>();
	for (const part of text.split(",")) {
		const ends = part.split("-").map((name) => DAYS.indexOf(name));
		const [first, last = first] = ends;
		if (first === undefined || last === undefined || first < 0 || last < 0 || ends.length > 2) return undefined;
		for (let day = first; ; day = (day + 1) % 7) {
			days.add(day);
			if (day === last) break;
		}
	}
	return [...days];
}

/** Tells the minute of the week in a zone. Building one costs some 50 µs, so a license keeps its own. */
export type ZoneClock = (now: Date) => number;

/** Undefined when there is no such zone. */
export function zoneClock(timezone: string): ZoneClock | undefined {
	// "+02:00" is accepted by some versions of Node only, and knows no daylight saving time.
	if (!/^[A-Za-z]/.test(timezone)) return undefined;
	let format: Intl.DateTimeFormat;
	try {
		format = new Intl.DateTimeFormat("en-US", {
			timeZone: timezone,
			weekday: "short",
			hour: "2-digit",
			minute: "2-digit",
			hourCycle: "h23",
		});
	} catch {
		return undefined;
	}
	return (now) => {
		const parts = new Map(format.formatToParts(now).map((part) => [part.type, part.value]));
		const day = DAYS.indexOf(parts.get("weekday") ?? "");
		return day * DAY_MINUTES + Number(parts.get("hour")) * 60 + Number(parts.get("minute"));
	};
}

export function withinHours(spans: readonly Span[], minute: number): boolean {
	return spans.some(
		({ start, end }) =>
			(minute >= start && minute < end) || (minute + WEEK_MINUTES >= start && minute + WEEK_MINUTES < end),
	);
}
