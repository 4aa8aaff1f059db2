<?php
// PHP's PDO: emulated and real prepared statements, fetch modes, transactions, errors.
function say(string $name, ...$values): void {
	array_walk_recursive($values, function (&$value) { if (is_string($value) && !preg_match('//u', $value)) $value = '0x' . bin2hex($value); });
	echo $name, ': ', json_encode($values, JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION), "\n";
}
function run(PDO $db, string $name, string $sql, array $values = []): void {
	try {
		$statement = $db->prepare($sql);
		$statement->execute($values);
		$meta = array_map(fn($n) => array_intersect_key($statement->getColumnMeta($n), ['native_type' => 1, 'name' => 1, 'table' => 1, 'len' => 1, 'flags' => 1]), $statement->columnCount() ? range(0, $statement->columnCount() - 1) : []);
		say("$name $sql", $meta, $statement->columnCount() ? $statement->fetchAll(PDO::FETCH_NUM) : [], $statement->rowCount(), $db->lastInsertId());
	} catch (PDOException $error) {
		say("$name $sql", $error->getMessage(), $error->errorInfo);
	}
}
[$host, $port, $user, $password, $database] = array_map('getenv', ['LICET_HOST', 'LICET_PORT', 'LICET_USER', 'LICET_PASSWORD', 'LICET_DATABASE']);
foreach ([true, false] as $emulate) {
	$name = $emulate ? 'emulated' : 'prepared';
	$db = new PDO("mysql:host=$host;port=$port;dbname=$database;charset=utf8mb4", $user, $password,
		[PDO::ATTR_EMULATE_PREPARES => $emulate, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
	say($name, is_string($db->getAttribute(PDO::ATTR_SERVER_VERSION)));
	run($db, $name, 'SELECT * FROM customers WHERE id <= ? ORDER BY id', [9]);
	run($db, $name, 'SELECT id, total FROM orders WHERE status = :status AND id < :id ORDER BY id', ['status' => 'open', 'id' => 20]);
	run($db, $name, 'SELECT * FROM order_totals ORDER BY customer_id LIMIT 4');
	$db->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
	$statement = $db->query('SELECT id FROM orders ORDER BY id');
	say("$name unbuffered", count($statement->fetchAll(PDO::FETCH_COLUMN)));
	$statement->closeCursor();
	$db->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
	if (getenv('LICET_WORK') !== 'everything') continue;
	run($db, $name, 'CREATE TEMPORARY TABLE made (id int PRIMARY KEY AUTO_INCREMENT, word varchar(20) UNIQUE, n double)');
	run($db, $name, 'INSERT INTO made (word, n) VALUES (?, ?)', ["ü€😀'\\\"", 1.5]);
	run($db, $name, 'INSERT INTO made (word) VALUES (?)', [null]);
	run($db, $name, 'INSERT INTO made (word) VALUES (?)', ["ü€😀'\\\""]);
	$db->beginTransaction();
	run($db, $name, 'DELETE FROM made');
	$db->rollBack();
	run($db, $name, 'SELECT * FROM made ORDER BY id');
	run($db, $name, 'SELECT nothing FROM made');
	run($db, $name, 'SELEC ?', [1]);
	$statement = $db->query('CALL two_results(3)');
	do say("$name call", $statement->fetchAll(PDO::FETCH_ASSOC)); while ($statement->nextRowset() && $statement->columnCount());
	$statement->closeCursor();
}
try { new PDO("mysql:host=$host;port=$port;dbname=$database", $user, 'wrong'); }
catch (PDOException $error) { say('wrong password', $error->getCode()); }
