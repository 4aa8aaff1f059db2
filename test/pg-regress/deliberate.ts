/**
 * Where Licet differs from the server by intent. Lines of the suite's scripts that meet it are left out, of both runs, and
 * all else of the test is compared.
 */
export interface Deliberate {
	readonly test: string;
	/** The lines that are left out. */
	readonly lines: RegExp;
	readonly reason: string;
}

export const DELIBERATE: readonly Deliberate[] = [
	{
		test: "largeobject",
		lines: /^\\lo_(import|export|unlink)\b/,
		reason:
			"libpq's lo_* calls travel as function-call messages, whose arguments no license can judge: they are refused",
	},
];
