/**
 * The attacker's table for MySQL and MariaDB: ways to read a masked value or a table that is not licensed, or to write or
 * set what may not be, each tried once and kept for ever. attacks.test.ts says how they are judged.
 */

/** `denied`: an error of the license's; `native`: one of the server's own; `masked`: it passes and shows nothing. */
export type Expected = "denied" | "masked" | "native" | "any";

export interface Attack {
	readonly name: string;
	readonly expect: Expected;
	/** Each sent by itself, in one session. */
	readonly run: readonly string[];
	/** Text protocol alone: the server does not prepare it. */
	readonly text?: boolean;
	readonly only?: "mariadb" | "mysql";
}

export interface Secrets {
	readonly email: readonly [string, string];
	readonly nick: readonly [string, string];
	readonly salary: readonly [number, number];
	readonly row: readonly [string, string];
}

/** What an attacker guesses, which is there in the first. */
const GUESS = "zqcanaryone.kestrel@mail.hedgerow.example";

export const SECRETS: readonly [Secrets, Secrets] = [
	{
		email: [GUESS, "zqcanarytwo.plover@post.furrow.example"],
		nick: ["wrenmarsh", "heronmere"],
		salary: [48291, 100],
		row: ["rowcurlew.fieldfare", "rowdunlin.nightjar"],
	},
	{
		email: ["zqcanarysix.osprey@link.meadow.example", "zqcanaryfive.avocet@relay.thicket.example"],
		nick: ["siskinwood", "bitternfen"],
		salary: [17, 73913],
		row: ["rowwhimbrel.sandmartin", "rowgodwit.ringouzel"],
	},
];

export const SCHEMA = `
CREATE TABLE users (id int PRIMARY KEY, plain varchar(20), email varchar(80) UNIQUE, nick varchar(40), salary int,
	loud varchar(80) GENERATED ALWAYS AS (upper(email)) STORED, FULLTEXT KEY (nick));
CREATE TABLE words (word varchar(80), n int);
INSERT INTO words VALUES ('guess@guess.example', 1), ('zz', 2), ('a', 3);
CREATE TABLE hidden (id int PRIMARY KEY, secret varchar(200));
CREATE TABLE denied (id int, secret varchar(200));
CREATE TABLE tickets (id int PRIMARY KEY, status varchar(20), hidden varchar(200));
CREATE TABLE copies (id int, word varchar(200));
CREATE VIEW contacts AS SELECT id, email AS contact FROM users;
CREATE VIEW loud_contacts AS SELECT id, concat(email, '!') AS contact FROM users;
CREATE VIEW staff AS SELECT id, secret FROM hidden;
CREATE FUNCTION peek() RETURNS varchar(200) READS SQL DATA RETURN (SELECT max(secret) FROM hidden);
CREATE PROCEDURE tell() SELECT email FROM users;
INSERT INTO users (id, plain) VALUES (1, 'p1'), (2, 'p2'), (3, 'p3');
INSERT INTO tickets VALUES (1, 'open', ''), (2, 'open', '');`;

export function secretsScript({ email, nick, salary, row }: Secrets): string {
	return `UPDATE users SET email = '${email[0]}', nick = '${nick[0]}', salary = ${salary[0]} WHERE id = 1;
		UPDATE users SET email = '${email[1]}', nick = '${nick[1]}', salary = ${salary[1]} WHERE id = 2;
		UPDATE tickets SET hidden = '${row[0]}';
		INSERT INTO hidden VALUES (1, '${row[0]}'), (2, '${row[1]}');
		INSERT INTO denied VALUES (1, '${row[0]}');
		ANALYZE TABLE users, words, copies;`;
}

const denied = (name: string, ...run: string[]): Attack => ({ name, expect: "denied", run });
const masked = (name: string, ...run: string[]): Attack => ({ name, expect: "masked", run });
const any = (name: string, ...run: string[]): Attack => ({ name, expect: "any", run });

export const ATTACKS: readonly Attack[] = [
	// ---- what passes, masked
	masked("plainly", "SELECT id, email, nick, salary FROM users ORDER BY id"),
	masked("by *", "SELECT * FROM users ORDER BY id"),
	masked("by alias", "SELECT u.email AS plain FROM users u ORDER BY u.id"),
	masked("in other case", "SELECT EMAIL, `Email`, U.eMaIl FROM users U ORDER BY id"),
	masked("qualified with the database", "SELECT users.email FROM users ORDER BY users.id"),
	masked("through a derived table", "SELECT x FROM (SELECT id, email x FROM users) d ORDER BY id"),
	masked("through a common table", "WITH c AS (SELECT id, email e FROM users) SELECT e FROM c ORDER BY id"),
	masked("through a view", "SELECT contact FROM contacts ORDER BY id"),
	masked("a generated column", "SELECT loud FROM users ORDER BY id"),
	denied("an expression in a view", "SELECT contact FROM loud_contacts ORDER BY id"),
	masked("UNION ALL", "SELECT email FROM users UNION ALL SELECT word FROM words"),
	masked("UNION ALL the other way", "SELECT word FROM words UNION ALL SELECT email FROM users"),
	masked("a scalar subquery", "SELECT (SELECT email FROM users WHERE id = 1)"),
	masked("under a harmless label", "SELECT email AS id FROM users ORDER BY users.id"),
	masked("counted", "SELECT count(email), count(*) FROM users"),
	masked("executable comment", "SELECT /*!50000 email, */ id FROM users ORDER BY id"),
	masked("a join", "SELECT u.email, w.word FROM users u JOIN words w ON w.n = u.id ORDER BY u.id"),
	masked("a right join", "SELECT u.email FROM words w RIGHT JOIN users u ON w.n = u.id ORDER BY u.id"),
	{ ...masked("TABLE", "TABLE users"), only: "mysql" },
	masked("SELECT DISTINCT of another", "SELECT DISTINCT plain FROM users ORDER BY plain"),

	// ---- computed from
	denied("upper", "SELECT upper(email) FROM users"),
	denied("substr", "SELECT substr(email, 1, 3) FROM users"),
	denied("hex", "SELECT hex(email) FROM users"),
	denied("concat", "SELECT concat(email, '') FROM users"),
	denied("by operator", "SELECT email + 0, salary + 0 FROM users"),
	denied("negated", "SELECT -salary FROM users"),
	denied("cast", "SELECT CAST(email AS char(3)) FROM users"),
	denied("convert", "SELECT CONVERT(email USING latin1) FROM users"),
	denied("collate", "SELECT email COLLATE utf8mb4_bin FROM users"),
	denied("binary", "SELECT BINARY email FROM users"),
	denied("case", "SELECT CASE WHEN salary > 1000 THEN 1 ELSE 0 END FROM users"),
	denied("if", "SELECT if(salary > 1000, 1, 0) FROM users"),
	denied("coalesce", "SELECT coalesce(email, '') FROM users"),
	denied("is null", "SELECT email IS NULL FROM users"),
	denied("compared in the list", `SELECT email = '${GUESS}' FROM users`),
	denied("group_concat", "SELECT group_concat(email) FROM users"),
	denied("json_arrayagg", "SELECT json_arrayagg(email) FROM users"),
	denied("json_objectagg", "SELECT json_objectagg(id, email) FROM users"),
	denied("json_object", "SELECT json_object('e', email) FROM users"),
	denied("max", "SELECT max(email), min(salary), sum(salary), avg(salary) FROM users"),
	denied("count distinct", "SELECT count(DISTINCT email) FROM users"),
	denied("a window over it", "SELECT row_number() OVER (ORDER BY salary) FROM users"),
	denied("lag", "SELECT lag(email) OVER (ORDER BY id) FROM users"),
	denied("extractvalue error", "SELECT extractvalue(1, concat(0x7e, email)) FROM users"),
	denied("updatexml error", "SELECT updatexml(1, concat(0x7e, email), 1) FROM users"),
	denied("exp overflow error", "SELECT exp(salary * 1000) FROM users"),
	denied("in an interval", "SELECT now() + INTERVAL salary SECOND FROM users"),
	denied("elt", "SELECT elt(salary, 'a', 'b') FROM users"),
	denied("row comparison", `SELECT (id, email) = (1, '${GUESS}') FROM users`),
	denied("interval function", "SELECT interval(salary, 1, 100, 1000) FROM users"),
	denied("full text", "SELECT id, MATCH (nick) AGAINST ('wrenmarsh') FROM users"),

	// ---- conditions
	denied("equality", `SELECT id FROM users WHERE email = '${GUESS}'`),
	denied("IN", `SELECT id FROM users WHERE email IN ('${GUESS}')`),
	denied("LIKE", "SELECT id FROM users WHERE email LIKE 'zqcanaryone%'"),
	denied("REGEXP", "SELECT id FROM users WHERE email REGEXP '^zqcanaryone'"),
	denied("a range", "SELECT id FROM users WHERE salary > 1000"),
	denied("BETWEEN", "SELECT id FROM users WHERE salary BETWEEN 48000 AND 49000"),
	denied("null-safe equality", `SELECT id FROM users WHERE email <=> '${GUESS}'`),
	denied("IS NULL", "SELECT id FROM users WHERE email IS NULL"),
	denied("EXISTS", `SELECT 1 FROM words WHERE EXISTS (SELECT 1 FROM users WHERE email = '${GUESS}')`),
	denied("IN subquery", "SELECT word FROM words WHERE word IN (SELECT email FROM users)"),
	denied("ANY", "SELECT word FROM words WHERE word = ANY (SELECT email FROM users)"),
	denied("ALL", "SELECT word FROM words WHERE n > ALL (SELECT salary FROM users)"),
	denied("HAVING", "SELECT id FROM users GROUP BY id HAVING max(salary) > 1000"),
	denied("HAVING a label", "SELECT id, email e FROM users HAVING e LIKE 'zq%'"),
	denied("through a view", `SELECT id FROM contacts WHERE contact = '${GUESS}'`),
	denied("in a derived table", "SELECT 1 FROM (SELECT email e FROM users) d WHERE e LIKE 'zq%'"),
	denied("generated column", "SELECT id FROM users WHERE loud LIKE 'ZQ%'"),
	denied("full text in WHERE", "SELECT id FROM users WHERE MATCH (nick) AGAINST ('wrenmarsh')"),
	denied("ON", `SELECT u.id FROM words w JOIN users u ON u.email = '${GUESS}'`),
	denied("a join with literals", `SELECT u.id FROM users u JOIN (SELECT '${GUESS}' e) g ON g.e = u.email`),
	denied("USING", `SELECT id FROM users JOIN (SELECT '${GUESS}' email) g USING (email)`),
	denied("NATURAL", `SELECT id FROM users NATURAL JOIN (SELECT '${GUESS}' email) g`),
	denied("a common table of guesses", `WITH g (e) AS (SELECT '${GUESS}') SELECT id FROM users, g WHERE email = e`),
	denied("LIMIT by order", "SELECT id FROM users ORDER BY salary LIMIT 1"),
	denied("ORDER BY a label", "SELECT id, salary s FROM users ORDER BY s"),
	denied("ORDER BY a position", "SELECT id, salary FROM users ORDER BY 2"),
	denied("ORDER BY an expression of a label", "SELECT id, salary s FROM users ORDER BY s + 0"),
	denied("GROUP BY", "SELECT count(*) FROM users GROUP BY nick"),
	denied("DISTINCT", "SELECT DISTINCT nick FROM users"),
	denied("UNION", `SELECT email FROM users UNION SELECT '${GUESS}'`),
	denied("INTERSECT", `SELECT email FROM users INTERSECT SELECT '${GUESS}'`),
	denied("EXCEPT", `SELECT '${GUESS}' EXCEPT SELECT email FROM users`),
	denied("ORDER BY of UNION ALL", "SELECT id, salary FROM users UNION ALL SELECT n, n FROM words ORDER BY 2"),
	denied("LATERAL", "SELECT * FROM users u, LATERAL (SELECT u.salary + 1 AS s) x"),

	// ---- copies
	denied("INSERT … SELECT", "INSERT INTO copies SELECT id, email FROM users"),
	denied("INSERT … VALUES of a subquery", "INSERT INTO copies VALUES (1, (SELECT email FROM users WHERE id = 1))"),
	denied("UPDATE SET", "UPDATE copies SET word = (SELECT max(email) FROM users)"),
	denied("joined UPDATE", "UPDATE copies c JOIN users u ON c.id = u.id SET c.word = u.email"),
	denied("within the table", "UPDATE users SET plain = email"),
	denied("ON DUPLICATE KEY UPDATE", "INSERT INTO users (id) VALUES (1) ON DUPLICATE KEY UPDATE plain = email"),
	denied(
		"ON DUPLICATE KEY UPDATE probes",
		`INSERT INTO users (id, email) VALUES (9, '${GUESS}') ON DUPLICATE KEY UPDATE plain = 'x'`,
	),
	denied("INSERT IGNORE probes", `INSERT IGNORE INTO users (id, email) VALUES (9, '${GUESS}')`),
	denied("REPLACE probes", `REPLACE INTO users (id, email) VALUES (9, '${GUESS}')`),
	denied("UPDATE by it", "UPDATE users SET plain = 'x' WHERE salary > 1000"),
	denied("UPDATE in its order", "UPDATE users SET plain = 'x' ORDER BY salary LIMIT 1"),
	denied("DELETE by it", "DELETE FROM users WHERE salary > 1000"),
	denied("CREATE TABLE AS", "CREATE TABLE mine AS SELECT email FROM users"),
	denied("CREATE VIEW", "CREATE VIEW mine AS SELECT email FROM users"),
	denied("a temporary table", "CREATE TEMPORARY TABLE mine AS SELECT email FROM users"),
	denied("INTO a variable", "SELECT email INTO @a FROM users WHERE id = 1", "SELECT @a"),
	denied("assigned in the list", "SELECT @a := email FROM users", "SELECT @a"),
	denied("assigned in WHERE", "SELECT id FROM users WHERE (@a := email) IS NOT NULL", "SELECT @a"),
	denied("SET of a subquery", "SET @a = (SELECT email FROM users WHERE id = 1)", "SELECT @a"),
	denied("INTO OUTFILE", "SELECT email FROM users INTO OUTFILE '/tmp/licet-attack'"),
	denied("INTO DUMPFILE", "SELECT email FROM users WHERE id = 1 INTO DUMPFILE '/tmp/licet-attack'"),
	denied("DO", "DO (SELECT sleep(salary) FROM users)"),
	{
		...denied("RETURNING an expression", "DELETE FROM copies RETURNING (SELECT max(email) FROM users)"),
		only: "mariadb",
	},

	// ---- tables that are not licensed
	denied("a table without a permit", "SELECT * FROM hidden"),
	denied("a denied one", "SELECT * FROM denied"),
	denied("counted", "SELECT count(*) FROM hidden"),
	denied("EXISTS of it", "SELECT EXISTS (SELECT 1 FROM hidden WHERE secret LIKE 'rowcurlew%')"),
	denied("in a UNION", "SELECT word FROM words UNION ALL SELECT secret FROM hidden"),
	denied("in a subquery", "SELECT (SELECT max(secret) FROM hidden)"),
	denied("in a derived table", "SELECT * FROM (SELECT * FROM hidden) x"),
	denied("in a common table", "WITH x AS (SELECT * FROM hidden) SELECT 1 FROM words"),
	denied(
		"under a common table of its name that is out of scope",
		"SELECT * FROM (WITH hidden AS (SELECT 1) SELECT * FROM hidden) a, hidden",
	),
	denied("through a view that no permit names", "SELECT * FROM staff"),
	denied("in an executable comment", "SELECT 1 /*! UNION SELECT secret FROM hidden */"),
	denied("in one by version", "SELECT 1 /*!50000 UNION SELECT secret FROM hidden */"),
	{ ...denied("in MariaDB's own", "SELECT 1 /*M! UNION SELECT secret FROM hidden */"), only: "mariadb" },
	denied("behind two minuses", "SELECT 1--1 UNION SELECT secret FROM hidden"),
	denied("behind a carriage return", "SELECT 1 #\r\n UNION SELECT secret FROM hidden"),
	denied("in a string that is none", "SELECT '\\'', 1 UNION SELECT 2, secret FROM hidden -- '"),
	denied("a column without a permit", "SELECT hidden FROM tickets"),
	denied("* over such a column", "SELECT * FROM tickets"),
	denied("UPDATE of it", "UPDATE hidden SET secret = 'x'"),
	denied("joined UPDATE of it", "UPDATE hidden h JOIN words w ON h.id = w.n SET h.secret = 'x'"),
	denied("joined DELETE of it", "DELETE h FROM hidden h JOIN words w ON h.id = w.n"),
	denied("TRUNCATE", "TRUNCATE TABLE hidden"),
	denied("DROP", "DROP TABLE hidden"),
	denied("RENAME", "RENAME TABLE hidden TO words2"),
	denied("ALTER", "ALTER TABLE users RENAME COLUMN email TO mail"),
	denied("HANDLER", "HANDLER hidden OPEN", "HANDLER hidden READ FIRST"),
	denied("SHOW CREATE of it", "SHOW CREATE TABLE hidden"),
	denied("a stored function", "SELECT peek()"),
	denied("CALL", "CALL tell()"),
	denied("EXPLAIN of it", "EXPLAIN SELECT * FROM hidden"),
	denied("EXPLAIN by a masked condition", "EXPLAIN SELECT id FROM users WHERE salary > 1000"),
	{ ...denied("ANALYZE of it", "ANALYZE SELECT * FROM hidden"), only: "mariadb" },
	{ ...denied("CHECKSUM", "CHECKSUM TABLE hidden"), text: true },

	// ---- dynamic SQL
	{ ...denied("PREPARE", "PREPARE s FROM 'SELECT secret FROM hidden'", "EXECUTE s"), text: true },
	{
		...denied("PREPARE from a variable", "SET @q = 'SELECT secret FROM hidden'", "PREPARE s FROM @q", "EXECUTE s"),
		text: true,
	},
	{ ...denied("EXECUTE IMMEDIATE", "EXECUTE IMMEDIATE 'SELECT secret FROM hidden'"), only: "mariadb", text: true },
	{ ...denied("a compound statement", "BEGIN NOT ATOMIC SELECT secret FROM hidden; END"), only: "mariadb", text: true },
	denied("a procedure of one's own", "CREATE PROCEDURE mine() SELECT secret FROM hidden"),
	denied(
		"a trigger",
		"CREATE TRIGGER mine BEFORE INSERT ON copies FOR EACH ROW SET NEW.word = (SELECT max(secret) FROM hidden)",
	),
	denied("an event", "CREATE EVENT mine ON SCHEDULE EVERY 1 HOUR DO INSERT INTO copies SELECT id, secret FROM hidden"),

	// ---- the server
	denied("load_file", "SELECT load_file('/etc/passwd')"),
	denied("sleep", "SELECT sleep(1)"),
	denied("benchmark", "SELECT benchmark(1000000, md5('a'))"),
	denied("get_lock", "SELECT get_lock('a', 1)"),
	denied("mysql.user", "SELECT * FROM mysql.user"),
	denied("process list", "SELECT * FROM information_schema.processlist"),
	denied("SHOW PROCESSLIST", "SHOW FULL PROCESSLIST"),
	denied("view definitions", "SELECT view_definition FROM information_schema.views"),
	denied("routine source", "SELECT routine_definition FROM information_schema.routines"),
	denied("statement digests", "SELECT * FROM performance_schema.events_statements_history"),
	denied("InnoDB's pages", "SELECT * FROM information_schema.innodb_buffer_page"),
	denied("optimizer trace", "SELECT * FROM information_schema.optimizer_trace"),
	denied("SET GLOBAL", "SET GLOBAL general_log = 1"),
	denied("SET sql_mode of a subquery", "SET sql_mode = (SELECT email FROM users LIMIT 1)"),
	denied("a character set that moves strings", "SET NAMES gbk"),
	denied("CREATE USER", "CREATE USER mine IDENTIFIED BY 'x'"),
	denied("GRANT", "GRANT ALL ON *.* TO mine"),
	denied("SHUTDOWN", "SHUTDOWN"),
	denied("LOAD DATA on the server", "LOAD DATA INFILE '/etc/passwd' INTO TABLE copies"),
	{ ...any("KILL of nobody's", "KILL 999999999"), text: true },
	denied("FLUSH", "FLUSH TABLES"),
	any("warnings of a masked statement", "SELECT email FROM users WHERE plain = 'p1'", "SHOW WARNINGS"),
	any("errors that show values", "INSERT INTO users (id, plain) VALUES (1, 'p')", "SHOW ERRORS"),
	any("SHOW INDEX", "SHOW INDEX FROM users"),
	any("SHOW TABLE STATUS", "SHOW TABLE STATUS LIKE 'users'"),
	any("DESCRIBE", "DESCRIBE users email"),
];
