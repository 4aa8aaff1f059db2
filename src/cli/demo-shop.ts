/**
 * The demo's world: a small shop as target database, the license it is shown through, and the configuration.
 *
 * All rows come from arithmetic over row numbers, so every machine has the same shop. Telephone numbers, cards and mail
 * addresses are from ranges that belong to nobody. The application's role may read everything, `hr` included: what a
 * person at the proxy may not see is the license's doing alone.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { stringify } from "yaml";
import type { Cluster } from "./cluster.js";

export const DEMO_SUBJECT = "alice";
export const DEMO_LICENSE_ID = "demo-support";
export const DEMO_TARGET = "shop";
/** The same shop on MariaDB or MySQL, where there is one. */
export const DEMO_MYSQL_TARGET = "shop-mysql";
const ROLE = "shop_app";

/** What the demo proposes to try, in this order. */
export const DEMO_STATEMENTS = [
	{ about: "masked", sql: "SELECT name, email, phone, card_number FROM app.customers ORDER BY id LIMIT 5;" },
	{ about: "denied", sql: "SELECT * FROM hr.salaries;" },
	{ about: "capped", sql: "SELECT * FROM app.orders;" },
] as const;

export interface ShopTarget {
	readonly host: string;
	readonly port: number;
	readonly database: string;
	/** The application's role, which the proxy logs in with. */
	readonly username: string;
	readonly password: string;
}

/** Makes the database `shop` on a fresh cluster and fills it. */
export async function createShop(cluster: Cluster): Promise<ShopTarget> {
	const database = "shop";
	const password = randomBytes(18).toString("base64url");
	await withClient(cluster.url(), async (client) => {
		await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
		await client.query(`CREATE DATABASE ${database}`);
	});
	await withClient(cluster.url(database), (client) => client.query(SHOP_SQL));
	return { host: cluster.host, port: cluster.port, database, username: ROLE, password };
}

async function withClient(url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		await use(client);
	} finally {
		await client.end();
	}
}

export interface DemoConfigOptions {
	/** Addresses to listen on: `127.0.0.1:6432`. */
	readonly listen: { readonly postgres: string; readonly mysql?: string; readonly api?: string };
	readonly target: ShopTarget;
	/** MariaDB or MySQL, if there is one. */
	readonly mysql?: ShopTarget | undefined;
	/** Folders, relative to the configuration file or absolute. */
	readonly licenses: string;
	readonly data: string;
}

/** The demo's licet.yaml. */
export function demoConfig({ listen, target, mysql, licenses, data }: DemoConfigOptions): string {
	const targets = {
		[DEMO_TARGET]: targetConfig("postgres", target, [target.database]),
		...(mysql === undefined ? {} : { [DEMO_MYSQL_TARGET]: targetConfig("mysql", mysql, ["app", "hr"]) }),
	};
	return stringify({ listen, targets, licenses, data });
}

function targetConfig(engine: string, { host, port, username, password }: ShopTarget, databases: readonly string[]) {
	return {
		engine,
		address: `${host}:${port}`,
		databases,
		environment: "demo",
		region: "local",
		tls: "disable",
		credentials: { username, password: { value: password } },
	};
}

/** The demo's license: the support team of the shop reads the shop and closes tickets. */
export const DEMO_LICENSE = `# What the support team of the demo shop may do. Change it while the demo runs: it is read again at once.
apiVersion: licet/v1
kind: License
metadata: { id: ${DEMO_LICENSE_ID}, licensee: demo shop, tier: support, version: 1 }
subjects: [ { user: ${DEMO_SUBJECT} } ]
targets: [ { name: ${DEMO_TARGET} }, { name: ${DEMO_MYSQL_TARGET} } ]
permits:
  - { on: ["app.*"], commands: [read] }
  - { on: ["app.tickets"], commands: [update], columns: ["status"] }
denies:
  - { on: ["app.secrets"], commands: [all], reason: "keys of the payment provider; ask the platform team" }
masks:
  - { columns: ["app.customers.email"], with: email, use: filter }
  - { columns: ["app.customers.phone"], with: { partial: { keepLast: 3 } }, use: project }
  - { columns: ["*.*.card_number"], with: { partial: { keepLast: 4 } }, use: project }
limits:
  rowsPerStatement: { max: 100, then: error }
  bytesPerStatement: { max: 4MiB, then: error }
  sessions: 5
  statementTimeout: 30s
  idleTimeout: 30m
recording: { results: 20 }
`;

/** The shop: schema `app` for the application, schema `hr` that the license does not mention. */
export const SHOP_SQL = `
CREATE SCHEMA app;
CREATE SCHEMA hr;

CREATE TYPE app.order_status AS ENUM ('open', 'paid', 'shipped', 'returned');

CREATE TABLE app.customers (
	id integer PRIMARY KEY,
	name text NOT NULL,
	email text NOT NULL UNIQUE,
	phone text NOT NULL,
	card_number text NOT NULL,
	city text NOT NULL,
	customer_since date NOT NULL
);

CREATE TABLE app.products (
	id integer PRIMARY KEY,
	sku text NOT NULL UNIQUE,
	name text NOT NULL,
	price numeric(8,2) NOT NULL,
	stock integer NOT NULL
);

CREATE TABLE app.orders (
	id integer PRIMARY KEY,
	customer_id integer NOT NULL REFERENCES app.customers,
	status app.order_status NOT NULL,
	ordered_at timestamptz NOT NULL
);
CREATE INDEX ON app.orders (customer_id);

CREATE TABLE app.order_items (
	order_id integer NOT NULL REFERENCES app.orders,
	line smallint NOT NULL,
	product_id integer NOT NULL REFERENCES app.products,
	quantity smallint NOT NULL,
	price numeric(8,2) NOT NULL,
	PRIMARY KEY (order_id, line)
);

CREATE TABLE app.tickets (
	id integer PRIMARY KEY,
	customer_id integer NOT NULL REFERENCES app.customers,
	subject text NOT NULL,
	status text NOT NULL CHECK (status IN ('open', 'waiting', 'closed')),
	opened_at timestamptz NOT NULL
);

CREATE TABLE app.secrets (name text PRIMARY KEY, value text NOT NULL);

CREATE VIEW app.order_totals AS
	SELECT o.id AS order_id, o.customer_id, o.status, o.ordered_at, sum(i.quantity * i.price) AS total
	FROM app.orders o JOIN app.order_items i ON i.order_id = o.id
	GROUP BY o.id;

CREATE VIEW app.contacts AS
	SELECT id AS customer_id, name, email, city FROM app.customers;

CREATE TABLE hr.employees (
	id integer PRIMARY KEY,
	name text NOT NULL,
	title text NOT NULL,
	hired date NOT NULL
);

CREATE TABLE hr.salaries (
	employee_id integer NOT NULL REFERENCES hr.employees,
	valid_from date NOT NULL,
	amount numeric(10,2) NOT NULL,
	PRIMARY KEY (employee_id, valid_from)
);

WITH words AS (
	SELECT
		'{Ada,Bruno,Clara,Dmitri,Elena,Farid,Greta,Hugo,Ines,Jonas,Katrin,Luca,Mona,Nils,Olga,Pablo}'::text[] AS first,
		'{Almeida,Berger,Costa,Dubois,Eriksson,Fischer,Gruber,Haas,Ivanova,Jensen,Kowalski,Lindgren,Moreau}'::text[] AS last,
		'{Berlin,Lisbon,Lyon,Vienna,Gdansk,Aarhus,Turin,Ghent,Malmo}'::text[] AS city
)
INSERT INTO app.customers
SELECT n, first[1 + n % 16] || ' ' || last[1 + n % 13],
	lower(first[1 + n % 16] || '.' || last[1 + n % 13]) || n || '@' || (ARRAY['example.com', 'example.org', 'example.net'])[1 + n % 3],
	'+44 20 7946 0' || lpad((n * 37 % 1000)::text, 3, '0'),
	'4000 0012 ' || lpad((n * 7919 % 10000)::text, 4, '0') || ' ' || lpad((n * 104729 % 10000)::text, 4, '0'),
	city[1 + n * 5 % 9], date '2023-01-02' + n * 11 % 900
FROM words, generate_series(1, 240) AS n;

WITH words AS (
	SELECT '{Oak,Walnut,Linen,Brass,Wool,Cork,Slate,Copper}'::text[] AS stuff,
		'{chair,lamp,table,rug,shelf}'::text[] AS thing
)
INSERT INTO app.products
SELECT n, 'SKU-' || (1000 + n * 7), stuff[1 + (n - 1) % 8] || ' ' || thing[1 + (n - 1) / 8],
	19.90 + n * 733 % 480, n * 13 % 90
FROM words, generate_series(1, 40) AS n;

INSERT INTO app.orders
SELECT n, 1 + n * 97 % 240, (enum_range(NULL::app.order_status))[1 + (n * n + n / 7) % 4],
	timestamptz '2026-01-05 08:00:00+00' + n * interval '7 hours 13 minutes'
FROM generate_series(1, 640) AS n;

INSERT INTO app.order_items
SELECT o.id, line, p.id, 1 + (o.id + line) % 3, p.price
FROM app.orders o
CROSS JOIN LATERAL generate_series(1, 1 + o.id % 4) AS line
JOIN app.products p ON p.id = 1 + (o.id * 11 + line * 17) % 40;

INSERT INTO app.tickets
SELECT n, 1 + n * 53 % 240,
	(ARRAY['Parcel has not arrived', 'Wrong colour', 'Invoice missing', 'Leg of the chair is loose', 'Refund not received'])[1 + n % 5],
	(ARRAY['open', 'waiting', 'closed'])[1 + n * 5 % 3],
	timestamptz '2026-05-04 09:30:00+00' + n * interval '5 hours 41 minutes'
FROM generate_series(1, 84) AS n;

INSERT INTO app.secrets VALUES
	('payment.api_key', 'demo-key-0000-0000'),
	('payment.webhook_secret', 'demo-hook-1111-1111');

INSERT INTO hr.employees
SELECT n, (ARRAY['Rosa Lang', 'Sven Holm', 'Tessa Nowak', 'Ugo Ricci', 'Vera Simon', 'Wim Peeters', 'Xenia Popa', 'Yann Petit'])[n],
	(ARRAY['Support lead', 'Support', 'Warehouse', 'Buyer', 'Engineer', 'Engineer', 'Accountant', 'Managing director'])[n],
	date '2019-03-01' + n * 211
FROM generate_series(1, 8) AS n;

INSERT INTO hr.salaries
SELECT e.id, e.hired + year * 365, 41000 + e.id * 2750 + year * 1500
FROM hr.employees e CROSS JOIN generate_series(0, 3) AS year;

GRANT USAGE ON SCHEMA app, hr TO ${ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app, hr TO ${ROLE};
ANALYZE;
`;
