/**
 * The shop that MySQL's suites sell from: every kind of type, a view, procedures, keys. All of it is arithmetic, so that
 * it is the same in every database.
 */
export const MYSQL_SHOP = `
CREATE TABLE customers (
	id int PRIMARY KEY AUTO_INCREMENT, name varchar(60) NOT NULL, email varchar(80) UNIQUE, card_number varchar(19),
	born date, score decimal(10,2), active tinyint(1) NOT NULL DEFAULT 1, bio text, photo blob, seen datetime(3),
	tags set('new','vip','late'), level enum('low','high'), visits bigint unsigned, ratio double, part float, day time(2),
	yr year, bits bit(10)
) DEFAULT CHARSET utf8mb4;
CREATE TABLE orders (
	id bigint unsigned PRIMARY KEY AUTO_INCREMENT, customer_id int NOT NULL, status varchar(20) NOT NULL, total decimal(12,2),
	ordered_at timestamp NULL, KEY by_customer (customer_id), FOREIGN KEY (customer_id) REFERENCES customers (id)
) DEFAULT CHARSET utf8mb4;
CREATE TABLE salaries (id int PRIMARY KEY, amount int);
INSERT INTO salaries VALUES (1, 90210), (2, 80120);
INSERT INTO customers (name, email, card_number, born, score, active, bio, photo, seen, tags, level, visits, ratio, part, day, yr, bits)
	WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
	SELECT concat('Name ', i, ' ü€😀'), IF(i % 7 = 0, NULL, concat('person', i, '@example.com')), concat('4000-0000-0000-', 1000 + i),
		DATE_ADD('1970-01-01', INTERVAL i * 100 DAY), i * 1.25, i % 2, repeat(char(97 + i % 26), i * 9), UNHEX(repeat('00ff', i)),
		DATE_ADD('2024-01-01 00:00:00.125', INTERVAL i HOUR), i % 8, 1 + i % 2, 18446744073709551615 - i, i / 3, i / 4,
		SEC_TO_TIME(i * 1000), 2000 + i, i
	FROM n;
INSERT INTO orders (customer_id, status, total, ordered_at)
	WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
	SELECT 1 + i % 40, ELT(1 + i % 3, 'open', 'paid', 'sent'), i * 3.5, TIMESTAMPADD(MINUTE, i, '2024-06-01 12:00:00') FROM n;
CREATE VIEW order_totals AS SELECT customer_id, count(*) AS n, sum(total) AS total FROM orders GROUP BY customer_id;
CREATE PROCEDURE two_results (IN least int) BEGIN
	SELECT id, status FROM orders WHERE id <= least ORDER BY id;
	SELECT count(*) AS n FROM orders;
END;
CREATE PROCEDURE plus_one (INOUT v int) SET v = v + 1;
CREATE FUNCTION twice (v int) RETURNS int DETERMINISTIC RETURN v * 2;
`;
