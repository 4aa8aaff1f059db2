# DBD::Pg: server-side prepare on and off, bind types, COPY, savepoints, errors with state, catalog methods.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:pg_types :async);

$| = 1;
binmode STDOUT, ':utf8';
sub told { print "== $_[0]\n" }
sub row { print join('|', map { defined $_ ? (ref $_ ? '{' . join(',', @$_) . '}' : $_) : 'NULL' } @_), "\n" }

my $dbh = DBI->connect('dbi:Pg:', undef, undef, { RaiseError => 0, PrintError => 0, PrintWarn => 0, AutoCommit => 1 })
  or die DBI->errstr;
sub failing {
	my ($name, $sql, @values) = @_;
	told $name;
	my $done = $dbh->do($sql, undef, @values);
	row $done, $dbh->state, $dbh->errstr;
	for my $field (qw(severity state message_primary message_detail message_hint statement_position context schema_name table_name column_name datatype_name constraint_name)) {
		row $field, $dbh->pg_error_field($field) if defined $dbh->pg_error_field($field);
	}
}
told 'server';
row $dbh->{pg_server_version}, $dbh->ping, $dbh->pg_ping;
for my $prepare (0, 1, 2) {
	told "rows, pg_server_prepare $prepare";
	my $sth = $dbh->prepare('SELECT * FROM compat.items WHERE id <= ? ORDER BY id', { pg_server_prepare => $prepare ? 1 : 0, pg_switch_prepared => $prepare == 2 ? 1 : 2 });
	for my $limit (1, 5, 200) {
		$sth->bind_param(1, $limit, { pg_type => PG_INT4 });
		$sth->execute;
		row @{ $sth->{NAME} };
		row @{ $sth->{pg_type} };
		while (my @values = $sth->fetchrow_array) { row @values }
		row $sth->rows;
	}
}
told 'bytes';
my $sth = $dbh->prepare('SELECT length(?::bytea), ?::bytea');
$sth->bind_param(1, "\0\1\2", { pg_type => PG_BYTEA });
$sth->bind_param(2, "\0\1\2", { pg_type => PG_BYTEA });
$sth->execute;
row map { unpack 'H*', $_ } $sth->fetchrow_array;
failing 'division by zero', 'SELECT 1 / 0';
failing 'unique violation', 'INSERT INTO compat.items (id, name) VALUES (?, ?)', 1, 'again';
failing 'check violation', 'UPDATE compat.items SET price = -1 WHERE id = 2';
failing 'any: undefined table', 'SELECT * FROM compat.nothing';
failing 'any: syntax error', 'SELECT 1 +';
told 'savepoints';
$dbh->begin_work;
$dbh->pg_savepoint('one');
row $dbh->do('SELECT 1 / 0'), $dbh->state, $dbh->ping;
$dbh->pg_rollback_to('one');
row $dbh->selectrow_array("SELECT 'still'");
$dbh->rollback;
told 'copy';
$dbh->begin_work;
$dbh->do('COPY compat.scratch FROM STDIN');
$dbh->pg_putcopydata("$_\tword $_\n") for 1 .. 2000;
row $dbh->pg_putcopyend;
$dbh->do('COPY compat.scratch TO STDOUT');
my $line = '';
while ($dbh->pg_getcopydata(\$line) >= 0) { print $line }
$dbh->rollback;
told 'catalog: tables';
my $tables = $dbh->table_info(undef, 'compat', '%', 'TABLE,VIEW');
while (my $found = $tables->fetchrow_hashref) { row @{$found}{qw(TABLE_SCHEM TABLE_NAME TABLE_TYPE)} }
told 'catalog: columns';
my $columns = $dbh->column_info(undef, 'compat', 'items', '%');
while (my $found = $columns->fetchrow_hashref) { row @{$found}{qw(COLUMN_NAME TYPE_NAME COLUMN_SIZE NULLABLE)} }
told 'catalog: primary key';
row $dbh->primary_key(undef, 'compat', 'items');
told 'asynchronous, and cancelled';
$sth = $dbh->prepare('SELECT count(*) FROM generate_series(1, 100000000000)', { pg_async => PG_ASYNC });
$sth->execute;
select undef, undef, undef, 0.5;
row $dbh->pg_cancel, $dbh->state;
row $dbh->selectrow_array("SELECT 'after'");
told 'any: notifications';
$dbh->do('LISTEN told');
$dbh->do("NOTIFY told, 'payload'");
my $note = $dbh->pg_notifies;
row @{$note}[0, 2] if $note;
$dbh->disconnect;
