/**
 * The demo's shop on MariaDB or MySQL, where one is installed on this machine: databases `app` and `hr` with the same rows
 * as the PostgreSQL of the demo has in its schemas, so that the same license and the same statements do the same.
 */
import { randomBytes } from "node:crypto";
import type { ShopTarget } from "./demo-shop.js";
import { freePort } from "./free-port.js";
import { type Mysqld, startMysqld, systemMariadb, systemMysql } from "./mysqld.js";

const USER = "shop_app";

/** Starts one with the shop in it; undefined: neither server is installed here. */
export async function startMysqlShop(
	folder: string,
): Promise<{ readonly server: Mysqld; readonly target: ShopTarget } | undefined> {
	const programs = systemMariadb() ?? systemMysql();
	if (programs === undefined) return undefined;
	const password = randomBytes(18).toString("base64url");
	const rights = ["app", "hr"].map((name) => `GRANT SELECT, INSERT, UPDATE, DELETE ON ${name}.* TO '${USER}'@'%';`);
	const script = [...MYSQL_SHOP_STATEMENTS, `CREATE USER '${USER}'@'%' IDENTIFIED BY '${password}'`];
	const lines = [...script.map((statement) => `${statement.trim().replaceAll(/\s+/g, " ")};`), ...rights];
	const server = await startMysqld({ programs, folder, port: await freePort(), script: lines });
	const { host, port } = server;
	return { server, target: { host, port, database: "app", username: USER, password } };
}

/** Numbers from 1, as a table `s(n)`. */
function numbers(most: number): string {
	return `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${most})`;
}

/** One of a list of words by its place from 0. */
function word(place: string, words: string): string {
	return `ELT(1 + ${place}, ${words
		.split(",")
		.map((each) => `'${each}'`)
		.join(", ")})`;
}

const FIRST = word(
	"n % 16",
	"Ada,Bruno,Clara,Dmitri,Elena,Farid,Greta,Hugo,Ines,Jonas,Katrin,Luca,Mona,Nils,Olga,Pablo",
);
const LAST = word(
	"n % 13",
	"Almeida,Berger,Costa,Dubois,Eriksson,Fischer,Gruber,Haas,Ivanova,Jensen,Kowalski,Lindgren,Moreau",
);

/** The shop, a statement each. Its views are their reader's: who runs them at the start is no account that stays. */
export const MYSQL_SHOP_STATEMENTS: readonly string[] = [
	"CREATE DATABASE app CHARACTER SET utf8mb4",
	"CREATE DATABASE hr CHARACTER SET utf8mb4",
	`CREATE TABLE app.customers (
		id integer PRIMARY KEY, name varchar(100) NOT NULL, email varchar(200) NOT NULL UNIQUE, phone varchar(40) NOT NULL,
		card_number varchar(40) NOT NULL, city varchar(100) NOT NULL, customer_since date NOT NULL)`,
	`CREATE TABLE app.products (
		id integer PRIMARY KEY, sku varchar(40) NOT NULL UNIQUE, name varchar(100) NOT NULL, price decimal(8,2) NOT NULL,
		stock integer NOT NULL)`,
	`CREATE TABLE app.orders (
		id integer PRIMARY KEY, customer_id integer NOT NULL, status enum('open', 'paid', 'shipped', 'returned') NOT NULL,
		ordered_at datetime NOT NULL, FOREIGN KEY (customer_id) REFERENCES app.customers (id))`,
	`CREATE TABLE app.order_items (
		order_id integer NOT NULL, line smallint NOT NULL, product_id integer NOT NULL, quantity smallint NOT NULL,
		price decimal(8,2) NOT NULL, PRIMARY KEY (order_id, line), FOREIGN KEY (order_id) REFERENCES app.orders (id),
		FOREIGN KEY (product_id) REFERENCES app.products (id))`,
	`CREATE TABLE app.tickets (
		id integer PRIMARY KEY, customer_id integer NOT NULL, subject varchar(200) NOT NULL,
		status enum('open', 'waiting', 'closed') NOT NULL, opened_at datetime NOT NULL)`,
	"CREATE TABLE app.secrets (name varchar(100) PRIMARY KEY, value varchar(200) NOT NULL)",
	`CREATE SQL SECURITY INVOKER VIEW app.order_totals AS
		SELECT o.id AS order_id, o.customer_id, o.status, o.ordered_at, sum(i.quantity * i.price) AS total
		FROM app.orders o JOIN app.order_items i ON i.order_id = o.id GROUP BY o.id`,
	"CREATE SQL SECURITY INVOKER VIEW app.contacts AS SELECT id AS customer_id, name, email, city FROM app.customers",
	`CREATE TABLE hr.employees (
		id integer PRIMARY KEY, name varchar(100) NOT NULL, title varchar(100) NOT NULL, hired date NOT NULL)`,
	`CREATE TABLE hr.salaries (
		employee_id integer NOT NULL, valid_from date NOT NULL, amount decimal(10,2) NOT NULL,
		PRIMARY KEY (employee_id, valid_from), FOREIGN KEY (employee_id) REFERENCES hr.employees (id))`,
	`INSERT INTO app.customers ${numbers(240)}
		SELECT n, CONCAT(${FIRST}, ' ', ${LAST}),
			LOWER(CONCAT(${FIRST}, '.', ${LAST}, n, '@', ${word("n % 3", "example.com,example.org,example.net")})),
			CONCAT('+44 20 7946 0', LPAD(n * 37 % 1000, 3, '0')),
			CONCAT('4000 0012 ', LPAD(n * 7919 % 10000, 4, '0'), ' ', LPAD(n * 104729 % 10000, 4, '0')),
			${word("n * 5 % 9", "Berlin,Lisbon,Lyon,Vienna,Gdansk,Aarhus,Turin,Ghent,Malmo")},
			DATE('2023-01-02') + INTERVAL (n * 11 % 900) DAY
		FROM s`,
	`INSERT INTO app.products ${numbers(40)}
		SELECT n, CONCAT('SKU-', 1000 + n * 7),
			CONCAT(${word("(n - 1) % 8", "Oak,Walnut,Linen,Brass,Wool,Cork,Slate,Copper")}, ' ',
				${word("(n - 1) DIV 8", "chair,lamp,table,rug,shelf")}),
			19.90 + n * 733 % 480, n * 13 % 90
		FROM s`,
	`INSERT INTO app.orders ${numbers(640)}
		SELECT n, 1 + n * 97 % 240, ${word("(n * n + n DIV 7) % 4", "open,paid,shipped,returned")},
			TIMESTAMP('2026-01-05 08:00:00') + INTERVAL (n * 433) MINUTE
		FROM s`,
	`INSERT INTO app.order_items ${numbers(4)}
		SELECT o.id, s.n, p.id, 1 + (o.id + s.n) % 3, p.price
		FROM app.orders o JOIN s ON s.n <= 1 + o.id % 4
		JOIN app.products p ON p.id = 1 + (o.id * 11 + s.n * 17) % 40`,
	`INSERT INTO app.tickets ${numbers(84)}
		SELECT n, 1 + n * 53 % 240,
			${word("n % 5", "Parcel has not arrived,Wrong colour,Invoice missing,Leg of the chair is loose,Refund not received")},
			${word("n * 5 % 3", "open,waiting,closed")}, TIMESTAMP('2026-05-04 09:30:00') + INTERVAL (n * 341) MINUTE
		FROM s`,
	`INSERT INTO app.secrets VALUES
		('payment.api_key', 'demo-key-0000-0000'), ('payment.webhook_secret', 'demo-hook-1111-1111')`,
	`INSERT INTO hr.employees ${numbers(8)}
		SELECT n,
			${word("n - 1", "Rosa Lang,Sven Holm,Tessa Nowak,Ugo Ricci,Vera Simon,Wim Peeters,Xenia Popa,Yann Petit")},
			${word("n - 1", "Support lead,Support,Warehouse,Buyer,Engineer,Engineer,Accountant,Managing director")},
			DATE('2019-03-01') + INTERVAL (n * 211) DAY
		FROM s`,
	`INSERT INTO hr.salaries ${numbers(4)}
		SELECT e.id, e.hired + INTERVAL ((s.n - 1) * 365) DAY, 41000 + e.id * 2750 + (s.n - 1) * 1500
		FROM hr.employees e CROSS JOIN s`,
];
