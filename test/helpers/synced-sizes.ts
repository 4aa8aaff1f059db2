/**
 * Loaded into a process before its program (`node --import`): notes in a file (LICET_TEST_SYNCED) how much of each other
 * file has been brought to the disk, as "inode size" lines. So a test can take away from a process that it has killed
 * what a power failure would have taken: everything that was never synced.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Done = (error: NodeJS.ErrnoException | null) => void;

const notes = fs.openSync(process.env.LICET_TEST_SYNCED ?? "/dev/null", "a");
const real = { fdatasync: fs.fdatasync, fsync: fs.fsync, fsyncSync: fs.fsyncSync, writeFileSync: fs.writeFileSync };

const note = ({ ino, size }: fs.Stats) => fs.writeSync(notes, `${ino} ${size}\n`);

const noted = (sync: typeof fs.fsync) => (fd: number, done: Done) => {
	/* As it is now: what is written while the disk is busy need not be on it. */
	const stats = fs.fstatSync(fd);
	sync(fd, (error) => {
		if (error === null) note(stats);
		done(error);
	});
};

Object.assign(fs, {
	fdatasync: noted(real.fdatasync),
	fsync: noted(real.fsync),
	fsyncSync: (fd: number) => {
		const stats = fs.fstatSync(fd);
		real.fsyncSync(fd);
		note(stats);
	},
	writeFileSync: (file: fs.PathOrFileDescriptor, data: string, options: fs.WriteFileOptions & { flush?: boolean }) => {
		real.writeFileSync(file, data, options);
		if (typeof options === "object" && options?.flush === true) note(fs.statSync(file as string));
	},
});
syncBuiltinESMExports();
