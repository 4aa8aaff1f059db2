#!/bin/sh
# What psql has since versions 16 to 18: statements with values, named ones, pipelines, \watch that ends by itself, rows in chunks.
# Each case is a line "== name" and what psql said, on both of its streams.
# A case whose name begins with "any:" needs a license that permits everything.
told() {
	sed -e '/^LOCATION: /d' -e 's/^psql:[^:]*:[0-9]*: //' -e 's/as user "[^"]*"/as user …/' -e 's/^.*(every 0[^)]*)$/watched/' -e 's/with PID [0-9]*/with PID …/'
}

# psql ends where a pipeline meets what it cannot carry: so each script is a session of its own.
script() {
	echo "== $1"
	"$PSQL" -X -v VERBOSITY=verbose -f - 2>&1 | told
}

"$PSQL" -X -q -v VERBOSITY=verbose -f - 2>&1 <<'SQL' | told
\echo == bind
SELECT id, name FROM compat.items WHERE id = $1 \bind 7 \g
\echo == bind: several, of types that the server infers
SELECT id, price, made, tags FROM compat.items WHERE id BETWEEN $1 AND $2 AND mood = $3 AND yes = $4 ORDER BY id \bind 1 20 'glad' true \g
\echo == bind: none
SELECT count(*) FROM compat.items \bind \g
\echo == bind: gx, gset and gdesc
SELECT id, name FROM compat.items WHERE id = $1 \bind 8 \gx
SELECT name AS n FROM compat.items WHERE id = $1 \bind 9 \gset
\echo :n
SELECT id, name FROM compat.items WHERE id = $1 \bind 9 \gdesc
\echo == bind: too few and too many
SELECT $1::int + $2::int \bind 1 \g
SELECT $1::int \bind 1 2 \g
\echo == bind: a value that is none
SELECT id FROM compat.items WHERE id = $1 \bind 'many' \g
\echo == bind: several statements in one text
SELECT 1 \; SELECT 2 \bind \g
\echo == bind: writes
INSERT INTO compat.scratch VALUES ($1, $2) RETURNING id, word \bind 1 'one' \g
UPDATE compat.scratch SET word = $2 WHERE id = $1 \bind 1 'two' \g
DELETE FROM compat.scratch WHERE id = $1 RETURNING word \bind 1 \g
\echo == parse and bind_named
SELECT id, name FROM compat.items WHERE id = $1 \parse one
\bind_named one 3 \g
\bind_named one 4 \gx
\bind_named one 5 \gset
\echo :name
\echo == parse: the name is taken
SELECT 2 \parse one
\echo == SQL's EXECUTE of what the protocol has parsed, and the other way round
EXECUTE one (6);
PREPARE two (int) AS SELECT name FROM compat.items WHERE id = $1;
\bind_named two 6 \g
\echo == the name of none
SELECT id FROM compat.items WHERE id = $1 \parse ''
\bind_named '' 10 \g
\echo == close_prepared
\close_prepared one
\bind_named one 3 \g
\close_prepared one
\close_prepared two
EXECUTE two (6);
\echo == a statement that survives an error and the end of its transaction
BEGIN;
SELECT count(*) FROM compat.items WHERE id < $1 \parse kept
SELECT 1 / 0;
\bind_named kept 10 \g
ROLLBACK;
\bind_named kept 10 \g
\echo == pipeline
\startpipeline
SELECT id FROM compat.items WHERE id = $1 \bind 1 \sendpipeline
SELECT name FROM compat.items WHERE id = $1 \bind 2 \sendpipeline
SELECT 3 AS plain;
\endpipeline
\echo == pipeline: synced between, results asked for
\startpipeline
SELECT $1::int AS a \bind 1 \sendpipeline
\syncpipeline
SELECT $1::int AS b \bind 2 \sendpipeline
\syncpipeline
SELECT $1::int AS c \bind 3 \sendpipeline
\echo :PIPELINE_COMMAND_COUNT :PIPELINE_SYNC_COUNT :PIPELINE_RESULT_COUNT
\getresults
\echo :PIPELINE_COMMAND_COUNT :PIPELINE_SYNC_COUNT :PIPELINE_RESULT_COUNT
\endpipeline
\echo == pipeline: flushed, without a Sync
\startpipeline
SELECT $1::int AS a \bind 1 \sendpipeline
SELECT $1::int AS b \bind 2 \sendpipeline
SELECT $1::int AS c \bind 3 \sendpipeline
\flushrequest
\echo :PIPELINE_COMMAND_COUNT :PIPELINE_SYNC_COUNT :PIPELINE_RESULT_COUNT
\getresults 1
\echo :PIPELINE_COMMAND_COUNT :PIPELINE_SYNC_COUNT :PIPELINE_RESULT_COUNT
\getresults
SELECT $1::int AS d \bind 4 \sendpipeline
\flushrequest
\flush
\getresults
\endpipeline
\echo == pipeline: parsed, bound and closed within
\startpipeline
SELECT name FROM compat.items WHERE id = $1 \parse within
\bind_named within 11 \sendpipeline
\bind_named within 12 \sendpipeline
\close_prepared within
\bind_named within 13 \sendpipeline
SELECT 'skipped' \bind \sendpipeline
\syncpipeline
SELECT 'after' AS word \bind \sendpipeline
\endpipeline
\echo == pipeline: an error in its middle
\startpipeline
SELECT 1 AS one \bind \sendpipeline
SELECT $1::int / 0 \bind 1 \sendpipeline
SELECT 2 AS skipped \bind \sendpipeline
\flushrequest
\getresults
SELECT 3 AS skipped \bind \sendpipeline
\syncpipeline
SELECT 4 AS after \bind \sendpipeline
\endpipeline
\echo == pipeline: one transaction for what has no Sync between
\startpipeline
INSERT INTO compat.scratch VALUES (2, 'undone') \bind \sendpipeline
SELECT 1 / $1::int \bind 0 \sendpipeline
\endpipeline
SELECT count(*) FROM compat.scratch;
\startpipeline
INSERT INTO compat.scratch VALUES (2, 'kept') \bind \sendpipeline
\syncpipeline
SELECT 1 / $1::int \bind 0 \sendpipeline
\endpipeline
SELECT count(*) FROM compat.scratch;
\echo == pipeline: a transaction block
\startpipeline
BEGIN \bind \sendpipeline
DELETE FROM compat.scratch \bind \sendpipeline
SELECT count(*) FROM compat.scratch \bind \sendpipeline
ROLLBACK \bind \sendpipeline
SELECT count(*) FROM compat.scratch \bind \sendpipeline
\endpipeline
\echo == pipeline: begun and left open
\startpipeline
BEGIN \bind \sendpipeline
\endpipeline
SELECT 'inside' AS word;
\startpipeline
SELECT 1 / 0 \bind \sendpipeline
\endpipeline
SELECT 'failed' AS word;
ROLLBACK;
\echo == pipeline: what may not run in a block of its own making
\startpipeline
SELECT 1 AS first \bind \sendpipeline
VACUUM compat.scratch \bind \sendpipeline
\endpipeline
\startpipeline
SAVEPOINT none \bind \sendpipeline
SELECT 2 AS second \bind \sendpipeline
\endpipeline
\echo == pipeline: SET LOCAL
\startpipeline
SET LOCAL statement_timeout = '1h' \bind \sendpipeline
SHOW statement_timeout \bind \sendpipeline
\endpipeline
SHOW statement_timeout;
\echo == pipeline: notices and empty statements
\startpipeline
CREATE TABLE IF NOT EXISTS compat.scratch (id int) \bind \sendpipeline
\bind \sendpipeline
\syncpipeline
\endpipeline
\echo == pipeline: what psql itself refuses
\startpipeline
SELECT 1 \bind \g
SELECT 1 \gdesc
SELECT 1 \gset
SELECT 1 \watch 1
\endpipeline
\echo == pipeline: empty, and syncs alone
\startpipeline
\endpipeline
\startpipeline
\syncpipeline
\syncpipeline
\endpipeline
\echo == pipeline: many
\startpipeline
SELECT format('SELECT %s AS n \bind \sendpipeline', n) AS "text" FROM generate_series(1, 3) n \bind \sendpipeline
SELECT id, name, doc FROM compat.items ORDER BY id LIMIT $1 \bind 200 \sendpipeline
SELECT id, name, doc FROM compat.items ORDER BY id DESC LIMIT $1 \bind 200 \sendpipeline
\syncpipeline
SELECT repeat('x', $1) AS long \bind 20000 \sendpipeline
\endpipeline
\echo == rows in chunks
\set FETCH_COUNT 37
SELECT id, name FROM compat.items ORDER BY id;
\echo == rows in chunks: several statements, and an error in the middle
SELECT 1 AS a \; SELECT id FROM compat.items ORDER BY id LIMIT 40 \; SELECT 2 AS b;
SELECT 100 / (50 - id) FROM compat.items ORDER BY id;
SELECT id FROM compat.items WHERE id < $1 ORDER BY id \bind 80 \g
INSERT INTO compat.scratch SELECT id, name FROM compat.items WHERE id BETWEEN 100 AND 110 RETURNING id;
\unset FETCH_COUNT
\echo == watch: three times
SELECT 1 AS watched \watch i=0.05 c=3
\echo == watch: while there are rows enough
DELETE FROM compat.scratch WHERE id = (SELECT min(id) FROM compat.scratch) RETURNING 'one' \watch i=0.01 c=40 m=1
\echo == watch: an error ends it
SELECT 1 / 0 \watch i=0.05 c=3
\echo == d: what newer versions ask of the catalogs
\d+ compat.items
\d compat.cheap
\dT+ compat.*
\df+ compat.*
\dp compat.*
\drg
\dconfig statement_timeout
\dX
\dAc btree integer
\dRp
\sv compat.cheap
SQL

script "pipeline: COPY ends the connection" <<'SQL'
\startpipeline
SELECT 1 AS before \bind \sendpipeline
COPY compat.scratch FROM STDIN \bind \sendpipeline
\endpipeline
SQL
script "pipeline: COPY out ends it too" <<'SQL'
\startpipeline
COPY (SELECT 1) TO STDOUT \bind \sendpipeline
\endpipeline
SQL
script "pipeline: abandoned at the end of input" <<'SQL'
\startpipeline
INSERT INTO compat.scratch VALUES (9001, 'never synced') \bind \sendpipeline
\flushrequest
SQL
script "what was abandoned is not there" <<'SQL'
SELECT count(*) FROM compat.scratch WHERE id = 9001;
SQL
script "any: pipeline: DISCARD ALL and DEALLOCATE" <<'SQL'
SELECT 1 \parse gone
\startpipeline
DEALLOCATE gone \bind \sendpipeline
\bind_named gone \sendpipeline
\endpipeline
SELECT 1 \parse gone
DISCARD ALL;
\bind_named gone \g
SQL
script "any: pipeline: a syntax error, and a table that is not there" <<'SQL'
\startpipeline
SELECT 1 AS before \bind \sendpipeline
SELEC 1 \bind \sendpipeline
\syncpipeline
SELECT * FROM compat.nothing \bind \sendpipeline
\syncpipeline
SELECT 2 AS after \bind \sendpipeline
\endpipeline
SQL
script "any: pipeline: LISTEN and NOTIFY" <<'SQL'
LISTEN told;
\startpipeline
SELECT pg_notify('told', $1) \bind 'here' \sendpipeline
\endpipeline
SQL

echo "== Ctrl-C in a pipeline"
timeout -s INT 2 "$PSQL" -X -f - 2>&1 <<'SQL' | uniq
\startpipeline
SELECT 1 AS before \bind \sendpipeline
SELECT count(*) FROM generate_series(1, 100000000000) \bind \sendpipeline
\endpipeline
SQL

echo "== copy out and in again"
"$PSQL" -X -q -c '\copy (SELECT id, name FROM compat.items ORDER BY id LIMIT 5) to stdout with (format csv, header)' 2>&1 | told
printf '1,one\n\\.\n2,two\n' | "$PSQL" -X -c '\copy compat.scratch from pstdin with (format csv)' -c 'SELECT * FROM compat.scratch WHERE id < 3' -c 'DELETE FROM compat.scratch' 2>&1 | told

# The key that guards the text against a hostile server is chance otherwise. Subscriptions name other servers, with
# passwords; of a sequence's value a server of version 18 is asked for all sequences at once. Neither is in a narrow license.
echo "== pg_dump of definitions"
"$PG_DUMP" --restrict-key=licet --schema=compat --schema-only --no-subscriptions 2>&1
echo "== any: pg_dump of all, with statistics, rows as INSERT"
"$PG_DUMP" --restrict-key=licet --inserts --rows-per-insert=50 --large-objects --statistics 2>&1 | told
