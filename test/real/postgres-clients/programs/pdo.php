<?php
// PHP's PDO and pgsql extension: emulated and real prepared statements, cursors, COPY, errors, large objects, pipelining.
function told(string $name): void { echo "== $name\n"; }
function shown(mixed $value): void {
	array_walk_recursive($value, function (&$each) { if (is_resource($each)) $each = 'stream:' . stream_get_contents($each); });
	echo json_encode($value, JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR), "\n";
}
$dsn = sprintf('pgsql:host=%s;port=%s;dbname=%s;sslmode=%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'), getenv('PGSSLMODE'));
$pdo = new PDO($dsn, getenv('PGUSER'), getenv('PGPASSWORD'), [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
function failing(PDO $pdo, string $name, string $sql, array $values = []): void {
	told($name);
	try {
		$pdo->prepare($sql)->execute($values);
		shown(['no error']);
	} catch (PDOException $error) {
		shown($error->errorInfo);
	}
	shown([$pdo->inTransaction()]);
}
told('server');
shown([$pdo->getAttribute(PDO::ATTR_SERVER_VERSION), $pdo->getAttribute(PDO::ATTR_CLIENT_VERSION)]);
foreach ([false, true] as $emulated) {
	$pdo->setAttribute(PDO::ATTR_EMULATE_PREPARES, $emulated);
	$kind = $emulated ? 'emulated' : 'real';
	told("rows, $kind");
	$statement = $pdo->prepare('SELECT * FROM compat.items WHERE id <= :limit ORDER BY id');
	foreach ([0, 3, 150] as $limit) {
		$statement->bindValue('limit', $limit, PDO::PARAM_INT);
		$statement->execute();
		foreach ($statement->fetchAll(PDO::FETCH_ASSOC) as $row) shown($row);
	}
	for ($column = 0; $column < $statement->columnCount(); $column++) shown($statement->getColumnMeta($column));
	told("parameters, $kind");
	$statement = $pdo->prepare('SELECT ?::text, ?::int, ?::bool, ?::text');
	$statement->bindValue(1, "ü€😀'\\");
	$statement->bindValue(2, 7, PDO::PARAM_INT);
	$statement->bindValue(3, true, PDO::PARAM_BOOL);
	$statement->bindValue(4, null, PDO::PARAM_NULL);
	$statement->execute();
	shown($statement->fetchAll(PDO::FETCH_NUM));
	failing($pdo, "division by zero, $kind", 'SELECT 1 / ?::int', [0]);
	failing($pdo, "unique violation, $kind", 'INSERT INTO compat.items (id, name) VALUES (?, ?)', [1, 'again']);
	failing($pdo, "any: undefined table, $kind", 'SELECT * FROM compat.nothing');
	failing($pdo, "any: syntax error, $kind", 'SELECT 1 +');
}
told('a transaction');
$pdo->beginTransaction();
shown([$pdo->exec("INSERT INTO compat.scratch VALUES (1, 'one'), (2, 'two')"), $pdo->inTransaction()]);
$pdo->rollBack();
shown($pdo->query('SELECT count(*) FROM compat.scratch')->fetchAll(PDO::FETCH_NUM));
told('a cursor that scrolls');
$pdo->beginTransaction();
$cursor = $pdo->prepare('SELECT id FROM compat.items ORDER BY id', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
$cursor->execute();
shown([$cursor->fetch(PDO::FETCH_NUM), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_ABS, 10), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_PRIOR)]);
$cursor = null;
$pdo->rollBack();
told('copy');
$pdo->beginTransaction();
shown([$pdo->pgsqlCopyFromArray('compat.scratch', array_map(fn($n) => "$n\tword $n", range(1, 1000)))]);
shown($pdo->pgsqlCopyToArray('compat.scratch'));
$pdo->rollBack();

$connection = pg_connect(sprintf("host=%s port=%s dbname=%s user=%s password=%s sslmode=%s", getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'), getenv('PGUSER'), getenv('PGPASSWORD'), getenv('PGSSLMODE')));
told('pgsql: parameters');
shown(pg_fetch_all(pg_query_params($connection, 'SELECT id, name FROM compat.items WHERE id = $1', [5])));
told('pgsql: a prepared statement');
pg_prepare($connection, 'one', 'SELECT name FROM compat.items WHERE id = $1');
foreach (range(1, 10) as $n) shown(pg_fetch_all(pg_execute($connection, 'one', [$n])));
told('pgsql: fields of an error');
pg_send_query($connection, 'INSERT INTO compat.items (id, name) VALUES (1, \'again\')');
$result = pg_get_result($connection);
foreach ([PGSQL_DIAG_SEVERITY, PGSQL_DIAG_SQLSTATE, PGSQL_DIAG_MESSAGE_PRIMARY, PGSQL_DIAG_MESSAGE_DETAIL, PGSQL_DIAG_SCHEMA_NAME, PGSQL_DIAG_TABLE_NAME, PGSQL_DIAG_CONSTRAINT_NAME] as $field) shown([pg_result_error_field($result, $field)]);
told('pgsql: meta data');
shown(pg_meta_data($connection, 'compat.items'));
told('pgsql: several results');
pg_send_query($connection, 'SELECT 1; SELECT 2; SELECT 3');
while ($result = pg_get_result($connection)) shown(pg_fetch_all($result));
