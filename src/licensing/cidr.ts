/**
 * IPv4 and IPv6 addresses and ranges (RFC 4632, RFC 4291), read by hand: licensing is pure and may not know `node:net`,
 * whose BlockList would do the same.
 */

/** The 128 bits of an address; IPv4 as ::ffff:a.b.c.d, so that a dual-stack socket's form means the same. */
export type AddressBits = bigint;

export interface Cidr {
	readonly bits: AddressBits;
	/** Leading bits that count, of 128. */
	readonly prefix: number;
}

const MAPPED = 0xffffn << 32n;

export function parseIp(text: string): AddressBits | undefined {
	// fe80::1%eth0: the zone says which link, not which address.
	const address = text.replace(/%[\w.-]+$/, "");
	if (!address.includes(":")) {
		const four = parseIpv4(text);
		return four === undefined ? undefined : MAPPED | BigInt(four);
	}
	return parseIpv6(address);
}

function parseIpv4(text: string): number | undefined {
	const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
	if (match === null) return undefined;
	let bits = 0;
	for (const part of match.slice(1)) {
		// A leading zero is octal to some and decimal to others: refused.
		if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
		bits = bits * 256 + Number(part);
	}
	return bits;
}

function parseIpv6(text: string): AddressBits | undefined {
	const halves = text.split("::");
	if (halves.length > 2) return undefined;
	const head = groupsOf(halves[0] ?? "", halves.length === 1);
	const tail = halves.length === 2 ? groupsOf(halves[1] ?? "", true) : [];
	if (head === undefined || tail === undefined) return undefined;
	const missing = 8 - head.length - tail.length;
	if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
	const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
	return groups.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n);
}

/** Groups of 16 bits; the last may be an IPv4 address, which is two. */
function groupsOf(text: string, last: boolean): number[] | undefined {
	if (text === "") return [];
	const groups: number[] = [];
	const words = text.split(":");
	for (const [index, word] of words.entries()) {
		if (last && index === words.length - 1 && word.includes(".")) {
			const four = parseIpv4(word);
			if (four === undefined) return undefined;
			groups.push(four >>> 16, four & 0xffff);
		} else if (/^[0-9A-Fa-f]{1,4}$/.test(word)) groups.push(Number.parseInt(word, 16));
		else return undefined;
	}
	return groups;
}

/** "10.0.0.0/8", "2001:db8::/32", or an address alone. Bits after the prefix must be zero: 10.1.0.0/8 is a mistake. */
export function parseCidr(text: string): Cidr | undefined {
	const match = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text);
	const address = match?.[1];
	if (address === undefined) return undefined;
	const bits = parseIp(address);
	if (bits === undefined) return undefined;
	const width = address.includes(":") ? 128 : 32;
	const length = match?.[2] === undefined ? width : Number(match[2]);
	if (length > width) return undefined;
	const prefix = length + 128 - width;
	return bits & ((1n << BigInt(128 - prefix)) - 1n) ? undefined : { bits, prefix };
}

export function cidrHolds(range: Cidr, address: AddressBits): boolean {
	const shift = BigInt(128 - range.prefix);
	return address >> shift === range.bits >> shift;
}
