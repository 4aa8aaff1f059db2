/**
 * The one-way rule of the house: a folder may import the ones below it and no other.
 * Floors from the top; folders on one floor do not know each other.
 */
const floors = [
	["cli"],
	["api", "console"],
	["sessions"],
	["access"],
	["recorder", "metering"],
	["licensing"],
	["protocols"],
	["sql"],
	["store"],
	["telemetry", "config"],
];

const oneWay = floors.flatMap((folders, floor) =>
	folders.map((folder) => {
		const below = floors.slice(floor + 1).flat();
		return {
			name: `${folder}-imports-only-below`,
			severity: "error",
			from: { path: `^src/${folder}/` },
			to: { path: "^src/", pathNot: `^src/(${[folder, ...below].join("|")})/` },
		};
	}),
);

module.exports = {
	forbidden: [
		...oneWay,
		{ name: "no-circles", severity: "error", from: {}, to: { circular: true } },
		{
			name: "sockets-live-in-sessions",
			comment: "Protocol code, SQL reading and licensing are sans-I/O: bytes in, bytes and events out.",
			severity: "error",
			from: { path: "^src/(protocols|licensing)/" },
			to: { path: "^(node:)?(net|tls|fs|fs/promises|http|dgram|child_process|worker_threads|timers)$" },
		},
		{
			name: "net-only-in-sessions",
			severity: "error",
			from: { path: "^src/", pathNot: "^src/(sessions|cli|api)/" },
			to: { path: "^(node:)?(net|tls)$" },
		},
		{
			name: "no-tests-in-source",
			severity: "error",
			from: { path: "^src/" },
			to: { path: "^(test|bench)/" },
		},
	],
	options: {
		doNotFollow: { path: "node_modules" },
		tsPreCompilationDeps: true,
		tsConfig: { fileName: "tsconfig.json" },
		enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node"] },
	},
};
