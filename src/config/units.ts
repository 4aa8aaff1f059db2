/**
 * Durations, byte sizes and addresses as both documents write them. Each reader answers undefined for what it does not
 * understand, and each has the sentence that says what it would have.
 */

/** host:port; `host` is a name, an IPv4 or an IPv6 address (without brackets). Port 0 on a listener: any free one. */
export interface Address {
	readonly host: string;
	readonly port: number;
}

export const DURATION_EXPECTED = "a duration: a whole number and one of ms, s, m, h, d (30s, 4h, 500ms)";
const DURATION_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** "30s" → 30000. At most about 24 days would fit a timer, so longer ones are the caller's to split; a year is the limit. */
export function parseDuration(text: string): number | undefined {
	const match = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
	if (match === null) return undefined;
	const value = Number(match[1]) * DURATION_MS[match[2] as keyof typeof DURATION_MS];
	return value > 0 && value <= 366 * DURATION_MS.d ? value : undefined;
}

export const BYTES_EXPECTED = "a size in bytes: a whole number, alone or with B, KiB, MiB, GiB, TiB (64MiB)";
/* Not KB or MB: some mean 1000 by them and some 1024, and a cap must not depend on who reads it. */
const BYTE_UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** "64MiB" → 67108864; "4096" → 4096. */
export function parseBytes(text: string): number | undefined {
	const match = /^(\d{1,15}) ?(B|KiB|MiB|GiB|TiB)?$/.exec(text);
	if (match === null) return undefined;
	const value = Number(match[1]) * BYTE_UNITS[(match[2] ?? "B") as keyof typeof BYTE_UNITS];
	return value > 0 && Number.isSafeInteger(value) ? value : undefined;
}

/** 67108864 → "64MiB": in the largest unit that it is a whole number of. */
export function formatBytes(bytes: number): string {
	const unit = Object.entries(BYTE_UNITS).findLast(([, size]) => bytes % size === 0);
	return unit === undefined ? String(bytes) : `${bytes / unit[1]}${unit[0]}`;
}

export const ADDRESS_EXPECTED = "an address host:port (127.0.0.1:5432, db.internal:5432, [::1]:5432)";

export function parseAddress(text: string): Address | undefined {
	const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})?)):(\d{1,5})$/.exec(text);
	if (match === null) return undefined;
	const host = match[1] ?? match[2];
	const port = Number(match[3]);
	if (host === undefined || port > 65535) return undefined;
	if (match[1] !== undefined && !match[1].includes(":")) return undefined;
	return { host, port };
}

/** The address as a person writes it: IPv6 in brackets. */
export function formatAddress(address: Address): string {
	return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

export const ENDPOINT_EXPECTED =
	"a URL https://host or https://host:port without a path (http:// on this machine's own addresses alone: recordings hold what masks hide)";

/** "https://s3.example.com:9000" → URL. */
export function parseEndpoint(text: string): URL | undefined {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (url === undefined || url.username !== "" || url.password !== "") return undefined;
	if (url.pathname !== "/" || /[?#]/.test(text)) return undefined;
	if (url.protocol === "https:") return url;
	const isLocal = url.hostname === "localhost" || url.hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
	return url.protocol === "http:" && isLocal ? url : undefined;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and what no path can be led astray by. */
export const BUCKET = /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/;
export const BUCKET_EXPECTED = "a bucket's name: 3 to 63 of a-z, 0-9, - and single dots";

/** Letters that are the same in every encoding of a path; no part of it empty, "." or "..". */
export const OBJECT_PREFIX = /^(?!.{513})(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+)*$/;
export const OBJECT_PREFIX_EXPECTED =
	"a path of letters, digits, _ . - and single / between them, of at most 512 characters (team/licet)";
