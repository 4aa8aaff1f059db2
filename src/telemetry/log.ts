/**
 * The log: one JSON object a line on standard error (pino), never a credential.
 *
 * Two nets, because a password in a log is a password lost: fields with telling names are replaced wherever they stand
 * near the top of an object, and passwords inside URLs are replaced in the finished line.
 */
import { type Logger, pino } from "pino";

export type { Logger };

/** Where lines go. */
export interface LogDestination {
	write(line: string): void;
}

export interface LogOptions {
	/** trace, debug, info, warn, error, fatal or silent; what LICET_LOG holds. Undefined or empty: info. */
	readonly level: string | undefined;
	/** Standard error when absent, written synchronously: the last line before a crash is the one that matters. */
	readonly destination?: LogDestination;
}

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const SECRET_FIELDS = [
	"password",
	"passphrase",
	"pass",
	"secret",
	"credential",
	"credentials",
	"authorization",
	"cookie",
	"token",
	"privateKey",
	"verifier",
	"storedKey",
	"serverKey",
];
/** pino's paths have no "at any depth"; four levels are deeper than anything that is logged here. */
const SECRET_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`]);

/** The password of `scheme://user:password@host`, up to the last @ before the path. */
const URL_PASSWORD = /(:\/\/[^\s:@/"\\]*:)[^\s/"\\]*@/g;

/** A line without the passwords that its URLs hold. */
function withoutUrlPasswords(line: string): string {
	return line.includes("://") ? line.replace(URL_PASSWORD, "$1[redacted]@") : line;
}

/** Throws a RangeError that names the levels when the level is none of them. */
export function createLog(options: LogOptions): Logger {
	const level = options.level === undefined || options.level === "" ? "info" : options.level;
	if (!LEVELS.some((known) => known === level)) {
		throw new RangeError(`LICET_LOG: expected one of ${LEVELS.join(", ")}`);
	}
	return pino(
		{
			level,
			base: null,
			timestamp: pino.stdTimeFunctions.isoTime,
			formatters: { level: (label) => ({ level: label }) },
			redact: { paths: SECRET_PATHS, censor: "[redacted]" },
			hooks: { streamWrite: withoutUrlPasswords },
		},
		options.destination ?? pino.destination({ dest: 2, sync: true }),
	);
}

/** A log that keeps nothing. */
export const silentLog: Logger = pino({ level: "silent" });
