/** How long tests may take. The limits end what hangs and measure nothing: machines differ by a factor of ten. */

/** `LICET_NIGHTLY=1` tries many times as many cases. */
export const NIGHTLY = process.env.LICET_NIGHTLY === "1";

/** A single file; the slowest ones stream gigabytes or wait for timeouts to strike. */
export const FILE_TIMEOUT_MS = NIGHTLY ? 3_600_000 : 900_000;

/** A part of a file: less than the file's, so that the part which hangs is named. */
export const PART_TIMEOUT_MS = FILE_TIMEOUT_MS - 20_000;
