#!/bin/sh
# psql as people use it: \d and its family, \copy, \gdesc, \bind, cursors by FETCH_COUNT, \watch, Ctrl-C.
# Each case is a line "== name" and what psql said, on both of its streams.
# A case whose name begins with "any:" needs a license that permits everything.
PSQL="${PSQL:-psql}"

# A large object goes in by this file and comes out by another.
LARGE_OBJECT=$(mktemp)
export LARGE_OBJECT
trap 'rm -f "$LARGE_OBJECT" "$LARGE_OBJECT-again"' EXIT

# Without the place in the server's source, the process and the user, who are the connection's own.
told() {
	sed -e '/^LOCATION: /d' -e 's/^psql:[^:]*:[0-9]*: //' -e 's/with PID [0-9]*/with PID …/' -e 's/as user "[^"]*"/as user …/'
}

run() {
	echo "== $1"
	shift
	"$PSQL" -X -v VERBOSITY=verbose "$@" 2>&1 | told
}

script() {
	name="$1"
	echo "== $name"
	"$PSQL" -X -v VERBOSITY=verbose -f - 2>&1 | told
}

"$PSQL" -X -q -f - 2>&1 <<'SQL' | told
\echo == d
\d compat.*
\echo == d+
\d+ compat.items
\echo == d view
\d+ compat.cheap
\echo == dt
\dt compat.*
\echo == dt+
\dt compat.items
\echo == di
\di compat.*
\echo == dv
\dv compat.*
\echo == ds
\ds compat.*
\echo == df
\df compat.*
\echo == dn
\dn
\echo == dT
\dT compat.*
\echo == dp
\dp compat.*
\echo == do
\do compat.*
\echo == dx
\dx
\echo == l
\l postgres
\echo == sv
\sv compat.cheap
\echo == encoding
\encoding
\echo == gdesc
SELECT id, name, price * 2 AS twice FROM compat.items \gdesc
\echo == gx
SELECT id, name FROM compat.items WHERE id = 1 \gx
\echo == gset
SELECT count(*) AS n FROM compat.items \gset
\echo :n
\echo == gexec
SELECT format('SELECT %s AS n', id) FROM compat.items WHERE id < 4 ORDER BY id \gexec
\echo == crosstabview
SELECT id % 2 AS odd, id % 3 AS third, count(*) FROM compat.items GROUP BY 1, 2 ORDER BY 1, 2 \crosstabview
\echo == FETCH_COUNT
\set FETCH_COUNT 37
SELECT id, name FROM compat.items ORDER BY id;
\echo == FETCH_COUNT and an error in the middle
SELECT 100 / (50 - id) FROM compat.items ORDER BY id;
\unset FETCH_COUNT
\echo == several in one string
SELECT 1 AS a \; SELECT 2 AS b \; SELECT 3 AS c;
\echo == ON_ERROR_ROLLBACK
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT 1 / 0;
SELECT 'still here';
COMMIT;
\unset ON_ERROR_ROLLBACK
\echo == status of transactions
BEGIN;
SELECT 1 / 0;
SELECT 1;
COMMIT;
\echo == savepoints
BEGIN;
SAVEPOINT a;
SELECT 'x'::int;
ROLLBACK TO a;
SELECT 2;
COMMIT;
\echo == copy in and out
BEGIN;
\copy compat.scratch from stdin
1	one
2	\N
3	tab\there
\.
\copy compat.scratch to stdout
\copy (SELECT * FROM compat.scratch ORDER BY id) to stdout with (format csv, header)
ROLLBACK;
\echo == copy in with a broken line
\copy compat.scratch from stdin
1	one
x	two
\.
SELECT count(*) FROM compat.scratch;
\echo == a unique violation
INSERT INTO compat.items (id, name) VALUES (1, 'again');
\echo == a check violation
UPDATE compat.items SET price = -1 WHERE id = 1;
\echo == a null where none may be
INSERT INTO compat.items (id) VALUES (9000);
\echo == a notice
CREATE TABLE IF NOT EXISTS compat.scratch (id int);
\echo == a warning
COMMIT;
\echo == EXPLAIN
EXPLAIN (COSTS OFF) SELECT id FROM compat.items WHERE id = 1;
\echo == a prepared statement of SQL
PREPARE one (int) AS SELECT name FROM compat.items WHERE id = $1;
EXECUTE one (3);
DEALLOCATE one;
\echo == a cursor of SQL
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM compat.items ORDER BY id;
FETCH 3 FROM c;
MOVE 5 IN c;
FETCH BACKWARD 2 FROM c;
CLOSE c;
COMMIT;
\echo == any: large objects
BEGIN;
SELECT lo_from_bytea(424242, 'abc') AS made;
SELECT lo_get(424242);
ROLLBACK;
\echo == any: large objects of its own
\set file `echo "$LARGE_OBJECT"`
\set again `echo "$LARGE_OBJECT-again"`
\! head -c 20000 /dev/zero | tr '\\0' x >"$LARGE_OBJECT"
BEGIN;
\o /dev/null
\lo_import :file 'a comment'
\o
\set object :LASTOID
SELECT length(lo_get(:object)), obj_description(:object, 'pg_largeobject');
\lo_export :object :again
\! cmp "$LARGE_OBJECT" "$LARGE_OBJECT-again" && echo the same
\lo_export 1 nowhere
\o /dev/null
\lo_unlink :object
\o
COMMIT;
\echo == any: a syntax error
SELEC 1;
\echo == any: a column that is not there
SELECT nothing FROM compat.items;
\echo == any: a table that is not there
SELECT * FROM compat.nothing;
\echo == any: DO with a notice
DO $$ BEGIN RAISE NOTICE 'told % times', 2 USING DETAIL = 'detail', HINT = 'hint'; END $$;
\echo == any: an error of a program's own
DO $$ BEGIN RAISE EXCEPTION 'mine' USING ERRCODE = 'P1234', DETAIL = 'd', HINT = 'h', CONSTRAINT = 'c', COLUMN = 'col', TABLE = 't', SCHEMA = 's', DATATYPE = 'dt'; END $$;
\echo == any: DISCARD ALL
DISCARD ALL;
\echo == any: LISTEN and NOTIFY
LISTEN told;
NOTIFY told, 'payload';
SQL

run "one transaction" --single-transaction -c "SELECT 1" -c "SELECT 2"
run "-c with an error" -c "SELECT 1; SELECT 1/0; SELECT 2"
run "-A -t" -A -t -c "SELECT id, name FROM compat.items ORDER BY id LIMIT 3"
run "--csv" --csv -c "SELECT id, name FROM compat.items ORDER BY id LIMIT 3"
run "--html" --html -c "SELECT id, name FROM compat.items ORDER BY id LIMIT 3"
script 'connected again' <<'SQL'
SELECT 1;
\c
SELECT 2;
SQL

# psql has \bind since version 16; an older one says so, here as there.
script 'any: bind' <<'SQL'
SELECT id, name FROM compat.items WHERE id = $1 \bind 7 \g
SQL

echo "== Ctrl-C"
timeout -s INT 3 "$PSQL" -X -c "SELECT 1" -c "SELECT count(*) FROM generate_series(1, 100000000000)" 2>&1 | uniq
echo "== watch"
# Until it is interrupted, so how often it answered is not compared, but what.
printf 'SELECT 1 AS watched \\watch 0.3\n' | timeout -s INT 3 "$PSQL" -X -A -t 2>&1 | grep -v 'every' | sort -u
