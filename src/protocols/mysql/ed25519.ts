/**
 * MariaDB's `client_ed25519`: an Ed25519 signature of the challenge whose key comes from the password as it is, where the
 * standard takes a seed of 32 bytes; so the runtime's own signatures cannot be used, and the little that is needed of
 * the curve is here. It runs when we log in at such a server, once a connection, and takes some milliseconds. It is not
 * made to take the same time for all keys: only who measures this process's own steps could learn from that.
 * Specification: RFC 8032 chapter 5.1; MariaDB Knowledge Base, "Authentication Plugin - ed25519".
 */
import { createHash } from "node:crypto";

const P = 2n ** 255n - 19n;
/** Order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * inverse(121666n));
const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960n;

/** Extended coordinates: x = X/Z, y = Y/Z, x·y = T/Z. */
interface Point {
	readonly x: bigint;
	readonly y: bigint;
	readonly z: bigint;
	readonly t: bigint;
}

const BASE: Point = { x: BASE_X, y: BASE_Y, z: 1n, t: mod(BASE_X * BASE_Y) };
const NEUTRAL: Point = { x: 0n, y: 1n, z: 1n, t: 0n };

function mod(value: bigint, by: bigint = P): bigint {
	const rest = value % by;
	return rest < 0n ? rest + by : rest;
}

/** By Fermat: value^(P-2). */
function inverse(value: bigint): bigint {
	let result = 1n;
	let base = mod(value);
	for (let exponent = P - 2n; exponent > 0n; exponent >>= 1n) {
		if ((exponent & 1n) === 1n) result = mod(result * base);
		base = mod(base * base);
	}
	return result;
}

/** RFC 8032, 5.1.4; the formula holds for doubling too. */
function add(p: Point, q: Point): Point {
	const a = mod((p.y - p.x) * (q.y - q.x));
	const b = mod((p.y + p.x) * (q.y + q.x));
	const c = mod(2n * p.t * q.t * D);
	const d = mod(2n * p.z * q.z);
	const [e, f, g, h] = [b - a, d - c, d + c, b + a];
	return { x: mod(e * f), y: mod(g * h), z: mod(f * g), t: mod(e * h) };
}

function times(scalar: bigint): Buffer {
	let sum = NEUTRAL;
	let power = BASE;
	for (let left = scalar; left > 0n; left >>= 1n) {
		if ((left & 1n) === 1n) sum = add(sum, power);
		power = add(power, power);
	}
	const byZ = inverse(sum.z);
	const x = mod(sum.x * byZ);
	return encoded(mod(sum.y * byZ) | ((x & 1n) << 255n));
}

function encoded(value: bigint): Buffer {
	return Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
}

function decoded(bytes: Buffer): bigint {
	return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function sha512(...parts: readonly Buffer[]): Buffer {
	const hash = createHash("sha512");
	for (const part of parts) hash.update(part);
	return hash.digest();
}

/** The answer to a challenge; nothing for no password. With a password of 32 bytes this is RFC 8032's own signature. */
export function signedChallenge(password: string | Buffer, challenge: Buffer): Buffer {
	if (password.length === 0) return Buffer.alloc(0);
	const expanded = sha512(Buffer.from(password));
	const lower = Buffer.from(expanded.subarray(0, 32));
	lower[0] = (lower[0] as number) & 0xf8;
	lower[31] = ((lower[31] as number) & 0x3f) | 0x40;
	const key = decoded(lower);
	const publicKey = times(key);
	const nonce = mod(decoded(sha512(expanded.subarray(32), challenge)), L);
	const commitment = times(nonce);
	const hashed = mod(decoded(sha512(commitment, publicKey, challenge)), L);
	return Buffer.concat([commitment, encoded(mod(nonce + hashed * key, L))]);
}
