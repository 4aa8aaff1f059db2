/** The clients that are built first: libpq's pipeline mode in C, pgJDBC, pgx and lib/pq; and the drivers of Node. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { COMPILED } from "../../helpers/project.js";
import { type ClientProgram, compareClients, program } from "./suite.js";

const JDBC = "/usr/share/java/postgresql.jar";
/** pgJDBC's own library for SCRAM, which Debian keeps beside it. */
const JAVA_PATH = [JDBC, "/usr/share/java/scram-client.jar", "/usr/share/java/scram-common.jar"].join(":");

/** Debian's Go packages are sources below one GOPATH; what is compiled of them is kept for the next run. */
const GO = {
	GO111MODULE: "off",
	GOPATH: "/usr/share/gocode",
	GOFLAGS: "",
	GOCACHE: join(tmpdir(), "licet-test-go-cache"),
	CGO_ENABLED: "0",
};

const go = (name: string, file: string, path: string, module: string): ClientProgram => ({
	name,
	packages: ["golang-go", module],
	present: ["sh", "-c", `go version && test -d /usr/share/gocode/src/${path}`],
	build: (folder) => ["go", "build", "-o", join(folder, "client"), program(file)],
	run: (folder) => [join(folder, "client")],
	environment: GO,
});

const node = (name: string, file: string): ClientProgram => ({
	name,
	packages: [],
	present: [process.execPath, "--version"],
	run: () => [process.execPath, join(COMPILED, "test", "real", "postgres-clients", "programs", file)],
	environment: { NODE_OPTIONS: "" },
});

await compareClients(t, [
	node("pg", "pg-client.js"),
	node("postgres", "postgres-client.js"),
	{
		name: "libpq-pipeline",
		packages: ["gcc", "libc6-dev", "libpq-dev"],
		present: ["sh", "-c", "cc --version && pg_config --includedir && test -e /usr/include/postgresql/libpq-fe.h"],
		build: (folder) => [
			"cc",
			"-I/usr/include/postgresql",
			"-o",
			join(folder, "client"),
			program("libpq-pipeline.c"),
			"-lpq",
		],
		run: (folder) => [join(folder, "client")],
	},
	{
		name: "pgjdbc",
		packages: ["default-jdk-headless", "libpostgresql-jdbc-java"],
		present: ["sh", "-c", `javac -version && test -e ${JDBC}`],
		build: (folder) => ["javac", "-cp", JAVA_PATH, "-d", folder, program("Pgjdbc.java")],
		run: (folder) => ["java", "-XX:TieredStopAtLevel=1", "-cp", `${JAVA_PATH}:${folder}`, "Pgjdbc"],
	},
	go("lib-pq", "lib-pq.go", "github.com/lib/pq", "golang-github-lib-pq-dev"),
	go("pgx", "pgx_client.go", "github.com/jackc/pgx/v4", "golang-github-jackc-pgx-v4-dev"),
]);
