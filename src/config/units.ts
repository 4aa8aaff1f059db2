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
