/** How a command ends when it cannot do what was asked: 1 it failed, 2 it was asked wrongly. */
export class CommandFailure extends Error {
	constructor(
		message: string,
		readonly exitCode: 1 | 2,
	) {
		super(message);
	}
}
