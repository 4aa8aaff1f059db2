# DBD::MariaDB: text and server-side prepared statements, metadata, transactions, errors.
use strict;
use warnings;
use utf8;
use DBI;
binmode STDOUT, ':utf8';

sub show { return join ', ', map { !defined $_ ? 'NULL' : ref $_ ? '[' . show(@$_) . ']' : $_ =~ /[^\x{20}-\x{10ffff}]/ ? 'x' . unpack('H*', $_ =~ s/([^\x00-\xff])/sprintf '{%x}', ord $1/ger) : $_ } @_ }
sub say_ { my $name = shift; print "$name: ", show(@_), "\n" }

for my $prepare (0, 1) {
	my $name = $prepare ? 'prepared' : 'text';
	my $db = DBI->connect("DBI:MariaDB:database=$ENV{LICET_DATABASE};host=$ENV{LICET_HOST};port=$ENV{LICET_PORT};mariadb_ssl_optional=1",
		$ENV{LICET_USER}, $ENV{LICET_PASSWORD}, { RaiseError => 0, PrintError => 0, mariadb_server_prepare => $prepare }) or die DBI->errstr;
	my $run = sub {
		my ($sql, @values) = @_;
		my $statement = $db->prepare($sql);
		my $count = $statement && $statement->execute(@values);
		if (!defined $count) { say_("$name $sql", $db->err, $db->state, $db->errstr); return }
		my $many = $statement->{NUM_OF_FIELDS};
		say_("$name $sql", $count, $many ? ($statement->{NAME}, $statement->{TYPE}, $statement->{mariadb_is_num}, $statement->{mariadb_is_pri_key}, @{$statement->fetchall_arrayref})
			: ($db->last_insert_id(undef, undef, undef, undef), $db->{mariadb_warning_count} // 0));
	};
	$run->('SELECT * FROM customers ORDER BY id');
	$run->('SELECT id, status, total FROM orders WHERE customer_id = ? AND status <> ? ORDER BY id', 9, "it's ü€");
	$run->('SELECT * FROM order_totals ORDER BY customer_id LIMIT 3');
	$run->('SHOW TABLES');
	say_("$name ping", $db->ping, $db->get_info(17));
	my $info = $db->column_info(undef, $ENV{LICET_DATABASE}, 'orders', '%');
	say_("$name column_info", map { [@{$_}[3 .. 6]] } @{$info->fetchall_arrayref}) if $info;
	next if $ENV{LICET_WORK} ne 'everything';
	$run->('CREATE TEMPORARY TABLE made (id int PRIMARY KEY AUTO_INCREMENT, word varchar(20) UNIQUE, n decimal(5,2))');
	$run->('INSERT INTO made (word, n) VALUES (?, ?)', "ü€😀'\\", '1.25');
	$run->('INSERT INTO made (word) VALUES (?), (?)', undef, 'b');
	$run->('INSERT INTO made (word) VALUES (?)', 'b');
	$run->('UPDATE made SET n = n + 1 WHERE n IS NOT NULL');
	$db->begin_work;
	$run->('DELETE FROM made');
	$db->rollback;
	$run->('SELECT * FROM made ORDER BY id');
	$run->('SELECT nothing FROM made');
	$run->('SELEC 1');
	$run->("SELECT CAST('12x' AS signed)");
	$run->('SHOW WARNINGS');
	my $call = $db->prepare('CALL two_results(2)');
	$call->execute;
	for (1 .. 5) {
		say_("$name call", map { [@$_] } @{$call->fetchall_arrayref}) if $call->{NUM_OF_FIELDS};
		last if !$call->more_results;
	}
	$call->finish;
	$db->disconnect;
}
DBI->connect("DBI:MariaDB:database=$ENV{LICET_DATABASE};host=$ENV{LICET_HOST};port=$ENV{LICET_PORT}", $ENV{LICET_USER}, 'wrong', { PrintError => 0 })
	or say_('wrong password', DBI->err);
