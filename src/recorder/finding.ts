/** What a check of the recording finds wrong, and where. */

export interface Finding {
	/** What is wrong, in words. */
	readonly message: string;
	/** The file that it was found in. */
	readonly file: string | null;
	/** Number of the first entry that is not as it was, as far as it can be told. */
	readonly seq: number | null;
	/** The session that this entry belongs to, as it says itself. */
	readonly session: string | null;
}

export function finding(
	message: string,
	where: {
		readonly file?: string | undefined;
		readonly seq?: number | undefined;
		readonly session?: string | undefined;
	} = {},
): Finding {
	return { message, file: where.file ?? null, seq: where.seq ?? null, session: where.session ?? null };
}

export function describeFinding({ message, file, seq, session }: Finding): string {
	const places = [
		...(file === null ? [] : [file]),
		...(seq === null ? [] : [`entry ${seq}`]),
		...(session === null ? [] : [`session ${session}`]),
	];
	return places.length === 0 ? message : `${places.join(", ")}: ${message}`;
}
