<?php
// PHP's mysqli: text and prepared, buffered and not, multi queries, warnings, errors, large values.
mysqli_report(MYSQLI_REPORT_OFF);
function say(string $name, ...$values): void {
	$hide = fn($value) => is_string($value) && !preg_match('//u', $value) ? '0x' . bin2hex($value) : $value;
	array_walk_recursive($values, function (&$value) use ($hide) { $value = $hide($value); });
	echo $name, ': ', json_encode($values, JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION), "\n";
}
function fields($result): array {
	return array_map(fn($f) => [$f->name, $f->orgname, $f->orgtable, $f->type, $f->length, $f->flags, $f->decimals, $f->charsetnr], $result->fetch_fields());
}
function run(mysqli $db, string $sql): void {
	$result = $db->query($sql);
	if ($result === false) { say($sql, $db->errno, $db->sqlstate, $db->error); return; }
	if ($result === true) { say($sql, $db->affected_rows, $db->insert_id, $db->warning_count, $db->info); return; }
	say($sql, fields($result), $result->fetch_all(), $db->warning_count);
}
function prepared(mysqli $db, string $sql, string $types = '', ...$values): void {
	$statement = $db->prepare($sql);
	if ($statement === false) { say("prepare $sql", $db->errno, $db->sqlstate, $db->error); return; }
	if ($types !== '') $statement->bind_param($types, ...$values);
	if (!$statement->execute()) { say("execute $sql", $statement->errno, $statement->sqlstate, $statement->error); return; }
	$result = $statement->get_result();
	say("prepared $sql", $result ? [fields($result), $result->fetch_all()] : [$statement->affected_rows, $statement->insert_id], $statement->param_count);
	$statement->close();
}
[$host, $port, $user, $password, $database] = array_map('getenv', ['LICET_HOST', 'LICET_PORT', 'LICET_USER', 'LICET_PASSWORD', 'LICET_DATABASE']);
$db = new mysqli($host, $user, $password, $database, (int)$port);
$db->set_charset('utf8mb4');
foreach (['SELECT * FROM customers ORDER BY id', 'SELECT id AS a, total + 0 AS b FROM orders ORDER BY id LIMIT 3', 'SHOW TABLES', 'SHOW COLUMNS FROM customers',
	'SELECT * FROM order_totals ORDER BY customer_id LIMIT 3', 'SELECT NULL, 1.5e0, -3, "x", NOW() > 0'] as $sql) run($db, $sql);
prepared($db, 'SELECT * FROM customers WHERE id < ? ORDER BY id', 'i', 6);
prepared($db, 'SELECT id, status FROM orders WHERE status = ? AND id < ? ORDER BY id', 'sd', 'open', 12.0);
$result = $db->query('SELECT id FROM orders', MYSQLI_USE_RESULT);
for ($n = 0; $result->fetch_row(); $n++);
$result->free();
say('unbuffered', $n);
$statement = $db->prepare('SELECT id FROM orders ORDER BY id');
$statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
$statement->execute();
$statement->bind_result($id);
for ($sum = 0; $statement->fetch(); $sum += $id);
$statement->close();
say('cursor', $sum);
say('ping', $db->ping(), $db->character_set_name(), is_string($db->stat()));
if (getenv('LICET_WORK') === 'everything') {
	run($db, 'CREATE TEMPORARY TABLE made (id int PRIMARY KEY AUTO_INCREMENT, word varchar(20) UNIQUE, body longblob)');
	prepared($db, 'INSERT INTO made (word, body) VALUES (?, ?)', 'ss', "ü€😀'\\", "\0\xff");
	run($db, "INSERT INTO made (word) VALUES ('a'), ('b')");
	run($db, "INSERT INTO made (word) VALUES ('a')");
	run($db, "UPDATE made SET word = 'z' WHERE word = 'b'");
	run($db, "SELECT CAST('12x' AS signed), 1/0");
	run($db, 'SHOW WARNINGS');
	run($db, 'SELEC');
	run($db, 'SELECT * FROM nowhere');
	prepared($db, 'SELECT nothing FROM made');
	$statement = $db->prepare('INSERT INTO made (body) VALUES (?)');
	$body = null;
	$statement->bind_param('b', $body);
	foreach (range(1, 5) as $piece) $statement->send_long_data(0, str_repeat((string)$piece, 300000));
	say('long data', $statement->execute(), $statement->affected_rows);
	$statement->close();
	run($db, 'SELECT id, word, md5(body), length(body) FROM made ORDER BY id');
	$large = str_repeat('x', 20_000_000);
	prepared($db, 'SELECT length(?), md5(?)', 'ss', $large, $large);
	$back = $db->query("SELECT repeat('y', 17000000)")->fetch_row()[0];
	say('over 16 MiB', strlen($back), md5($back));
	$db->multi_query("SELECT 1; INSERT INTO made (word) VALUES ('m'); SELECT word FROM made WHERE word = 'm'; SELEC; SELECT 2");
	do {
		$result = $db->store_result();
		say('multi', $result ? $result->fetch_all() : $db->affected_rows, $db->errno, $db->more_results());
	} while ($db->more_results() && $db->next_result());
	say('multi ends', $db->errno, $db->sqlstate, $db->error);
	$db->multi_query('CALL two_results(2)');
	do {
		if ($result = $db->store_result()) say('call', $result->fetch_all());
	} while ($db->more_results() && $db->next_result());
	$db->begin_transaction();
	run($db, 'DELETE FROM made');
	$db->rollback();
	run($db, 'SELECT count(*) FROM made');
	say('change user', $db->change_user($user, $password, $database));
	run($db, 'SELECT * FROM made');
	$other = new mysqli($host, $user, $password, $database, (int)$port);
	say('kill', $other->query('KILL ' . $db->thread_id), $other->errno);
	usleep(300000);
	say('killed', $db->query('SELECT 1'));
}
