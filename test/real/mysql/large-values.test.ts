/**
 * Values of MySQL that are longer than a packet (16 MiB): as parameters in pieces, as rows of either protocol, as texts
 * whose last packet is full, so that an empty one follows.
 */
import t, { type Test } from "tap";
import { outline } from "../../helpers/mysql-raw.js";
import { mysqlServers } from "../../helpers/mysql-servers.js";
import { COM, command, int16, int32, longValue, packets } from "../../helpers/mysql-wire.js";
import { direct, type Ground, prepareGround } from "./ground.js";

const SCHEMA = "CREATE TABLE large (id int PRIMARY KEY, body longblob, secret varchar(9) DEFAULT 'hidden');";
const LICENSES = {
	plain: { permits: [{ on: ["$DB.*"], commands: ["read", "insert"] }] },
	masked: {
		permits: [{ on: ["$DB.*"], commands: ["read"] }],
		masks: [{ columns: ["$DB.large.secret"], with: "redact" }],
		recording: { results: 1 },
	},
	everything: { permits: "all" },
};

async function largeValues(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login(t, "plain");
	const megabyte = 1 << 20;
	const sizes = [0xff_ff_ff - 60, 0xff_ff_ff, 40 * megabyte];
	for (const [index, size] of sizes.entries()) {
		const { id } = await client.prepare("INSERT INTO large (id, body) VALUES (?, ?)");
		const piece = Buffer.alloc(megabyte, 97 + index);
		for (let left = size; left > 0; left -= megabyte) {
			client.send(command(COM.longData, int32(id), int16(1), piece.subarray(0, Math.min(left, megabyte))));
		}
		t.equal(
			outline(await client.execute(id, { values: [`${index}`, longValue] })),
			"ok 1 s2 w0",
			`${size} bytes in pieces`,
		);
		client.send(command(COM.close, int32(id)));
		const sum = await direct(ground, `SELECT length(body), md5(body) FROM large WHERE id = ${index}`);
		t.equal(Number(sum[0]?.[0]), size);
		for (const deprecateEof of [true, false]) {
			const reader = await ground.login(t, index % 2 === 0 ? "plain" : "masked", { deprecateEof });
			t.equal(
				outline(await reader.query(`SELECT id, body, secret FROM large WHERE id = ${index}`)),
				"3c 1r s2 w0",
				"as text",
			);
			const prepared = await reader.prepare(`SELECT body, secret FROM large WHERE id = ${index}`);
			const [answer] = await reader.execute(prepared.id);
			const [row] = answer?.kind === "rows" ? answer.rows : [];
			t.equal(row?.[0]?.length, size, "as a binary row of several packets");
			t.ok(row?.[0]?.endsWith(String.fromCharCode(97 + index)));
			t.same(reader.misnumbered, []);
			reader.destroy();
		}
	}
	const text = await ground.login(t, "everything");
	for (const length of [0xff_ff_ff - 1, 0xff_ff_ff, 0xff_ff_ff + 1]) {
		// A payload of exactly so many bytes, the command's code among them: a full packet has an empty one behind it.
		const head = "SELECT length('";
		const payload = Buffer.concat([
			Buffer.of(COM.query),
			Buffer.from(`${head}${"y".repeat(length - head.length - 4)}')`),
		]);
		t.ok(payload.length === length || payload.length === length - 1);
		const bytes = packets(payload.length === length ? payload : Buffer.concat([payload, Buffer.from(" ")]));
		text.say(bytes, Math.floor(length / 0xff_ff_ff));
		t.equal(outline(await text.answers()), "1c 1r s2 w0", `a text of ${length} bytes`);
	}
	t.same([...client.misnumbered, ...text.misnumbered], []);
}

for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		const ground = await prepareGround(t, server, { schema: SCHEMA, licenses: LICENSES });
		await largeValues(t, ground);
	});
}
