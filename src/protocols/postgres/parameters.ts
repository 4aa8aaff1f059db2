/**
 * Parameters of a Bind or a function call as the recording keeps them: text where it can be read, "\x…" hex where it cannot.
 */
import { type BindMessage, formatAt } from "./messages.js";
import { recordedValue } from "./values.js";

const NONE: readonly (string | null)[] = [];

/** `types`: OIDs that the client gave in Parse, or that the server described; 0 or absent: not known. */
export function readParameters(
	data: Buffer,
	message: Pick<BindMessage, "parameters" | "parameterFormats">,
	types: readonly number[],
): readonly (string | null)[] {
	const { parameters, parameterFormats } = message;
	if (parameters.length === 0) return NONE;
	const values: (string | null)[] = [];
	for (let index = 0; index * 2 < parameters.length; index++) {
		const start = parameters[index * 2] as number;
		const length = parameters[index * 2 + 1] as number;
		if (length < 0) values.push(null);
		else {
			const bytes = data.subarray(start, start + length);
			values.push(recordedValue(types[index] ?? 0, formatAt(parameterFormats, index), bytes));
		}
	}
	return values;
}
