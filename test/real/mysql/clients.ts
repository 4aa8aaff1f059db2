/**
 * The clients that MySQL's suite runs: programs in languages of their own beside this file, each found on the machine,
 * installed when it can be (Debian's packages, in one call, as root), or told to be missing with the reason.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { installPackages } from "../../helpers/debian.js";
import { PROJECT } from "../../helpers/project.js";

const run = promisify(execFile);

const PROGRAMS = join(PROJECT, "test", "real", "mysql", "programs");
const PROBE_TIMEOUT_MS = 60_000;
const COMPILE_TIMEOUT_MS = 180_000;

/** Debian's Python: others on the PATH do not see its packages. */
const PYTHON = "/usr/bin/python3";
const CONNECTOR_J = "/usr/share/java/mariadb-java-client.jar";

export interface ClientProgram {
	readonly name: string;
	readonly packages: readonly string[];
	/** A command that succeeds when all that it needs is there. */
	readonly probe: readonly [string, ...string[]];
	/** Makes it ready in a folder; answers the command. */
	prepare(folder: string): Promise<readonly [string, ...string[]]>;
}

const script = (name: string) => join(PROGRAMS, name);

function interpreted(
	name: string,
	packages: readonly string[],
	probe: readonly [string, ...string[]],
	...command: readonly [string, ...string[]]
): ClientProgram {
	return { name, packages, probe, prepare: async () => command };
}

const PYTHON_PROBE = (...modules: string[]) => [PYTHON, "-c", `import ${modules.join(", ")}`] as const;

export const CLIENT_PROGRAMS: readonly ClientProgram[] = [
	interpreted("PyMySQL", ["python3-pymysql"], PYTHON_PROBE("pymysql"), PYTHON, script("dbapi.py"), "pymysql"),
	interpreted("mysqlclient", ["python3-mysqldb"], PYTHON_PROBE("MySQLdb"), PYTHON, script("dbapi.py"), "MySQLdb"),
	interpreted(
		"SQLAlchemy",
		["python3-sqlalchemy", "python3-pymysql", "python3-mysqldb"],
		PYTHON_PROBE("sqlalchemy", "pymysql", "MySQLdb"),
		PYTHON,
		script("alchemy.py"),
	),
	interpreted(
		"PHP mysqli",
		["php-cli", "php-mysql"],
		["php", "-r", "exit(class_exists('mysqli') ? 0 : 1);"],
		"php",
		"-d",
		"memory_limit=512M",
		script("mysqli.php"),
	),
	interpreted(
		"PHP PDO",
		["php-cli", "php-mysql"],
		["php", "-r", "exit(in_array('mysql', PDO::getAvailableDrivers()) ? 0 : 1);"],
		"php",
		script("pdo.php"),
	),
	interpreted(
		"DBD::MariaDB",
		["libdbd-mariadb-perl"],
		["/usr/bin/perl", "-MDBD::MariaDB", "-e", "1"],
		"/usr/bin/perl",
		script("shop.pl"),
	),
	{
		name: "go-sql-driver/mysql",
		packages: ["golang-go", "golang-github-go-sql-driver-mysql-dev"],
		probe: ["test", "-d", "/usr/share/gocode/src/github.com/go-sql-driver/mysql", "-a", "-x", "/usr/bin/go"],
		prepare: async (folder) => {
			const program = join(folder, "shop-go");
			const env = {
				...process.env,
				GOPATH: "/usr/share/gocode",
				GO111MODULE: "off",
				GOCACHE: join(folder, "go-cache"),
			};
			await run("/usr/bin/go", ["build", "-o", program, script("shop.go")], { env, timeout: COMPILE_TIMEOUT_MS });
			return [program];
		},
	},
	{
		name: "MariaDB Connector/J",
		packages: ["libmariadb-java", "default-jdk-headless"],
		probe: ["test", "-e", CONNECTOR_J, "-a", "-x", "/usr/bin/javac"],
		prepare: async (folder) => {
			const words = ["-cp", CONNECTOR_J, "-d", folder, script("Shop.java")];
			await run("javac", words, { timeout: COMPILE_TIMEOUT_MS });
			return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", `${CONNECTOR_J}:${folder}`, "Shop"];
		},
	},
];

async function isThere({ probe: [program, ...words] }: ClientProgram): Promise<boolean> {
	if (program.startsWith("/") && !existsSync(program)) return false;
	return run(program, words, { timeout: PROBE_TIMEOUT_MS }).then(
		() => true,
		() => false,
	);
}

/** Why each of these cannot be run, for those that cannot; what is missing is installed first where that is possible. */
export async function missingPrograms(
	programs: readonly Pick<ClientProgram, "name" | "packages" | "probe">[],
): Promise<ReadonlyMap<string, string>> {
	const missing = async () => {
		const there = await Promise.all(programs.map((each) => isThere(each as ClientProgram)));
		return programs.filter((_, index) => !there[index]);
	};
	const before = await missing();
	if (before.length === 0) return new Map();
	const packages = [...new Set(before.flatMap((each) => each.packages))];
	const failure = await installPackages(before.map(({ name }) => name).join(", "), packages);
	const after = failure === undefined ? await missing() : before;
	const reason = (failure ?? "it does not run after its packages were installed").slice(0, 300);
	return new Map(after.map(({ name, packages }) => [name, `${packages.join(", ")}: ${reason}`]));
}
